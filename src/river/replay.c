/*
 * A replay: the engine runs over the landing files of one table; each output gets the next generation's
 * name and stands in for the one before.
 */
#include "river/replay.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include "base/str.h"
#include "db/dead.h"
#include "db/ledger.h"
#include "db/messages.h"
#include "db/recover.h"
#include "db/staging.h"
#include "river/check.h"
#include "river/outputs.h"
#include "river/transform.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define LONGEST_WAIT_MS 60000
#define RETRY_EVERY_MS 50

struct replay {
    struct river *river;
    const char *table;
    const char *resource;
    struct lock lock;
    struct staging staging;
    struct engine engine;
    struct tables tables;
    struct journal columns; /* as today's definition makes them */
    struct step step;
    int64_t generation; /* of the new files */
    struct replayed done;
};

static void replay_close(struct replay *replay)
{
    step_close(&replay->step);
    journal_close(&replay->columns);
    tables_close(&replay->tables);
    engine_close(&replay->engine);
    staging_close(&replay->staging);
    lock_close(&replay->lock);
}

static int find_resource(struct replay *replay, struct err *err)
{
    const struct pipeline *conf = &replay->river->conf;

    TRY(pipeline_check_table(conf, replay->table, err));
    for (size_t i = 0; i < conf->source.resource_count; i++)
        if (pipeline_makes_table(conf, replay->table, conf->source.resources[i].name))
            replay->resource = conf->source.resources[i].name;
    return 0;
}

/* Looks at one output that is there: its generation, and whether its landing file is. */
static int look_at_origin(void *ctx, const char *id, struct err *err)
{
    struct replay *replay = ctx;
    AUTO(known_file) landed = {0};
    const int found = ledger_find(&replay->river->journal, id, &landed, err);

    TRY(found);
    if (found == 0 || landed.removed)
        replay->done.kept++;
    return 0;
}

static int look_at_output(void *ctx, const struct known_file *file, struct err *err)
{
    struct replay *replay = ctx;
    const char *mark = strrchr(file->id, '.');

    if (mark && mark[1] == 'g') {
        const int64_t generation = strtoll(mark + 2, NULL, 10);

        if (generation >= replay->generation)
            replay->generation = generation + 1;
    }
    return ledger_origins(&replay->river->journal, file->seq, ctx, look_at_origin, err);
}

static void add_output(struct replay *replay, const struct engine_job *job,
                       const struct engine_output *output, const struct known_file *old)
{
    char *generation = mem_fmt("g%" PRId64, replay->generation);
    char *old_path = old->path ? fs_join(replay->river->conf.transform.dir, old->path) : NULL;

    output_add(replay->river, job->input, output,
               &(struct output_replay){.generation = generation,
                                       .replaces_id = old->id,
                                       .replaces_path = old_path},
               &replay->step);
    replay->done.files++;
    replay->done.rows += output->rows;
    free(old_path);
    free(generation);
}

/* Runs the engine over one landing file, and takes its output into the step. */
static int remake(struct replay *replay, const struct ref *ref, const struct known_file *old,
                  struct err *err)
{
    AUTO(jobs) jobs = {0};
    struct engine_job *job;
    char *path = NULL;
    int made;

    TRY(check_file(replay->river, ref, &path, err));
    jobs_open(&jobs, 1);
    job = &jobs.items[0];
    *job = (struct engine_job){.input = ref, .input_path = path, .temp_dir = replay->staging.dir};
    made = jobs_find_schemas(&jobs, 0, replay->river, &replay->river->journal, err);
    if (made == 0 && !job->failed)
        made = engine_run(&replay->engine, &replay->tables.engine, job, 1, &replay->columns, err);
    free(path);
    job->input_path = NULL;
    TRY(made);
    if (job->failed) {
        *err = job->err;
        return err_wrap(err, "\"%s\"", ref->id);
    }
    for (const struct engine_output *output = job->outputs; output; output = output->next)
        if (str_same(output->table, replay->table))
            add_output(replay, job, output, old);
    return 0;
}

