/*
 * A look at a file's rows before they are worked off: sorting them and telling duplicates apart are dear,
 * and landed files seldom need either.
 */
#ifndef RIACHO_DUCKDB_LOOK_H
#define RIACHO_DUCKDB_LOOK_H

#include "db/duck.h"
#include "engine/hash_set.h"
#include "engine/table_plan.h"

#define LOOK_COLUMNS 3 /* place, hash of the keys, number of the file */

struct look {
    bool is_unordered;   /* the rows are not in the API's order */
    bool has_duplicates; /* of the plan's keys; may be said in vain, is never missed */
};

/* What is known while the rows pass. {0} is closed. */
struct looking {
    struct look *looks;   /* of each file */
    int64_t *last_places; /* the same */
    size_t count;
    bool has_keys;
    struct hash_set seen;
};

void looking_open(struct looking *looking, const struct table_plan *plan, struct look *looks,
                  size_t count);
void looking_close(struct looking *looking);

/*
 * Adds the LOOK_COLUMNS that looking_see() reads to a list of columns; `keys[i]` is the SQL of a key. The rows
 * tell their files' numbers if `has_files`.
 */
void look_put_columns(const char *const *keys, size_t key_count, bool has_files, struct buf *to);

/* Looks at the rows of a chunk whose last columns are those. */
void looking_see(struct looking *looking, duckdb_data_chunk chunk);

/*
 * Looks at the input's rows, and sets the looks of its `count` files: of more than one `parts->file` tells
 * the number. ERR_SQL if the data is at fault.
 */
MUST_CHECK int duckdb_look(struct duck_conn *conn, const struct table_plan *plan,
                           const struct table_parts *parts, size_t count, struct look *ret_looks,
                           struct err *err);

#endif
