/*
 * The journal's messages: the outbox of every stage, which for the `local` broker is the topic itself.
 * Consumers claim by lease; what was worked off is recorded by db/step.h's `consumed`.
 * What nobody could work off: db/dead.h.
 */
#ifndef RIACHO_MESSAGES_H
#define RIACHO_MESSAGES_H

#include "db/journal.h"

struct message {
    char *topic;
    char *id;    /* key: the reference's id */
    char *value; /* CloudEvents JSON */
    size_t value_size;
    char *headers; /* JSON object, or NULL */
    int64_t partition;
    int64_t offset;
    int64_t attempts; /* how often it was handed out before, and neither worked off nor given back:
                         whoever had it died, or lost its lease */
};

void message_close(struct message *message);

/*
 * Claims up to `most` messages of the topic that the group has neither worked off nor leased, oldest first.
 * Returns how many (0: none now), -1 failed. A lease lasts `lease_ms`; leases of dead processes are free at
 * once, and their half done steps are ended first. A reference whose file was replaced or pruned is passed over.
 * A new group begins with the oldest message that is kept. The caller closes each message.
 */
MUST_CHECK int messages_claim(struct journal *journal, const char *group, const char *topic,
                              int64_t lease_ms, size_t most, struct message *ret_messages,
                              struct err *err);
/* Prolongs all leases that this process holds for the group. */
MUST_CHECK int messages_keep(struct journal *journal, const char *group, int64_t lease_ms,
                             struct err *err);
/* Gives back what was claimed and not worked off. A lease that is no longer ours is left alone. */
MUST_CHECK int messages_release(struct journal *journal, const char *group,
                                const struct message *message, struct err *err);
/* A message that is worked off already (messages_is_consumed) was claimed: it will not come again. */
MUST_CHECK int messages_done(struct journal *journal, const char *group,
                             const struct message *message, struct err *err);
/* How many messages of the topic the group has not worked off yet (leased ones included). */
MUST_CHECK int messages_lag(struct journal *journal, const char *group, const char *topic,
                            int64_t *ret_lag, struct err *err);
/* 1 if the group has worked off the message with that id, or its file was replaced or pruned; 0 if not. */
MUST_CHECK int messages_is_consumed(struct journal *journal, const char *group, const char *id,
                                    struct err *err);

#endif
