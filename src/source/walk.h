/*
 * Walks through the document around the records, a few bytes at a time, to find the place that a
 * path names. It only finds its way: whether the document is valid JSON is yyjson's to say
 * afterwards.
 */
#ifndef RIACHO_WALK_H
#define RIACHO_WALK_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum walk_found { WALK_NOTHING, WALK_LIST, WALK_OBJECT };

/* A list or object on the way to the place. */
struct walk_rung {
    bool is_list;
    int64_t index; /* of the item that comes, in a list */
};

struct walk {
    const struct json_path *path; /* borrowed */
    int64_t offset;               /* of the next byte in the document */
    int64_t level;                /* open lists and objects */
    int64_t on_path;              /* how many of them, from the outermost, lead to the place */
    struct walk_rung *rungs;      /* those */
    struct buf key;               /* the key being read, as written */
    bool is_key_long;             /* too long to be one of the path's */
    bool in_string, is_escaped, in_key, in_scalar;
    bool expects_key, key_fits;
    bool root_seen;
    bool target_seen; /* the place was there: a list, an object or null */
};

void walk_open(struct walk *walk, const struct json_path *path);
void walk_close(struct walk *walk);

/*
 * Reads until the bytes end or the place is found. Then `*ret_found` tells which kind it is, and
 * the bytes read end with its opening bracket; whoever reads on does so behind the closing one.
 * ERR_DATA: this is no JSON, or something else than a list, an object or null is there.
 */
MUST_CHECK int walk_feed(struct walk *walk, const char *bytes, size_t size, size_t *ret_used,
                         enum walk_found *ret_found, struct err *err);

#endif
