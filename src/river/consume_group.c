/*
 * One group's way: check → work off → commit; and what becomes of the works that failed.
 */
#include "base/clock.h"
#include "base/logger.h"
#include "river/check.h"
#include "river/consume_parts.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/banned.h"

void consume_work_close(struct work *work)
{
    message_close(&work->message);
    for (size_t i = 0; i < work->copy_count; i++)
        message_close(&work->copies[i]);
    free(work->copies);
    ref_close(&work->ref);
    free(work->path);
    *work = (struct work){0};
}

/* ---- what the broker is told ---- */

int consume_tell_done(struct consuming *c, const struct work *work, struct err *err)
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

void consume_release(struct consuming *c, struct work *work_taken)
{
    release_message(c, &work_taken->message);
    for (size_t i = 0; i < work_taken->copy_count; i++)
        release_message(c, &work_taken->copies[i]);
    consume_work_close(work_taken);
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
    TRY(consume_tell_done(c, work, err));
    atomic_fetch_add(&c->consumer->live->dead, 1);
    consume_work_close(work);
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
            TRY(consume_tell_done(c, work, err));
            consume_work_close(work);
        }
    }
    for (size_t i = 0; i < suspects->count; i++)
        if (suspects->works[i].message.id)
            suspects->works[left++] = suspects->works[i];
    suspects->count = left;
    return 0;
}

int consume_bury_suspects(struct consuming *c, struct err *err)
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
        consume_release(c, &suspects->works[i]);
    suspects->count = 0;
    return -1;
}

/* Takes a failed work out of the hand. */
static int suspect(struct consuming *c, struct work *work_taken, struct err *err)
{
    struct suspects *suspects = &c->suspects;

    if (suspects->count > 0 &&
        !is_alike(suspects->works[suspects->count - 1].err.text, work_taken->err.text))
        TRY(consume_bury_suspects(c, err));
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
        TRY(consume_bury_suspects(c, err));
        TRY(consume_tell_done(c, &works[i], err));
        atomic_fetch_add(&c->consumer->live->references, 1);
        consume_work_close(&works[i]);
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

int consume_group(struct consuming *c, struct work *works, size_t count, struct err *err)
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
