/*
 * The landing's thread: looks at what has arrived, fixes a schema, and lets a writer have what comes until the
 * file's end.
 */
#include "landing/landing.h"

#include "base/mem.h"
#include "landing/batch_cut.h"
#include "landing/committer.h"
#include "landing/feed.h"
#include "landing/feed_table.h"
#include "landing/infer.h"
#include "landing/writer.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define LOOK_BYTES (512 << 10)     /* of JSON, before a schema is fixed that has a history */
#define FIRST_LOOK_BYTES (2 << 20) /* … that has none */
#define FIRST_LOOK_MS 100          /* so long it is waited for */
#define LOOK_MOST 64               /* batches */

static atomic_int open_landings; /* they share the memory */

struct landing_impl {
    struct landing_run run; /* strings that outlive landing_open() are the impl's own */
    struct feed feed;
    struct cursor_filter filter;
    pthread_t thread;
    bool is_running; /* the thread is still to be joined */
    struct duck_soon *duck;
    struct committer committer;

    /* The landing's thread alone: */
    struct writers writers;
    int64_t cores;
    int64_t memory_bytes;
    struct schema history;     /* of the resource, with all that was seen */
    const struct layout *last; /* of the file before; a writer's; NULL: none yet */
};

/* ---- one file ---- */

static void infer_parcel(const struct landing_impl *impl, struct parcel *parcel,
                         struct schema *schema)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(yyjson_doc_get_root(parcel->doc));
    AUTO(buf) scratch = {.ceiling = SIZE_MAX};
    yyjson_val *record;

    while ((record = yyjson_arr_iter_next(&iter))) {
        struct cursor_value value;
        struct err told_later = {0};

        if (cursor_filter_judge(&impl->filter, record, &scratch, &value, &told_later) != 0)
            infer_record(schema, record);
    }
    parcel->is_seen = true;
}

/* A batch that did not fit must have widened the schema, or the files would never end. */
static int check_progress(const struct landing_impl *impl, const struct schema *schema,
                          struct err *err)
{
    const struct parcel *aside = impl->feed.aside;

    if (aside == NULL || !schema_same(schema, &impl->last->schema))
        return 0;
    return err_set(err, ERR_DATA, "page %" PRId64 " has a value that no column can hold",
                   aside->batch->page);
}

static int64_t likely_file_bytes(const struct feed *feed, int64_t record_bytes)
{
    const bool by_rows = feed->roll_rows < feed->roll_bytes / (record_bytes + 1);

    return by_rows ? feed->roll_rows * record_bytes : feed->roll_bytes;
}

/* The history, widened by the batches that the file will begin with. */
static int fix_schema(struct landing_impl *impl, struct writer *writer, struct err *err)
{
    const bool is_new = impl->history.field_count == 0;
    struct parcel *parcels[LOOK_MOST];
    const size_t count = feed_look(&impl->feed, is_new ? FIRST_LOOK_BYTES : LOOK_BYTES,
                                   is_new ? FIRST_LOOK_MS : 0, parcels, LOOK_MOST);
    int64_t bytes = 0, records = 0, record_bytes;

    for (size_t i = 0; i < count; i++) {
        const struct batch *batch = parcels[i]->batch;

        if (feed_table_parse(parcels[i], impl->run.stats, err) < 0) {
            feed_fail(&impl->feed, err, batch->page);
            return -1;
        }
        if (!parcels[i]->is_seen)
            infer_parcel(impl, parcels[i], &impl->history);
        bytes += (int64_t)batch->size;
        records += (int64_t)batch->records;
    }
    schema_settle(&impl->history);
    TRY(check_progress(impl, &impl->history, err));
    layout_open(&writer->layout, &impl->history);
    record_bytes = records ? bytes / records : 1;
    budget_make(impl->memory_bytes, impl->cores, atomic_load(&open_landings),
                schema_leaves(&impl->history), record_bytes,
                likely_file_bytes(&impl->feed, record_bytes), &writer->budget);
    return 0;
}

/* The next file, or all small ones that are at hand. */
static int land_next(struct landing_impl *impl, struct err *err)
{
    struct writer *writer = writers_next(&impl->writers);

    TRY(fix_schema(impl, writer, err));
    feed_take_haul(&impl->feed, &writer->haul);
    impl->last = &writer->layout;
    return writer_begin(writer, err);
}

static int land_files(struct landing_impl *impl, struct err *err)
{
    for (;;) {
        const enum feed_next next = feed_next(&impl->feed);

        if (next == FEED_END)
            return feed_failure(&impl->feed, err);
        if (next == FEED_FILE)
            TRY(land_next(impl, err));
        else
            writers_put_pages(&impl->writers);
    }
}

/* What needs DuckDB: batches arrive meanwhile. */
static int set_up(struct landing_impl *impl, struct err *err)
{
    struct duck_conn *conn = &impl->writers.each[0].conn;
    struct duck *duck;

    TRY(duck_soon_get(impl->duck, &duck, err));
    TRY(writers_open(&impl->writers, &impl->run, &impl->filter, &impl->feed, &impl->committer, duck,
                     err));
    TRY(feed_table_register(duck, conn, err));
    TRY(duck_exec(conn, "SET GLOBAL preserve_insertion_order = false", err));
    TRY(duck_number(conn, "SELECT current_setting('threads')", &impl->cores, err));
    return duck_number(conn, "SELECT parse_formatted_bytes(current_setting('memory_limit'))",
                       &impl->memory_bytes, err);
}

