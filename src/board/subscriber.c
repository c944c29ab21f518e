/*
 * One reader of the stream: first what he missed, from the journal; then the ring.
 */
#include "board/events.h"

#include "base/clock.h"
#include "base/mem.h"
#include "board/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"

#define PENDING_BYTES ((size_t)256 << 10)
#define FILES_TOGETHER 100

struct subscriber {
    struct events *events;
    struct place place;  /* what he has seen; of the files exactly so */
    bool needs_snapshot; /* he has seen nothing that goes on from there */
    bool follows;        /* he reads the ring from `next` on */
    bool has_ended;
    uint64_t next;
    struct buf pending; /* to be sent, from `sent` on */
    size_t sent;
};

struct subscriber *subscriber_new(struct events *events, const char *since, struct err *err)
{
    struct subscriber *made;
    bool is_one_more;

    pthread_mutex_lock(&events->lock);
    is_one_more = events->subscribers < EVENTS_MOST_SUBSCRIBERS && !events->closing;
    events->subscribers += is_one_more;
    pthread_mutex_unlock(&events->lock);
    if (!is_one_more) {
        err_set(err, ERR_LIMIT, "%d streams of events are open already", EVENTS_MOST_SUBSCRIBERS);
        err_hint(err, "Close other windows of the dashboard.");
        return NULL;
    }
    made = mem_alloc(sizeof *made);
    made->events = events;
    made->needs_snapshot = since == NULL || !place_read(since, &made->place) ||
                           strcmp(made->place.epoch, events->setup->journal->epoch) != 0;
    buf_puts(&made->pending, "retry: 1000\n\n");
    return made;
}

void subscriber_free(void *subscriber)
{
    struct subscriber *self = subscriber;

    pthread_mutex_lock(&self->events->lock);
    self->events->subscribers--;
    pthread_cond_broadcast(&self->events->grew);
    pthread_mutex_unlock(&self->events->lock);
    buf_close(&self->pending);
    free(self);
}

/* ---- from the journal ---- */

static void put_pending(void *ctx, struct buf *text_taken, int64_t file)
{
    struct subscriber *self = ctx;

    if (file > 0)
        self->place.files = file;
    buf_put(&self->pending, text_taken->data, text_taken->size);
    buf_close(text_taken);
}

/* Whatever becomes true from the returned number on is in the ring. Returns false at the end. */
static bool join_ring(struct subscriber *self)
{
    struct events *events = self->events;
    bool closing;

    pthread_mutex_lock(&events->lock);
    while (!events->is_looking && !events->closing)
        pthread_cond_wait(&events->grew, &events->lock);
    self->next = events->next;
    closing = events->closing;
    pthread_mutex_unlock(&events->lock);
    return !closing;
}

static int put_snapshot(struct subscriber *self, struct journal *journal, struct err *err)
{
    AUTO(json_out) snapshot = {0};
    yyjson_mut_val *id;

    TRY(snapshot_make(self->events->setup, journal, &snapshot, err));
    id = yyjson_mut_obj_get(yyjson_mut_doc_get_root(snapshot.doc), "id");
    place_read(yyjson_mut_get_str(id), &self->place);
    event_put_snapshot(&snapshot, &(struct event_sink){put_pending, self});
    self->needs_snapshot = false;
    return 0;
}

/* 1 there is more to come, 0 that was all. */
static int put_missed(struct subscriber *self, struct journal *journal, struct err *err)
{
    const struct event_sink sink = {put_pending, self};
    AUTO(json_out) changes = {0};
    struct place reached = self->place;
    const struct place before = self->place;

    TRY(changes_since(journal, &reached, EVENT_MOST_FILES, &changes, err));
    event_put_files(&changes, &before, FILES_TOGETHER, &sink);
    if (reached.files - before.files >= EVENT_MOST_FILES)
        return 1;
    event_put_others(&changes, &reached, NULL, &sink);
    self->place = reached;
    return 0;
}

static int put_river(struct subscriber *self, struct journal *journal, struct err *err)
{
    AUTO(json_out) snapshot = {0};

    TRY(snapshot_make(self->events->setup, journal, &snapshot, err));
    event_put_river(&snapshot, &self->place, NULL, &(struct event_sink){put_pending, self});
    return 0;
}

/* 1 if he is so far behind, or ahead of a state that was put back, that he begins anew. */
static int is_lost(const struct subscriber *self, struct journal *journal, struct err *err)
{
    struct place now;

    TRY(place_now(journal, &now, err));
    return now.files - self->place.files > EVENTS_MOST_BEHIND || now.files < self->place.files;
}

static int catch_up(struct subscriber *self, struct err *err)
{
    AUTO(borrowed_journal) journal = {0};
    int more;

    TRY(journal_pool_take(self->events->pool, &journal, err));
    if (!self->needs_snapshot) {
        more = is_lost(self, journal.journal, err);
        TRY(more);
        self->needs_snapshot = more == 1;
    }
    if (self->needs_snapshot)
        return put_snapshot(self, journal.journal, err);
    do
        more = put_missed(self, journal.journal, err);
    while (more == 1);
    TRY(more);
    return put_river(self, journal.journal, err);
}

/* ---- from the ring ---- */

/* Called with the lock held. */
static void copy_events(struct subscriber *self)
{
    struct events *events = self->events;

    while (self->next < events->next && self->pending.size < PENDING_BYTES) {
        const struct event *event = &events->ring[self->next++ % EVENTS_RING];

        /* He may have had it from the journal. */
        if (event->file > 0 && event->file <= self->place.files)
            continue;
        if (event->file > 0)
            self->place.files = event->file;
        buf_put(&self->pending, event->text, event->size);
    }
}

static void deadline_in(int64_t ms, struct timespec *ret_until)
{
    clock_gettime(CLOCK_MONOTONIC, ret_until);
    ret_until->tv_sec += ms / 1000;
}

/* Waits for events and copies them. */
static void follow(struct subscriber *self)
{
    struct events *events = self->events;
    struct timespec until;
    int late = 0;

    deadline_in(EVENTS_HEARTBEAT_MS, &until);
    pthread_mutex_lock(&events->lock);
    while (self->next == events->next && !events->closing && late == 0)
        late = pthread_cond_timedwait(&events->grew, &events->lock, &until);
    if (events->closing) {
        event_put_bye(&self->pending, "the dashboard stops");
        self->has_ended = true;
    } else if (self->next < events->first)
        self->follows = false; /* what he did not read in time is gone from here */
    else
        copy_events(self);
    pthread_mutex_unlock(&events->lock);
    if (late != 0)
        buf_puts(&self->pending, ": nothing new\n\n");
}

static void gather_more(struct subscriber *self)
{
    struct err err = {0};

    if (self->follows) {
        follow(self);
        return;
    }
    self->follows = join_ring(self);
    if (!self->follows || catch_up(self, &err) < 0) {
        event_put_bye(&self->pending, self->follows ? err.text : "the dashboard stops");
        self->has_ended = true;
    }
}

ssize_t subscriber_read(void *subscriber, char *to, size_t size)
{
    struct subscriber *self = subscriber;
    size_t part;

    while (self->sent == self->pending.size && !self->has_ended) {
        buf_reset(&self->pending);
        self->sent = 0;
        gather_more(self);
    }
    part = self->pending.size - self->sent;
    if (part > size)
        part = size;
    if (part == 0)
        return 0;
    memcpy(to, self->pending.data + self->sent, part);
    self->sent += part;
    return (ssize_t)part;
}
