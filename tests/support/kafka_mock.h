/*
 * librdkafka's own mock cluster: enough of Kafka's protocol for the errors that a real server gives only by
 * chance. What claims to work with Kafka is tested against the real one too (tests/kafka/).
 */
#ifndef RIACHO_KAFKA_MOCK_H
#define RIACHO_KAFKA_MOCK_H

#include "broker/broker_conf.h"

/* clang-format off: the second needs the first */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
/* clang-format on */

struct kafka_mock {
    rd_kafka_t *rk; /* NULL: closed */
    rd_kafka_mock_cluster_t *cluster;
    struct broker_conf conf; /* a client of it */
};

/* Three servers; topics are made as they are asked for, with so many partitions. */
void kafka_mock_open(struct kafka_mock *mock, int partitions);
void kafka_mock_close(struct kafka_mock *mock);
/* One more setting of the client. */
void kafka_mock_set(struct kafka_mock *mock, const char *key, const char *value);

/* Makes the topic; ends the program if that fails. */
void kafka_mock_topic(struct kafka_mock *mock, const char *name, int partitions);
/* Publishes a message to the partition, past any relay. */
void kafka_mock_put(struct kafka_mock *mock, const char *topic, int partition, const char *key,
                    const char *value);

#endif
