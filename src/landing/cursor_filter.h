/*
 * Which records are new to an incremental run: those whose cursor value is not below the start
 * value, nor known at it. Never changes once open, so DuckDB's threads share it.
 */
#ifndef RIACHO_CURSOR_FILTER_H
#define RIACHO_CURSOR_FILTER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "landing/cursor_mark.h"

enum cursor_missing { CURSOR_RAISE, CURSOR_INCLUDE, CURSOR_EXCLUDE };

struct cursor_filter {
    char *path_text; /* NULL: there is no cursor, every record is new */
    struct json_path path;
    enum cursor_missing missing;
    struct cursor_mark start; /* the start value, and hashes of what is known at it */
    struct json_path *keys;   /* of the primary key; none: the whole record counts */
    char *const *key_names;
    size_t key_count;
};

/*
 * `primary_key` must outlive it. ERR_USAGE: a path that is none; ERR_DATA: a start that is damaged.
 */
MUST_CHECK int cursor_filter_open(struct cursor_filter *filter, const char *path,
                                  const char *missing, const char *start_value,
                                  const char *start_boundary, char *const *primary_key,
                                  size_t primary_keys, struct err *err);
void cursor_filter_close(struct cursor_filter *filter);

/*
 * 1: the record is new, 0: it is skipped, -1: it has no usable cursor value, ERR_DATA. The value
 * (text NULL: none) is borrowed from the record. `scratch` saves allocations.
 */
MUST_CHECK int cursor_filter_judge(const struct cursor_filter *filter, yyjson_val *record,
                                   struct buf *scratch, struct cursor_value *ret_value,
                                   struct err *err);

/* What a record is known by at the boundary. */
uint64_t cursor_filter_hash(const struct cursor_filter *filter, yyjson_val *record,
                            struct buf *scratch);

#endif
