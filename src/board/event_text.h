/*
 * Events as text/event-stream has them: a name, an id, one line of JSON.
 */
#ifndef RIACHO_EVENT_TEXT_H
#define RIACHO_EVENT_TEXT_H

#include "base/json.h"
#include "db/browse.h"

#define EVENT_MOST_FILES 500 /* read from the journal at a time */

/* Where events go; `file` is the greatest seq it tells of, 0: it tells of none. */
struct event_sink {
    void (*put)(void *ctx, struct buf *text_taken, int64_t file);
    void *ctx;
};

/* What was told last under each name, so that the same is not told twice. */
struct told_item {
    char *name;
    char *text;
};

struct told {
    struct told_item *items;
    size_t count;
};

void told_close(struct told *told);

/* The whole snapshot, with its own id. */
void event_put_snapshot(const struct json_out *snapshot, const struct event_sink *sink);
/* The members of the snapshot that are not as they were told; `told` NULL: all. Takes them out of it. */
void event_put_river(struct json_out *snapshot, const struct place *place, struct told *told,
                     const struct event_sink *sink);
/* The files of changes_since() in order, up to `together` in an event. */
void event_put_files(struct json_out *changes, const struct place *before, size_t together,
                     const struct event_sink *sink);
/* The rest of them; `told` NULL: tell in any case. */
void event_put_others(struct json_out *changes, const struct place *place, struct told *told,
                      const struct event_sink *sink);
/* The last one. */
void event_put_bye(struct buf *to, const char *why);

#endif
