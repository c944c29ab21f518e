/*
 * librdkafka's mock cluster.
 */
#include "kafka_mock.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define SERVERS 3

static void quiet(const rd_kafka_t *rk, int level, const char *facility, const char *line)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)line;
}

static void must(bool done, const char *what)
{
    if (done)
        return;
    fprintf(stderr, "kafka_mock: %s\n", what);
    abort();
}

static rd_kafka_t *client(const char *brokers)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    rd_kafka_t *rk;

    rd_kafka_conf_set_log_cb(conf, quiet);
    if (brokers)
        rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    must(rk != NULL, why);
    return rk;
}

void kafka_mock_set(struct kafka_mock *mock, const char *key, const char *value)
{
    struct opt_pairs *config = &mock->conf.config;

    *MEM_PUSH(config->items, config->count) = (struct opt_pair){mem_str(key), mem_str(value)};
}

void kafka_mock_open(struct kafka_mock *mock, int partitions)
{
    mock->rk = client(NULL);
    mock->cluster = rd_kafka_mock_cluster_new(mock->rk, SERVERS);
    must(mock->cluster != NULL, "no cluster");
    rd_kafka_mock_group_initial_rebalance_delay_ms(mock->cluster, 10);
    mock->conf = (struct broker_conf){
        .type = BROKER_KAFKA,
        .brokers = mem_str(rd_kafka_mock_cluster_bootstraps(mock->cluster)),
        .create_topics = true,
        .partitions = partitions,
        .replication = -1,
    };
    /* It lets members wait for a second less than this; with no more than that, it forgets who waits. */
    kafka_mock_set(mock, "session.timeout.ms", "1500");
    kafka_mock_set(mock, "heartbeat.interval.ms", "100");
}

void kafka_mock_close(struct kafka_mock *mock)
{
    if (mock->rk == NULL)
        return;
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->rk);
    broker_conf_close(&mock->conf);
    *mock = (struct kafka_mock){0};
}

void kafka_mock_topic(struct kafka_mock *mock, const char *name, int partitions)
{
    must(rd_kafka_mock_topic_create(mock->cluster, name, partitions, SERVERS) ==
             RD_KAFKA_RESP_ERR_NO_ERROR,
         name);
}

void kafka_mock_put(struct kafka_mock *mock, const char *topic, int partition, const char *key,
                    const char *value)
{
    rd_kafka_t *rk = client(mock->conf.brokers);
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)key, key ? strlen(key) : 0}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {(void *)(uintptr_t)value, value ? strlen(value) : 0}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
    };

    must(rd_kafka_produceva(rk, parts, sizeof parts / sizeof *parts) == NULL, topic);
    must(rd_kafka_flush(rk, 10000) == RD_KAFKA_RESP_ERR_NO_ERROR, "not published");
    rd_kafka_destroy(rk);
}
