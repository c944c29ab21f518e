/*
 * Wires broker → engine → journal for the tables of the pipeline.
 */
#include "river/transform.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/staging.h"
#include "engine/parquet_rows.h"
#include "river/consume.h"
#include "river/interrupter.h"
#include "river/outputs.h"
#include "river/stream.h"

#include <stdlib.h>

#include "base/banned.h"

struct transform {
    struct river *river;
    struct journal journal;
    struct engine engine;
    struct parquet_rows rows;
    struct staging staging;
    struct lock lock; /* shared with other consumers; a replay takes it alone */
};

static void transform_close(struct transform *transform)
{
    engine_close(&transform->engine);
    parquet_rows_close(&transform->rows);
    staging_close(&transform->staging);
    journal_close(&transform->journal);
    lock_close(&transform->lock);
}

/* Adds a job's outputs to the step, each under the name that its input and table decide. */
static void add_outputs(struct transform *transform, const struct engine_job *job,
                        struct step *step)
{
    struct consume_live *live = &transform->river->transform;

    for (const struct engine_output *output = job->outputs; output; output = output->next) {
        output_add(transform->river, job->input, output, NULL, step);
        atomic_fetch_add(&live->files, 1);
        atomic_fetch_add(&live->rows, output->rows);
        atomic_fetch_add(&live->bytes, output->bytes);
    }
}

/* Works off the references of one resource, which are the first `count` of `works`. */
static int transform_resource(struct transform *transform, struct work *const *works, size_t count,
                              struct step *step, struct err *err)
{
    AUTO(jobs) jobs = {0};
    AUTO(tables) tables = {0};

    tables_of(transform->river, works[0]->ref.subject, NULL, &tables);
    if (tables_are_none(&tables))
        return 0;
    jobs_open(&jobs, count);
    for (size_t i = 0; i < count; i++) {
        struct engine_job *job = &jobs.items[i];

        *job = (struct engine_job){.input = &works[i]->ref,
                                   .input_path = works[i]->path,
                                   .temp_dir = transform->staging.dir};
        TRY(jobs_find_schemas(&jobs, i, transform->river, &transform->journal, err));
    }
    TRY(engine_run(&transform->engine, &tables.engine, jobs.items, count, &transform->journal,
                   err));
    for (size_t i = 0; i < count; i++) {
        if (!jobs.items[i].failed) {
            works[i]->failed = false;
            add_outputs(transform, &jobs.items[i], step);
            continue;
        }
        works[i]->failed = true;
        works[i]->err = jobs.items[i].err;
    }
    return 0;
}

static int transform_group(void *ctx, struct work *const *works, size_t count, struct step *step,
                           struct err *err)
{
    struct transform *transform = ctx;
    struct work *sorted[CONSUME_MOST];
    size_t left = count;

    for (size_t i = 0; i < count; i++)
        sorted[i] = works[i];
    while (left > 0) {
        const char *resource = sorted[0]->ref.subject;
        size_t same = 0;

        for (size_t i = 0; i < left; i++)
            if (str_same(sorted[i]->ref.subject, resource)) {
                struct work *swap = sorted[same];

                sorted[same++] = sorted[i];
                sorted[i] = swap;
            }
        TRY(transform_resource(transform, sorted, same, step, err));
        for (size_t i = same; i < left; i++)
            sorted[i - same] = sorted[i];
        left -= same;
    }
    return 0;
}

static int count_rows(void *ctx, const char *path, int64_t *ret_rows, struct err *err)
{
    struct transform *transform = ctx;

    return parquet_rows_count(&transform->rows, path, ret_rows, err);
}

static int transform_open(struct transform *transform, struct river *river, struct err *err)
{
    transform->river = river;
    for (size_t i = 0; i < river->conf.transform.table_count; i++)
        TRY(stream_refuse_batch(&river->journal, river->conf.transform.tables[i].name, err));
    TRY(river_lock_transform(river, &transform->lock, err));
    TRY(journal_share(&river->journal, &transform->journal, err));
    TRY(staging_open(&transform->staging, river->conf.transform.dir, river->journal.process, err));
    return outputs_open_engine(river, engine_of(river->conf.transform.engine),
                               transform->staging.dir, &transform->engine, err);
}

int transform_all(struct river *river, bool follow, const atomic_bool *upstream_done,
                  struct err *err)
{
    AUTO(transform) transform = {0};
    AUTO(interrupter) interrupter = {0};

    if (river->conf.transform.mode == TRANSFORM_STREAMING)
        return stream_all(river, follow, upstream_done, err);
    TRY(transform_open(&transform, river, err));
    interrupter_open(&interrupter, &transform.engine);
    return consume(&(struct consumer){.river = river,
                                      .journal = &transform.journal,
                                      .group = TRANSFORM_GROUP,
                                      .topic = river->landed_topic,
                                      .live = &river->transform,
                                      .follow = follow,
                                      .upstream_done = upstream_done,
                                      .ctx = &transform,
                                      .work_off = transform_group,
                                      .count_rows = count_rows},
                   err);
}
