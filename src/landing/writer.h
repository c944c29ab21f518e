/*
 * Writers: two threads take turns at the files of a landing. While one ends its file, of which all records have been
 * read (the last row groups are compressed, the footer is written), the other's is being read for. What they
 * wrote goes to the committer in the order of the files; what comes after a failure does not.
 */
#ifndef RIACHO_WRITER_H
#define RIACHO_WRITER_H

#include "landing/budget.h"
#include "landing/committer.h"
#include "landing/cursor_filter.h"
#include "landing/feed.h"
#include "landing/layout.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct writer {
    struct layout layout; /* these three are the caller's to set */
    struct budget budget;
    struct haul haul; /* empty: the file is what the feed gives */

    struct writers *writers; /* from here on: writer.c's own */
    struct duck_conn conn;
    struct feed_file fed;
    struct written written;
    int64_t number; /* of its file */
    pthread_t thread;
    bool is_running; /* the thread is still to be joined */
};

struct writers {
    const struct landing_run *run; /* borrowed, as are the next three; NULL: closed */
    const struct cursor_filter *filter;
    struct feed *feed;
    struct committer *committer;
    struct writer each[2];
    int64_t begun; /* files */

    pthread_mutex_t lock; /* guards `ended` */
    pthread_cond_t changed;
    int64_t ended;   /* files that were handed over, or will never be */
    bool has_failed; /* nothing more is handed over; of the thread whose turn it is */
};

MUST_CHECK int writers_open(struct writers *writers, const struct landing_run *run,
                            const struct cursor_filter *filter, struct feed *feed,
                            struct committer *committer, struct duck *duck, struct err *err);
/* The one whose turn it is, when it is done with its last file. Its layout is still that file's. */
struct writer *writers_next(struct writers *writers);
/*
 * Writes a file with its layout. Returns when all records for it have been read; without the memory for two files,
 * when it is handed over. Its failure stops the feed; -1: it could not begin.
 */
MUST_CHECK int writer_begin(struct writer *writer, struct err *err);
/* Hands over the pages without rows that the feed has, behind all files. */
void writers_put_pages(struct writers *writers);
/* Waits until all files are handed over; writers that were never opened have none. */
void writers_finish(struct writers *writers);
void writers_close(struct writers *writers);

#endif
