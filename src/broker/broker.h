/*
 * Broker: references on their way from one stage to the next.
 *
 * Promises
 * - A reference that a step committed reaches every consumer group of its topic at least once, also
 *   after any crash; no order is promised.
 * - One that was fetched and not worked off (step `consumed`) comes again when its lease ends or its
 *   consumer dies. Working it off twice is told by the ledger (messages_is_consumed), not by the broker.
 * - What a consumer worked off counts as such (broker_lag, a restart) only once the references of its
 *   outputs can no longer be lost.
 * - The value is the same bytes on every broker.
 *
 * A server that is away is waited for, with a line of talk when it goes and when it is back; an error
 * is what waiting does not mend.
 */
#ifndef RIACHO_BROKER_H
#define RIACHO_BROKER_H

#include "base/err.h"
#include "base/json.h"
#include "broker/broker_conf.h"
#include "db/journal.h"
#include "db/messages.h"

#include <stdatomic.h>

struct broker;

/* A consumer group and the topic it reads. */
struct broker_reader {
    const char *group; /* as broker_open() gets it, without the pipeline's name */
    const char *topic;
};

/* What a look at the server is about. Borrowed. */
struct broker_scope {
    const char *pipeline;
    const char *const *topics;
    size_t topic_count;
    const struct broker_reader *readers;
    size_t reader_count;
};

/* Each message of a walk; -1 ends it. The message is closed after the call. */
typedef int broker_each(void *ctx, const struct message *message, struct err *err);

#define BROKER_ID 48         /* room for a topic's id */
#define BROKER_FOR_EVER (-1) /* a wait that only a stop ends */

struct broker_ops {
    const char *name;
    const char *summary; /* one line for `riacho doctor` */
    const char *missing; /* NULL, or why this build lacks it */

    /* ---- without a consumer; a slot may be NULL: there is nothing to do ---- */

    /*
     * The server answers, lets us in, and has the topics; those that are missing are made, if the
     * settings allow it. A server that does not answer is waited for up to `wait_ms`, with a line of
     * talk (0: one attempt of some seconds; BROKER_FOR_EVER). `ret_made`, if not NULL, gets for each
     * topic whether it had to be made; `ret_ids`, if not NULL, gets the server's id of each ("" where it
     * cannot be told): whatever was sent to a topic of the same name and another id is gone.
     */
    int (*prepare)(const struct broker_conf *conf, const char *const *topics, size_t count,
                   int wait_ms, bool *ret_made, char (*ret_ids)[BROKER_ID], struct err *err);
    /*
     * Publishes the outbox of the journal (this thread's own) until a stop is asked, or `finish` is
     * set and the outbox is empty. Of all processes of a state one sends; when it ends, the next takes
     * over. Returns -1 for what waiting does not mend; it may then be called again.
     */
    int (*relay)(const struct broker_conf *conf, struct journal *journal, const atomic_bool *finish,
                 struct err *err);
    /*
     * Each message of the topic as it is now, a partition's in their order, beginning at from[partition]
     * (0 beyond `from_count`). Belongs to no group, and moves none.
     */
    int (*read)(const struct broker_conf *conf, const char *topic, const int64_t *from,
                size_t from_count, void *ctx, broker_each *each, struct err *err);
    /*
     * Adds to the object:
     *   "brokers": ["host:port"],
     *   "topics": [{"topic", "partitions": [{"partition", "first", "next"}],
     *     "groups": [{"group", "state", "lag", "offsets": [{"partition", "offset"}],
     *       "members": [{"id", "client", "host", "partitions": [0]}]}]}]
     * `group` is without the pipeline's name; `offset` is the next one that the group will read, absent
     * where it has read nothing; a topic that is missing has "error" in place of partitions.
     */
    int (*describe)(const struct broker_conf *conf, const struct broker_scope *scope,
                    struct json_out *out, yyjson_mut_val *object, struct err *err);

    /* ---- a consumer ---- */

    /*
     * `journal` is the consumer's ledger, which also names the pipeline, and for local the broker;
     * borrowed, same thread. It returns at once; messages come when the group has let it in.
     */
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
    /* How many the group has not worked off yet, whoever holds them; 0 is exact. */
    int (*lag)(struct broker *broker, int64_t *ret_lag, struct err *err);
    void (*close)(struct broker *broker);
};

/* One consumer of one topic in one group. Belongs to one thread, as its journal does. */
struct broker {
    const struct broker_ops *ops; /* NULL: closed */
    void *impl;
};

extern const struct broker_ops broker_local;
extern const struct broker_ops broker_kafka;

/* The backend of that type. */
const struct broker_ops *broker_of(enum broker_type type);

MUST_CHECK int broker_prepare(const struct broker_ops *ops, const struct broker_conf *conf,
                              const char *const *topics, size_t count, int wait_ms, bool *ret_made,
                              char (*ret_ids)[BROKER_ID], struct err *err);
MUST_CHECK int broker_relay(const struct broker_ops *ops, const struct broker_conf *conf,
                            struct journal *journal, const atomic_bool *finish, struct err *err);
MUST_CHECK int broker_read(const struct broker_ops *ops, const struct broker_conf *conf,
                           const char *topic, const int64_t *from, size_t from_count, void *ctx,
                           broker_each *each, struct err *err);
MUST_CHECK int broker_describe(const struct broker_ops *ops, const struct broker_conf *conf,
                               const struct broker_scope *scope, struct json_out *out,
                               yyjson_mut_val *object, struct err *err);

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
