/*
 * One thread a stage. A stage knows that its topic gets no more when the flag of the stage before it
 * is set.
 */
#include "river/flow.h"

#include "base/bell.h"
#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/stop.h"
#include "db/outbox.h"
#include "engine/fit.h"
#include "river/export.h"
#include "river/extract.h"
#include "river/relay.h"
#include "river/transform.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/banned.h"

struct flow {
    struct river *river;
    bool follow;
    atomic_bool extract_done;
    atomic_bool transform_done;
    atomic_bool stages_done;
    pthread_mutex_t lock; /* guards the two below */
    bool has_failed;
    struct err first_err;
};

struct flow_thread {
    struct flow *flow;
    size_t export_index;
    pthread_t thread;
};

static void keep_failure(struct flow *flow, const struct err *err)
{
    if (err->code == ERR_STOPPED && flow->follow)
        return;
    pthread_mutex_lock(&flow->lock);
    if (!flow->has_failed || flow->first_err.code == ERR_STOPPED)
        flow->first_err = *err;
    else if (err->code != ERR_STOPPED)
        log_err(err);
    flow->has_failed = true;
    pthread_mutex_unlock(&flow->lock);
}

/* A pass that failed is told, and the next one comes at its time. Beside another extractor none ever would. */
static int follow_extract(struct flow *flow, struct err *err)
{
    const int64_t every_ms = flow->river->conf.every_ms;

    while (!stop_asked()) {
        const int64_t began_ms = clock_monotonic_ms();
        int64_t left_ms;

        if (extract_all(flow->river, err) < 0) {
            if (err->code == ERR_LOCKED && !err->retriable)
                return -1;
            if (err->code != ERR_STOPPED) {
                log_err(err);
                log_info("extract: the next try is in %" PRId64 " s", every_ms / 1000);
            }
        }
        left_ms = began_ms + every_ms - clock_monotonic_ms();
        if (left_ms > 0)
            stop_wait_ms((int)left_ms);
    }
    return 0;
}

static void *extract_thread(void *ctx)
{
    struct flow *flow = ((struct flow_thread *)ctx)->flow;
    struct err err = {0};

    if ((flow->follow ? follow_extract(flow, &err) : extract_all(flow->river, &err)) < 0) {
        keep_failure(flow, &err);
        if (flow->follow)
            stop_ask();
    }
    atomic_store(&flow->extract_done, true);
    bell_ring();
    return NULL;
}

static void *transform_thread(void *ctx)
{
    struct flow *flow = ((struct flow_thread *)ctx)->flow;
    struct err err = {0};

    if (transform_all(flow->river, flow->follow, &flow->extract_done, &err) < 0)
        keep_failure(flow, &err);
    atomic_store(&flow->transform_done, true);
    bell_ring();
    return NULL;
}

static void *export_thread(void *ctx)
{
    const struct flow_thread *self = ctx;
    struct flow *flow = self->flow;
    struct err err = {0};

    if (export_one(flow->river, self->export_index, flow->follow, &flow->transform_done, &err) < 0)
        keep_failure(flow, &err);
    return NULL;
}

/* Without a relay the others would wait for what never comes. */
static void *relay_thread(void *ctx)
{
    struct flow *flow = ((struct flow_thread *)ctx)->flow;
    struct err err = {0};

    if (relay_run(flow->river, flow->follow, &flow->stages_done, &err) < 0) {
        keep_failure(flow, &err);
        stop_ask();
    }
    return NULL;
}

/* Where there is no thread for one of them, the others would wait for what never comes: they are stopped. */
static bool start(struct flow_thread *thread, struct flow *flow, void *(*body)(void *),
                  size_t export_index)
{
    struct err err = {0};

    thread->flow = flow;
    thread->export_index = export_index;
    if (pthread_create(&thread->thread, NULL, body, thread) == 0)
        return true;
    err_set(&err, ERR_IO, "could not start a thread for a stage");
    keep_failure(flow, &err);
    stop_ask();
    return false;
}

static void run_stages(struct flow *flow, unsigned stages)
{
    const size_t exports = flow->river->conf.export_count;
    struct flow_thread *threads = mem_alloc((exports + 2) * sizeof *threads);
    size_t count = 0;

    atomic_store(&flow->extract_done, !(stages & FLOW_EXTRACT));
    atomic_store(&flow->transform_done, !(stages & FLOW_TRANSFORM));
    if (stages & FLOW_EXTRACT)
        count += start(&threads[count], flow, extract_thread, 0);
    if (stages & FLOW_TRANSFORM)
        count += start(&threads[count], flow, transform_thread, 0);
    for (size_t i = 0; i < exports && (stages & FLOW_EXPORT); i++)
        count += start(&threads[count], flow, export_thread, i);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i].thread, NULL);
    free(threads);
}

/* Around the stages: what they publish is sent while they run, and until all of it is. */
static void run_with_relay(struct flow *flow, unsigned stages)
{
    struct flow_thread relay;

    if (!start(&relay, flow, relay_thread, 0))
        return;
    run_stages(flow, stages);
    atomic_store(&flow->stages_done, true);
    pthread_join(relay.thread, NULL);
}

static int tell_unsent(struct river *river, struct err *err)
{
    int64_t count = 0;

    TRY(outbox_count(&river->journal, &count, err));
    if (count > 0)
        log_info("%" PRId64 " references wait to be sent; the next start sends them", count);
    return 0;
}

static int prepare_at_once(struct river *river, struct err *err)
{
    TRY(relay_prepare(river, &river->journal, 0, err));
    atomic_store(&river->broker_ready, true);
    return 0;
}

/* What the transform would refuse is told before anything has landed. */
static int check_tables(struct river *river, struct err *err)
{
    const struct transform_conf *conf = &river->conf.transform;

    for (size_t i = 0; i < conf->table_count; i++)
        TRY(fit_check(&conf->tables[i], &river->journal, err));
    return 0;
}

int flow_run(struct river *river, unsigned stages, const struct flow_how *how, struct err *err)
{
    struct flow flow = {.river = river, .follow = how->follow, .lock = PTHREAD_MUTEX_INITIALIZER};
    AUTO(lock) lock = {0};

    TRY(river_lock_broker(river, &lock, err));
    if (stages & FLOW_TRANSFORM)
        TRY(check_tables(river, err));
    if (how->no_wait)
        TRY(prepare_at_once(river, err));
    if (river->broker_ops->relay)
        run_with_relay(&flow, stages);
    else
        run_stages(&flow, stages);
    pthread_mutex_destroy(&flow.lock);
    if (flow.has_failed) {
        *err = flow.first_err;
        return -1;
    }
    return tell_unsent(river, err);
}
