/*
 * The embedded engine. One locked DuckDB instance that uses the threads which call it and none besides:
 * files are many and mostly small, so several are worked off at a time, each by one thread. That is
 * faster than several threads on one file, and what a thread needs of memory is known.
 */
#include "base/mem.h"
#include "base/str.h"
#include "engine/duckdb_batch.h"
#include "engine/duckdb_describe.h"
#include "engine/duckdb_gather.h"
#include "engine/table_planner.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define MOST_WORKERS 8
#define SMALL_ROWS 5000                   /* files up to here are small … */
#define SMALL_BYTES ((int64_t)1 << 20)    /* … and up to here */
#define BATCH_BYTES ((int64_t)4 << 20)    /* of small files that are worked off together */
#define LARGE_MEMORY ((int64_t)192 << 20) /* what a large file may need */

struct duckdb_engine {
    struct duck duck;
    struct duck_conn conns[MOST_WORKERS]; /* one per worker; the first is also the planner's */
    size_t workers;
    size_t large_workers; /* how many at most have a large file in hand */
    struct table_cache cache;
    atomic_bool stopped; /* interrupt() was called; a run that it ended clears it */
};

/* ---- open, interrupt, close ---- */

static void duckdb_engine_close(struct duckdb_engine *impl)
{
    for (size_t i = 0; i < MOST_WORKERS; i++)
        duck_conn_close(&impl->conns[i]);
    duck_close(&impl->duck);
    table_cache_close(&impl->cache);
}

static size_t clamp(int64_t number, size_t most)
{
    return number < 1 ? 1 : number > (int64_t)most ? most : (size_t)number;
}

static int open_parts(struct duckdb_engine *impl, const struct engine_conf *conf, struct err *err)
{
    const struct duck_conf duck_conf = {.memory_bytes = conf->memory_bytes,
                                        .threads = 1,
                                        .temp_dir = conf->temp_dir,
                                        .allowed_dirs = conf->dirs,
                                        .allowed_count = conf->dir_count,
                                        .locked = true};

    TRY(duck_open(&impl->duck, &duck_conf, err));
    impl->workers = clamp(sysconf(_SC_NPROCESSORS_ONLN), MOST_WORKERS);
    impl->large_workers = conf->memory_bytes > 0
                              ? clamp(conf->memory_bytes / LARGE_MEMORY, impl->workers)
                              : impl->workers;
    for (size_t i = 0; i < impl->workers; i++)
        TRY(duck_connect(&impl->duck, &impl->conns[i], err));
    return gathered_register(&impl->conns[0], err);
}

static int open_duckdb(struct engine *engine, const struct engine_conf *conf, struct err *err)
{
    struct duckdb_engine *impl = mem_alloc(sizeof *impl);

    if (open_parts(impl, conf, err) < 0) {
        duckdb_engine_close(impl);
        free(impl);
        return -1;
    }
    engine->impl = impl;
    return 0;
}

static void interrupt_duckdb(struct engine *engine)
{
    struct duckdb_engine *impl = engine->impl;

    atomic_store(&impl->stopped, true);
    for (size_t i = 0; i < impl->workers; i++)
        duckdb_interrupt(impl->conns[i].conn);
}

static void close_duckdb(struct engine *engine)
{
    struct duckdb_engine *impl = engine->impl;

    duckdb_engine_close(impl);
    free(impl);
    engine->impl = NULL;
}

/* ---- planning ---- */

static int describe(void *ctx, const struct engine_job *job, struct table_plan *plan,
                    struct err *err)
{
    struct duckdb_engine *impl = ctx;
    char *input = duckdb_input_sql(job);
    const int done = duckdb_describe(&impl->conns[0], input, plan, err);

    free(input);
    return done;
}

/* ---- many jobs ---- */

/* Shared by the workers of one call. */
struct crew {
    struct duckdb_engine *impl;
    struct engine_job *jobs;
    struct planned **planned; /* of each job; NULL: nothing to do */
    size_t count;
    pthread_mutex_t lock; /* guards everything below */
    bool *is_taken;
    bool *had_failed; /* before the call: left alone */
    bool *is_left;    /* memory ran out while others were at work: again, alone */
    size_t large;     /* workers with a large file in hand */
    size_t small;     /* small files there were at first */
    bool has_failed;
    struct err err;
};

