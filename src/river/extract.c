/*
 * Wires source → landing → journal for each resource, one thread a resource.
 *
 * Threads: the resource's own thread runs the source and hands batches to the landing, whose committer's
 * thread calls extract_commit(). Each has a journal connection of its own.
 */
#include "river/extract_parts.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/stop.h"
#include "base/str.h"
#include "db/recover.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* Before a run begins: what the last pass left may move the position. */
static int settle_last_pass(struct extraction *work, struct err *err)
{
    work->commit_journal.unsettled = work->live->unsettled;
    work->live->unsettled = 0;
    return journal_settle(&work->commit_journal, err);
}

static void extraction_close(struct extraction *work)
{
    landing_close(&work->landing);
    /* What could not be settled is the next pass's to settle, or, if the process ends, recovery's. */
    if (work->commit_journal.unsettled)
        work->live->unsettled = work->commit_journal.unsettled;
    work->commit_journal.unsettled = 0;
    journal_close(&work->commit_journal);
    journal_close(&work->journal);
    run_state_close(&work->run);
    schema_close(&work->schema);
    free(work->selector);
    free(work->metadata);
    work->selector = work->metadata = NULL;
}

/* ---- what the source hands over ---- */

static int on_batch(void *ctx, struct batch *batch_taken, struct err *err)
{
    struct extraction *work = ctx;

    return landing_batch(&work->landing, batch_taken, err);
}

static int on_page(void *ctx, const struct page *page, struct err *err)
{
    struct extraction *work = ctx;

    work->whole_page = page->number;
    if (page->is_last) {
        snprintf(work->live->why, sizeof work->live->why, "%s", page->why_last);
        mem_replace(&work->selector, page->selector);
    }
    TRY(landing_page(&work->landing, page, err));
    if (work->roll_before == page->number + 1)
        return landing_roll(&work->landing, err);
    return 0;
}

static int on_large(void *ctx, int64_t page, struct err *err)
{
    struct extraction *work = ctx;

    work->large_page = page;
    return landing_roll(&work->landing, err);
}

static int on_wait(void *ctx, struct err *err)
{
    struct extraction *work = ctx;

    return landing_tick(&work->landing, err);
}

static int take_rate(void *ctx, int64_t *ret_wait_ms, struct err *err)
{
    struct extraction *work = ctx;
    const struct source_conf *conf = &work->pass->river->conf.source;

    return journal_rate_take(&work->journal, conf->base_url, conf->rate_per_s, conf->rate_burst,
                             ret_wait_ms, err);
}

/* ---- one resource ---- */

static int open_landing(struct extraction *work, struct err *err)
{
    const struct incremental_conf *incremental = &work->resource->endpoint.incremental;
    const bool has_cursor = incremental->is_set;

    schema_close(&work->schema);
    TRY(journal_schema(&work->journal, work->resource->name, &work->schema, err));
    return landing_open(&work->landing, &work->pass->river->extract_duck,
                        &work->pass->river->conf.landing,
                        &(struct landing_run){
                            .resource = work->resource->name,
                            .temp_dir = work->pass->staging.dir,
                            .metadata = work->metadata,
                            .schema = work->schema.kind == KIND_NULL ? NULL : &work->schema,
                            .start_page = work->run.next_page,
                            .cursor_path = has_cursor ? incremental->cursor_path : NULL,
                            .cursor_missing = incremental->on_cursor_value_missing,
                            .start_value = has_cursor ? work->run.start_value : NULL,
                            .start_boundary = work->run.start_boundary,
                            .cursor = work->run.cursor,
                            .boundary = work->run.boundary,
                            .primary_key = work->resource->primary_key,
                            .primary_keys = work->resource->primary_keys,
                            .ctx = work,
                            .commit = extract_commit,
                            .stats = &work->live->landing,
                        },
                        err);
}

