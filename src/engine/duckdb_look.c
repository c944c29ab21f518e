/*
 * Places and hashes of keys, streamed.
 */
#include "engine/duckdb_look.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define PER_FILE UINT64_C(0x9e3779b97f4a7c15) /* keys of different files are different */

void looking_open(struct looking *looking, const struct table_plan *plan, struct look *looks,
                  size_t count)
{
    *looking = (struct looking){.looks = looks, .count = count, .has_keys = plan->key_count > 0};
    memset(looks, 0, count * sizeof *looks);
    looking->last_places = mem_alloc(count * sizeof *looking->last_places);
}

void looking_close(struct looking *looking)
{
    free(looking->last_places);
    looking->last_places = NULL;
    hash_set_close(&looking->seen);
}

/* Of rows that have all keys a number that is the same for the same keys: DuckDB's hash is as good as any. */
static void put_hash(const char *const *keys, size_t key_count, struct buf *to)
{
    for (size_t i = 0; i < key_count; i++)
        buf_printf(to, "%s%s IS NOT NULL", i ? " AND " : ", CASE WHEN ", keys[i]);
    for (size_t i = 0; i < key_count; i++)
        buf_printf(to, "%s%s", i ? ", " : " THEN hash(", keys[i]);
    buf_puts(to, key_count > 0 ? ") END" : ", NULL");
}

void look_put_columns(const char *const *keys, size_t key_count, bool has_files, struct buf *to)
{
    buf_puts(to, TABLE_PLACE);
    put_hash(keys, key_count, to);
    buf_puts(to, has_files ? ", CAST(" TABLE_FILE_COLUMN " AS BIGINT)" : ", NULL");
}

static void put_look(const struct table_plan *plan, const struct table_parts *parts, struct buf *to)
{
    const char **keys = mem_alloc((plan->key_count + 1) * sizeof *keys);

    for (size_t i = 0; i < plan->key_count; i++)
        keys[i] = mem_fmt(TABLE_KEY "%zu", i);
    buf_puts(to, "SELECT ");
    look_put_columns(keys, plan->key_count, parts->file != NULL, to);
    buf_puts(to, " FROM (");
    table_fill(plan->look, parts, to);
    buf_puts(to, ") AS riacho__look");
    for (size_t i = 0; i < plan->key_count; i++)
        free((char *)(uintptr_t)keys[i]);
    free(keys);
}

static bool is_valid(duckdb_vector vector, idx_t row)
{
    uint64_t *validity = duckdb_vector_get_validity(vector);

    return validity == NULL || duckdb_validity_row_is_valid(validity, row);
}

void looking_see(struct looking *looking, duckdb_data_chunk chunk)
{
    const idx_t rows = duckdb_data_chunk_get_size(chunk);
    const idx_t first = duckdb_data_chunk_get_column_count(chunk) - LOOK_COLUMNS;
    const int64_t *places = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, first));
    duckdb_vector keys = duckdb_data_chunk_get_vector(chunk, first + 1);
    const int64_t *files = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, first + 2));
    const uint64_t *hashes = duckdb_vector_get_data(keys);

    for (idx_t row = 0; row < rows; row++) {
        const size_t file = looking->count > 1 ? (size_t)files[row] : 0;
        struct look *look = &looking->looks[file];

        if (places[row] < looking->last_places[file])
            look->is_unordered = true;
        looking->last_places[file] = places[row];
        if (looking->has_keys && is_valid(keys, row) &&
            hash_set_add(&looking->seen, hashes[row] ^ file * PER_FILE))
            look->has_duplicates = true;
    }
}

int duckdb_look(struct duck_conn *conn, const struct table_plan *plan,
                const struct table_parts *parts, size_t count, struct look *ret_looks,
                struct err *err)
{
    AUTO(looking) looking = {0};
    AUTO(duck_result) rows = {0};
    AUTO(buf) sql = {0};
    duckdb_data_chunk chunk;
    int got;

    looking_open(&looking, plan, ret_looks, count);
    put_look(plan, parts, &sql);
    TRY(duck_stream(conn, sql.data, &rows, err));
    while ((got = duck_next(&rows, &chunk, err)) > 0) {
        looking_see(&looking, chunk);
        duckdb_destroy_data_chunk(&chunk);
    }
    return got;
}
