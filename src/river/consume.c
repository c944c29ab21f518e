/*
 * The consumer's loop: what came twice is left out, the rest goes group by group; and what a failure means.
 */
#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/stop.h"
#include "base/str.h"
#include "db/dead.h"
#include "db/outbox.h"
#include "db/recover.h"
#include "river/consume_parts.h"
#include "river/relay.h"

#include <inttypes.h>

#include "base/banned.h"

#define FETCH_WAIT_MS 200
#define FETCH_STEP_MS 10 /* after which the end of the stage before is noticed */
#define FIRST_PAUSE_MS 1000
#define LOCKED_PAUSE_MS 20 /* another process has it; its step takes about that long */
#define LONGEST_PAUSE_MS 60000
#define TELL_WAITING_MS 5000

static void consuming_close(struct consuming *c)
{
    for (size_t i = 0; i < c->hand.count; i++)
        consume_work_close(&c->hand.works[i]);
    for (size_t i = 0; i < c->suspects.count; i++)
        consume_work_close(&c->suspects.works[i]);
    broker_close(&c->broker);
}

/* ---- the loop ---- */

static struct work *find_among(struct work *works, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (works[i].message.id && str_same(works[i].message.id, id))
            return &works[i];
    return NULL;
}

static bool is_same_place(const struct message *a, const struct message *b)
{
    return a->partition == b->partition && a->offset == b->offset;
}

/*
 * What is still to be decided came again. At the same place, as after a partition went and came back, it is known
 * to the broker by what we have.
 */
static void add_copy(struct work *work, struct message *message_taken)
{
    bool has_it = is_same_place(&work->message, message_taken);

    for (size_t i = 0; i < work->copy_count; i++)
        has_it = has_it || is_same_place(&work->copies[i], message_taken);
    if (has_it)
        message_close(message_taken);
    else
        *MEM_PUSH(work->copies, work->copy_count) = *message_taken;
    *message_taken = (struct message){0};
}

/* 1 the group is through with the message, or it is for another group. */
static int is_done(const struct consuming *c, const struct message *message, struct err *err)
{
    struct journal *journal = c->consumer->journal;
    const int for_others = dead_is_for_others(journal, c->consumer->group, message, err);

    if (for_others != 0)
        return for_others;
    return messages_is_consumed(journal, c->consumer->group, message->id, err);
}

/* Leaves in the hand what is to be worked off: some brokers bring a message twice. */
static int pass_over_known(struct consuming *c, struct err *err)
{
    size_t left = 0;

    for (size_t i = 0; i < c->hand.count; i++) {
        struct work *work = &c->hand.works[i];
        const char *id = work->message.id;
        struct work *first = find_among(c->hand.works, i, id);
        const int done = is_done(c, &work->message, err);

        TRY(done);
        if (first == NULL)
            first = find_among(c->suspects.works, c->suspects.count, id);
        if (done == 1) {
            TRY(consume_tell_done(c, work, err));
            consume_work_close(work);
        } else if (first)
            add_copy(first, &work->message);
    }
    for (size_t i = 0; i < c->hand.count; i++)
        if (c->hand.works[i].message.id)
            c->hand.works[left++] = c->hand.works[i];
    c->hand.count = left;
    return 0;
}

/* Whether there is nothing to wait for but what is on its way. */
static bool is_ending(const struct consuming *c)
{
    const atomic_bool *upstream = c->consumer->upstream_done;

    return !c->consumer->follow && c->waiting_since_ms == 0 &&
           (upstream == NULL || atomic_load(upstream));
}

/* The next messages, or 0 when none came for a while, or when the stage before has ended. */
static int wait_for_messages(struct consuming *c, struct message *ret_messages, struct err *err)
{
    const int64_t until_ms = clock_monotonic_ms() + FETCH_WAIT_MS;
    const int wait_ms = c->consumer->follow ? FETCH_WAIT_MS : FETCH_STEP_MS;
    const int step_ms = is_ending(c) ? 1 : wait_ms;
    int got;

    do
        got = broker_fetch(&c->broker, CONSUME_MOST, step_ms, ret_messages, err);
    while (got == 0 && clock_monotonic_ms() < until_ms && !is_ending(c) && !stop_asked());
    return got;
}

/* Fills the hand with what the group has not worked off. Returns how many messages came. */
static int fetch(struct consuming *c, struct err *err)
{
    struct message messages[CONSUME_MOST];
    const int got = wait_for_messages(c, messages, err);

    TRY(got);
    for (int i = 0; i < got; i++)
        c->hand.works[i] = (struct work){.message = messages[i]};
    c->hand.count = (size_t)got;
    TRY(pass_over_known(c, err));
    return got;
}

/* Bytes that a message's file has by its own word; 0 if it cannot be told. */
static int64_t claimed_bytes(struct work *work)
{
    struct err ignored = {0};

    if (work->ref.id == NULL &&
        ref_read(work->message.value, work->message.value_size, &work->ref, &ignored) < 0)
        return 0;
    return work->ref.bytes;
}