struct worker {
    struct crew *crew;
    struct duck_conn *conn;
    pthread_t thread;
};

static bool is_large(const struct engine_job *job)
{
    return job->input->rows > SMALL_ROWS || job->input->bytes > SMALL_BYTES;
}

/* What a worker has in hand: one job, or small ones of the same plans. */
struct load {
    size_t indexes[DUCKDB_BATCH_MOST];
    size_t count;
    int64_t bytes;
    bool is_large;
};

/* A large file first, if another may be in hand. */
static bool take_large(struct crew *crew, struct load *load)
{
    for (size_t i = 0; i < crew->count && crew->large < crew->impl->large_workers; i++) {
        if (crew->is_taken[i] || !is_large(&crew->jobs[i]))
            continue;
        crew->is_taken[i] = true;
        crew->large++;
        *load = (struct load){.indexes = {i}, .count = 1, .is_large = true};
        return true;
    }
    return false;
}

/* Whether a small job may be worked off together with the first one of the load. */
static bool goes_with(const struct crew *crew, const struct load *load, size_t index)
{
    const struct engine_job *job = &crew->jobs[index];
    const size_t first = load->indexes[0];

    return crew->planned[index] == crew->planned[first] &&
           duckdb_batch_may(crew->planned[index], job) &&
           load->bytes + job->input->bytes <= BATCH_BYTES;
}

/* So many small jobs of the same plans that every worker gets some. */
static bool take_small(struct crew *crew, struct load *load)
{
    const size_t share = clamp((int64_t)(crew->small / crew->impl->workers), DUCKDB_BATCH_MOST);
    size_t most = 1;

    *load = (struct load){0};
    for (size_t i = 0; i < crew->count && load->count < most; i++) {
        const struct engine_job *job = &crew->jobs[i];

        if (crew->is_taken[i] || is_large(job) || (load->count > 0 && !goes_with(crew, load, i)))
            continue;
        if (load->count == 0 && duckdb_batch_may(crew->planned[i], job))
            most = share;
        crew->is_taken[i] = true;
        load->indexes[load->count++] = i;
        load->bytes += job->input->bytes;
    }
    return load->count > 0;
}

/* The next work that may be begun now; 0 if there is none for this worker. */
static int take_load(struct crew *crew, struct load *load)
{
    int got;

    pthread_mutex_lock(&crew->lock);
    got = !crew->has_failed && (take_large(crew, load) || take_small(crew, load));
    pthread_mutex_unlock(&crew->lock);
    return got;
}

static void put_down(struct crew *crew, const struct load *load)
{
    pthread_mutex_lock(&crew->lock);
    crew->large -= load->is_large;
    pthread_mutex_unlock(&crew->lock);
}

/* How a job, or all of a batch, ended. */
static void note_end(struct crew *crew, size_t index, int done, const struct err *err)
{
    pthread_mutex_lock(&crew->lock);
    if (done < 0 && err->code == ERR_LIMIT)
        crew->is_left[index] = true;
    else if (done < 0 && !crew->has_failed) {
        crew->has_failed = true;
        crew->err = *err;
    }
    pthread_mutex_unlock(&crew->lock);
}

static void work_off_one(struct worker *worker, size_t index)
{
    struct crew *crew = worker->crew;
    struct err err = {0};
    const int done = duckdb_job_run(worker->conn, &crew->jobs[index], crew->planned[index],
                                    &crew->impl->stopped, &err);

    note_end(crew, index, done, &err);
}

static void work_off_many(struct worker *worker, const struct load *load)
{
    struct crew *crew = worker->crew;
    struct engine_job *jobs[DUCKDB_BATCH_MOST];
    bool is_left[DUCKDB_BATCH_MOST];
    struct err err = {0};

    for (size_t i = 0; i < load->count; i++)
        jobs[i] = &crew->jobs[load->indexes[i]];
    if (duckdb_batch_run(worker->conn, jobs, load->count, crew->planned[load->indexes[0]],
                         &crew->impl->stopped, is_left, &err) < 0) {
        note_end(crew, load->indexes[0], -1, &err);
        return;
    }
    for (size_t i = 0; i < load->count; i++)
        if (is_left[i])
            work_off_one(worker, load->indexes[i]);
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct load load;

    while (take_load(worker->crew, &load)) {
        if (load.count == 1)
            work_off_one(worker, load.indexes[0]);
        else
            work_off_many(worker, &load);
        put_down(worker->crew, &load);
    }
    return NULL;
}

