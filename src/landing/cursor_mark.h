/*
 * Cursor values of some records: the least, the greatest, and hashes of the records that have the
 * greatest. Marks of parts merge into the mark of the whole.
 */
#ifndef RIACHO_CURSOR_MARK_H
#define RIACHO_CURSOR_MARK_H

#include "base/buf.h"
#include "base/err.h"
#include "landing/number.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

/* So many records of one cursor value are remembered; more may land again in the next run. */
#define CURSOR_MOST_HASHES (1 << 20)

/* A number's literal or a text's bytes; borrowed, unless it is within a mark. */
struct cursor_value {
    const char *text; /* NULL: none */
    size_t size;
    bool is_text;
    bool is_instant; /* a text that is a date or a timestamp */
    int64_t us;      /* since 1970, of an instant */
    struct number number;
};

/* False if the JSON value (numbers raw) is neither text nor number. */
bool cursor_value_of(yyjson_val *value, struct cursor_value *ret_value);
/*
 * <0, 0, >0. Numbers by value; texts by time if both are instants, by value if both have only digits, else by bytes.
 * Any number is less than any text.
 */
int cursor_compare(const struct cursor_value *a, const struct cursor_value *b);
/* As JSON; to be freed. NULL if there is none. */
char *cursor_json(const struct cursor_value *value);

struct cursor_mark {
    struct cursor_value least;
    struct cursor_value greatest;
    uint64_t *hashes; /* of the records that have the greatest */
    size_t count;
    size_t room;
    bool has_forgotten; /* there were more than CURSOR_MOST_HASHES */
};

void cursor_mark_close(struct cursor_mark *mark);
/* Takes a value in. Returns 1 if it is the greatest now, 0 if it equals it, -1 if it is less. */
int cursor_mark_see(struct cursor_mark *mark, const struct cursor_value *value);
/* A hash of a record that has the greatest value. */
void cursor_mark_add_hash(struct cursor_mark *mark, uint64_t hash);
void cursor_mark_merge(struct cursor_mark *into, const struct cursor_mark *other);
/* Sorts the hashes, each once. */
void cursor_mark_tidy(struct cursor_mark *mark);
/* Whether a tidy mark holds the hash. */
bool cursor_mark_has(const struct cursor_mark *mark, uint64_t hash);

/* The greatest value and its hashes, from JSON texts (NULL: none), and the hashes back to JSON. */
MUST_CHECK int cursor_mark_read(const char *greatest, const char *hashes,
                                struct cursor_mark *ret_mark, struct err *err);
/* To be freed. NULL if there is no greatest. */
char *cursor_mark_hashes(struct cursor_mark *mark);

#endif
