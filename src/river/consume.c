/*
 * The consumer's loop: fetch → check → work off → commit, and the policy for faults.
 */
#include "river/consume.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/stop.h"
#include "base/str.h"
#include "db/dead.h"
#include "db/outbox.h"
#include "db/recover.h"
#include "river/check.h"
#include "river/relay.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define FETCH_WAIT_MS 200
#define FETCH_STEP_MS 10 /* after which the end of the stage before is noticed */
#define FIRST_PAUSE_MS 1000
#define LOCKED_PAUSE_MS 20 /* another process has it; its step takes about that long */
#define LONGEST_PAUSE_MS 60000
#define TELL_WAITING_MS 5000

static void work_close(struct work *work)
{
    message_close(&work->message);
    for (size_t i = 0; i < work->copy_count; i++)
        message_close(&work->copies[i]);
    free(work->copies);
    ref_close(&work->ref);
    free(work->path);
    *work = (struct work){0};
}

/* References in hand, in the order they came. */
struct hand {
    struct work works[CONSUME_MOST];
    size_t count;
};

/* Faults of the data that may still turn out to be the surroundings': not dead yet. */
struct suspects {
    struct work works[CONSUME_ALIKE];
    size_t count;
};

struct consuming {
    const struct consumer *consumer;
    struct broker broker;
    struct hand hand;
    struct suspects suspects;
    int pause_ms;
    int64_t waiting_since_ms; /* for what another process holds; 0: not at all */
    bool told_waiting;
};

static void consuming_close(struct consuming *c)
{
    for (size_t i = 0; i < c->hand.count; i++)
        work_close(&c->hand.works[i]);
    for (size_t i = 0; i < c->suspects.count; i++)
        work_close(&c->suspects.works[i]);
    broker_close(&c->broker);
}

/* ---- what the broker is told ---- */

/* The ledger has it: the broker need not bring it again. */
static int commit_work(struct consuming *c, const struct work *work, struct err *err)
{
    TRY(broker_commit(&c->broker, &work->message, err));
    for (size_t i = 0; i < work->copy_count; i++)
        TRY(broker_commit(&c->broker, &work->copies[i], err));
    return 0;
}

static void release_message(struct consuming *c, const struct message *message)
{
    struct err also = {0};

    if (broker_release(&c->broker, message, &also) < 0)
        log_debug("could not give back \"%s\": %s", message->id, also.text);
}

/* It was not worked off, and is to come again. */
static void release_work(struct consuming *c, struct work *work)
{
    release_message(c, &work->message);
    for (size_t i = 0; i < work->copy_count; i++)
        release_message(c, &work->copies[i]);
    work_close(work);
}

/* ---- checking what came ---- */

/* 1 it is one of ours, 0 it is none: a topic takes what anybody writes into it. */
static int read_reference(const struct river *river, struct work *work, struct err *err)
{
    if (work->ref.id == NULL &&
        ref_read(work->message.value, work->message.value_size, &work->ref, err) < 0)
        return 0;
    if (river_root(river, work->ref.root))
        return 1;
    err_set(err, ERR_DATA, "the root \"%s\" is not known here", work->ref.root);
    return 0;
}

/* Reads the reference and checks its file. A fault of the data marks the work. */
static int prepare(const struct river *river, struct work *work, struct err *err)
{
    struct err fault = {0};

    work->failed = false;
    work->certain = read_reference(river, work, &fault) == 0;
    if (!work->certain && check_file(river, &work->ref, &work->path, &fault) == 0)
        return 0;
    if (fault.code != ERR_DATA) {
        *err = fault;
        return -1;
    }
    work->failed = true;
    work->err = fault;
    return 0;
}

/* ---- one group ---- */

/* It may go well when it is tried again. */
static bool is_open_fault(const struct work *work)
{
    return work->failed && !work->certain;
}

/* One attempt at those of the group that are not done yet. */
static int try_group(struct consuming *c, struct work *works, size_t count, int attempt,
                     struct step *step, struct err *err)
{
    struct work *ready[CONSUME_MOST];
    size_t ready_count = 0;

