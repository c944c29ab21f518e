/*
 * A haul is found by the rules by which files end, but before anything is taken.
 */
#include "landing/feed_parts.h"

#include "base/banned.h"

/* Where files end in the queue, while it is looked through from its front. */
struct sight {
    struct feed_file file;  /* the account of the one that is being looked at */
    size_t parcels;         /* behind which the look is */
    size_t ends[HAUL_MOST]; /* parcels up to each file's end */
    size_t files;
    size_t aligned; /* files up to the last that ends where a page does */
};

static void see_end(struct sight *sight, bool is_page_end)
{
    sight->ends[sight->files++] = sight->parcels;
    if (is_page_end)
        sight->aligned = sight->files;
    sight->file = (struct feed_file){0};
}

static bool see_batch(const struct feed *feed, const struct parcel *parcel, struct sight *sight)
{
    if (parcel->doc == NULL)
        return false;
    if (feed_is_page_too_large(feed, &sight->file, parcel->batch))
        see_end(sight, false);
    if (sight->files == HAUL_MOST)
        return false;
    feed_file_count(&sight->file, parcel->batch);
    sight->parcels++;
    return sight->file.taken_rows <= HAUL_ROWS;
}

/* False: pages without rows are to be reported by themselves. */
static bool see_marker(const struct feed *feed, const struct parcel *parcel, struct sight *sight)
{
    const bool is_end =
        parcel->kind == PARCEL_ROLL || parcel->is_last || feed_is_filled(feed, &sight->file);

    sight->parcels++;
    if (is_end && sight->file.taken_rows == 0)
        return false;
    if (is_end)
        see_end(sight, true);
    return sight->files < HAUL_MOST;
}

static void look_for_files(const struct feed *feed, struct sight *sight)
{
    bool goes_on = feed->aside == NULL && !feed->is_stopped;

    for (const struct parcel *at = feed->first; at && goes_on; at = at->next)
        goes_on =
            at->kind == PARCEL_BATCH ? see_batch(feed, at, sight) : see_marker(feed, at, sight);
}

static void take_file(struct feed *feed, size_t parcels, struct haul_file *file)
{
    struct parcel **last = &file->parcels;

    for (; parcels > 0; parcels--) {
        if (feed->first->kind == PARCEL_PAGE)
            feed_end_page(feed, feed_pop(feed));
        else if (feed->first->kind == PARCEL_ROLL)
            parcel_free(feed_pop(feed));
        else {
            *last = feed_take_batch(feed);
            last = &(*last)->next;
            file->fed.open++;
        }
    }
}

void feed_take_haul(struct feed *feed, struct haul *haul)
{
    struct sight sight = {0};

    pthread_mutex_lock(&feed->lock);
    feed->is_looked_at = false;
    pthread_cond_broadcast(&feed->arrived);
    look_for_files(feed, &sight);
    if (sight.aligned > 0)
        sight.files = sight.aligned;
    if (sight.files > 1)
        haul->count = sight.files;
    for (size_t i = 0; i < haul->count; i++)
        take_file(feed, sight.ends[i] - (i ? sight.ends[i - 1] : 0), &haul->files[i]);
    pthread_mutex_unlock(&feed->lock);
}

void haul_close(struct haul *haul)
{
    for (size_t i = 0; i < haul->count; i++) {
        parcels_free(haul->files[i].parcels);
        cursor_mark_close(&haul->files[i].fed.mark);
    }
    *haul = (struct haul){0};
}
