/*
 * A look at a file's rows before they are worked off: sorting them and telling duplicates apart are dear,
 * and landed files seldom need either.
 */
#ifndef RIACHO_DUCKDB_LOOK_H
#define RIACHO_DUCKDB_LOOK_H

#include "db/duck.h"
#include "engine/table_plan.h"

struct look {
    bool is_unordered;   /* the rows are not in the API's order */
    bool has_duplicates; /* of the plan's keys; may be said in vain, is never missed */
};

/*
 * Looks at the input's rows, and sets the looks of its `count` files: of more than one `parts->file` tells
 * the number. ERR_SQL if the data is at fault.
 */
MUST_CHECK int duckdb_look(struct duck_conn *conn, const struct table_plan *plan,
                           const struct table_parts *parts, size_t count, struct look *ret_looks,
                           struct err *err);

#endif
