/*
 * What DuckDB calls. A thread that has to stop (no batch left, misfit, failure) returns an empty
 * chunk, which ends its part of the COPY.
 */
#include "landing/feed_table.h"

#include "base/mem.h"
#include "db/duck_threads.h"
#include "landing/shred.h"
#include "landing/surrogates.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define FUNCTION "riacho_records"

/* ---- jobs by number ---- */

static pthread_mutex_t jobs_lock = PTHREAD_MUTEX_INITIALIZER; /* guards the three below */
static struct feed_job *jobs;
static int64_t last_number;

static struct feed_job *find_job(int64_t number)
{
    struct feed_job *job;

    pthread_mutex_lock(&jobs_lock);
    for (job = jobs; job && job->number != number; job = job->next)
        ;
    pthread_mutex_unlock(&jobs_lock);
    return job;
}

void feed_job_open(struct feed_job *job)
{
    pthread_mutex_lock(&jobs_lock);
    job->number = ++last_number;
    job->next = jobs;
    jobs = job;
    duck_threads_gives(job);
    pthread_mutex_unlock(&jobs_lock);
}

void feed_job_close(struct feed_job *job)
{
    struct feed_job **at = &jobs;

    if (job->number == 0)
        return;
    pthread_mutex_lock(&jobs_lock);
    duck_threads_took(job);
    while (*at && *at != job)
        at = &(*at)->next;
    if (*at)
        *at = job->next;
    pthread_mutex_unlock(&jobs_lock);
    job->number = 0;
}

/* ---- parsing ---- */

static int invalid_json(const struct batch *batch, size_t at, const char *why, struct err *err)
{
    return err_set(err, ERR_DATA, "page %" PRId64 ", %.400s: invalid JSON at byte %" PRId64 ": %s",
                   batch->page, batch->url ? batch->url : "its request",
                   batch->body_offset + (int64_t)at - 1, why);
}

int feed_table_parse(struct parcel *parcel, struct landing_stats *stats, struct err *err)
{
    struct batch *batch = parcel->batch;
    yyjson_read_err why;
    int64_t mended;

    if (parcel->doc)
        return 0;
    if (parcel->alc == NULL)
        parcel->alc = yyjson_alc_dyn_new();
    mended = batch->is_plain ? 0 : surrogates_mend(batch->json, batch->size);
    if (mended > 0)
        atomic_fetch_add(&stats->half_characters, mended);
    parcel->doc =
        yyjson_read_opts(batch->json, batch->size, YYJSON_READ_INSITU | YYJSON_READ_NUMBER_AS_RAW,
                         parcel->alc, &why);
    if (parcel->doc == NULL)
        return invalid_json(batch, why.pos, why.msg, err);
    if (yyjson_arr_size(yyjson_doc_get_root(parcel->doc)) != batch->records)
        return invalid_json(batch, 1, "the records cannot be told apart", err);
    return 0;
}

/* ---- one thread's work ---- */

struct feed_reader {
    const struct feed_job *job;
    struct shredder shredder;
    struct parcel *parcel; /* what the last chunk points into */
    size_t next_file;      /* of the haul */
    yyjson_alc *alc;       /* kept from one batch to the next */
    struct buf scratch;
    struct cursor_mark mark; /* of the batch at hand */
    yyjson_val **greatest;   /* records of the batch that have its greatest value */
    size_t greatest_count;
    int64_t skipped;
};

static void drop_parcel(struct feed_reader *reader)
{
    struct parcel *parcel = reader->parcel;

    if (parcel == NULL)
        return;
    yyjson_doc_free(parcel->doc);
    parcel->doc = NULL;
    if (reader->alc == NULL) {
        reader->alc = parcel->alc;
        parcel->alc = NULL;
    }
    parcel_free(parcel);
    reader->parcel = NULL;
}

static void reader_free(void *data)
{
    struct feed_reader *reader = data;

    duck_threads_took(reader);
    drop_parcel(reader);
    if (reader->alc)
        yyjson_alc_dyn_free(reader->alc);
    shredder_close(&reader->shredder);
    cursor_mark_close(&reader->mark);
    buf_close(&reader->scratch);
    free(reader->greatest);
    free(reader);
}