/* From the last committed page to the end. Leaves the landing closed. */
static int carry(struct extraction *work, bool *ret_refused, int64_t *ret_bad_page, struct err *err)
{
    const struct source_conf *conf = &work->pass->river->conf.source;
    const struct source_events events = {work, on_batch, on_page, on_large, on_wait};
    const struct rate_gate gate = {work, take_rate};
    char *position = mem_str(work->run.position); /* commits replace the run's own meanwhile */
    const struct source_start start = {
        .position = position,
        .next_page = work->run.next_page,
        .start_value = work->run.start_value,
        .initial_value = work->resource->endpoint.incremental.initial_value,
        .selector = work->run.selector,
    };
    int carried = open_landing(work, err);

    if (carried < 0) {
        free(position);
        return -1;
    }
    work->whole_page = work->run.next_page - 1;
    carried = source_run(conf, work->resource, &start, &events, conf->rate_per_s > 0 ? &gate : NULL,
                         &work->live->source, ret_refused, err);
    free(position);
    if (carried == 0)
        carried = landing_finish(&work->landing, err);
    else {
        struct err also = {0};

        if (landing_abandon_page(&work->landing, &also) < 0)
            log_debug("the page that failed was abandoned with: %s", also.text);
    }
    *ret_bad_page = landing_bad_page(&work->landing);
    landing_close(&work->landing);
    /* The source names the resource in its errors, the landing knows the page alone. */
    if (carried < 0 && *ret_bad_page > 0 && !str_starts(err->text, "resource "))
        err_prefix(err, "resource \"%s\", ", work->resource->name);
    return carried;
}

/*
 * Whether to go on from the last commit within this process. Yes if pages that came whole were not
 * committed for the sake of a later page that failed (they are fetched again and committed before it), or if a
 * page that streamed broke on the way.
 */
static bool is_worth_another_go(struct extraction *work, int64_t bad_page, const struct err *err,
                                int *goes)
{
    const int64_t failed = bad_page ? bad_page : work->whole_page + 1;
    const bool lost_whole_pages = failed > work->run.next_page && work->roll_before != failed;
    const bool broke_streaming = err->retriable && work->large_page == failed && *goes < 5;

    if (err->code == ERR_STOPPED || stop_asked() || !(lost_whole_pages || broke_streaming))
        return false;
    work->roll_before = failed;
    (*goes)++;
    log_debug("resource \"%s\": going on from page %" PRId64 " after: %s", work->resource->name,
              work->run.next_page, err->text);
    return true;
}

static int start_over(struct extraction *work, const struct err *why, struct err *err)
{
    log_warn("resource \"%s\": the run cannot go on at page %" PRId64
             " (%s); it starts over, and its records may land again",
             work->resource->name, work->run.next_page, why->text);
    return journal_run_over(&work->journal, work->resource->name, &work->run, err);
}

static int carry_to_the_end(struct extraction *work, struct err *err)
{
    bool may_start_over = work->run.position != NULL;
    int goes = 0;

    for (;;) {
        bool refused = false;
        int64_t bad_page = 0;

        if (carry(work, &refused, &bad_page, err) == 0)
            return 0;
        /* Pages that may be true already are not fetched again. */
        if (work->commit_journal.unsettled)
            return -1;
        if (refused && may_start_over) {
            const struct err why = *err;

            may_start_over = false;
            TRY(start_over(work, &why, err));
            continue;
        }
        if (refused || !is_worth_another_go(work, bad_page, err, &goes))
            return -1;
    }
}

static int start_run(struct extraction *work, struct err *err)
{
    const struct river *river = work->pass->river;
    const struct incremental_conf *incremental = &work->resource->endpoint.incremental;

    TRY(journal_share(&river->journal, &work->journal, err));
    TRY(journal_share(&river->journal, &work->commit_journal, err));
    TRY(settle_last_pass(work, err));
    TRY(journal_run_start(&work->journal, work->resource->name,
                          incremental->is_set ? incremental->initial_value : NULL, &work->run,
                          err));
    work->live->run = work->run.number;
    work->metadata = mem_fmt("riacho: '" RIACHO_VERSION "', pipeline: '%s', resource: '%s', "
                             "run: '%s-%s-%06" PRId64 "'",
                             river->conf.name, work->resource->name, work->resource->name,
                             river->journal.epoch, work->run.number);
    if (work->run.resumes) {
        work->live->resumed_page = work->run.next_page;
        log_info("resource \"%s\": going on from page %" PRId64 " of an unfinished run",
                 work->resource->name, work->run.next_page);
    }
    return 0;
}

static void note_failure(struct extraction *work, const struct err *err)
{
    char *counts = extract_counts(work->live, NULL);
    struct err also = {0};

    if (work->run.number > 0 &&
        journal_run_failed(&work->journal, work->resource->name, work->run.number,
                           err->code == ERR_STOPPED ? "stopped" : "failed", err->text, counts,
                           &also) < 0)
        log_warn("could not note the failure of \"%s\": %s", work->resource->name, also.text);
    snprintf(work->live->why, sizeof work->live->why, "%.*s", (int)sizeof work->live->why - 1,
             err->text);
    free(counts);
}

