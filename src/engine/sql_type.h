/*
 * Types of adjusted columns: a small set that DuckDB, Spark and pyarrow read alike. In words they are
 * DuckDB's, which is how the journal keeps them.
 */
#ifndef RIACHO_SQL_TYPE_H
#define RIACHO_SQL_TYPE_H

#include "base/buf.h"
#include "db/schema.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sql_kind {
    SQL_NULL, /* nothing but null was seen: a column of it is not written */
    SQL_BOOLEAN,
    SQL_BIGINT,
    SQL_DOUBLE,
    SQL_DECIMAL,
    SQL_TEXT,
    SQL_DATE,
    SQL_TIMESTAMP, /* an instant, in UTC microseconds */
    SQL_JSON,      /* JSON text: a text in the file, and known as JSON here */
    SQL_LIST,
    SQL_STRUCT,
    SQL_OTHER, /* what an engine has besides, passed on as it is (TIME, BLOB) */
};

struct sql_type {
    enum sql_kind kind;
    int precision; /* DECIMAL */
    int scale;
    char *name;              /* of a STRUCT's field; NULL elsewhere */
    char *word;              /* OTHER */
    struct sql_type *fields; /* STRUCT: its members; LIST: one, the items */
    size_t field_count;
};

void sql_type_close(struct sql_type *type);
void sql_type_copy(const struct sql_type *from, struct sql_type *ret_type);
bool sql_type_same(const struct sql_type *a, const struct sql_type *b);
/* Adds a field (or a LIST's items, `name` NULL), to be filled. Moves the others in memory. */
struct sql_type *sql_type_add(struct sql_type *type, const char *name);

/* Adds DuckDB's words: "BIGINT", "STRUCT(\"a\" DOUBLE)[]", … */
void sql_type_put(const struct sql_type *type, struct buf *to);
/* The same for a cast: what lies in the file, where JSON is a text. */
void sql_type_put_stored(const struct sql_type *type, struct buf *to);
/* And back; what is not of the set comes as OTHER with its words. */
void sql_type_read(const char *words, struct sql_type *ret_type);
/* Adds what a misfit's column is called after: "bigint", "decimal_10_2", "list_double". */
void sql_type_put_short(const struct sql_type *type, struct buf *to);

/*
 * What a landed value becomes where nothing else was asked for. UINT becomes DECIMAL(20,0), which Spark
 * has too. A member that was never anything but null is left out of a STRUCT.
 */
void sql_type_of(const struct schema *schema, struct sql_type *ret_type);

#endif
