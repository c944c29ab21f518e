/*
 * One thread a stage. A stage knows that its topic gets no more when the flag of the stage before it
 * is set.
 */
#include "cmd/flow.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/stop.h"
#include "cmd/export.h"
#include "cmd/extract.h"
#include "cmd/transform.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/banned.h"

struct flow {
    struct river *river;
    bool follow;
    atomic_bool extract_done;
    atomic_bool transform_done;
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

/* A pass that failed is told, and the next one comes at its time. */
static int follow_extract(struct flow *flow, struct err *err)
{
    const int64_t every_ms = flow->river->conf.every_ms;

    while (!stop_asked()) {
        const int64_t began_ms = clock_monotonic_ms();
        int64_t left_ms;

        if (extract_all(flow->river, err) < 0) {
            if (err->code == ERR_LOCKED)
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
    return NULL;
}

static void *transform_thread(void *ctx)
{
    struct flow *flow = ((struct flow_thread *)ctx)->flow;
    struct err err = {0};

    if (transform_all(flow->river, flow->follow, &flow->extract_done, &err) < 0)
        keep_failure(flow, &err);
    atomic_store(&flow->transform_done, true);
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

static void start(struct flow_thread *threads, size_t *count, struct flow *flow,
                  void *(*body)(void *), size_t export_index)
{
    struct flow_thread *thread = &threads[(*count)++];

    thread->flow = flow;
    thread->export_index = export_index;
    pthread_create(&thread->thread, NULL, body, thread);
}

int flow_run(struct river *river, unsigned stages, bool follow, struct err *err)
{
    struct flow flow = {.river = river, .follow = follow, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct flow_thread *threads = mem_alloc((river->conf.export_count + 2) * sizeof *threads);
    size_t count = 0;

    atomic_store(&flow.extract_done, !(stages & FLOW_EXTRACT));
    atomic_store(&flow.transform_done, !(stages & FLOW_TRANSFORM));
    if (stages & FLOW_EXTRACT)
        start(threads, &count, &flow, extract_thread, 0);
    if (stages & FLOW_TRANSFORM)
        start(threads, &count, &flow, transform_thread, 0);
    for (size_t i = 0; i < river->conf.export_count && (stages & FLOW_EXPORT); i++)
        start(threads, &count, &flow, export_thread, i);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i].thread, NULL);
    free(threads);
    pthread_mutex_destroy(&flow.lock);
    if (!flow.has_failed)
        return 0;
    *err = flow.first_err;
    return -1;
}
