/*
 * Wires broker → queue folders → streaming queries. All files in a queue that were not read yet are of one schema:
 * before a file of another one is handed over, the query reads the rest, and is started anew with what the other
 * schema needs.
 */
#include "river/stream.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/stop.h"
#include "base/str.h"
#include "db/ledger.h"
#include "engine/spark_streams.h"
#include "river/consume.h"
#include "river/outputs.h"
#include "river/stream_record.h"
#include "river/transform.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

#define HIDDEN ".stream" /* folders of ours beside those of resources and tables */
#define LOOK_MS 1000     /* how often a query is asked how far it is */
#define WAIT_MS 200      /* for one that ends by itself */

/* One table's query. */
struct stream {
    const struct table_conf *table;
    struct spark_place place; /* owns its texts */
    struct stream_record record;
    struct spark_query query;           /* NULL ids: it does not run, as far as is known */
    struct spark_definition definition; /* of record.schema; sql NULL: not made yet */
};

struct streaming {
    struct river *river;
    struct journal journal;
    struct lock lock;        /* of this state */
    struct lock folder_lock; /* of the tables' folder: hosts may share it */
    struct lock transform_lock;
    struct engine_root roots[2];
    struct spark_streams spark;
    struct stream *items;
    size_t count;
    bool follow;
    int64_t looked_ms;
};

/* ---- opening and closing ---- */

static void stream_close(struct stream *stream)
{
    free((void *)(uintptr_t)stream->place.name);
    free((void *)(uintptr_t)stream->place.queue_dir);
    free((void *)(uintptr_t)stream->place.dir);
    free((void *)(uintptr_t)stream->place.checkpoint_dir);
    stream_record_close(&stream->record);
    spark_query_close(&stream->query);
    spark_definition_close(&stream->definition);
}

static void streaming_close(struct streaming *streaming)
{
    spark_streams_close(&streaming->spark);
    for (size_t i = 0; i < streaming->count; i++)
        stream_close(&streaming->items[i]);
    free(streaming->items);
    journal_close(&streaming->journal);
    lock_close(&streaming->transform_lock);
    lock_close(&streaming->folder_lock);
    lock_close(&streaming->lock);
}

static int refuse_mixture(void *ctx, const struct known_file *file, struct err *err)
{
    (void)ctx;
    err_set(err, ERR_USAGE, "table \"%s\" has files that batches have made", file->subject);
    return err_hint(err, "Give the streaming table another name, or another transform.dir and "
                         "state: a reader would see either the ones or the others.");
}

int stream_refuse_batch(struct journal *journal, const char *table, struct err *err)
{
    AUTO(stream_record) record = {0};
    const int got = stream_record_get(journal, table, &record, err);

    if (got <= 0)
        return got;
    err_set(err, ERR_USAGE, "table \"%s\" was made by a streaming query", table);
    return err_hint(err, "Set transform.mode: streaming, or give the table another name: a reader "
                         "would see either the ones or the others.");
}

static int stream_open(struct stream *stream, const struct table_conf *table,
                       struct streaming *streaming, struct err *err)
{
    const struct pipeline *conf = &streaming->river->conf;

    stream->table = table;
    stream->place = (struct spark_place){
        .name = mem_fmt("riacho %s %s", conf->name, table->name),
        .queue_dir = mem_fmt("%s/" HIDDEN "/%s", conf->landing.dir, table->name),
        .dir = fs_join(conf->transform.dir, table->name),
        .checkpoint_dir = mem_fmt("%s/" HIDDEN "/%s", conf->transform.dir, table->name),
    };
    TRY(ledger_each(&streaming->journal, "transform", table->name, 0, 1, NULL, refuse_mixture,
                    err));
    TRY(fs_make_dirs(stream->place.queue_dir, 0777, err));
    TRY(fs_make_dirs(stream->place.dir, 0777, err));
    TRY(stream_record_get(&streaming->journal, table->name, &stream->record, err) < 0 ? -1 : 0);
    return 0;
}

static int lock_folder(struct streaming *streaming, struct err *err)
{
    char *dir = fs_join(streaming->river->conf.transform.dir, HIDDEN);
    char *path = fs_join(dir, "lock");
    int got = fs_make_dirs(dir, 0777, err);

    if (got == 0)
        got = lock_try(&streaming->folder_lock, path, err);
    if (got == 0) {
        err_set(err, ERR_LOCKED, "another process streams into \"%s\"",
                streaming->river->conf.transform.dir);
        got = err_hint(err, "One at a time does: stop the other one first.");
    }
    free(path);
    free(dir);
    return got < 0 ? -1 : 0;
}

