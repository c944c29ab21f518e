/*
 * The disk waits here: the files' bytes, then the step's.
 */
#include "landing/committer.h"

#include "base/logger.h"
#include "base/mem.h"
#include "landing/part.h"

#include <stdlib.h>

#include "base/banned.h"

/* ---- what was written ---- */

static void forget_files(struct landed_file **first)
{
    while (*first) {
        struct landed_file *file = *first;

        *first = file->next;
        landed_file_free(file);
    }
}

static void uncount_files(const struct landed_file *first, struct landing_stats *stats)
{
    for (const struct landed_file *file = first; file; file = file->next) {
        atomic_fetch_sub(&stats->files, 1);
        atomic_fetch_sub(&stats->bytes, file->bytes);
        atomic_fetch_sub(&stats->rows, file->rows);
    }
}

static void discard_files(struct landed_file **first, struct landing_stats *stats)
{
    for (const struct landed_file *file = *first; file; file = file->next) {
        struct err err = {0};

        if (fs_remove_file(file->temp_path, &err) < 0)
            log_warn("a temporary file is left behind: %s", err.text);
    }
    uncount_files(*first, stats);
    forget_files(first);
}

void written_discard(struct written *written, struct landing_stats *stats)
{
    discard_files(&written->files, stats);
    cursor_mark_close(&written->mark);
    feed_group_close(&written->group);
}

/* ---- durable ---- */

static int sync_files(const struct landed_file *first, struct err *err)
{
    const char *paths[HAUL_MOST];
    size_t count = 0;

    for (const struct landed_file *file = first; file; file = file->next)
        paths[count++] = file->temp_path;
    return fs_sync_files(paths, count, err);
}

static int seal_files(struct committer *committer, struct landed_file *first, struct err *err)
{
    TRY(sync_files(first, err));
    for (struct landed_file *file = first; file; file = file->next) {
        TRY(fs_sha256(file->temp_path, file->sha256, &file->bytes, err));
        atomic_fetch_add(&committer->run->stats->bytes, file->bytes);
    }
    return 0;
}

/* ---- committed ---- */

static int hand_over(struct committer *committer, const struct feed_group *group, struct err *err)
{
    struct landed landed = {.files = committer->files,
                            .page = group->page,
                            .position = group->position,
                            .url = group->url,
                            .is_last = group->is_last};
    char *cursor = cursor_json(&committer->mark.greatest);
    char *boundary = cursor_mark_hashes(&committer->mark);
    int done;

    landed.cursor = cursor;
    landed.boundary = boundary;
    done = committer->run->commit(committer->run->ctx, &landed, err);
    free(cursor);
    free(boundary);
    return done;
}

static int commit_group(struct committer *committer, const struct feed_group *group,
                        struct err *err)
{
    const bool had_forgotten = committer->mark.has_forgotten;
    int done;

    cursor_mark_merge(&committer->mark, &committer->group_mark);
    cursor_mark_close(&committer->group_mark);
    if (committer->mark.has_forgotten && !had_forgotten)
        log_warn("resource \"%s\": more than %d records share the greatest cursor value; some may "
                 "land again in the next run",
                 committer->run->resource, CURSOR_MOST_HASHES);
    done = hand_over(committer, group, err);
    if (done < 0)
        uncount_files(committer->files, committer->run->stats);
    /* From the call on the files are the receiver's, also if it failed: its recovery sees to them. */
    forget_files(&committer->files);
    if (done == 0)
        atomic_store(&committer->page, group->page);
    return done;
}

static int take_in(struct committer *committer, struct written *written, struct err *err)
{
    struct landed_file *first = written->files;
    struct landed_file **end = &committer->files;

    while (*end)
        end = &(*end)->next;
    *end = first;
    written->files = NULL;
    cursor_mark_merge(&committer->group_mark, &written->mark);
    TRY(seal_files(committer, first, err));
    return written->group.has_pages ? commit_group(committer, &written->group, err) : 0;
}

/* ---- the thread ---- */

/* False: nothing more will come. */
static bool take_waiting(struct committer *committer, struct written *ret_written)
{
    bool is_taken;

    pthread_mutex_lock(&committer->lock);
    while (!committer->is_waiting && !committer->is_ended)
        pthread_cond_wait(&committer->changed, &committer->lock);
    is_taken = committer->is_waiting;
    *ret_written = committer->waiting;
    committer->waiting = (struct written){0};
    committer->is_waiting = false;
    pthread_cond_broadcast(&committer->changed);
    pthread_mutex_unlock(&committer->lock);
    return is_taken;
}

static void *run_committer(void *argument)
{
    struct committer *committer = argument;
    struct written written;

    while (take_waiting(committer, &written)) {
        struct err err = {0};

        if (!committer->has_failed && take_in(committer, &written, &err) < 0) {
            committer->has_failed = true;
            feed_fail(committer->feed, &err, 0);
        }
        written_discard(&written, committer->run->stats);
    }
    discard_files(&committer->files, committer->run->stats);
    return NULL;
}

int committer_open(struct committer *committer, const struct landing_run *run, struct feed *feed,
                   struct cursor_mark *mark_taken, struct err *err)
{
    *committer = (struct committer){.run = run, .feed = feed, .mark = *mark_taken};
    *mark_taken = (struct cursor_mark){0};
    atomic_store(&committer->page, run->start_page - 1);
    pthread_mutex_init(&committer->lock, NULL);
    pthread_cond_init(&committer->changed, NULL);
    if (pthread_create(&committer->thread, NULL, run_committer, committer) != 0)
        return err_set(err, ERR_IO, "could not start a thread for the commits");
    committer->is_running = true;
    return 0;
}

void committer_put(struct committer *committer, struct written *written_taken)
{
    pthread_mutex_lock(&committer->lock);
    while (committer->is_waiting)
        pthread_cond_wait(&committer->changed, &committer->lock);
    committer->waiting = *written_taken;
    committer->is_waiting = true;
    pthread_cond_broadcast(&committer->changed);
    pthread_mutex_unlock(&committer->lock);
    *written_taken = (struct written){0};
}

void committer_finish(struct committer *committer)
{
    if (!committer->is_running)
        return;
    pthread_mutex_lock(&committer->lock);
    committer->is_ended = true;
    pthread_cond_broadcast(&committer->changed);
    pthread_mutex_unlock(&committer->lock);
    pthread_join(committer->thread, NULL);
    committer->is_running = false;
}

void committer_close(struct committer *committer)
{
    if (committer->run == NULL)
        return;
    committer_finish(committer);
    cursor_mark_close(&committer->mark);
    cursor_mark_close(&committer->group_mark);
    pthread_cond_destroy(&committer->changed);
    pthread_mutex_destroy(&committer->lock);
    committer->run = NULL;
}
