/*
 * What is known of a JSON value's type: a tree that only ever widens. The rules are PRODUCT.md's
 * «Types at the landing»: null never fixes a type; int64, beyond it uint64, else NUMBER (text with every
 * digit); int and double meet as DOUBLE; whatever else conflicts becomes JSON text.
 */
#ifndef RIACHO_SCHEMA_H
#define RIACHO_SCHEMA_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum kind {
    KIND_NULL,   /* nothing but null was seen                           */
    KIND_BOOL,
    KIND_INT,    /* fits int64                                          */
    KIND_UINT,   /* fits uint64, and not all fit int64                  */
    KIND_DOUBLE,
    KIND_NUMBER, /* numbers as text, every digit kept                   */
    KIND_TEXT,
    KIND_STRUCT,
    KIND_LIST,
    KIND_JSON,   /* JSON text                                           */
};

#define SCHEMA_MOST_KEYS 1000 /* an object with more becomes JSON text   */
#define SCHEMA_MOST_DEPTH 64  /* what nests deeper becomes JSON text     */

struct schema {
    enum kind kind;
    char *key;     /* as the API wrote it (may hold any byte, see key_size); NULL for the root and list items */
    size_t key_size;
    char *name;    /* the column's or field's name: unique without regard to case, never empty      */
    struct schema *fields; /* STRUCT: its members in order of appearance; LIST: one, the items       */
    size_t field_count;
    bool big_ints; /* INT or UINT: one beyond 2^53 was seen, so a double would change it             */
};

void schema_close(struct schema *schema);
void schema_copy(const struct schema *from, struct schema *ret_schema);
bool schema_same(const struct schema *a, const struct schema *b);

/* Widens `into` so that it holds whatever either holds. Fields that are new come after the old. */
void schema_merge(struct schema *into, const struct schema *other);

/* The member with that key of a STRUCT, or NULL; adds it (KIND_NULL) if `add`. */
struct schema *schema_field(struct schema *of, const char *key, size_t key_size, bool add);

/* As JSON: {"fields":[{"key":…,"name":…,"kind":"int",…}]}; and back. Equal schemas give equal text. */
void schema_write(const struct schema *schema, struct buf *to);
MUST_CHECK int schema_read(const char *text, size_t size, struct schema *ret_schema,
                           struct err *err);
/* The first 16 hexadecimal digits of the SHA-256 of schema_write()'s text. */
void schema_fingerprint(const struct schema *schema, char ret_fingerprint[17]);

/* Adds the SQL type ("BIGINT", "STRUCT(\"a\" DOUBLE)", …) that DuckDB reads from the landed Parquet. */
void schema_put_sql_type(const struct schema *schema, struct buf *to);

#endif
