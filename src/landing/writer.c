/*
 * A file's way: begun, read, written, and handed over when all before it have been.
 */
#include "landing/writer.h"

#include "base/mem.h"
#include "landing/haul.h"
#include "landing/part.h"

#include <stdlib.h>

#include "base/banned.h"

/* Temporary names are the process's, for several landings may share the folder. */
static char *next_temp_path(const struct landing_run *run)
{
    static atomic_llong last_number;

    return mem_fmt("%s/landing-%lld.tmp", run->temp_dir, atomic_fetch_add(&last_number, 1) + 1);
}

/* ---- one file ---- */

static int write_one(struct writer *writer, const struct part *part, struct err *err)
{
    struct landing_stats *stats = writer->writers->run->stats;
    const int done = part_write(part, &writer->written.files, err);

    if (done < 0)
        atomic_fetch_sub(&stats->rows, writer->fed.rows);
    else
        cursor_mark_merge(&writer->written.mark, &writer->fed.mark);
    return done < 0 ? -1 : 0;
}

static int write_haul(struct writer *writer, const struct part *part, struct err *err)
{
    struct landing_stats *stats = writer->writers->run->stats;
    const int done = haul_write(part, &writer->haul, &writer->written.files, err);

    for (size_t i = 0; i < writer->haul.count; i++) {
        const struct feed_file *fed = &writer->haul.files[i].fed;

        if (done < 0)
            atomic_fetch_sub(&stats->rows, fed->rows);
        else
            cursor_mark_merge(&writer->written.mark, &fed->mark);
    }
    return done;
}

static int write_file(struct writer *writer, struct err *err)
{
    const struct writers *writers = writer->writers;
    char *path = next_temp_path(writers->run);
    const struct part part = {.conn = &writer->conn,
                              .feed = writers->feed,
                              .file = writer->haul.count > 0 ? NULL : &writer->fed,
                              .layout = &writer->layout,
                              .filter = writers->filter,
                              .path = path,
                              .metadata = writers->run->metadata,
                              .budget = writer->budget};
    const int done = part.file ? write_one(writer, &part, err) : write_haul(writer, &part, err);

    for (const struct landed_file *file = writer->written.files; file; file = file->next)
        atomic_fetch_add(&writers->run->stats->files, 1);
    free(path);
    return done;
}

/* ---- in the files' order ---- */

static void wait_for(struct writers *writers, int64_t files)
{
    pthread_mutex_lock(&writers->lock);
    while (writers->ended < files)
        pthread_cond_wait(&writers->changed, &writers->lock);
    pthread_mutex_unlock(&writers->lock);
}

/* Called when all before it has been handed over. */
static void put(struct writers *writers, struct written *written_taken)
{
    if (!writers->has_failed)
        committer_put(writers->committer, written_taken);
    written_discard(written_taken, writers->run->stats);
}

static void hand_over(struct writer *writer, bool is_whole)
{
    struct writers *writers = writer->writers;

    wait_for(writers, writer->number - 1);
    writers->has_failed |= !is_whole;
    put(writers, &writer->written);
    pthread_mutex_lock(&writers->lock);
    writers->ended = writer->number;
    pthread_cond_broadcast(&writers->changed);
    pthread_mutex_unlock(&writers->lock);
}

static void *run_writer(void *argument)
{
    struct writer *writer = argument;
    struct err err = {0};
    const int written = write_file(writer, &err);

    if (written < 0)
        feed_fail(writer->writers->feed, &err, 0);
    hand_over(writer, written == 0);
    haul_close(&writer->haul);
    return NULL;
}

/* ---- what the landing's thread does ---- */

static void join(struct writer *writer)
{
    if (writer->is_running)
        pthread_join(writer->thread, NULL);
    writer->is_running = false;
}

struct writer *writers_next(struct writers *writers)
{
    struct writer *writer = &writers->each[writers->begun % 2];

    join(writer);
    cursor_mark_close(&writer->fed.mark);
    writer->fed = (struct feed_file){0};
    return writer;
}

static int start(struct writer *writer, struct err *err)
{
    writer->number = writer->writers->begun + 1;
    if (pthread_create(&writer->thread, NULL, run_writer, writer) != 0)
        return err_set(err, ERR_IO, "could not start a thread for the landing");
    writer->is_running = true;
    writer->writers->begun++;
    return 0;
}

static int begin_one(struct writer *writer, struct err *err)
{
    struct feed *feed = writer->writers->feed;

    feed_begin(feed, &writer->fed);
    TRY(start(writer, err));
    feed_end_reading(feed, &writer->fed, &writer->written.group);
    return 0;
}

static int begin_haul(struct writer *writer, struct err *err)
{
    feed_take_group(writer->writers->feed, &writer->written.group);
    return start(writer, err);
}

int writer_begin(struct writer *writer, struct err *err)
{
    TRY(writer->haul.count > 0 ? begin_haul(writer, err) : begin_one(writer, err));
    if (!writer->budget.overlaps)
        wait_for(writer->writers, writer->number);
    return 0;
}

void writers_put_pages(struct writers *writers)
{
    struct written written = {0};

    wait_for(writers, writers->begun);
    feed_take_group(writers->feed, &written.group);
    put(writers, &written);
}

void writers_finish(struct writers *writers)
{
    if (writers->run == NULL)
        return;
    wait_for(writers, writers->begun);
}

/* ---- opening and closing ---- */

int writers_open(struct writers *writers, const struct landing_run *run,
                 const struct cursor_filter *filter, struct feed *feed, struct committer *committer,
                 struct duck *duck, struct err *err)
{
    *writers = (struct writers){.run = run, .filter = filter, .feed = feed, .committer = committer};
    pthread_mutex_init(&writers->lock, NULL);
    pthread_cond_init(&writers->changed, NULL);
    for (int i = 0; i < 2; i++) {
        writers->each[i].writers = writers;
        TRY(duck_connect(duck, &writers->each[i].conn, err));
    }
    return 0;
}

static void close_writer(struct writer *writer)
{
    join(writer);
    layout_close(&writer->layout);
    haul_close(&writer->haul);
    cursor_mark_close(&writer->fed.mark);
    feed_group_close(&writer->written.group); /* of a file that could not begin */
    duck_conn_close(&writer->conn);
}

void writers_close(struct writers *writers)
{
    if (writers->run == NULL)
        return;
    for (int i = 0; i < 2; i++)
        close_writer(&writers->each[i]);
    pthread_cond_destroy(&writers->changed);
    pthread_mutex_destroy(&writers->lock);
    writers->run = NULL;
}
