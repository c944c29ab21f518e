/*
 * Apache Kafka as the broker: the outbox is relayed by one producer of the state, and each consumer is a
 * member of the group "<pipeline>.<group>".
 */
#include "broker/broker.h"
#include "broker/kafka_consumer.h"
#include "broker/kafka_look.h"
#include "broker/kafka_relay.h"
#include "broker/kafka_topics.h"

#include "base/banned.h"

const struct broker_ops broker_kafka = {
    .name = "kafka",
    .summary = "references in Apache Kafka",
    .prepare = kafka_prepare,
    .relay = kafka_relay,
    .read = kafka_read,
    .describe = kafka_describe,
    .open = kafka_consumer_open,
    .fetch = kafka_consumer_fetch,
    .keep = kafka_consumer_keep,
    .commit = kafka_consumer_commit,
    .release = kafka_consumer_release,
    .lag = kafka_consumer_lag,
    .close = kafka_consumer_close,
};