static int streaming_open(struct streaming *streaming, struct river *river, struct err *err)
{
    const struct transform_conf *conf = &river->conf.transform;

    streaming->river = river;
    streaming->roots[0] =
        (struct engine_root){.dir = river->conf.landing.dir, .elsewhere = conf->roots.landing};
    streaming->roots[1] = (struct engine_root){.dir = conf->dir, .elsewhere = conf->roots.adjusted};
    spark_streams_open(&streaming->spark, conf->remote, streaming->roots, 2);
    TRY(journal_lock(&river->journal, "streams", &streaming->lock, err));
    TRY(river_lock_transform(river, &streaming->transform_lock, err));
    TRY(lock_folder(streaming, err));
    TRY(journal_share(&river->journal, &streaming->journal, err));
    streaming->items = mem_alloc(conf->table_count * sizeof *streaming->items);
    for (size_t i = 0; i < conf->table_count; i++) {
        streaming->count++;
        TRY(stream_open(&streaming->items[i], &conf->tables[i], streaming, err));
    }
    return 0;
}

/* ---- the session ---- */

static int ready(struct streaming *streaming, struct err *err)
{
    char *known = NULL;
    int done;

    if (streaming->spark.session.impl)
        return 0;
    TRY(stream_session_get(&streaming->journal, &known, err) < 0 ? -1 : 0);
    done = spark_streams_ready(&streaming->spark, known, err);
    /* Before any query runs in it, so that it is found again whatever happens. */
    if (done == 0 && !str_same(known, spark_session_id(&streaming->spark.session)))
        done = stream_session_put(&streaming->journal, spark_session_id(&streaming->spark.session),
                                  err);
    free(known);
    return done;
}

/* After a failure: a server that was restarted runs none of the queries. */
static int fail(struct streaming *streaming, struct err *err)
{
    if (spark_streams_are_lost(&streaming->spark))
        for (size_t i = 0; i < streaming->count; i++)
            spark_query_close(&streaming->items[i].query);
    err->retriable = false; /* the session has waited for the server already */
    return -1;
}

/* ---- what a query does ---- */

/* The schema by its fingerprint, from the state or, where another host extracts, from beside the landing. */
static int define(struct streaming *streaming, struct stream *stream, struct err *err)
{
    const struct ref input = {.subject = stream->table->from, .schema = stream->record.schema};
    AUTO(jobs) jobs = {0};
    AUTO(tables) tables = {0};

    if (stream->definition.sql)
        return 0;
    jobs_open(&jobs, 1);
    jobs.items[0].input = &input;
    TRY(jobs_find_schemas(&jobs, 0, streaming->river, &streaming->journal, err));
    if (jobs.items[0].failed) {
        *err = jobs.items[0].err;
        return -1;
    }
    tables_of(streaming->river, stream->table->from, stream->table->name, &tables);
    TRY(ready(streaming, err));
    return spark_streams_define(&streaming->spark, &tables.engine, jobs.items[0].schema,
                                jobs.items[0].known, &streaming->journal, &stream->definition, err);
}

/* ---- progress ---- */

struct counting {
    struct streaming *streaming;
    struct stream *stream;
    int64_t distance;
};

static int see_distance(void *ctx, const char *json, struct err *err)
{
    struct counting *counting = ctx;

    (void)err;
    counting->distance = stream_record_distance(&counting->stream->record, json);
    return 0;
}

static int count_batch(void *ctx, const char *json, struct err *err)
{
    struct counting *counting = ctx;
    const int64_t rows = stream_record_add(&counting->stream->record, json);

    (void)err;
    atomic_fetch_add(&counting->streaming->river->transform.rows, rows);
    return 0;
}

/* Brings the record up to what the server tells. */
static int look_at_progress(struct streaming *streaming, struct stream *stream, struct err *err)
{
    struct counting counting = {.streaming = streaming, .stream = stream};
    const int64_t before = stream->record.last_batch;
    struct spark_session *session = &streaming->spark.session;

    TRY(spark_query_progress(session, &stream->query, false, see_distance, &counting, err));
    if (counting.distance > 0)
        TRY(spark_query_progress(session, &stream->query, true, count_batch, &counting, err));
    return stream->record.last_batch == before
               ? 0
               : stream_record_put(&streaming->journal, &stream->record, err);
}

static int note_status(struct streaming *streaming, struct stream *stream, const char *status,
                       const char *error, struct err *err)
{
    mem_replace(&stream->record.status, status);
    mem_replace(&stream->record.error, error);
    return stream_record_put(&streaming->journal, &stream->record, err);
}

