/*
 * Dead letters: messages that a group gave up for their data's sake, until somebody decides on them.
 *
 * Where the broker is outside of the state, letters and decisions also travel in the topic "<pipeline>.dead", so
 * that each host's state learns of all of them (dead_learn). A letter's name there is its own on every host.
 * A letter has the headers x-original-topic, -partition, -offset, x-error, x-attempts, x-group, x-id (of the message)
 * and x-letter, and if only its begin was kept (step_add_dead) x-size and x-sha256 of the whole message; a decision has x-decision ("retried", "dropped"), x-group, x-id, x-letter, and no value. A message
 * that is tried again stands in its topic once more, with x-retry (the group), x-id and x-letter.
 */
#ifndef RIACHO_DEAD_H
#define RIACHO_DEAD_H

#include "db/messages.h"
#include "db/step.h"

struct dead_letter {
    char *id;
    char *group;
    char *topic;
    int64_t partition;
    int64_t offset;
    char *error;
    int64_t attempts;
    char *time;
    char *value;
    size_t value_size;
};

void dead_letter_close(struct dead_letter *dead);

/* Open dead letters, oldest first, each to `each` (-1 from it ends the walk; it may use the journal). */
MUST_CHECK int dead_each(struct journal *journal, void *ctx,
                         int (*each)(void *ctx, const struct dead_letter *dead, struct err *err),
                         struct err *err);
/*
 * Those with that id (NULL: all): the group will see the message again / never again. Counts go to
 * `ret_count`. A message that was too large to be kept whole (step_add_dead) cannot be tried again: it stays.
 */
MUST_CHECK int dead_retry(struct journal *journal, const char *id, int64_t *ret_count,
                          struct err *err);
MUST_CHECK int dead_drop(struct journal *journal, const char *id, int64_t *ret_count,
                         struct err *err);
/* Open ones with that id (NULL: all) that were too large to be kept whole. */
MUST_CHECK int dead_count_cut(struct journal *journal, const char *id, int64_t *ret_count,
                              struct err *err);
/* 1 if the group gave up the message with that id and nobody has decided on it yet, 0 if not. */
MUST_CHECK int dead_is_open(struct journal *journal, const char *group, const char *id,
                            struct err *err);
MUST_CHECK int dead_count(struct journal *journal, int64_t *ret_count, struct err *err);

/* Inside the caller's transaction: the letter becomes one of `journal`'s, and goes to the topic. */
MUST_CHECK int dead_bury(struct journal *journal, const struct step_dead *dead, int64_t now_ms,
                         struct err *err);

/* ---- where others have letters too ---- */

/* A message of the topic "<pipeline>.dead": a letter or a decision, of whichever host. Its place is kept. */
MUST_CHECK int dead_learn(struct journal *journal, const struct message *message, struct err *err);
/* Where reading goes on: next[partition]. The caller frees. */
MUST_CHECK int dead_places(struct journal *journal, int64_t **ret_next, size_t *ret_count,
                           struct err *err);

/*
 * Before a consumer asks messages_is_consumed(): 1 the message is a second try of a letter of another group, and none
 * of its business; 0 else. A second try for this group opens the way: its letter counts as retried.
 */
MUST_CHECK int dead_is_for_others(struct journal *journal, const char *group,
                                  const struct message *message, struct err *err);

#endif
