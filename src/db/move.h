/*
 * Moving what is unread to another broker, and back. Nobody else works on the state meanwhile: the caller holds the
 * lock "broker" (river/river.h).
 *
 * Either way it is one transaction, which also changes whose the state is: a move that was killed has not begun, or
 * is done but for the sending, which the next start does.
 */
#ifndef RIACHO_MOVE_H
#define RIACHO_MOVE_H

#include "db/messages.h"

/* A consumer group and the topic it reads. */
struct move_reader {
    const char *group;
    const char *topic;
};

/*
 * To a broker outside of the state: what one of the readers, or a group that the state knows, has not worked off
 * goes to the outbox, and so do the open dead letters. `*ret_count`: how many messages.
 */
MUST_CHECK int move_away(struct journal *journal, const struct move_reader *readers, size_t count,
                         int64_t *ret_count, struct err *err);

/* Back into the state, from a broker whose messages are read meanwhile. Refused while the outbox is not empty. */
struct move_home {
    struct journal *journal; /* NULL: closed */
    struct lite_txn txn;
    int64_t unread; /* so far */
};

MUST_CHECK int move_home_open(struct move_home *move, struct journal *journal, struct err *err);
/* A message of the broker, and the groups that have not read it there. */
MUST_CHECK int move_home_add(struct move_home *move, const struct message *message,
                             const char *const *groups, size_t count, struct err *err);
/* What the readers have not got by move_home_add() they have read. */
MUST_CHECK int move_home_commit(struct move_home *move, const struct move_reader *readers,
                                size_t count, struct err *err);
/* What was not committed has not happened. */
void move_home_close(struct move_home *move);

#endif