/* It has ended, by itself or by a fault, which is told. */
static int see_end(struct streaming *streaming, struct stream *stream, struct err *err)
{
    int done = look_at_progress(streaming, stream, err);

    if (done == 0)
        done = spark_streams_blame(&streaming->spark, &stream->query, err);
    spark_query_close(&stream->query);
    if (done == 0)
        return note_status(streaming, stream, "done", NULL, err);
    if (err->code == ERR_SQL) {
        struct err also = {0};

        err_wrap(err, "table \"%s\"", stream->table->name);
        if (note_status(streaming, stream, "failed", err->text, &also) < 0)
            log_debug("could not note the failure: %s", also.text);
    }
    return -1;
}

/* ---- starting and stopping ---- */

static int stop_query(struct streaming *streaming, struct stream *stream, struct err *err)
{
    if (stream->query.id == NULL)
        return 0;
    TRY(spark_query_stop(&streaming->spark.session, &stream->query, err));
    TRY(look_at_progress(streaming, stream, err));
    spark_query_close(&stream->query);
    return note_status(streaming, stream, "stopped", NULL, err);
}

/* Looks for what a process that was killed has left running. */
static int find_query(struct streaming *streaming, struct stream *stream, struct err *err)
{
    int found;

    if (stream->query.id)
        return 0;
    TRY(ready(streaming, err));
    found = spark_query_find(&streaming->spark.session, stream->place.name, &stream->query, err);
    return found < 0 ? -1 : 0;
}

static bool is_as_wanted(const struct stream *stream, int64_t interval_ms)
{
    return stream->query.id && str_same(stream->record.run_id, stream->query.run_id) &&
           str_same(stream->record.definition, stream->definition.sha256) &&
           stream->record.interval_ms == interval_ms;
}

static int note_start(struct streaming *streaming, struct stream *stream, int64_t interval_ms,
                      struct err *err)
{
    struct stream_record *record = &stream->record;

    /* Another checkpoint begins its batches anew. */
    if (record->query_id && !str_same(record->query_id, stream->query.id))
        record->last_batch = -1;
    mem_replace(&record->query_id, stream->query.id);
    mem_replace(&record->run_id, stream->query.run_id);
    mem_replace(&record->definition, stream->definition.sha256);
    record->interval_ms = interval_ms;
    return note_status(streaming, stream, "running", NULL, err);
}

/* The query runs after it, as the definition and the trigger (0: until it has read all) want it. */
static int start_query(struct streaming *streaming, struct stream *stream, int64_t interval_ms,
                       struct err *err)
{
    TRY(define(streaming, stream, err));
    TRY(find_query(streaming, stream, err));
    if (is_as_wanted(stream, interval_ms)) {
        log_info("transform: the streaming query of \"%s\" runs already; following it",
                 stream->table->name);
        return note_status(streaming, stream, "running", NULL, err);
    }
    TRY(stop_query(streaming, stream, err));
    if (spark_streams_start(&streaming->spark, &stream->place, &stream->definition, interval_ms,
                            &stream->query, err) < 0)
        return err_wrap(err, "could not start the streaming query of \"%s\"", stream->table->name);
    return note_start(streaming, stream, interval_ms, err);
}

/* Has the query read all that is in the queue. */
static int drain(struct streaming *streaming, struct stream *stream, struct err *err)
{
    int runs = 1;

    if (stream->record.is_drained)
        return 0;
    TRY(start_query(streaming, stream, 0, err));
    while (runs == 1) {
        runs = spark_query_runs(&streaming->spark.session, &stream->query, err);
        TRY(runs);
        TRY(look_at_progress(streaming, stream, err));
        if (runs == 1 && stop_wait_ms(WAIT_MS)) {
            TRY(stop_query(streaming, stream, err));
            return err_set(err, ERR_STOPPED, "stopped; run again to go on from where it was");
        }
    }
    TRY(see_end(streaming, stream, err));
    stream->record.is_drained = true;
    return stream_record_put(&streaming->journal, &stream->record, err);
}

/* ---- handing over ---- */

/* From here on files of that schema may be in the queue. */
static int turn_to_schema(struct streaming *streaming, struct stream *stream, const char *schema,
                          struct err *err)
{
    if (!str_same(stream->record.schema, schema)) {
        TRY(drain(streaming, stream, err));
        TRY(find_query(streaming, stream, err));
        TRY(stop_query(streaming, stream, err));
        spark_definition_close(&stream->definition);
        mem_replace(&stream->record.schema, schema);
        TRY(define(streaming, stream, err));
    } else if (!stream->record.is_drained)
        return 0;
    stream->record.is_drained = false;
    return stream_record_put(&streaming->journal, &stream->record, err);
}

