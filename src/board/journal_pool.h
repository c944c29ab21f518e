/*
 * A few connections to the journal for the many threads that answer requests. Each is used for the
 * moment of a read, so whoever finds none free waits for little.
 */
#ifndef RIACHO_JOURNAL_POOL_H
#define RIACHO_JOURNAL_POOL_H

#include "db/journal.h"

#include <pthread.h>

#define JOURNAL_POOL_MOST 8

struct journal_pool {
    const struct journal
        *model;           /* NULL: closed; connections are made of it when they are first needed */
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t freed;
    struct journal *idle[JOURNAL_POOL_MOST];
    size_t idle_count;
    size_t made;
};

void journal_pool_open(struct journal_pool *pool, const struct journal *model);
/* All that were borrowed are back. */
void journal_pool_close(struct journal_pool *pool);

/* A connection that goes back by itself: AUTO(borrowed_journal). */
struct borrowed_journal {
    struct journal_pool *pool;
    struct journal *journal; /* NULL: none */
};

MUST_CHECK int journal_pool_take(struct journal_pool *pool, struct borrowed_journal *ret_journal,
                                 struct err *err);
void borrowed_journal_close(struct borrowed_journal *borrowed);

#endif