    for (size_t i = 0; i < count; i++) {
        if (attempt > 1 && !is_open_fault(&works[i]))
            continue;
        works[i].attempts = attempt;
        TRY(prepare(c->consumer->river, &works[i], err));
        if (!works[i].failed)
            ready[ready_count++] = &works[i];
    }
    if (ready_count == 0)
        return 0;
    return c->consumer->work_off(c->consumer->ctx, ready, ready_count, step, err);
}

static bool any_open_fault(const struct work *works, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_open_fault(&works[i]))
            return true;
    return false;
}

static void make_step(const struct consuming *c, struct step *step)
{
    step_open(step);
    if (river_shares_names(c->consumer->river))
        step_share(step);
}

/* The name is taken. 0: by a consumer of another host, whose file serves as well as ours. */
static int take_over(struct consuming *c, struct step *step, const char *taken, struct err *err)
{
    const struct consumer *consumer = c->consumer;

    if (river_shares_names(consumer->river)) {
        log_info("%s: \"%s\" is there already; another consumer made it", consumer->live->name,
                 taken);
        return step_adopt(step, taken, consumer->ctx, consumer->count_rows, err);
    }
    err_set(err, ERR_IO, "\"%s\" is there already, with other bytes", taken);
    return err_hint(err, "Move that file away: names in this folder belong to this pipeline.");
}

static int commit_step(struct consuming *c, struct step *step, struct err *err)
{
    int committed;

    do {
        char *taken = NULL;

        committed = step_commit(step, c->consumer->journal, &taken, err);
        if (committed == 0 && take_over(c, step, taken, err) < 0)
            committed = -1;
        free(taken);
    } while (committed == 0);
    return committed < 0 ? -1 : 0;
}

static void add_consumed(const struct consumer *consumer, const struct work *work,
                         struct step *step)
{
    step_add_consumed(step, &(struct step_consumed){.group = consumer->group,
                                                    .topic = consumer->topic,
                                                    .id = work->message.id,
                                                    .offset = work->message.offset});
}

/* ---- faults ---- */

static void add_dead(const struct consumer *consumer, const struct work *work, struct step *step)
{
    step_add_dead(step, &(struct step_dead){.group = consumer->group,
                                            .topic = consumer->topic,
                                            .id = work->message.id,
                                            .partition = work->message.partition,
                                            .offset = work->message.offset,
                                            .error = work->err.text,
                                            .attempts = work->attempts,
                                            .value = work->message.value,
                                            .value_size = work->message.value_size});
}

/* After the commit of its dead letter. */
static int tell_dead(struct consuming *c, struct work *work, struct err *err)
{
    log_warn("%s: \"%s\" went to the dead letters: %s", c->consumer->live->name, work->message.id,
             work->err.text);
    TRY(commit_work(c, work, err));
    atomic_fetch_add(&c->consumer->live->dead, 1);
    work_close(work);
    return 0;
}

/* Suspects whose partition went to another process may have been decided there. */
static int let_decided_go(struct consuming *c, struct err *err)
{
    struct suspects *suspects = &c->suspects;
    size_t left = 0;

    for (size_t i = 0; i < suspects->count; i++) {
        struct work *work = &suspects->works[i];
        const int done =
            messages_is_consumed(c->consumer->journal, c->consumer->group, work->message.id, err);

        TRY(done);
        if (done == 1) {
            TRY(commit_work(c, work, err));
            work_close(work);
        }
    }
    for (size_t i = 0; i < suspects->count; i++)
        if (suspects->works[i].message.id)
            suspects->works[left++] = suspects->works[i];
    suspects->count = left;
    return 0;
}