/* A name that is there already was handed over before a crash. */
static int link_file(const struct work *work, const struct stream *stream, struct err *err)
{
    const char *slash = strrchr(work->path, '/');
    char *to = fs_join(stream->place.queue_dir, slash ? slash + 1 : work->path);
    int linked = link(work->path, to);

    if (linked != 0 && errno == EEXIST)
        linked = 0;
    if (linked != 0) {
        err_errno(err, "could not link \"%s\" to \"%s\"", work->path, to);
        err_hint(err, "The landing must be on a file system that has hard links.");
    }
    free(to);
    return linked;
}

static int hand_over(struct streaming *streaming, struct stream *stream, struct work *const *works,
                     size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!str_same(works[i]->ref.subject, stream->table->from))
            continue;
        TRY(turn_to_schema(streaming, stream, works[i]->ref.schema, err));
        TRY(link_file(works[i], stream, err));
    }
    return fs_sync_dir(stream->place.queue_dir, err);
}

static int keep_running(struct streaming *streaming, struct err *err)
{
    for (size_t i = 0; i < streaming->count; i++) {
        struct stream *stream = &streaming->items[i];

        if (stream->record.schema && stream->query.id == NULL)
            TRY(start_query(streaming, stream, streaming->river->conf.every_ms, err));
    }
    return 0;
}

static int stream_group(void *ctx, struct work *const *works, size_t count, struct step *step,
                        struct err *err)
{
    struct streaming *streaming = ctx;

    (void)step; /* a reference is worked off once its file is in the queues */
    for (size_t i = 0; i < streaming->count; i++)
        if (hand_over(streaming, &streaming->items[i], works, count, err) < 0)
            return fail(streaming, err);
    if (streaming->follow && keep_running(streaming, err) < 0)
        return fail(streaming, err);
    atomic_fetch_add(&streaming->river->transform.files, (long long)count);
    return 0;
}

/* ---- following ---- */

static int look_at(struct streaming *streaming, struct stream *stream, struct err *err)
{
    const int runs = spark_query_runs(&streaming->spark.session, &stream->query, err);

    TRY(runs);
    return runs ? look_at_progress(streaming, stream, err) : see_end(streaming, stream, err);
}

/* Between references: every query runs, and the state knows how far it is. */
static int look_at_all(void *ctx, struct err *err)
{
    struct streaming *streaming = ctx;

    if (!streaming->follow || clock_monotonic_ms() - streaming->looked_ms < LOOK_MS)
        return 0;
    if (keep_running(streaming, err) < 0)
        return fail(streaming, err);
    for (size_t i = 0; i < streaming->count; i++)
        if (streaming->items[i].query.id && look_at(streaming, &streaming->items[i], err) < 0)
            return fail(streaming, err);
    streaming->looked_ms = clock_monotonic_ms();
    return 0;
}

/* ---- the end ---- */

static int drain_all(struct streaming *streaming, struct err *err)
{
    for (size_t i = 0; i < streaming->count; i++)
        if (drain(streaming, &streaming->items[i], err) < 0)
            return fail(streaming, err);
    return 0;
}

/* Nothing of ours is left on the server. What cannot be stopped, since it is away, ended or will be found again. */
static void stop_all(struct streaming *streaming)
{
    struct err why = {0};
    int stopped = 0;

    for (size_t i = 0; i < streaming->count && stopped == 0; i++)
        stopped = stop_query(streaming, &streaming->items[i], &why);
    if (stopped == 0 && streaming->spark.session.impl)
        stopped = stream_session_put(&streaming->journal, NULL, &why);
    if (stopped < 0)
        log_warn("transform: a streaming query could not be stopped: %s", why.text);
}

static int run(struct streaming *streaming, const atomic_bool *upstream_done, struct err *err)
{
    struct river *river = streaming->river;

    TRY(consume(&(struct consumer){.river = river,
                                   .journal = &streaming->journal,
                                   .group = TRANSFORM_GROUP,
                                   .topic = river->landed_topic,
                                   .live = &river->transform,
                                   .follow = streaming->follow,
                                   .upstream_done = upstream_done,
                                   .ctx = streaming,
                                   .work_off = stream_group,
                                   .between = look_at_all},
                err));
    return streaming->follow ? 0 : drain_all(streaming, err);
}

int stream_all(struct river *river, bool follow, const atomic_bool *upstream_done, struct err *err)
{
    AUTO(streaming) streaming = {.follow = follow};
    int done;

    TRY(streaming_open(&streaming, river, err));
    done = run(&streaming, upstream_done, err);
    stop_all(&streaming);
    return done;
}
