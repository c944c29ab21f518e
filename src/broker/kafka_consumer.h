/*
 * A member of a consumer group. The slots of struct broker_ops; see broker.h.
 */
#ifndef RIACHO_KAFKA_CONSUMER_H
#define RIACHO_KAFKA_CONSUMER_H

#include "broker/broker.h"

int kafka_consumer_open(struct broker *broker, const struct broker_conf *conf,
                        struct journal *journal, const char *group, const char *topic,
                        struct err *err);
int kafka_consumer_fetch(struct broker *broker, size_t most, int wait_ms,
                         struct message *ret_messages, struct err *err);
int kafka_consumer_keep(struct broker *broker, struct err *err);
int kafka_consumer_commit(struct broker *broker, const struct message *message, struct err *err);
int kafka_consumer_release(struct broker *broker, const struct message *message, struct err *err);
int kafka_consumer_lag(struct broker *broker, int64_t *ret_lag, struct err *err);
void kafka_consumer_close(struct broker *broker);

#endif
