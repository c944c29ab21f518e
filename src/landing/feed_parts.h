/*
 * What feed.c, feed_put.c and feed_haul.c share: the rules by which a file grows and ends. Called with the lock held.
 */
#ifndef RIACHO_FEED_PARTS_H
#define RIACHO_FEED_PARTS_H

#include "landing/feed.h"

void parcels_free(struct parcel *first);

void feed_count_queued(struct feed *feed, int64_t bytes);
/* -1, with why it stopped. */
MUST_CHECK int feed_failure_of(const struct feed *feed, struct err *err);

/* Whether the group is `roll.after` old. */
bool feed_is_old(const struct feed *feed);
/* Whether a file of that account ends at the next page's end. */
bool feed_is_filled(const struct feed *feed, const struct feed_file *file);
/* Whether it ends before the batch: pages are cut only if they alone are more than a file is to hold. */
bool feed_is_page_too_large(const struct feed *feed, const struct feed_file *file,
                            const struct batch *batch);
/* Counts a batch as taken for the file. */
void feed_file_count(struct feed_file *file, const struct batch *batch);

/* Takes the first parcel out of the queue. */
struct parcel *feed_pop(struct feed *feed);
/* The same of a batch, which is then in the group. */
struct parcel *feed_take_batch(struct feed *feed);
/* A page's end that was popped: the group reaches up to it. */
void feed_end_page(struct feed *feed, struct parcel *parcel_taken);

#endif
