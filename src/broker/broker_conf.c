/*
 * The option tables of `broker:`.
 */
#include "broker/broker_conf.h"

#include <stdlib.h>

#include "base/banned.h"

#define AT(member) offsetof(struct broker_conf, member)

static const struct opt kafka_rows[] = {
    {.key = "brokers",
     .type = OPT_TEXT,
     .at = AT(brokers),
     .flags = OPT_REQUIRED,
     .help = "Where to begin: `host:9092`, several with commas between."},
    {.key = "config",
     .type = OPT_PAIRS,
     .at = AT(config),
     .help = "Any settings of librdkafka, handed on as they are."},
    {.key = "create_topics",
     .type = OPT_BOOL,
     .at = AT(create_topics),
     .standard = "true",
     .help = "Whether topics that are missing are made, to keep references for ever."},
    {0}};

const struct opt_variant broker_variants[] = {
    {.name = "local", .value = BROKER_LOCAL, .help = "In the state's database; needs no server."},
    {.name = "kafka",
     .value = BROKER_KAFKA,
     .rows = kafka_rows,
     .help = "Apache Kafka, for consumers on several hosts."},
    {0}};

void broker_conf_close(struct broker_conf *conf)
{
    free(conf->brokers);
    opt_pairs_close(&conf->config);
    *conf = (struct broker_conf){0};
}
