/*
 * The option tables of `broker:`.
 */
#include "broker/broker_conf.h"

#include "base/mem.h"
#include "broker/kafka_settings.h"

#include <stdlib.h>

#include "base/banned.h"

#define AT(member) offsetof(struct broker_conf, member)

/* The names are those of kafka_settings.c that are not for the pipeline file. */
#define CONFIG_SCHEMA                                                                              \
    "{\"type\":\"object\",\"propertyNames\":{\"not\":{\"enum\":["                                  \
    "\"bootstrap.servers\",\"metadata.broker.list\",\"group.id\","                                 \
    "\"group.instance.id\",\"group.protocol\",\"partition.assignment.strategy\","                  \
    "\"enable.idempotence\",\"acks\",\"request.required.acks\",\"transactional.id\","              \
    "\"enable.auto.commit\",\"enable.auto.offset.store\",\"auto.commit.enable\","                  \
    "\"auto.offset.reset\",\"isolation.level\",\"check.crcs\","                                    \
    "\"enable.partition.eof\",\"allow.auto.create.topics\",\"plugin.library.paths\""               \
    "]}},\"additionalProperties\":{\"type\":[\"string\",\"number\",\"boolean\"]}}"

/* A setting of librdkafka: known, right, ours to hand on, and not a secret for all to read. */
static void check_setting(const struct opt_reading *reading, const struct conf_node *key,
                          const struct conf_node *value, const char *path)
{
    char why[KAFKA_SETTING_WHY];
    const char *nearest = NULL;

    if (kafka_setting_check(key->text, value->text, why, &nearest) == 0) {
        if (kafka_setting_is_secret(key->text) && !value->has_variable && *value->text)
            opt_warn(reading, value, path,
                     "a secret stands in the file; give it through the environment: ${NAME}");
        return;
    }
    opt_fault(reading, key, path, nearest, "%s",
              conf_may_be_secret(value) ? "the variable's value is not one for it" : why);
}

static void take_config(const struct opt_reading *reading, const struct conf_node *node,
                        const char *path, void *target)
{
    static const struct opt row = {.key = "config", .type = OPT_PAIRS, .at = AT(config)};
    struct broker_conf *conf = target;

    opt_read_value(reading, &row, node, path, conf);
    for (size_t i = 0; node->kind == CONF_MAP && i < node->count; i++) {
        const struct conf_node *key = &node->keys[i];
        const struct conf_node *value = &node->items[i];
        char *item_path;

        if (value->kind == CONF_MAP || value->kind == CONF_LIST || value->kind == CONF_NULL)
            continue;
        item_path = opt_path(path, key->text);
        check_setting(reading, key, value, item_path);
        free(item_path);
        if (kafka_setting_is_secret(key->text) || conf_may_be_secret(value))
            *MEM_PUSH(conf->secrets.items, conf->secrets.count) =
                (struct opt_pair){mem_str(key->text), mem_str(value->text)};
    }
}

static const struct opt create_rows[] = {
    {.key = "allowed",
     .type = OPT_BOOL,
     .at = AT(create_topics),
     .standard = "true",
     .help = "Whether topics that are missing are made, to keep references for ever."},
    {.key = "partitions",
     .type = OPT_INT,
     .at = AT(partitions),
     .standard = "12",
     .least = 1,
     .most = 10000,
     .help = "Of each topic: as many consumers of a group can share the work."},
    {.key = "replication",
     .type = OPT_INT,
     .at = AT(replication),
     .flags = OPT_NULLABLE,
     .least = 1,
     .most = 32767,
     .help = "On how many servers each partition lies: the cluster's default if not given."},
    {0}};

static const struct opt kafka_rows[] = {
    {.key = "brokers",
     .type = OPT_TEXT,
     .at = AT(brokers),
     .flags = OPT_REQUIRED,
     .help = "Where to begin: `host:9092`, several with commas between."},
    {.key = "config",
     .type = OPT_CUSTOM,
     .take = take_config,
     .schema = CONFIG_SCHEMA,
     .kind = "map of texts",
     .help = "Any settings of librdkafka, handed on as they are, but for those that the promises "
             "rest on."},
    {.key = "create_topics",
     .type = OPT_MAP,
     .rows = create_rows,
     .bare = "allowed",
     .help = "How topics that are missing are made. `false`: they are not."},
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
    opt_pairs_close(&conf->secrets);
    *conf = (struct broker_conf){0};
}