/* The suspects were the data's own fault after all. */
static int bury_suspects(struct consuming *c, struct err *err)
{
    struct suspects *suspects = &c->suspects;
    AUTO(step) step = {0};

    TRY(let_decided_go(c, err));
    if (suspects->count == 0)
        return 0;
    make_step(c, &step);
    for (size_t i = 0; i < suspects->count; i++)
        add_dead(c->consumer, &suspects->works[i], &step);
    TRY(commit_step(c, &step, err));
    for (size_t i = 0; i < suspects->count; i++)
        TRY(tell_dead(c, &suspects->works[i], err));
    suspects->count = 0;
    return 0;
}

/* Whether two messages tell of the same fault: the same words, whatever names and numbers stand in them. */
static bool is_alike(const char *a, const char *b)
{
    bool quoted = false;

    for (;; a++, b++) {
        for (; *a && (quoted || isdigit((unsigned char)*a)) && *a != '"'; a++)
            ;
        for (; *b && (quoted || isdigit((unsigned char)*b)) && *b != '"'; b++)
            ;
        if (*a != *b)
            return false;
        if (*a == '\0')
            return true;
        quoted ^= *a == '"';
    }
}

/* The fifth like fault in a row is the surroundings': none of the five counts as tried. */
static int blame_surroundings(struct consuming *c, struct err *err)
{
    struct suspects *suspects = &c->suspects;

    *err = suspects->works[0].err;
    err_wrap(err, "%d references failed alike, the last \"%s\"", CONSUME_ALIKE,
             suspects->works[suspects->count - 1].message.id);
    err_hint(
        err,
        "This is rather the pipeline's or the machine's fault than the data's. Nothing was lost: "
        "mend it and run again.");
    for (size_t i = 0; i < suspects->count; i++)
        release_work(c, &suspects->works[i]);
    suspects->count = 0;
    return -1;
}

/* Takes a failed work out of the hand. */
static int suspect(struct consuming *c, struct work *work_taken, struct err *err)
{
    struct suspects *suspects = &c->suspects;

    if (suspects->count > 0 &&
        !is_alike(suspects->works[suspects->count - 1].err.text, work_taken->err.text))
        TRY(bury_suspects(c, err));
    suspects->works[suspects->count++] = *work_taken;
    *work_taken = (struct work){0};
    return suspects->count == CONSUME_ALIKE ? blame_surroundings(c, err) : 0;
}

/* After the commit of what is certain, be it well or ill: sorts the rest. */
static int settle(struct consuming *c, struct work *works, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (works[i].certain) {
            TRY(tell_dead(c, &works[i], err));
            continue;
        }
        if (works[i].failed) {
            TRY(suspect(c, &works[i], err));
            continue;
        }
        TRY(bury_suspects(c, err));
        TRY(commit_work(c, &works[i], err));
        atomic_fetch_add(&c->consumer->live->references, 1);
        work_close(&works[i]);
    }
    return 0;
}

static void add_certain(const struct consuming *c, const struct work *works, size_t count,
                        struct step *step)
{
    for (size_t i = 0; i < count; i++) {
        if (works[i].certain)
            add_dead(c->consumer, &works[i], step);
        else if (!works[i].failed)
            add_consumed(c->consumer, &works[i], step);
    }
}

static int work_off_group(struct consuming *c, struct work *works, size_t count, struct err *err)
{
    const int64_t began_ms = clock_monotonic_ms();
    AUTO(step) step = {0};

    make_step(c, &step);
    for (int attempt = 1; attempt <= CONSUME_ATTEMPTS; attempt++) {
        TRY(try_group(c, works, count, attempt, &step, err));
        if (!any_open_fault(works, count))
            break;
    }
    add_certain(c, works, count, &step);
    TRY(commit_step(c, &step, err));
    TRY(settle(c, works, count, err));
    atomic_fetch_add(&c->consumer->live->busy_ms, clock_monotonic_ms() - began_ms);
    return 0;
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
            TRY(commit_work(c, work, err));
            work_close(work);
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
        TRY(work_off_group(c, c->hand.works + done, count, err));
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
            release_work(c, &c->hand.works[i]);
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

    TRY(bury_suspects(c, err));
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
