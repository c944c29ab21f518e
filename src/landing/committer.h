/*
 * Committer: makes written files durable and commits them, group by group and in order, on a thread of its own,
 * while the next file is written already. That thread alone calls `commit`.
 *
 * A failure stops the feed. What comes after it is discarded, so that nothing is committed beyond a gap.
 */
#ifndef RIACHO_COMMITTER_H
#define RIACHO_COMMITTER_H

#include "landing/cursor_mark.h"
#include "landing/feed.h"
#include "landing/landing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Files of which DuckDB is done, and the pages that end with them. */
struct written {
    struct landed_file *files; /* without bytes and sha256 */
    struct cursor_mark mark;   /* of their rows */
    struct feed_group
        group; /* has_pages: all files since the last such group are to be committed */
};

struct committer {
    const struct landing_run *run; /* borrowed, as is the feed; NULL: closed */
    struct feed *feed;
    atomic_llong page; /* the last that was committed */
    pthread_t thread;
    bool is_running;

    pthread_mutex_t lock; /* guards the three below */
    pthread_cond_t changed;
    struct written waiting;
    bool is_waiting;
    bool is_ended; /* nothing more will come */

    /* The thread alone: */
    struct cursor_mark mark;       /* of what was committed, or known before */
    struct cursor_mark group_mark; /* of `files` */
    struct landed_file *files;     /* durable, and not yet committed */
    bool has_failed;
};

/* `mark_taken`: what is known at the run's begin. */
MUST_CHECK int committer_open(struct committer *committer, const struct landing_run *run,
                              struct feed *feed, struct cursor_mark *mark_taken, struct err *err);
/* Hands over, and leaves `written` empty. Waits while there is one waiting. */
void committer_put(struct committer *committer, struct written *written_taken);
/* Waits until all that was handed over is committed or discarded, and ends the thread. */
void committer_finish(struct committer *committer);
void committer_close(struct committer *committer);

/* Takes what will never be true from the disk, and from the counts. */
void written_discard(struct written *written, struct landing_stats *stats);

#endif
