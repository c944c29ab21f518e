/*
 * What the source's thread does with a feed.
 */
#include "landing/feed_parts.h"

#include "base/mem.h"

#include <stdlib.h>

#include "base/banned.h"

static void append(struct feed *feed, struct parcel *parcel)
{
    if (feed->last)
        feed->last->next = parcel;
    else
        feed->first = parcel;
    feed->last = parcel;
    if (parcel->kind == PARCEL_BATCH)
        feed_count_queued(feed, (int64_t)parcel->batch->size);
    pthread_cond_broadcast(&feed->arrived);
}

static bool is_full(const struct feed *feed, const struct batch *more)
{
    return feed->queued_bytes > 0 && feed->queued_bytes + (int64_t)more->size > LANDING_QUEUE_BYTES;
}

int feed_put_batch(struct feed *feed, struct batch *batch_taken, struct err *err)
{
    struct parcel *parcel = mem_alloc(sizeof *parcel);
    int put = 0;

    parcel->kind = PARCEL_BATCH;
    parcel->batch = batch_taken;
    pthread_mutex_lock(&feed->lock);
    while (!feed->is_stopped && is_full(feed, batch_taken))
        pthread_cond_wait(&feed->has_room, &feed->lock);
    if (feed->is_stopped)
        put = feed_failure_of(feed, err);
    else {
        feed->is_open_page = true;
        append(feed, parcel);
    }
    pthread_mutex_unlock(&feed->lock);
    if (put < 0)
        parcel_free(parcel);
    return put;
}

int feed_put_page(struct feed *feed, const struct page *page, struct err *err)
{
    struct parcel *parcel = mem_alloc(sizeof *parcel);
    int put = 0;

    *parcel = (struct parcel){.kind = PARCEL_PAGE,
                              .page = page->number,
                              .url = mem_str(page->url),
                              .position = mem_str(page->position),
                              .is_last = page->is_last};
    pthread_mutex_lock(&feed->lock);
    if (feed->is_stopped)
        put = feed_failure_of(feed, err);
    else {
        feed->is_open_page = false;
        append(feed, parcel);
    }
    pthread_mutex_unlock(&feed->lock);
    if (put < 0)
        parcel_free(parcel);
    return put;
}

/* Called with the lock held. */
static int wish_roll(struct feed *feed, struct err *err)
{
    struct parcel *parcel;

    if (feed->is_stopped)
        return feed_failure_of(feed, err);
    if (feed->is_open_page || (feed->last && feed->last->kind == PARCEL_ROLL))
        return 0;
    parcel = mem_alloc(sizeof *parcel);
    parcel->kind = PARCEL_ROLL;
    append(feed, parcel);
    return 0;
}

int feed_put_roll(struct feed *feed, struct err *err)
{
    int put;

    pthread_mutex_lock(&feed->lock);
    put = wish_roll(feed, err);
    pthread_mutex_unlock(&feed->lock);
    return put;
}

int feed_tick(struct feed *feed, struct err *err)
{
    int done = 0;

    pthread_mutex_lock(&feed->lock);
    if (feed->is_stopped)
        done = feed_failure_of(feed, err);
    else if (feed_is_old(feed))
        done = wish_roll(feed, err);
    pthread_mutex_unlock(&feed->lock);
    return done;
}

/* Throws away the batches of the page that has not ended. */
static void drop_open_batches(struct feed *feed)
{
    struct parcel *last = NULL, *dropped;

    for (struct parcel *at = feed->first; at; at = at->next)
        if (at->kind != PARCEL_BATCH)
            last = at;
    dropped = last ? last->next : feed->first;
    if (last)
        last->next = NULL;
    else
        feed->first = NULL;
    feed->last = last;
    for (struct parcel *at = dropped; at; at = at->next)
        feed_count_queued(feed, -(int64_t)at->batch->size);
    parcels_free(dropped);
}

void feed_end(struct feed *feed, bool drop_open_page)
{
    pthread_mutex_lock(&feed->lock);
    while (drop_open_page && feed->is_looked_at && !feed->is_stopped)
        pthread_cond_wait(&feed->arrived, &feed->lock);
    if (drop_open_page && feed->is_open_page && !feed->is_stopped)
        drop_open_batches(feed);
    feed->is_ended = true;
    pthread_cond_broadcast(&feed->arrived);
    pthread_mutex_unlock(&feed->lock);
}
