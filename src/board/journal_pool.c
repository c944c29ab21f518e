/*
 * Connections are kept once they were made.
 */
#include "board/journal_pool.h"

#include "base/mem.h"

#include <stdlib.h>

#include "base/banned.h"

void journal_pool_open(struct journal_pool *pool, const struct journal *model)
{
    *pool = (struct journal_pool){.model = model,
                                  .lock = PTHREAD_MUTEX_INITIALIZER,
                                  .freed = PTHREAD_COND_INITIALIZER};
}

void journal_pool_close(struct journal_pool *pool)
{
    if (pool->model == NULL)
        return;
    for (size_t i = 0; i < pool->idle_count; i++) {
        journal_close(pool->idle[i]);
        free(pool->idle[i]);
    }
    pthread_cond_destroy(&pool->freed);
    pthread_mutex_destroy(&pool->lock);
    *pool = (struct journal_pool){0};
}

/* An idle one, or NULL if the caller is to make one. */
static struct journal *wait_for_one(struct journal_pool *pool)
{
    struct journal *journal = NULL;

    pthread_mutex_lock(&pool->lock);
    while (pool->idle_count == 0 && pool->made == JOURNAL_POOL_MOST)
        pthread_cond_wait(&pool->freed, &pool->lock);
    if (pool->idle_count > 0)
        journal = pool->idle[--pool->idle_count];
    else
        pool->made++;
    pthread_mutex_unlock(&pool->lock);
    return journal;
}

static void count_one_less(struct journal_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->made--;
    pthread_cond_signal(&pool->freed);
    pthread_mutex_unlock(&pool->lock);
}

int journal_pool_take(struct journal_pool *pool, struct borrowed_journal *ret_journal,
                      struct err *err)
{
    struct journal *journal = wait_for_one(pool);

    if (journal == NULL) {
        journal = mem_alloc(sizeof *journal);
        if (journal_share(pool->model, journal, err) < 0) {
            free(journal);
            count_one_less(pool);
            return -1;
        }
    }
    *ret_journal = (struct borrowed_journal){pool, journal};
    return 0;
}

void borrowed_journal_close(struct borrowed_journal *borrowed)
{
    struct journal_pool *pool = borrowed->pool;

    if (borrowed->journal == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->idle[pool->idle_count++] = borrowed->journal;
    pthread_cond_signal(&pool->freed);
    pthread_mutex_unlock(&pool->lock);
    *borrowed = (struct borrowed_journal){0};
}