static int open_error(const struct landing_impl *impl, struct err *err)
{
    return err_wrap(err, "could not open the landing of \"%s\"", impl->run.resource);
}

static void *run_landing(void *argument)
{
    struct landing_impl *impl = argument;
    struct err err = {0};
    int landed = set_up(impl, &err);

    landed = landed < 0 ? open_error(impl, &err) : land_files(impl, &err);
    if (landed < 0)
        feed_fail(&impl->feed, &err, 0);
    writers_finish(&impl->writers);
    committer_finish(&impl->committer);
    return NULL;
}

/* ---- opening and closing ---- */

static void close_impl(struct landing_impl *impl)
{
    writers_close(&impl->writers);
    schema_close(&impl->history);
    committer_close(&impl->committer);
    cursor_filter_close(&impl->filter);
    feed_close(&impl->feed);
    free((char *)(uintptr_t)impl->run.resource);
    free((char *)(uintptr_t)impl->run.temp_dir);
    free((char *)(uintptr_t)impl->run.metadata);
    free(impl);
    atomic_fetch_sub(&open_landings, 1);
}

/* Keeps of the run what is needed after landing_open(). */
static struct landing_impl *make_impl(struct duck_soon *duck, const struct landing_conf *conf,
                                      const struct landing_run *run)
{
    struct landing_impl *impl = mem_alloc(sizeof *impl);

    atomic_fetch_add(&open_landings, 1);
    impl->duck = duck;
    impl->run = *run;
    impl->run.resource = mem_str(run->resource);
    impl->run.temp_dir = mem_str(run->temp_dir);
    impl->run.metadata = mem_str(run->metadata);
    feed_open(&impl->feed, conf, run->stats);
    if (run->schema)
        schema_copy(run->schema, &impl->history);
    return impl;
}

/* A run that goes on knows its greatest value so far; a new one begins with the start value. */
static int open_cursor(struct landing_impl *impl, const struct landing_run *run,
                       struct cursor_mark *ret_mark, struct err *err)
{
    if (run->cursor_path == NULL)
        return 0;
    TRY(cursor_filter_open(&impl->filter, run->cursor_path, run->cursor_missing, run->start_value,
                           run->start_boundary, run->primary_key, run->primary_keys, err));
    return cursor_mark_read(run->cursor ? run->cursor : run->start_value,
                            run->cursor ? run->boundary : run->start_boundary, ret_mark, err);
}

static int open_committer(struct landing_impl *impl, const struct landing_run *run, struct err *err)
{
    AUTO(cursor_mark) known = {0};

    TRY(open_cursor(impl, run, &known, err));
    return committer_open(&impl->committer, &impl->run, &impl->feed, &known, err);
}

static int open_impl(struct landing_impl *impl, const struct landing_run *run, struct err *err)
{
    TRY(open_committer(impl, run, err));
    if (pthread_create(&impl->thread, NULL, run_landing, impl) != 0)
        return err_set(err, ERR_IO, "could not start a thread for the landing");
    impl->is_running = true;
    return 0;
}

int landing_open(struct landing *landing, struct duck_soon *duck, const struct landing_conf *conf,
                 const struct landing_run *run, struct err *err)
{
    struct landing_impl *impl = make_impl(duck, conf, run);

    if (open_impl(impl, run, err) < 0) {
        open_error(impl, err);
        close_impl(impl);
        return -1;
    }
    landing_close(landing);
    landing->impl = impl;
    return 0;
}

static void join(struct landing_impl *impl)
{
    if (impl->is_running)
        pthread_join(impl->thread, NULL);
    impl->is_running = false;
}

void landing_close(struct landing *landing)
{
    if (landing->impl == NULL)
        return;
    feed_stop(&landing->impl->feed);
    join(landing->impl);
    close_impl(landing->impl);
    landing->impl = NULL;
}

/* ---- what the source's thread does ---- */

int landing_batch(struct landing *landing, struct batch *batch_taken, struct err *err)
{
    struct feed *feed = &landing->impl->feed;
    struct batch *batch = batch_cut(batch_taken, feed->roll_rows);
    int put = 0;

    while (batch) {
        struct batch *next = batch->next;

        batch->next = NULL;
        if (put == 0)
            put = feed_put_batch(feed, batch, err);
        else
            batch_free(batch);
        batch = next;
    }
    return put;
}

int landing_page(struct landing *landing, const struct page *page, struct err *err)
{
    return feed_put_page(&landing->impl->feed, page, err);
}

int landing_roll(struct landing *landing, struct err *err)
{
    return feed_put_roll(&landing->impl->feed, err);
}

int landing_tick(struct landing *landing, struct err *err)
{
    return feed_tick(&landing->impl->feed, err);
}

int landing_finish(struct landing *landing, struct err *err)
{
    feed_end(&landing->impl->feed, false);
    join(landing->impl);
    return feed_failure(&landing->impl->feed, err);
}

int landing_abandon_page(struct landing *landing, struct err *err)
{
    feed_end(&landing->impl->feed, true);
    join(landing->impl);
    return feed_failure(&landing->impl->feed, err);
}

int64_t landing_committed_page(const struct landing *landing)
{
    return atomic_load(&landing->impl->committer.page);
}

int64_t landing_bad_page(const struct landing *landing)
{
    return feed_bad_page(&landing->impl->feed);
}