static int work_off_hand(struct consuming *c, struct err *err)
{
    size_t done = 0;

    while (done < c->hand.count && !stop_asked()) {
        size_t count = 0;
        int64_t bytes = 0;

        while (done + count < c->hand.count && bytes < CONSUME_BYTES)
            bytes += claimed_bytes(&c->hand.works[done + count++]);
        TRY(consume_group(c, c->hand.works + done, count, err));
        done += count;
        if (done < c->hand.count)
            TRY(broker_keep(&c->broker, err));
    }
    return 0;
}

static void give_back(struct consuming *c)
{
    for (size_t i = 0; i < c->hand.count; i++)
        if (c->hand.works[i].message.id)
            consume_release(c, &c->hand.works[i]);
    c->hand.count = 0;
}

/* Not at once: a group that is just being formed hands out nothing for some seconds. */
static void tell_waiting(struct consuming *c, int64_t lag)
{
    const int64_t now_ms = clock_monotonic_ms();

    if (c->waiting_since_ms == 0)
        c->waiting_since_ms = now_ms;
    if (c->told_waiting || now_ms - c->waiting_since_ms < TELL_WAITING_MS)
        return;
    c->told_waiting = true;
    log_info("%s: waiting for %" PRId64 " references that another process works on",
             c->consumer->live->name, lag);
}

/* Nothing came. 1: the topic is drained and gets no more. */
static int look_whether_drained(struct consuming *c, bool was_done, struct err *err)
{
    int64_t lag;

    TRY(consume_bury_suspects(c, err));
    TRY(broker_lag(&c->broker, &lag, err));
    atomic_store(&c->consumer->live->lag, lag);
    if (c->consumer->follow || !was_done)
        return 0;
    if (lag > 0)
        tell_waiting(c, lag);
    return lag == 0;
}

/* What dead processes of this state hold is free again. While there is work, what cannot be freed waits. */
static int look_for_dead(struct consuming *c, bool is_busy, struct err *err)
{
    struct err ignored = {0};
    const int looked =
        journal_look_for_dead(c->consumer->journal, is_busy, is_busy ? &ignored : err);

    return is_busy ? 0 : looked;
}

/* One turn. 1: drained, 0: go on. */
static int turn(struct consuming *c, struct err *err)
{
    const atomic_bool *upstream = c->consumer->upstream_done;
    const bool was_done = upstream == NULL || atomic_load(upstream);
    const int is_sent = outbox_is_sent(c->consumer->journal, INT64_MAX, err);
    int got;

    TRY(is_sent);
    if (c->consumer->between)
        TRY(c->consumer->between(c->consumer->ctx, err));
    got = fetch(c, err);
    TRY(got);
    TRY(look_for_dead(c, got > 0, err));
    if (got == 0)
        return look_whether_drained(c, was_done && is_sent == 1, err);
    c->told_waiting = false;
    c->waiting_since_ms = 0;
    return work_off_hand(c, err);
}

/* A following consumer says what is wrong, waits, and goes on. */
static int wait_out(struct consuming *c, const struct err *err)
{
    log_warn("%s waits %d s: %s", c->consumer->live->name, c->pause_ms / 1000, err->text);
    if (err->hint[0])
        log_info("hint: %s", err->hint);
    stop_wait_ms(c->pause_ms);
    if (c->pause_ms < LONGEST_PAUSE_MS)
        c->pause_ms *= 2;
    return 0;
}

/* The broker does not answer just now: also a one-time command waits for it. */
static bool is_away(const struct err *err)
{
    return err->code == ERR_NET && err->retriable;
}

/* What one turn's failure means: go on (0), or give up (-1). */
static int after_failure(struct consuming *c, const struct err *err)
{
    give_back(c);
    if (err->code == ERR_LOCKED) {
        log_debug("%s: %s", c->consumer->live->name, err->text);
        stop_wait_ms(LOCKED_PAUSE_MS);
        return 0;
    }
    if (err->code == ERR_STOPPED || !(c->consumer->follow || is_away(err)))
        return -1;
    return wait_out(c, err);
}

int consume(const struct consumer *consumer, struct err *err)
{
    AUTO(consuming) c = {.consumer = consumer, .pause_ms = FIRST_PAUSE_MS};
    int drained = 0;

    relay_wait_ready(consumer->river);
    TRY(broker_open(&c.broker, consumer->river->broker_ops, &consumer->river->conf.broker,
                    consumer->journal, consumer->group, consumer->topic, err));
    atomic_store(&consumer->live->started_ms, clock_monotonic_ms());
    atomic_store(&consumer->live->state, FLOW_RUNNING);
    while (drained == 0 && !stop_asked()) {
        drained = turn(&c, err);
        if (drained < 0 && after_failure(&c, err) == 0)
            drained = 0;
        else if (drained == 0)
            c.pause_ms = FIRST_PAUSE_MS;
    }
    give_back(&c);
    atomic_store(&consumer->live->state, drained < 0 ? FLOW_FAILED : FLOW_DONE);
    if (drained == 0 && !consumer->follow)
        return err_set(err, ERR_STOPPED, "stopped; run again to go on from where it was");
    return drained < 0 ? -1 : 0;
}
