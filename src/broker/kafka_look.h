/*
 * Looking at Kafka without taking part: a topic's messages, and how its groups stand.
 */
#ifndef RIACHO_KAFKA_LOOK_H
#define RIACHO_KAFKA_LOOK_H

#include "broker/broker.h"

/* broker_ops.read and .describe */
int kafka_read(const struct broker_conf *conf, const char *topic, const int64_t *from,
               size_t from_count, void *ctx, broker_each *each, struct err *err);
int kafka_describe(const struct broker_conf *conf, const struct broker_scope *scope,
                   struct json_out *out, yyjson_mut_val *object, struct err *err);

#endif
