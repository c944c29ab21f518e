/*
 * A record of Kafka as a message of ours, and back: its headers.
 */
#ifndef RIACHO_KAFKA_MESSAGE_H
#define RIACHO_KAFKA_MESSAGE_H

#include "db/messages.h"

#include <librdkafka/rdkafka.h>

/*
 * The record with its value untouched (NULL for a tombstone). Its id is the "id" of the value if that is a JSON
 * object with one, else the key, else "<topic>-<partition>-<offset>". Headers are texts. The caller closes it.
 */
void kafka_message_read(const rd_kafka_message_t *record, struct message *ret_message);

/*
 * The headers of a message that is sent: the attributes of its CloudEvent (`ce_id`, …), `content-type`,
 * `traceparent`, and its own. The caller destroys them.
 */
rd_kafka_headers_t *kafka_message_headers(const struct message *message);

#endif
