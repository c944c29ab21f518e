/*
 * Places and hashes of keys, streamed.
 */
#include "engine/duckdb_look.h"

#include "base/mem.h"
#include "engine/hash_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define PER_FILE UINT64_C(0x9e3779b97f4a7c15) /* keys of different files are different */

/* What is known while the rows pass. */
struct looking {
    struct look *looks;
    int64_t *last_places; /* of each file */
    size_t count;
    bool has_keys;
    struct hash_set seen;
};

static void looking_close(struct looking *looking)
{
    free(looking->last_places);
    hash_set_close(&looking->seen);
}

/*
 * Place, file, and of rows that have all keys a number that is the same for the same keys: DuckDB's hash
 * is as good as any.
 */
static void put_look(const struct table_plan *plan, const struct table_parts *parts, struct buf *to)
{
    buf_puts(to, "SELECT " TABLE_PLACE);
    buf_puts(to, parts->file ? ", CAST(" TABLE_FILE_COLUMN " AS BIGINT)" : ", NULL");
    for (size_t i = 0; i < plan->key_count; i++)
        buf_printf(to, "%s" TABLE_KEY "%zu IS NOT NULL", i ? " AND " : ", CASE WHEN ", i);
    for (size_t i = 0; i < plan->key_count; i++)
        buf_printf(to, "%s" TABLE_KEY "%zu", i ? ", " : " THEN hash(", i);
    buf_puts(to, plan->key_count > 0 ? ") END FROM (" : " FROM (");
    table_fill(plan->look, parts, to);
    buf_puts(to, ") AS riacho__look");
}

static bool is_valid(duckdb_vector vector, idx_t row)
{
    uint64_t *validity = duckdb_vector_get_validity(vector);

    return validity == NULL || duckdb_validity_row_is_valid(validity, row);
}

static void look_at_chunk(struct looking *looking, duckdb_data_chunk chunk)
{
    const idx_t rows = duckdb_data_chunk_get_size(chunk);
    const int64_t *places = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
    const int64_t *files = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 1));
    duckdb_vector keys = looking->has_keys ? duckdb_data_chunk_get_vector(chunk, 2) : NULL;
    const uint64_t *hashes = keys ? duckdb_vector_get_data(keys) : NULL;

    for (idx_t row = 0; row < rows; row++) {
        const size_t file = looking->count > 1 ? (size_t)files[row] : 0;
        struct look *look = &looking->looks[file];

        if (places[row] < looking->last_places[file])
            look->is_unordered = true;
        looking->last_places[file] = places[row];
        if (keys && is_valid(keys, row) &&
            hash_set_add(&looking->seen, hashes[row] ^ file * PER_FILE))
            look->has_duplicates = true;
    }
}

int duckdb_look(struct duck_conn *conn, const struct table_plan *plan,
                const struct table_parts *parts, size_t count, struct look *ret_looks,
                struct err *err)
{
    AUTO(looking)
    looking = {.looks = ret_looks, .count = count, .has_keys = plan->key_count > 0};
    AUTO(duck_result) rows = {0};
    AUTO(buf) sql = {0};
    duckdb_data_chunk chunk;
    int got;

    memset(ret_looks, 0, count * sizeof *ret_looks);
    looking.last_places = mem_alloc(count * sizeof *looking.last_places);
    put_look(plan, parts, &sql);
    TRY(duck_stream(conn, sql.data, &rows, err));
    while ((got = duck_next(&rows, &chunk, err)) > 0) {
        look_at_chunk(&looking, chunk);
        duckdb_destroy_data_chunk(&chunk);
    }
    return got;
}
