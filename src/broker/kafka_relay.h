/*
 * The relay: brings the outbox to Kafka. See broker_ops.relay.
 */
#ifndef RIACHO_KAFKA_RELAY_H
#define RIACHO_KAFKA_RELAY_H

#include "broker/broker.h"

int kafka_relay(const struct broker_conf *conf, struct journal *journal, const atomic_bool *finish,
                struct err *err);

#endif