/* One landing file. What the transform has not reached yet, or gave up as dead, is left to it. */
static int replay_file(void *ctx, const struct known_file *landed, struct err *err)
{
    struct replay *replay = ctx;
    struct journal *journal = &replay->river->journal;
    AUTO(known_file) old = {0};
    AUTO(ref) ref = {0};
    int done;
    int dead;

    if (stop_asked())
        return err_set(err, ERR_STOPPED, "stopped; the table is as it was");
    done = messages_is_consumed(journal, TRANSFORM_GROUP, landed->id, err);
    TRY(done);
    dead = dead_is_open(journal, TRANSFORM_GROUP, landed->id, err);
    TRY(dead);
    if (done == 0 || dead == 1)
        return 0;
    TRY(ledger_output(journal, landed->id, "transform", replay->table, &old, err));
    TRY(ref_read(landed->event, strlen(landed->event), &ref, err));
    return remake(replay, &ref, &old, err);
}

static int open_replay(struct replay *replay, struct err *err)
{
    struct river *river = replay->river;

    TRY(find_resource(replay, err));
    TRY(river_lock_to_replay(river, &replay->lock, err));
    TRY(staging_open(&replay->staging, river->conf.transform.dir, river->journal.process, err));
    TRY(outputs_open_engine(river, engine_of(river->conf.transform.engine), replay->staging.dir,
                            &replay->engine, err));
    tables_of(river, replay->resource, replay->table, &replay->tables);
    TRY(journal_open_columns(&replay->columns, err));
    step_open(&replay->step);
    replay->generation = 2;
    return ledger_each(&river->journal, "transform", replay->table, 0, 0, replay, look_at_output,
                       err);
}

/* An export may be about to end its work on a file that goes: that takes it moments, or it died. */
static int commit_replay(struct replay *replay, struct err *err)
{
    struct journal *journal = &replay->river->journal;
    const int64_t until_ms = clock_monotonic_ms() + LONGEST_WAIT_MS;

    for (;;) {
        struct buried buried;
        const int committed = step_commit(&replay->step, journal, NULL, err);

        if (committed >= 0 || err->code != ERR_LOCKED || !err->retriable || stop_asked() ||
            clock_monotonic_ms() > until_ms)
            return committed;
        stop_wait_ms(RETRY_EVERY_MS);
        TRY(journal_bury_dead(journal, true, &buried, err));
    }
}

/* Types are fixed anew, and change with the files. */
static int add_columns(struct replay *replay, struct err *err)
{
    struct fixed_column *columns = NULL;
    size_t count = 0;

    TRY(journal_columns(&replay->columns, replay->table, &columns, &count, err));
    step_add_columns(&replay->step, replay->table, columns, count);
    fixed_columns_free(columns, count);
    return 0;
}

static int remake_all(struct replay *replay, struct err *err)
{
    int committed;

    TRY(ledger_each(&replay->river->journal, "extract", replay->resource, 0, 0, replay, replay_file,
                    err));
    TRY(add_columns(replay, err));
    committed = commit_replay(replay, err);
    if (committed == 0)
        return err_set(err, ERR_IO, "a file of generation %" PRId64 " is there already",
                       replay->generation);
    return committed < 0 ? -1 : 0;
}

static int refuse_streaming(const struct river *river, struct err *err)
{
    if (river->conf.transform.mode != TRANSFORM_STREAMING)
        return 0;
    err_set(err, ERR_USAGE, "a streaming table has no replay: Spark's own log tells what it read");
    return err_hint(err, "Give the table another name: it is made of what lands from then on. Or "
                         "use mode: batch.");
}

int replay_table(struct river *river, const char *table, struct replayed *ret_replayed,
                 struct err *err)
{
    AUTO(replay) replay = {.river = river, .table = table};

    TRY(refuse_streaming(river, err));
    TRY(open_replay(&replay, err));
    if (remake_all(&replay, err) < 0)
        return err_wrap(err, "could not make \"%s\" anew", table);
    *ret_replayed = replay.done;
    return 0;
}
