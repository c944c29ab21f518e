/*
 * The queries of all viewers: a few run at once in a DuckDB instance of the board's own, which can read the
 * pipeline's folders and nothing else, write one folder of its own, and cannot be set otherwise.
 * The instance and the threads begin with the first query.
 */
#ifndef RIACHO_QUERIES_H
#define RIACHO_QUERIES_H

#include "board/query.h"

#define QUERIES_AT_ONCE 4
#define QUERIES_MOST_WAITING 16
#define QUERIES_MOST_KEPT 32
#define QUERIES_MOST_KEPT_BYTES ((int64_t)16 << 30) /* of downloads; the oldest go first */
#define QUERIES_KEEP_MS (5 * 60000)                 /* after the end */
#define QUERIES_ASKED_MS 20000                      /* cancelled if nobody asks for so long */

struct queries {
    const struct board_setup *setup; /* NULL: closed */
    struct journal_pool *pool;
    char *folder; /* of downloads and of what is spilled; removed at the end */
    struct duck duck;
    struct duck_conn conns[QUERIES_AT_ONCE]; /* one for each worker */
    struct duck_conn late[QUERIES_AT_ONCE];  /* another, for query_read_late() */
    pthread_t workers[QUERIES_AT_ONCE];
    pthread_t keeper; /* asks for progress, cancels what takes too long or nobody wants */

    pthread_mutex_t lock;   /* guards all below, and the queries */
    pthread_cond_t changed; /* a query was added, went on, ended */
    struct query *first;    /* newest first */
    size_t threads;         /* that were started, the keeper included */
    bool has_begun;
    bool closing;
    int64_t started; /* queries so far */
};

void queries_open(struct queries *queries, const struct board_setup *setup,
                  struct journal_pool *pool);
/* Whoever waits in queries_look() returns. */
void queries_stop(struct queries *queries);
void queries_close(struct queries *queries);

/* Queues a query; its id. ERR_USAGE if the request is none, ERR_LIMIT if too many wait. */
MUST_CHECK int queries_add(struct queries *queries, struct json *request_taken,
                           char ret_id[QUERY_ID], struct err *err);
/*
 * Waits up to `wait_ms` until it has ended or has rows behind `after`, then adds its document to `to`. 1 it
 * has ended, 2 it goes on, 0 unknown.
 */
int queries_look(struct queries *queries, const char *id, int64_t wait_ms, int64_t after,
                 struct buf *to);
/* Cancels it, or forgets it if it has ended: 1, 0 unknown. */
int queries_drop(struct queries *queries, const char *id);
/* The file that it made: 1 with a descriptor and a name and type (both borrowed for ever or freed by the caller), 0. */
int queries_file(struct queries *queries, const char *id, int *ret_fd, char **ret_name,
                 const char **ret_type);

#endif