/* The calling thread is the first worker. */
static void work_together(struct crew *crew, size_t jobs)
{
    struct duckdb_engine *impl = crew->impl;
    const size_t most = jobs < impl->workers ? jobs : impl->workers;
    struct worker workers[MOST_WORKERS];
    size_t started = 1;

    for (size_t i = 0; i < most; i++)
        workers[i] = (struct worker){.crew = crew, .conn = &impl->conns[i]};
    while (started < most &&
           pthread_create(&workers[started].thread, NULL, work, &workers[started]) == 0)
        started++;
    work(&workers[0]);
    for (size_t i = 1; i < started; i++)
        pthread_join(workers[i].thread, NULL);
}

static int work_alone(struct crew *crew, struct err *err)
{
    if (crew->has_failed) {
        *err = crew->err;
        return -1;
    }
    for (size_t i = 0; i < crew->count; i++)
        if (crew->is_left[i])
            TRY(duckdb_job_run(&crew->impl->conns[0], &crew->jobs[i], crew->planned[i],
                               &crew->impl->stopped, err));
    return 0;
}

/* Plans all jobs; those whose data or SQL is at fault have failed after it. */
static int plan_jobs(struct crew *crew, const struct engine_tables *tables, struct journal *journal,
                     size_t *ret_left, struct err *err)
{
    const struct table_planner planner = {.cache = &crew->impl->cache,
                                          .dialect = &dialect_duckdb,
                                          .describe = describe,
                                          .ctx = crew->impl};

    *ret_left = 0;
    for (size_t i = 0; i < crew->count; i++) {
        struct engine_job *job = &crew->jobs[i];
        struct err why = {0};

        crew->is_taken[i] = true;
        crew->had_failed[i] = job->failed;
        if (job->failed)
            continue;
        if (table_planner_plan(&planner, tables, job, journal, &crew->planned[i], &why) == 0) {
            crew->is_taken[i] = false;
            crew->small += !is_large(job);
            (*ret_left)++;
        } else if (duckdb_blames_data(&why))
            duckdb_job_fail(job, &why);
        else {
            *err = why;
            return -1;
        }
    }
    return 0;
}

static void crew_close(struct crew *crew)
{
    pthread_mutex_destroy(&crew->lock);
    free(crew->planned);
    free(crew->is_taken);
    free(crew->had_failed);
    free(crew->is_left);
}

static int run_all(struct crew *crew, const struct engine_tables *tables, struct journal *journal,
                   struct err *err)
{
    size_t left;

    table_cache_begin(&crew->impl->cache);
    TRY(plan_jobs(crew, tables, journal, &left, err));
    if (left > 0)
        work_together(crew, left);
    return work_alone(crew, err);
}

static int run_duckdb(struct engine *engine, const struct engine_tables *tables,
                      struct engine_job *jobs, size_t count, struct journal *journal,
                      struct err *err)
{
    struct duckdb_engine *impl = engine->impl;
    AUTO(crew)
    crew = {.impl = impl,
            .jobs = jobs,
            .count = count,
            .planned = mem_alloc(count * sizeof(void *)),
            .is_taken = mem_alloc(count),
            .had_failed = mem_alloc(count),
            .is_left = mem_alloc(count)};
    int done;

    pthread_mutex_init(&crew.lock, NULL);
    done = run_all(&crew, tables, journal, err);
    atomic_store(&impl->stopped, false); /* one that came too late stops nothing */
    for (size_t i = 0; i < count && done < 0; i++) {
        duckdb_job_undo(&jobs[i]);
        jobs[i].failed = crew.had_failed[i];
    }
    return done;
}

const struct engine_ops engine_duckdb = {
    .name = "duckdb",
    .summary = "DuckDB within the process; needs no server",
    .open = open_duckdb,
    .run = run_duckdb,
    .interrupt = interrupt_duckdb,
    .close = close_duckdb,
};
