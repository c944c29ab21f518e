/*
 * What is known of a JSON value's type: a tree that only ever widens. The rules are PRODUCT.md's
 * «Types at the landing»: null never fixes a type; int64, beyond it uint64, else NUMBER (text with
 * every digit); int and double meet as DOUBLE; whatever else conflicts becomes JSON text.
 *
 * The schema of records is a STRUCT (KIND_NULL: nothing is known yet); its fields are the columns
 * of a landed file, where `_riacho_page` and `_riacho_index` follow them. Records that are no
 * objects go to a field of their own: without a key, and named `value` (or `value_2`, …). If that
 * field is the only one and JSON, it holds every record, objects too.
 */
#ifndef RIACHO_SCHEMA_H
#define RIACHO_SCHEMA_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kind {
    KIND_NULL, /* nothing but null was seen */
    KIND_BOOL,
    KIND_INT,  /* fits int64 */
    KIND_UINT, /* fits uint64, and not all fit int64 */
    KIND_DOUBLE,
    KIND_NUMBER, /* numbers as text, every digit kept */
    KIND_TEXT,
    KIND_STRUCT,
    KIND_LIST,
    KIND_JSON, /* JSON text */
};

/* What a file's schema holds at most; what is beyond becomes JSON text. */
#define SCHEMA_MOST_KEYS 1000    /* of an object */
#define SCHEMA_MOST_DEPTH 64     /* of nesting */
#define SCHEMA_MOST_LISTS 12     /* within one another: DuckDB's Parquet reader takes 2^n steps */
#define SCHEMA_MOST_COLUMNS 1000 /* leaves in all; the widest objects give way */

#define SCHEMA_PAGE_COLUMN "_riacho_page"
#define SCHEMA_INDEX_COLUMN "_riacho_index"

struct schema {
    enum kind kind;
    char *key; /* as the API wrote it, any bytes; NULL: root, items, `value` */
    size_t key_size;
    char *name;            /* unique without regard to case, never empty; NULL: the root */
    struct schema *fields; /* STRUCT: members in order of appearance; LIST: one, the items */
    size_t field_count;
    bool big_ints;  /* INT, UINT: one beyond 2^53 was seen, which a double would change */
    bool negatives; /* INT: one below 0 was seen, so that it cannot become UINT */
};

void schema_close(struct schema *schema);
void schema_copy(const struct schema *from, struct schema *ret_schema);
bool schema_same(const struct schema *a, const struct schema *b);

/* Widens `into` so that it holds whatever either holds. Fields that are new come after the old. */
void schema_merge(struct schema *into, const struct schema *other);
/* Widens for one scalar: its kind, and of an INT or UINT what was seen of it. */
void schema_merge_scalar(struct schema *into, enum kind kind, bool is_big, bool is_negative);

/*
 * Makes of a records' schema what a file can hold: an object without members becomes JSON text, and
 * so do the widest objects while there are more than SCHEMA_MOST_COLUMNS leaves.
 */
void schema_settle(struct schema *schema);
/* How many leaves the tree has: what a file stores as columns. */
size_t schema_leaves(const struct schema *schema);
/* Whether its only column takes every record as JSON text. */
bool schema_is_one_json(const struct schema *schema);

/*
 * The member with that key of a STRUCT, or NULL; adds it (KIND_NULL) if `add`. Key NULL: the field
 * for records that are no objects. Adding moves the others in memory.
 */
struct schema *schema_field(struct schema *of, const char *key, size_t key_size, bool add);
/* The items of a LIST. */
struct schema *schema_items(struct schema *of);
/* Turns it into that kind without members; LIST gets its items, of KIND_NULL. */
void schema_become(struct schema *schema, enum kind kind);

/*
 * As JSON: {"fields":[{"key":…,"name":…,"kind":"int",…}]}; a struct has "fields", a list "items",
 * an int "big" and "negative" if so. And back: ERR_DATA if it is nothing of the kind. Equal schemas
 * give equal text.
 */
void schema_write(const struct schema *schema, struct buf *to);
MUST_CHECK int schema_read(const char *text, size_t size, struct schema *ret_schema,
                           struct err *err);
/* The first 16 hexadecimal digits of the SHA-256 of schema_write()'s text. */
void schema_fingerprint(const struct schema *schema, char ret_fingerprint[17]);

/*
 * Adds the SQL type ("BIGINT", "STRUCT(\"a\" DOUBLE)", …) that DuckDB reads from the landed
 * Parquet. NUMBER and TEXT are VARCHAR, JSON is JSON. KIND_NULL is INTEGER, as DuckDB types a lone
 * NULL (it cannot write Parquet's null type); only the schema tells it from a column of numbers.
 */
void schema_put_sql_type(const struct schema *schema, struct buf *to);

#endif
