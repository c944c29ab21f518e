/*
 * Broker: references on their way from one stage to the next.
 *
 * Promises
 * - A reference that a step committed reaches every consumer group of its topic at least once, also
 *   after any crash; no order is promised.
 * - One that was fetched and not worked off (step `consumed`) comes again when its lease ends or its
 *   consumer dies. Working it off twice is told by the ledger (messages_is_consumed), not by the broker.
 * - The value is the same bytes on every broker.
 */
#ifndef RIACHO_BROKER_H
#define RIACHO_BROKER_H

#include "base/err.h"
#include "broker/broker_conf.h"
#include "db/journal.h"
#include "db/messages.h"

struct broker;

struct broker_ops {
    const char *name;
    const char *summary; /* one line for `riacho doctor` */
    const char *missing; /* NULL, or why this build lacks it */

    /* `journal` is the consumer's ledger and, for local, the broker; borrowed, same thread. */
    int (*open)(struct broker *broker, const struct broker_conf *conf, struct journal *journal,
                const char *group, const char *topic, struct err *err);
    /* Up to `most` messages: how many, 0 when none came within wait_ms, or -1. */
    int (*fetch)(struct broker *broker, size_t most, int wait_ms, struct message *ret_messages,
                 struct err *err);
    /* Still working: what was fetched is not to be given to others. */
    int (*keep)(struct broker *broker, struct err *err);
    /* After the step that consumed it was committed. */
    int (*commit)(struct broker *broker, const struct message *message, struct err *err);
    /* Gives it back: it was not worked off. */
    int (*release)(struct broker *broker, const struct message *message, struct err *err);
    /* How many the group has not worked off yet. */
    int (*lag)(struct broker *broker, int64_t *ret_lag, struct err *err);
    void (*close)(struct broker *broker);
};

/* One consumer of one topic in one group. */
struct broker {
    const struct broker_ops *ops; /* NULL: closed */
    void *impl;
};

extern const struct broker_ops broker_local;

MUST_CHECK int broker_open(struct broker *broker, const struct broker_ops *ops,
                           const struct broker_conf *conf, struct journal *journal,
                           const char *group, const char *topic, struct err *err);
MUST_CHECK int broker_fetch(struct broker *broker, size_t most, int wait_ms,
                            struct message *ret_messages, struct err *err);
MUST_CHECK int broker_keep(struct broker *broker, struct err *err);
MUST_CHECK int broker_commit(struct broker *broker, const struct message *message, struct err *err);
MUST_CHECK int broker_release(struct broker *broker, const struct message *message,
                              struct err *err);
MUST_CHECK int broker_lag(struct broker *broker, int64_t *ret_lag, struct err *err);
void broker_close(struct broker *broker);

#endif