static int extract_one(struct extract_pass *pass, struct extract_live *live, struct err *err)
{
    AUTO(extraction) work = {.pass = pass, .live = live, .resource = live->resource};

    atomic_store(&live->started_ms, clock_monotonic_ms());
    atomic_store(&live->state, FLOW_RUNNING);
    if (start_run(&work, err) == 0 && carry_to_the_end(&work, err) == 0) {
        atomic_store(&live->ended_ms, clock_monotonic_ms());
        atomic_store(&live->state, FLOW_DONE);
        log_debug("resource \"%s\": ended: %s", live->resource->name, live->why);
        return 0;
    }
    note_failure(&work, err);
    atomic_store(&live->ended_ms, clock_monotonic_ms());
    atomic_store(&live->state, FLOW_FAILED);
    return -1;
}

/* ---- all resources ---- */

static struct extract_live *take_resource(struct extract_pass *pass)
{
    struct extract_live *live = NULL;

    pthread_mutex_lock(&pass->lock);
    if (pass->next < pass->river->conf.source.resource_count && !stop_asked())
        live = &pass->river->extracts[pass->next++];
    pthread_mutex_unlock(&pass->lock);
    return live;
}

static void keep_first_failure(struct extract_pass *pass, const struct err *err)
{
    pthread_mutex_lock(&pass->lock);
    if (!pass->has_failed)
        pass->first_err = *err;
    else if (err->code != ERR_STOPPED)
        log_err(err);
    pass->has_failed = true;
    pthread_mutex_unlock(&pass->lock);
}

static void *extract_thread(void *ctx)
{
    struct extract_pass *pass = ctx;
    struct extract_live *live;

    while ((live = take_resource(pass)) != NULL) {
        struct err err = {0};

        if (extract_one(pass, live, &err) < 0)
            keep_first_failure(pass, &err);
    }
    return NULL;
}

/* Those that can be started take what the others would have taken. */
static void run_threads(struct extract_pass *pass)
{
    const struct source_conf *conf = &pass->river->conf.source;
    size_t count = (size_t)conf->concurrency;
    size_t started = 1;
    pthread_t *threads;

    if (count > conf->resource_count)
        count = conf->resource_count;
    threads = mem_alloc(count * sizeof *threads);
    while (started < count && pthread_create(&threads[started], NULL, extract_thread, pass) == 0)
        started++;
    extract_thread(pass);
    for (size_t i = 1; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}

/* One by one: others read them meanwhile. */
static void forget_last_pass(struct extract_live *live)
{
    struct source_stats *source = &live->source;
    struct landing_stats *landing = &live->landing;
    atomic_llong *const figures[] = {
        &source->requests,        &source->in_flight,
        &source->retries,         &source->pages,
        &source->records,         &source->bytes,
        &source->wire_bytes,      &source->waiting_ms,
        &landing->rows,           &landing->bytes,
        &landing->files,          &landing->skipped,
        &landing->duplicate_keys, &landing->half_characters,
        &landing->queued_bytes,   &live->run,
        &live->resumed_page,      &live->started_ms,
        &live->ended_ms,
    };

    extract_sums_of(live, &live->before);
    atomic_store(&live->state, FLOW_WAITING);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        atomic_store(figures[i], 0);
    live->why[0] = '\0';
}

static void forget_last_passes(struct river *river)
{
    for (size_t i = 0; i < river->conf.source.resource_count; i++)
        forget_last_pass(&river->extracts[i]);
}

/* The first pass finds one that was begun while the state was opened. */
static void begin_duck(struct river *river)
{
    const struct duck_conf conf = {.memory_bytes = river_memory(river, EXTRACT_MEMORY)};

    if (!river->extract_duck.is_begun)
        duck_soon_begin(&river->extract_duck, &conf);
}

int extract_all(struct river *river, struct err *err)
{
    struct extract_pass pass = {.river = river, .lock = PTHREAD_MUTEX_INITIALIZER};
    AUTO(lock) lock = {0};

    TRY(journal_lock(&river->journal, "extractor", &lock, err));
    forget_last_passes(river);
    TRY(staging_open(&pass.staging, river->conf.landing.dir, river->journal.process, err));
    begin_duck(river);
    run_threads(&pass);
    duck_soon_close(&river->extract_duck);
    staging_close(&pass.staging);
    pthread_mutex_destroy(&pass.lock);
    if (pass.has_failed) {
        *err = pass.first_err;
        return -1;
    }
    if (stop_asked())
        return err_set(err, ERR_STOPPED, "stopped; run again to go on from where it was");
    return 0;
}
