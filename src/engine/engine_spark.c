/*
 * The engine on Apache Spark: landed files of one schema are worked off in one Spark job a table. What fails for
 * one file's sake is sought by halving.
 */
#include "base/logger.h"
#include "base/mem.h"
#include "base/stop.h"
#include "base/str.h"
#include "engine/spark_batch.h"
#include "engine/spark_output.h"
#include "engine/spark_place.h"
#include "engine/table_planner.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/banned.h"

#define MOST_SESSIONS 3 /* tries of a batch whose server was restarted */
#define CLEAR_TRIES 50
#define CLEAR_EVERY_MS 20

struct spark_engine {
    char *remote;
    struct engine_root *roots;
    size_t root_count;
    void (*on_progress)(void *ctx, int64_t tasks_done, int64_t tasks);
    void *progress_ctx;
    struct parquet_rows rows;
    struct table_cache cache;
    char *staging;                /* of the run that goes on: the folder that Spark writes into */
    struct spark_session session; /* closed until it is first needed */
    pthread_mutex_t lock;         /* guards `stopped`, and the session's being open */
    bool stopped;                 /* interrupt() was called; a run that it ended clears it */
};

/* ---- open, interrupt, close ---- */

static void spark_engine_close(struct spark_engine *impl)
{
    spark_session_close(&impl->session);
    parquet_rows_close(&impl->rows);
    table_cache_close(&impl->cache);
    for (size_t i = 0; i < impl->root_count; i++) {
        free((void *)(uintptr_t)impl->roots[i].dir);
        free((void *)(uintptr_t)impl->roots[i].elsewhere);
    }
    free(impl->roots);
    free(impl->remote);
    pthread_mutex_destroy(&impl->lock);
}

static int open_spark(struct engine *engine, const struct engine_conf *conf, struct err *err)
{
    struct spark_engine *impl = mem_alloc(sizeof *impl);

    pthread_mutex_init(&impl->lock, NULL);
    impl->remote = mem_str(conf->remote);
    impl->on_progress = conf->on_progress;
    impl->progress_ctx = conf->progress_ctx;
    impl->roots = mem_alloc((conf->root_count + 1) * sizeof *impl->roots);
    impl->root_count = conf->root_count;
    for (size_t i = 0; i < conf->root_count; i++)
        impl->roots[i] = (struct engine_root){.dir = mem_str(conf->roots[i].dir),
                                              .elsewhere = mem_str(conf->roots[i].elsewhere)};
    engine->impl = impl;
    (void)err; /* the server is asked for when it is first needed */
    return 0;
}

static void interrupt_spark(struct engine *engine)
{
    struct spark_engine *impl = engine->impl;

    pthread_mutex_lock(&impl->lock);
    impl->stopped = true;
    if (impl->session.impl)
        spark_session_interrupt(&impl->session);
    pthread_mutex_unlock(&impl->lock);
}

static void close_spark(struct engine *engine)
{
    struct spark_engine *impl = engine->impl;

    spark_engine_close(impl);
    free(impl);
    engine->impl = NULL;
}

/* ---- the session ---- */

static int stopped(struct err *err)
{
    return err_set(err, ERR_STOPPED, "interrupted");
}

static int ensure_session(struct spark_engine *impl, struct err *err)
{
    AUTO(spark_session) made = {0};
    bool was_stopped;

    if (impl->session.impl)
        return 0;
    TRY(spark_session_open(&made,
                           &(struct spark_conf){.remote = impl->remote,
                                                .user_agent = "riacho/" RIACHO_VERSION},
                           err));
    TRY(spark_set_rules(&made, err));
    pthread_mutex_lock(&impl->lock);
    was_stopped = impl->stopped;
    impl->session = made;
    pthread_mutex_unlock(&impl->lock);
    made.impl = NULL;
    return was_stopped ? stopped(err) : 0;
}

