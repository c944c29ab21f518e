/*
 * What a pipeline file says under `broker:`. Filled through the option tables of broker_conf.c; owns
 * its strings.
 */
#ifndef RIACHO_BROKER_CONF_H
#define RIACHO_BROKER_CONF_H

#include "base/opt.h"

#include <stdbool.h>
#include <stdint.h>

enum broker_type { BROKER_LOCAL, BROKER_KAFKA };

struct broker_conf {
    enum broker_type type;
    char *brokers;            /* kafka: "host:9092,host:9092" */
    struct opt_pairs config;  /* kafka: librdkafka's keys */
    struct opt_pairs secrets; /* those of `config` that nobody may see, by key */
    bool create_topics;       /* kafka: topics that are missing are made, … */
    int64_t partitions;       /* … with so many partitions … */
    int64_t replication;      /* … of so many replicas; -1: the server's default */
};

extern const struct opt_variant broker_variants[]; /* of struct broker_conf */

void broker_conf_close(struct broker_conf *conf);

#endif
