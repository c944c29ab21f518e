/*
 * The thread that looks, and its ring.
 */
#include "board/events.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"
#include "board/clients.h"
#include "board/event_text.h"
#include "board/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"

#define LOOK_MS 50  /* how often the journal's version is asked */
#define TELL_MS 250 /* how often events are made at most */
#define GOODBYE_S 1 /* that the last event may take to be sent */
#define IDLE_MS 100 /* without subscribers */

/* ---- the ring; called with the lock held ---- */

static struct event *slot(struct events *events, uint64_t number)
{
    return &events->ring[number % EVENTS_RING];
}

static void drop_oldest(struct events *events)
{
    struct event *oldest = slot(events, events->first++);

    events->ring_bytes -= oldest->size;
    free(oldest->text);
    *oldest = (struct event){0};
}

static void add_event(struct events *events, const struct event *event_taken)
{
    if (events->next - events->first == EVENTS_RING)
        drop_oldest(events);
    *slot(events, events->next++) = *event_taken;
    events->ring_bytes += event_taken->size;
    while (events->ring_bytes > EVENTS_RING_BYTES && events->next - events->first > 1)
        drop_oldest(events);
    atomic_fetch_add(&events->sent, 1);
}

/* ---- looking ---- */

/* Publishes the events of one look all at once, so that subscribers wake once. */
struct gathered {
    struct event *items;
    size_t count;
};

static void gather(void *ctx, struct buf *text_taken, int64_t file)
{
    struct gathered *gathered = ctx;
    struct event *event = MEM_PUSH(gathered->items, gathered->count);

    event->size = text_taken->size;
    event->text = buf_take(text_taken);
    event->file = file;
}

static void publish(struct events *events, struct gathered *gathered)
{
    pthread_mutex_lock(&events->lock);
    for (size_t i = 0; i < gathered->count; i++)
        add_event(events, &gathered->items[i]);
    if (gathered->count > 0)
        pthread_cond_broadcast(&events->grew);
    pthread_mutex_unlock(&events->lock);
    free(gathered->items);
}

/* The changed members of the snapshot. */
static int gather_river(struct events *events, struct gathered *gathered, struct err *err)
{
    AUTO(json_out) snapshot = {0};

    TRY(snapshot_make(events->setup, &events->journal, &snapshot, err));
    event_put_river(&snapshot, &events->place, &events->told,
                    &(struct event_sink){gather, gathered});
    return 0;
}

static int gather_changes(struct events *events, struct gathered *gathered, struct err *err)
{
    int64_t told;

    do {
        AUTO(json_out) changes = {0};
        const struct place before = events->place;

        TRY(changes_since(&events->journal, &events->place, EVENT_MOST_FILES, &changes, err));
        event_put_files(&changes, &before, 1, &(struct event_sink){gather, gathered});
        event_put_others(&changes, &events->place, &events->told,
                         &(struct event_sink){gather, gathered});
        told = events->place.files - before.files;
    } while (told >= EVENT_MOST_FILES);
    return 0;
}

static void look(struct events *events, bool has_changed)
{
    struct gathered gathered = {0};
    struct err err = {0};

    if ((has_changed && gather_changes(events, &gathered, &err) < 0) ||
        gather_river(events, &gathered, &err) < 0)
        log_debug("the dashboard could not look: %s", err.text);
    publish(events, &gathered);
}

/* Whether there is somebody to tell. The first one to come finds the ring empty: it begins now. */
static bool has_listeners(struct events *events)
{
    struct err err = {0};
    bool begins;
    bool listens;

    pthread_mutex_lock(&events->lock);
    listens = events->subscribers > 0;
    begins = listens && !events->is_looking;
    if (!listens)
        events->is_looking = false;
    pthread_mutex_unlock(&events->lock);
    if (!begins)
        return listens;
    told_close(&events->told);
    if (place_now(&events->journal, &events->place, &err) < 0) {
        log_debug("the dashboard could not look: %s", err.text);
        return false;
    }
    pthread_mutex_lock(&events->lock);
    events->is_looking = true;
    pthread_cond_broadcast(&events->grew);
    pthread_mutex_unlock(&events->lock);
    return true;
}

/* Returns whether it is time to end. */
static bool wait_ms(struct events *events, int64_t ms)
{
    struct timespec until;
    bool closing;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&events->lock);
    while (!events->closing && pthread_cond_timedwait(&events->grew, &events->lock, &until) == 0) {
    }
    closing = events->closing;
    pthread_mutex_unlock(&events->lock);
    return closing;
}

/* The version is one of this connection: it changes by what others commit. */
static bool version_changed(struct events *events, int64_t *version)
{
    struct err ignored = {0};
    int64_t now = *version;
    bool changed;

    if (journal_version(&events->journal, &now, &ignored) < 0)
        return false;
    changed = now != *version;
    *version = now;
    return changed;
}

static void *look_thread(void *ctx)
{
    struct events *events = ctx;
    int64_t version = -1;
    int64_t told_ms = 0;
    bool has_changed = false;

    do {
        const int64_t now_ms = clock_monotonic_ms();

        clients_reap(events->clients);
        if (!has_listeners(events)) {
            version = -1;
            continue;
        }
        has_changed |= version_changed(events, &version);
        if (now_ms - told_ms < TELL_MS)
            continue;
        look(events, has_changed);
        has_changed = false;
        told_ms = now_ms;
    } while (!wait_ms(events, version < 0 ? IDLE_MS : LOOK_MS));
    return NULL;
}

/* ---- life ---- */

int events_open(struct events *events, const struct board_setup *setup, struct journal_pool *pool,
                struct clients *clients, struct err *err)
{
    pthread_condattr_t attributes;

    TRY(journal_share(setup->journal, &events->journal, err));
    events->setup = setup;
    events->pool = pool;
    events->clients = clients;
    pthread_mutex_init(&events->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&events->grew, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&events->thread, NULL, look_thread, events) == 0)
        return 0;
    journal_close(&events->journal);
    events->setup = NULL;
    return err_set(err, ERR_IO, "the system gave no thread for the dashboard's events");
}

void events_stop(struct events *events)
{
    struct timespec until;
    int late = 0;

    if (events->setup == NULL)
        return;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += GOODBYE_S;
    pthread_mutex_lock(&events->lock);
    events->closing = true;
    pthread_cond_broadcast(&events->grew);
    while (events->subscribers > 0 && late == 0)
        late = pthread_cond_timedwait(&events->grew, &events->lock, &until);
    pthread_mutex_unlock(&events->lock);
}

void events_close(struct events *events)
{
    if (events->setup == NULL)
        return;
    events_stop(events);
    pthread_join(events->thread, NULL);
    while (events->first < events->next)
        drop_oldest(events);
    told_close(&events->told);
    journal_close(&events->journal);
    pthread_cond_destroy(&events->grew);
    pthread_mutex_destroy(&events->lock);
    events->setup = NULL;
}

int64_t events_subscribers(struct events *events)
{
    int64_t count;

    pthread_mutex_lock(&events->lock);
    count = events->subscribers;
    pthread_mutex_unlock(&events->lock);
    return count;
}
