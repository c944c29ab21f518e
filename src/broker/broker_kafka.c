/*
 * Apache Kafka as the broker.
 */
#include "broker/broker.h"

#include "base/banned.h"

const struct broker_ops broker_kafka = {
    .name = "kafka",
    .summary = "references in Apache Kafka",
    .missing = "it is not finished",
};
