/*
 * The outbox: what committed steps have published and a broker outside of the state has not confirmed yet. A
 * step's transaction writes its rows along with the messages, in states whose broker is "kafka"; elsewhere it
 * stays empty.
 *
 * A row leaves the outbox only by outbox_sent(), or when its file was replaced or pruned before it was sent.
 * Numbers only grow and are never given twice.
 */
#ifndef RIACHO_OUTBOX_H
#define RIACHO_OUTBOX_H

#include "db/messages.h"

struct outbox_entry {
    int64_t seq;
    struct message message; /* topic, id (its key), value, value_size, headers */
};

void outbox_entry_close(struct outbox_entry *entry);

/*
 * Up to `most` messages that are not confirmed and come after `after_seq` (0: from the first on), in the order
 * of their numbers: how many, -1 failed. The caller closes each.
 */
MUST_CHECK int outbox_peek(struct journal *journal, int64_t after_seq, size_t most,
                           struct outbox_entry *ret_entries, struct err *err);
/* They are confirmed: in one transaction. A number that has left already is none too many. */
MUST_CHECK int outbox_sent(struct journal *journal, const int64_t *seqs, size_t count,
                           struct err *err);
/* The greatest number that was ever given; 0: none was. */
MUST_CHECK int outbox_last(struct journal *journal, int64_t *ret_seq, struct err *err);
/* 1 everything up to and with `seq` has left the outbox, 0 not. */
MUST_CHECK int outbox_is_sent(struct journal *journal, int64_t seq, struct err *err);
/* How many are not confirmed. */
MUST_CHECK int outbox_count(struct journal *journal, int64_t *ret_count, struct err *err);

/*
 * The broker has the topic under that id (NULL: it cannot be told), and had to make it just now (`is_new`) or not. If it
 * is not the one that was met before, whatever was sent to that one is gone: every message of it that is kept here is
 * to be sent again, and it is read from its beginning. `*ret_count`: how many messages that are, besides those that
 * wait anyway.
 */
MUST_CHECK int outbox_meet_topic(struct journal *journal, const char *topic, const char *id,
                                 bool is_new, int64_t *ret_count, struct err *err);

/* ---- for whoever writes messages, inside his transaction ---- */

/*
 * Puts a message at the end of its topic, which is made if it is new. Its id (unique in the topic), value and headers
 * are kept; without a value it is the event of the file of that id, if there is one. It is to be sent, if the
 * state's broker is outside of it.
 */
MUST_CHECK int outbox_publish(struct lite *lite, const struct message *message, int64_t now_ms,
                              struct err *err);
/* The file of that reference id is no more: nobody shall hear of it. */
MUST_CHECK int outbox_drop_file(struct lite *lite, const char *id, struct err *err);

#endif
