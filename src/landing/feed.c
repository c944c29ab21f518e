/*
 * All decisions about where a file ends are taken when something is taken from the queue, under the
 * lock, in the order in which it was put.
 */
#include "landing/feed_parts.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

void parcel_free(struct parcel *parcel)
{
    if (parcel == NULL)
        return;
    yyjson_doc_free(parcel->doc);
    if (parcel->alc)
        yyjson_alc_dyn_free(parcel->alc);
    batch_free(parcel->batch);
    free(parcel->url);
    free(parcel->position);
    free(parcel);
}

void parcels_free(struct parcel *first)
{
    while (first) {
        struct parcel *next = first->next;

        parcel_free(first);
        first = next;
    }
}

void feed_open(struct feed *feed, const struct landing_conf *conf, struct landing_stats *stats)
{
    pthread_condattr_t monotonic;

    *feed = (struct feed){
        .roll_rows = conf->roll_rows,
        .roll_bytes = conf->roll_bytes,
        .roll_after_ms = conf->roll_after_ms,
        .stats = stats,
    };
    pthread_mutex_init(&feed->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&feed->arrived, &monotonic);
    pthread_cond_init(&feed->has_room, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void feed_group_close(struct feed_group *group)
{
    free(group->position);
    free(group->url);
    *group = (struct feed_group){0};
}

void feed_close(struct feed *feed)
{
    parcels_free(feed->first);
    parcels_free(feed->aside);
    feed_group_close(&feed->group);
    pthread_cond_destroy(&feed->has_room);
    pthread_cond_destroy(&feed->arrived);
    pthread_mutex_destroy(&feed->lock);
    *feed = (struct feed){0};
}

/* ---- what all threads may need ---- */

void feed_count_queued(struct feed *feed, int64_t bytes)
{
    feed->queued_bytes += bytes;
    atomic_store(&feed->stats->queued_bytes, feed->queued_bytes);
}

int feed_failure_of(const struct feed *feed, struct err *err)
{
    if (feed->failure.code != ERR_NONE)
        *err = feed->failure;
    else
        err_set(err, ERR_STOPPED, "the landing was stopped");
    return -1;
}

bool feed_is_old(const struct feed *feed)
{
    return feed->roll_after_ms > 0 && feed->group.started_ms > 0 &&
           clock_monotonic_ms() - feed->group.started_ms >= feed->roll_after_ms;
}

int64_t feed_bad_page(struct feed *feed)
{
    int64_t page;

    pthread_mutex_lock(&feed->lock);
    page = feed->bad_page;
    pthread_mutex_unlock(&feed->lock);
    return page;
}

/* Called with the lock held. */
static void stop(struct feed *feed)
{
    feed->is_stopped = true;
    if (feed->file) {
        feed->file->is_closing = true;
        feed->file->has_failed = true;
    }
    pthread_cond_broadcast(&feed->arrived);
    pthread_cond_broadcast(&feed->has_room);
}

/* Called with the lock held. */
static void fail(struct feed *feed, const struct err *why, int64_t page)
{
    if (feed->failure.code == ERR_NONE) {
        feed->failure = *why;
        feed->bad_page = page;
    }
    stop(feed);
}

void feed_fail(struct feed *feed, const struct err *why, int64_t page)
{
    pthread_mutex_lock(&feed->lock);
    fail(feed, why, page);
    pthread_mutex_unlock(&feed->lock);
}

void feed_stop(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    stop(feed);
    pthread_mutex_unlock(&feed->lock);
}

int feed_failure(struct feed *feed, struct err *err)
{
    int failed;

    pthread_mutex_lock(&feed->lock);
    failed = feed->is_stopped ? feed_failure_of(feed, err) : 0;
    pthread_mutex_unlock(&feed->lock);
    return failed;
}

/* ---- taking ---- */

struct parcel *feed_pop(struct feed *feed)
{
    struct parcel *parcel = feed->first;

    feed->first = parcel->next;
    if (feed->first == NULL)
        feed->last = NULL;
    parcel->next = NULL;
    if (parcel->kind == PARCEL_BATCH) {
        feed_count_queued(feed, -(int64_t)parcel->batch->size);
        pthread_cond_signal(&feed->has_room);
    }
    return parcel;
}

bool feed_is_filled(const struct feed *feed, const struct feed_file *file)
{
    return file->taken_rows >= feed->roll_rows || file->taken_bytes >= feed->roll_bytes;
}

static bool is_due(const struct feed *feed)
{
    return feed_is_filled(feed, feed->file) || feed->group.is_last || feed_is_old(feed);
}

bool feed_is_page_too_large(const struct feed *feed, const struct feed_file *file,
                            const struct batch *batch)
{
    return file->page == batch->page &&
           (file->page_rows >= feed->roll_rows || file->page_bytes >= feed->roll_bytes);
}

void feed_end_page(struct feed *feed, struct parcel *parcel_taken)
{
    struct feed_group *group = &feed->group;

    if (!group->has_pages) {
        group->url = parcel_taken->url;
        parcel_taken->url = NULL;
    }
    free(group->position);
    group->position = parcel_taken->position;
    parcel_taken->position = NULL;
    group->page = parcel_taken->page;
    group->is_last = parcel_taken->is_last;
    group->has_pages = true;
    group->is_mid_page = false;
    parcel_free(parcel_taken);
}

void feed_file_count(struct feed_file *file, const struct batch *batch)
{
    if (file->page != batch->page) {
        file->page = batch->page;
        file->page_rows = 0;
        file->page_bytes = 0;
    }
    file->taken_rows += (int64_t)batch->records;
    file->taken_bytes += (int64_t)batch->size;
    file->page_rows += (int64_t)batch->records;
    file->page_bytes += (int64_t)batch->size;
}

static void start_clock(struct feed *feed)
{
    if (feed->group.started_ms == 0)
        feed->group.started_ms = clock_monotonic_ms();
}

static void close_file(struct feed *feed)
{
    feed->file->is_closing = true;
    pthread_cond_broadcast(&feed->arrived);
}

/* What was put aside comes first; its page may have ended meanwhile. */
static struct parcel *take_aside(struct feed *feed)
{
    struct parcel *parcel = feed->aside;

    feed->aside = parcel->next;
    parcel->next = NULL;
    start_clock(feed);
    return parcel;
}

struct parcel *feed_take_batch(struct feed *feed)
{
    struct parcel *parcel = feed_pop(feed);

    start_clock(feed);
    feed->group.is_mid_page = true;
    return parcel;
}

/*
 * What stands first in the queue, for the file that is being written; NULL: nothing to take, look
 * again.
 */
static struct parcel *take_first(struct feed *feed)
{
    struct parcel *parcel = feed->first;

    if (parcel->kind == PARCEL_PAGE) {
        feed_end_page(feed, feed_pop(feed));
        feed->group.is_wanted = is_due(feed);
    } else if (parcel->kind == PARCEL_ROLL) {
        parcel_free(feed_pop(feed));
        feed->group.is_wanted = true;
    } else if (feed_is_page_too_large(feed, feed->file, parcel->batch))
        close_file(feed);
    else
        return feed_take_batch(feed);
    return NULL;
}

int feed_take(struct feed *feed, struct feed_file *file, struct parcel **ret_parcel)
{
    struct parcel *taken = NULL;

    pthread_mutex_lock(&feed->lock);
    while (!taken && !file->is_closing) {
        if (feed->aside)
            taken = take_aside(feed);
        else if (feed->group.is_wanted || (feed->is_ended && feed->first == NULL))
            close_file(feed);
        else if (feed->first)
            taken = take_first(feed);
        else
            pthread_cond_wait(&feed->arrived, &feed->lock);
    }
    if (taken) {
        feed_file_count(file, taken->batch);
        file->open++;
    }
    pthread_mutex_unlock(&feed->lock);
    if (taken == NULL)
        return 0;
    *ret_parcel = taken;
    return 1;
}

/* Called with the lock held. */
static void end_batch(struct feed *feed, struct feed_file *file)
{
    file->open--;
    if (file->is_closing && file->open == 0)
        pthread_cond_broadcast(&feed->arrived);
}

void feed_written(struct feed *feed, struct feed_file *file, const struct parcel *parcel,
                  int64_t rows, const struct cursor_mark *mark)
{
    const int64_t page = parcel->batch->page;

    atomic_fetch_add(&feed->stats->rows, rows);
    pthread_mutex_lock(&feed->lock);
    if (rows > 0) {
        if (file->rows == 0 || page < file->first_page)
            file->first_page = page;
        if (page > file->last_page)
            file->last_page = page;
        file->rows += rows;
        cursor_mark_merge(&file->mark, mark);
    }
    end_batch(feed, file);
    pthread_mutex_unlock(&feed->lock);
}

/* Kept in the order of pages and records, for the next file's sake. */
void feed_put_aside(struct feed *feed, struct feed_file *file, struct parcel *parcel_taken)
{
    const struct batch *batch = parcel_taken->batch;
    struct parcel **at = &feed->aside;

    pthread_mutex_lock(&feed->lock);
    while (*at &&
           ((*at)->batch->page < batch->page ||
            ((*at)->batch->page == batch->page && (*at)->batch->first_index < batch->first_index)))
        at = &(*at)->next;
    parcel_taken->next = *at;
    *at = parcel_taken;
    file->is_closing = true;
    end_batch(feed, file);
    pthread_cond_broadcast(&feed->arrived);
    pthread_mutex_unlock(&feed->lock);
}

void feed_refuse(struct feed *feed, struct feed_file *file, const struct err *why, int64_t page)
{
    pthread_mutex_lock(&feed->lock);
    file->has_failed = true;
    fail(feed, why, page);
    pthread_mutex_unlock(&feed->lock);
}

void feed_leave(struct feed *feed, struct feed_file *file)
{
    pthread_mutex_lock(&feed->lock);
    file->is_closing = true;
    file->open = 0;
    pthread_cond_broadcast(&feed->arrived);
    while (!file->is_read)
        pthread_cond_wait(&feed->arrived, &feed->lock);
    pthread_mutex_unlock(&feed->lock);
}

/* ---- between files ---- */

/* Takes what stands before the first batch. True: pages without rows are to be reported. */
static bool pass_markers(struct feed *feed)
{
    while (feed->first && feed->first->kind != PARCEL_BATCH) {
        struct parcel *parcel = feed_pop(feed);
        const bool is_roll = parcel->kind == PARCEL_ROLL;

        if (is_roll)
            parcel_free(parcel);
        else
            feed_end_page(feed, parcel);
        if (feed->group.has_pages && (is_roll || feed->group.is_last))
            return true;
    }
    return false;
}

enum feed_next feed_next(struct feed *feed)
{
    enum feed_next next = FEED_END;
    bool is_decided = false;

    pthread_mutex_lock(&feed->lock);
    while (!is_decided && !feed->is_stopped) {
        is_decided = true;
        if (feed->aside)
            next = FEED_FILE;
        else if (pass_markers(feed))
            next = FEED_COMMIT;
        else if (feed->first)
            next = FEED_FILE;
        else if (feed->is_ended)
            next = feed->group.has_pages && !feed->group.is_mid_page ? FEED_COMMIT : FEED_END;
        else {
            is_decided = false;
            pthread_cond_wait(&feed->arrived, &feed->lock);
        }
    }
    pthread_mutex_unlock(&feed->lock);
    return next;
}

/* Waits until so many bytes are queued, or nothing more will come for this file. */
static void wait_for_bytes(struct feed *feed, int64_t bytes, int wait_ms)
{
    struct timespec until;
    int waited = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (wait_ms % 1000) * 1000000L;
    until.tv_sec += wait_ms / 1000 + until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    while (waited == 0 && !feed->is_stopped && !feed->is_ended && feed->queued_bytes < bytes &&
           !(feed->last && feed->last->kind == PARCEL_ROLL))
        waited = pthread_cond_timedwait(&feed->arrived, &feed->lock, &until);
}

size_t feed_look(struct feed *feed, int64_t bytes, int wait_ms, struct parcel **ret_parcels,
                 size_t most)
{
    size_t count = 0;
    int64_t seen = 0;

    pthread_mutex_lock(&feed->lock);
    if (wait_ms > 0)
        wait_for_bytes(feed, bytes, wait_ms);
    for (struct parcel *at = feed->aside; at && count < most; at = at->next) {
        ret_parcels[count++] = at;
        seen += (int64_t)at->batch->size;
    }
    for (struct parcel *at = feed->first; at && at->kind != PARCEL_ROLL && count < most;
         at = at->next)
        if (at->kind == PARCEL_BATCH && (count == 0 || seen < bytes)) {
            ret_parcels[count++] = at;
            seen += (int64_t)at->batch->size;
        }
    feed->is_looked_at = true;
    pthread_mutex_unlock(&feed->lock);
    return count;
}

void feed_begin(struct feed *feed, struct feed_file *file)
{
    pthread_mutex_lock(&feed->lock);
    feed->file = file;
    file->is_closing = feed->is_stopped;
    file->has_failed = feed->is_stopped;
    pthread_mutex_unlock(&feed->lock);
}

/* Called with the lock held. */
static void take_group(struct feed *feed, struct feed_group *ret_group)
{
    *ret_group = (struct feed_group){0};
    if (!feed->group.has_pages || feed->aside || feed->group.is_mid_page)
        return;
    *ret_group = feed->group;
    feed->group = (struct feed_group){0};
}

void feed_end_reading(struct feed *feed, struct feed_file *file, struct feed_group *ret_group)
{
    pthread_mutex_lock(&feed->lock);
    while (!file->is_closing || file->open > 0)
        pthread_cond_wait(&feed->arrived, &feed->lock);
    feed->file = NULL;
    take_group(feed, ret_group);
    file->is_read = true;
    pthread_cond_broadcast(&feed->arrived);
    pthread_mutex_unlock(&feed->lock);
}

void feed_take_group(struct feed *feed, struct feed_group *ret_group)
{
    pthread_mutex_lock(&feed->lock);
    take_group(feed, ret_group);
    pthread_mutex_unlock(&feed->lock);
}