/* Remembers a record by its cursor value; hashes are made once the batch's greatest is known. */
static void see_cursor(struct feed_reader *reader, const struct cursor_value *value,
                       yyjson_val *record)
{
    const int place = value->text ? cursor_mark_see(&reader->mark, value) : -1;

    if (place > 0)
        reader->greatest_count = 0;
    if (place >= 0)
        reader->greatest[reader->greatest_count++] = record;
}

static void hash_greatest(struct feed_reader *reader)
{
    for (size_t i = 0; i < reader->greatest_count; i++)
        cursor_mark_add_hash(&reader->mark,
                             cursor_filter_hash(reader->job->filter, reader->greatest[i],
                                                &reader->scratch));
}

static int cursor_error(const struct batch *batch, int64_t index, struct err *err)
{
    return err_wrap(err, "page %" PRId64 ", %.400s, record %" PRId64, batch->page,
                    batch->url ? batch->url : "its request", index);
}

/* Adds to the chunk's rows. 1: all in the chunk; 0: one does not fit, -1: one is at fault, and none is added. */
static int shred_batch(struct feed_reader *reader, const struct parcel *parcel, uint64_t *rows,
                       struct err *err)
{
    uint64_t row = *rows;
    const struct batch *batch = parcel->batch;
    yyjson_arr_iter iter = yyjson_arr_iter_with(yyjson_doc_get_root(parcel->doc));
    struct cursor_value value;
    yyjson_val *record;

    for (int64_t index = batch->first_index; (record = yyjson_arr_iter_next(&iter)); index++) {
        const int is_new =
            cursor_filter_judge(reader->job->filter, record, &reader->scratch, &value, err);

        if (is_new < 0)
            return cursor_error(batch, index, err);
        if (is_new == 0) {
            reader->skipped++;
            continue;
        }
        if (!shred_record(&reader->shredder, record, row, batch->page, index))
            return 0;
        see_cursor(reader, &value, record);
        row++;
    }
    *rows = row;
    return 1;
}

static void begin_batch(struct feed_reader *reader)
{
    cursor_mark_close(&reader->mark);
    reader->greatest_count = 0;
    reader->skipped = 0;
}

static void finish_batch(struct feed_reader *reader)
{
    hash_greatest(reader);
    atomic_fetch_add(&reader->job->feed->stats->skipped, reader->skipped);
}

static void finish_chunk(struct feed_reader *reader)
{
    shredder_end(&reader->shredder);
    atomic_fetch_add(&reader->job->feed->stats->duplicate_keys, reader->shredder.twins);
}

/* Works off one batch. 1: so many rows, maybe none; 0: this thread is done with the file. */
static int work_off(struct feed_reader *reader, duckdb_data_chunk chunk, uint64_t *ret_rows)
{
    struct feed *feed = reader->job->feed;
    struct feed_file *file = reader->job->file;
    struct err err = {0};
    int done;

    drop_parcel(reader);
    if (feed_take(feed, file, &reader->parcel) == 0)
        return 0;
    if (reader->parcel->alc == NULL) {
        reader->parcel->alc = reader->alc;
        reader->alc = NULL;
    }
    shredder_begin(&reader->shredder, chunk);
    begin_batch(reader);
    *ret_rows = 0;
    done = feed_table_parse(reader->parcel, feed->stats, &err);
    if (done == 0)
        done = shred_batch(reader, reader->parcel, ret_rows, &err);
    if (done < 0)
        feed_refuse(feed, file, &err, reader->parcel->batch->page);
    else if (done == 0) {
        feed_put_aside(feed, file, reader->parcel);
        reader->parcel = NULL;
    } else {
        finish_chunk(reader);
        finish_batch(reader);
        feed_written(feed, file, reader->parcel, (int64_t)*ret_rows, &reader->mark);
    }
    return done > 0;
}

/* ---- a haul, file by file ---- */

/* Adds a batch to the chunk. The schema was fixed with all of the haul's batches in view. */
static int add_batch(struct feed_reader *reader, struct haul_file *file,
                     const struct parcel *parcel, uint64_t *rows, struct err *err)
{
    const uint64_t before = *rows;
    int done;

    begin_batch(reader);
    done = shred_batch(reader, parcel, rows, err);
    if (done == 0)
        return err_set(err, ERR_DATA, "page %" PRId64 " has a value that no column can hold",
                       parcel->batch->page);
    TRY(done);
    finish_batch(reader);
    feed_written(reader->job->feed, &file->fed, parcel, (int64_t)(*rows - before), &reader->mark);
    return 0;
}