static void drop_session(struct spark_engine *impl)
{
    struct spark_session old;

    pthread_mutex_lock(&impl->lock);
    old = impl->session;
    impl->session = (struct spark_session){0};
    pthread_mutex_unlock(&impl->lock);
    spark_session_close(&old);
}

/* Whether the last call failed since the server was restarted; then the next one has a session of its own. */
static bool is_lost(struct spark_engine *impl)
{
    if (impl->session.impl == NULL || !spark_session_fault(&impl->session)->is_lost)
        return false;
    drop_session(impl);
    return true;
}

/* ---- faults ---- */

static bool blames_data(const struct err *err)
{
    return err->code == ERR_SQL || err->code == ERR_DATA;
}

static void fail(struct engine_job *job, const struct err *err)
{
    job->failed = true;
    job->err = *err;
    job->err.code = ERR_DATA;
}

/* ---- planning ---- */

static int describe(void *ctx, const struct engine_job *job, struct table_plan *plan,
                    struct err *err)
{
    struct spark_engine *impl = ctx;
    int done = -1;

    for (int tries = 1; done < 0; tries++) {
        TRY(ensure_session(impl, err));
        done = spark_describe(&impl->session, job->schema, plan, err);
        if (done < 0 && (!is_lost(impl) || tries == MOST_SESSIONS))
            return -1;
    }
    return 0;
}

/* ---- many jobs ---- */

static void pass_progress(void *ctx, const struct spark_progress *progress)
{
    struct spark_engine *impl = ctx;

    if (impl->on_progress)
        impl->on_progress(impl->progress_ctx, progress->tasks_done, progress->tasks);
}

static int run_once(struct spark_engine *impl, struct engine_job *const *jobs, size_t count,
                    const struct planned *planned, struct err *err)
{
    const struct spark_bench bench = {
        .session = &impl->session,
        .rows = &impl->rows,
        .roots = impl->roots,
        .root_count = impl->root_count,
        .staging = impl->staging,
        .handlers = {.ctx = impl, .on_progress = pass_progress},
    };

    return spark_batch_run(&bench, jobs, count, planned, err);
}

/* A server that was restarted in the middle knows nothing of the job: it is begun again. */
static int run_batch(struct spark_engine *impl, struct engine_job *const *jobs, size_t count,
                     const struct planned *planned, struct err *err)
{
    for (int tries = 1;; tries++) {
        TRY(ensure_session(impl, err));
        if (run_once(impl, jobs, count, planned, err) == 0)
            return 0;
        if (!is_lost(impl) || tries == MOST_SESSIONS)
            return -1;
        log_debug("the Spark server was restarted; %zu files are worked off again", count);
    }
}

/* Runs the jobs, which are of the same plans. Those at fault have failed after it. */
static int run_halving(struct spark_engine *impl, struct engine_job *const *jobs, size_t count,
                       const struct planned *planned, struct err *err)
{
    const size_t half = count / 2;
    struct err why = {0};

    if (run_batch(impl, jobs, count, planned, &why) == 0)
        return 0;
    if (!blames_data(&why)) {
        *err = why;
        return -1;
    }
    if (count == 1) {
        fail(jobs[0], &why);
        return 0;
    }
    TRY(run_halving(impl, jobs, half, planned, err));
    return run_halving(impl, jobs + half, count - half, planned, err);
}

/* Plans all jobs; those whose SQL is at fault have failed after it. */
static int plan_jobs(struct spark_engine *impl, const struct engine_tables *tables,
                     struct engine_job *jobs, size_t count, struct journal *journal,
                     struct planned **ret_planned, struct err *err)
{
    const struct table_planner planner = {.cache = &impl->cache,
                                          .dialect = &dialect_spark,
                                          .describe = describe,
                                          .ctx = impl};

    for (size_t i = 0; i < count; i++) {
        struct err why = {0};

        if (jobs[i].failed ||
            table_planner_plan(&planner, tables, &jobs[i], journal, &ret_planned[i], &why) == 0)
            continue;
        ret_planned[i] = NULL;
        if (!blames_data(&why)) {
            *err = why;
            return -1;
        }
        fail(&jobs[i], &why);
    }
    return 0;
}

