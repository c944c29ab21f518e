/*
 * The broker that needs no server: a topic is the journal's messages. A committed step has published
 * its references already, and a consumer's step has worked off its messages; what is left to do here is
 * handing out by lease, and waiting.
 */
#include "base/bell.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include "broker/broker.h"

#include <stdlib.h>

#include "base/banned.h"

#define LEASE_MS 60000
#define LOOK_EVERY_MS 10   /* whether another process committed anything */
#define CLAIM_EVERY_MS 500 /* also if nothing was: leases end without a commit */

/* What was fetched and neither worked off nor given back, by offset. */
struct held {
    int64_t *offsets;
    size_t count;
};

struct local {
    struct journal *journal;
    char *group;
    char *topic;
    struct held held;
};

static int local_open(struct broker *broker, const struct broker_conf *conf,
                      struct journal *journal, const char *group, const char *topic,
                      struct err *err)
{
    struct local *local = mem_alloc(sizeof *local);

    (void)conf;
    (void)err;
    local->journal = journal;
    local->group = mem_str(group);
    local->topic = mem_str(topic);
    broker->impl = local;
    return 0;
}

static int claim(struct local *local, size_t most, struct message *ret_messages, struct err *err)
{
    const int got = messages_claim(local->journal, local->group, local->topic, LEASE_MS, most,
                                   ret_messages, err);

    for (int i = 0; i < got; i++)
        *MEM_PUSH(local->held.offsets, local->held.count) = ret_messages[i].offset;
    return got;
}

/* Until somebody commits anything, a stage ends, it is time to look anyway, or the time is over. */
static int wait_for_change(struct local *local, int64_t version, uint64_t rings, int64_t until_ms,
                           struct err *err)
{
    const int64_t look_ms = clock_monotonic_ms() + CLAIM_EVERY_MS;
    int64_t now = version;

    while (now == version && bell_count() == rings && !stop_asked()) {
        const int64_t now_ms = clock_monotonic_ms();

        if (now_ms >= until_ms || now_ms >= look_ms)
            return 0;
        bell_wait(rings,
                  until_ms - now_ms < LOOK_EVERY_MS ? (int)(until_ms - now_ms) : LOOK_EVERY_MS);
        TRY(journal_version(local->journal, &now, err));
    }
    return 0;
}

static int local_fetch(struct broker *broker, size_t most, int wait_ms,
                       struct message *ret_messages, struct err *err)
{
    struct local *local = broker->impl;
    const int64_t until_ms = clock_monotonic_ms() + wait_ms;
    const uint64_t rings = bell_count();

    for (;;) {
        const bool has_rung = bell_count() != rings;
        int64_t version;
        int got;

        /* Before the claim: what is committed after it is seen as a change. */
        TRY(journal_version(local->journal, &version, err));
        got = claim(local, most, ret_messages, err);
        if (got != 0 || has_rung || stop_asked() || clock_monotonic_ms() >= until_ms)
            return got;
        TRY(wait_for_change(local, version, rings, until_ms, err));
    }
}

static int local_keep(struct broker *broker, struct err *err)
{
    struct local *local = broker->impl;

    return messages_keep(local->journal, local->group, LEASE_MS, err);
}

static void let_go(struct local *local, int64_t offset)
{
    for (size_t i = 0; i < local->held.count; i++)
        if (local->held.offsets[i] == offset) {
            local->held.offsets[i] = local->held.offsets[--local->held.count];
            return;
        }
}

static int local_commit(struct broker *broker, const struct message *message, struct err *err)
{
    struct local *local = broker->impl;

    TRY(messages_done(local->journal, local->group, message, err));
    let_go(local, message->offset);
    return 0;
}

static int local_release(struct broker *broker, const struct message *message, struct err *err)
{
    struct local *local = broker->impl;

    TRY(messages_release(local->journal, local->group, message, err));
    let_go(local, message->offset);
    return 0;
}

static int local_lag(struct broker *broker, int64_t *ret_lag, struct err *err)
{
    struct local *local = broker->impl;

    return messages_lag(local->journal, local->group, local->topic, ret_lag, err);
}

/* Others need not wait for the leases to end. */
static void local_close(struct broker *broker)
{
    struct local *local = broker->impl;

    for (size_t i = 0; i < local->held.count; i++) {
        const struct message message = {.topic = local->topic, .offset = local->held.offsets[i]};
        struct err ignored = {0};

        if (messages_release(local->journal, local->group, &message, &ignored) < 0)
            break;
    }
    free(local->held.offsets);
    free(local->group);
    free(local->topic);
    free(local);
}

const struct broker_ops broker_local = {
    .name = "local",
    .summary = "references in the state database; needs no server",
    .open = local_open,
    .fetch = local_fetch,
    .keep = local_keep,
    .commit = local_commit,
    .release = local_release,
    .lag = local_lag,
    .close = local_close,
};
