/*
 * A value in the landed records: found by the keys of the API, reached by the names of the columns.
 */
#ifndef RIACHO_LANDED_H
#define RIACHO_LANDED_H

#include "base/json.h"
#include "db/schema.h"
#include "engine/dialect.h"

/* How SQL reaches a value, and what is known of its type. */
struct landed {
    enum kind kind;              /* KIND_NULL: no value was ever there, or the path leads nowhere */
    const struct schema *schema; /* of that kind, borrowed; NULL within JSON text */
    char *sql;                   /* the value; of KIND_JSON: the JSON text that it lies in */
    char *steps;                 /* KIND_JSON: where in the text it lies, as a SQL literal */
};

void landed_close(struct landed *landed);

/* The value at that path in a record; `$` is the record as a whole. */
void landed_find(const struct dialect *dialect, const struct schema *root,
                 const struct json_path *path, struct landed *ret_landed);
/* The member `field` of a struct (NULL: a column) at `sql`. */
void landed_field(const struct dialect *dialect, const char *sql, const struct schema *field,
                  struct landed *ret_landed);

/* Add the value as SQL: as what it is (KIND_JSON: as JSON text), … */
void landed_put(const struct landed *landed, const struct dialect *dialect, struct buf *to);
/* … as what sql_type_of() makes of it, ready to be stored, … */
void landed_put_stored(const struct landed *landed, const struct dialect *dialect, struct buf *to);
/* … as text (a JSON string without quotes, whatever is nested as JSON), … */
void landed_put_text(const struct landed *landed, const struct dialect *dialect, struct buf *to);
/* … as JSON text. */
void landed_put_json(const struct landed *landed, const struct dialect *dialect, struct buf *to);
/* What landed_put_stored() gives. */
void landed_type(const struct landed *landed, struct sql_type *ret_type);

#endif