/* Takes the jobs of the first plans that are left. */
static size_t take_alike(struct engine_job *jobs, struct planned **planned, size_t count,
                         struct engine_job **ret_jobs, const struct planned **ret_planned)
{
    size_t taken = 0;

    *ret_planned = NULL;
    for (size_t i = 0; i < count; i++) {
        if (planned[i] == NULL || (*ret_planned && planned[i] != *ret_planned))
            continue;
        *ret_planned = planned[i];
        planned[i] = NULL;
        ret_jobs[taken++] = &jobs[i];
    }
    return taken;
}

static int run_all(struct spark_engine *impl, const struct engine_tables *tables,
                   struct engine_job *jobs, size_t count, struct journal *journal,
                   struct planned **planned, struct err *err)
{
    struct engine_job **alike = mem_alloc((count + 1) * sizeof *alike);
    const struct planned *plans;
    size_t taken;
    int done;

    table_cache_begin(&impl->cache);
    done = plan_jobs(impl, tables, jobs, count, journal, planned, err);
    while (done == 0 && (taken = take_alike(jobs, planned, count, alike, &plans)) > 0)
        done = run_halving(impl, alike, taken, plans, err);
    free(alike);
    return done;
}

/* Tasks of a failed job may write for a moment after Spark has answered, also into what was removed. */
static void clear_staging(const char *staging)
{
    for (int tries = 0; tries < CLEAR_TRIES; tries++) {
        struct err ignored = {0};

        if (fs_remove_tree(staging, &ignored) == 0 && !fs_exists(staging))
            return;
        stop_wait_ms(CLEAR_EVERY_MS);
    }
    log_debug("\"%s\" is left to the end of the stage", staging);
}

static int run_spark(struct engine *engine, const struct engine_tables *tables,
                     struct engine_job *jobs, size_t count, struct journal *journal,
                     struct err *err)
{
    struct spark_engine *impl = engine->impl;
    struct planned **planned = mem_alloc((count + 1) * sizeof *planned);
    bool *had_failed = mem_alloc(count + 1);
    int done;

    for (size_t i = 0; i < count; i++)
        had_failed[i] = jobs[i].failed;
    impl->staging = count > 0 ? mem_fmt("%s/spark", jobs[0].temp_dir) : NULL;
    done = run_all(impl, tables, jobs, count, journal, planned, err);
    if (impl->staging)
        clear_staging(impl->staging);
    free(impl->staging);
    impl->staging = NULL;
    pthread_mutex_lock(&impl->lock);
    impl->stopped = false; /* one that came too late stops nothing */
    pthread_mutex_unlock(&impl->lock);
    for (size_t i = 0; i < count && done < 0; i++) {
        spark_output_undo(&jobs[i]);
        jobs[i].failed = had_failed[i];
    }
    if (done < 0) /* the session has waited for the server already */
        err->retriable = false;
    free(had_failed);
    free(planned);
    return done;
}

static int probe_spark(struct engine *engine, struct buf *to, struct err *err)
{
    struct spark_engine *impl = engine->impl;

    TRY(ensure_session(impl, err));
    buf_printf(to, ": Spark %s answers", spark_session_version(&impl->session));
    return 0;
}

static int try_spark_dir(struct engine *engine, const char *dir, struct err *err)
{
    struct spark_engine *impl = engine->impl;

    TRY(ensure_session(impl, err));
    return spark_try_dir(&impl->session, impl->roots, impl->root_count, dir, err);
}

const struct engine_ops engine_spark = {
    .name = "spark",
    .summary = "Apache Spark 4 by Spark Connect",
    .open = open_spark,
    .run = run_spark,
    .probe = probe_spark,
    .try_dir = try_spark_dir,
    .interrupt = interrupt_spark,
    .close = close_spark,
};
