/*
 * Messages that came and were not fetched yet, in their order. No locks: the owner sees to
 * that. {0} is an empty one.
 */
#ifndef RIACHO_KAFKA_INBOX_H
#define RIACHO_KAFKA_INBOX_H

#include "broker/kafka_track.h"
#include "db/messages.h"

struct kafka_inbox_entry;

struct kafka_inbox {
    struct kafka_inbox_entry *first;
    struct kafka_inbox_entry *last;
    size_t count;
    size_t bytes; /* of the values */
};

void kafka_inbox_close(struct kafka_inbox *inbox);

/* As the last one, or as the first one: it was given back. */
void kafka_inbox_add(struct kafka_inbox *inbox, const struct message *message_taken);
void kafka_inbox_add_first(struct kafka_inbox *inbox, const struct message *message_taken);
/* The first one; false: there is none. */
bool kafka_inbox_take(struct kafka_inbox *inbox, struct message *ret_message);
/* Drops those of partitions that the track does not have. */
void kafka_inbox_keep(struct kafka_inbox *inbox, const struct track *track);

#endif
