/*
 * Kafka's topics: whether they are there, making them.
 */
#ifndef RIACHO_KAFKA_TOPICS_H
#define RIACHO_KAFKA_TOPICS_H

#include "broker/broker.h"
#include "broker/kafka_client.h"

#define KAFKA_ANSWER_MS 5000 /* within which a server answers that does */

/* broker_ops.prepare */
int kafka_prepare(const struct broker_conf *conf, const char *const *topics, size_t count,
                  int wait_ms, bool *ret_made, char (*ret_ids)[BROKER_ID], struct err *err);

/* How many partitions each topic has; 0: it does not exist. */
MUST_CHECK int kafka_topics_look(struct kafka_client *client, const char *const *topics,
                                 size_t count, int *ret_partitions, struct err *err);

/*
 * The first (RD_KAFKA_OFFSET_BEGINNING) or next (RD_KAFKA_OFFSET_END) offset of each partition in the
 * list, which are all of one topic. A server that has just started may not know them: that is ERR_NET, too.
 */
MUST_CHECK int kafka_topics_offsets(struct kafka_client *client,
                                    rd_kafka_topic_partition_list_t *list, int64_t which,
                                    struct err *err);

#endif
