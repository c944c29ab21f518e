/*
 * The stream of events (SSE): one thread looks for what is new and writes it into a ring, from which
 * every subscriber copies at his own pace. Whoever is not in the ring any more, or comes back with the id of
 * the last event he saw, gets what he missed from the journal: ids are places in it.
 */
#ifndef RIACHO_EVENTS_H
#define RIACHO_EVENTS_H

#include "base/buf.h"
#include "board/board.h"
#include "board/event_text.h"
#include "board/journal_pool.h"
#include "db/browse.h"

#include <pthread.h>
#include <stdatomic.h>

#define EVENTS_MOST_SUBSCRIBERS 64
#define EVENTS_RING 2048
#define EVENTS_RING_BYTES ((size_t)8 << 20)
#define EVENTS_HEARTBEAT_MS 10000
#define EVENTS_MOST_BEHIND 10000 /* files; beyond it a subscriber begins anew */

struct clients;

/* An event as it is sent. */
struct event {
    char *text; /* NULL: none */
    size_t size;
    int64_t file; /* its seq, if it tells of one; 0: not */
};

struct events {
    const struct board_setup *setup; /* NULL: closed */
    struct journal_pool *pool;
    struct journal journal;  /* the thread's */
    struct clients *clients; /* whom the thread reaps, too */
    pthread_t thread;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t grew;  /* signalled after an event came, or at the end */
    struct event ring[EVENTS_RING];
    uint64_t first; /* numbers of the oldest in the ring, and of the next to come */
    uint64_t next;
    size_t ring_bytes;
    int64_t subscribers;
    bool is_looking; /* the thread derives events: there were subscribers */
    bool closing;

    struct place place; /* the thread's own: how far it has told */
    struct told told;   /* … and what it told last */
    atomic_llong sent;  /* events */
};

MUST_CHECK int events_open(struct events *events, const struct board_setup *setup,
                           struct journal_pool *pool, struct clients *clients, struct err *err);
/* Ends all streams, and gives them a moment to say so; their subscribers still have to be closed. */
void events_stop(struct events *events);
void events_close(struct events *events);

struct subscriber;

/*
 * `since` is an event's id, or NULL: from now on, with a snapshot first. NULL if there are too many (ERR_LIMIT).
 */
struct subscriber *subscriber_new(struct events *events, const char *since, struct err *err);
/* Bytes to send, at least a heartbeat every EVENTS_HEARTBEAT_MS; 0 at the end. Blocks. */
ssize_t subscriber_read(void *subscriber, char *to, size_t size);
void subscriber_free(void *subscriber);

int64_t events_subscribers(struct events *events);

#endif