static uint64_t shred_file(struct feed_reader *reader, duckdb_data_chunk chunk,
                           struct haul_file *file)
{
    uint64_t rows = 0;

    shredder_begin(&reader->shredder, chunk);
    for (const struct parcel *parcel = file->parcels; parcel; parcel = parcel->next) {
        struct err err = {0};

        if (add_batch(reader, file, parcel, &rows, &err) == 0)
            continue;
        feed_refuse(reader->job->feed, &file->fed, &err, parcel->batch->page);
        return 0;
    }
    finish_chunk(reader);
    return rows;
}

/* The next file that has rows; 0 if there is none, or if one is at fault. */
static uint64_t read_file(struct feed_reader *reader, duckdb_data_chunk chunk)
{
    struct haul *haul = reader->job->haul;
    uint64_t rows = 0;

    while (rows == 0 && reader->next_file < haul->count) {
        struct haul_file *file = &haul->files[reader->next_file++];

        rows = shred_file(reader, chunk, file);
        if (file->fed.has_failed)
            return 0;
    }
    return rows;
}

/* ---- DuckDB's callbacks ---- */

static void bind_records(duckdb_bind_info info)
{
    duckdb_value number = duckdb_bind_get_parameter(info, 0);
    struct feed_job *job = find_job(duckdb_get_int64(number));

    duckdb_destroy_value(&number);
    if (job == NULL) {
        duckdb_bind_set_error(info, FUNCTION ": there is no such job");
        return;
    }
    layout_declare(job->layout, info);
    duckdb_bind_set_bind_data(info, job, NULL);
}

static void init_records(duckdb_init_info info)
{
    struct feed_job *job = duckdb_init_get_bind_data(info);

    duck_threads_took(job);
    duckdb_init_set_max_threads(info, (idx_t)job->threads);
    duck_threads_gives(job);
}

static void init_reader(duckdb_init_info info)
{
    struct feed_job *job = duckdb_init_get_bind_data(info);
    struct feed_reader *reader = mem_alloc(sizeof *reader);

    duck_threads_took(job);
    reader->job = job;
    reader->greatest = mem_alloc(BATCH_MOST_RECORDS * sizeof(yyjson_val *));
    shredder_open(&reader->shredder, job->layout);
    duck_threads_gives(job);
    duck_threads_gives(reader);
    duckdb_init_set_init_data(info, reader, reader_free);
}

/*
 * An empty chunk would end this thread's part, so batches of which all was skipped are passed over.
 */
static void read_records(duckdb_function_info info, duckdb_data_chunk chunk)
{
    struct feed_reader *reader = duckdb_function_get_local_init_data(info);
    uint64_t rows = 0;

    duck_threads_took(reader);
    if (reader->job->haul)
        rows = read_file(reader, chunk);
    else
        while (work_off(reader, chunk, &rows) && rows == 0)
            ;
    duck_threads_gives((void *)(uintptr_t)reader->job);
    duck_threads_gives(reader);
    duckdb_data_chunk_set_size(chunk, rows);
}

static int add_function(struct duck_conn *conn, struct err *err)
{
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_state state;

    duckdb_table_function_set_name(function, FUNCTION);
    duckdb_table_function_add_parameter(function, number);
    duckdb_table_function_set_bind(function, bind_records);
    duckdb_table_function_set_init(function, init_records);
    duckdb_table_function_set_local_init(function, init_reader);
    duckdb_table_function_set_function(function, read_records);
    state = duckdb_register_table_function(conn->conn, function);
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_table_function(&function);
    return state == DuckDBSuccess ? 0 : err_set(err, ERR_SQL, "DuckDB refused " FUNCTION "()");
}

int feed_table_register(struct duck *duck, struct duck_conn *conn, struct err *err)
{
    static pthread_mutex_t once_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    int done = 0;

    pthread_mutex_lock(&once_at_a_time);
    if (!duck->knows_records)
        done = add_function(conn, err);
    duck->knows_records = done == 0;
    pthread_mutex_unlock(&once_at_a_time);
    return done;
}
