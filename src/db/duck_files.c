/*
 * What DuckDB made of a COPY to many files.
 */
#include "db/duck_files.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

char *duck_files_name(const char *dir, size_t index)
{
    return mem_fmt("%s/data_%zu.tmp", dir, index);
}

/* The number in a name that duck_files_name() gave; -1 if it is another. */
static int64_t index_of(const char *dir, const char *name)
{
    AUTO(buf) digits = {0};
    struct err ignored = {0};
    int64_t index;

    if (!str_starts(name, dir) || !str_starts(name + strlen(dir), "/data_") ||
        !str_ends(name, ".tmp"))
        return -1;
    buf_puts(&digits, name + strlen(dir) + 6);
    digits.data[digits.size - 4] = '\0';
    return str_to_int(digits.data, 0, INT64_MAX, &index, &ignored) < 0 ? -1 : index;
}

/* DuckDB tells of them in any order. */
static bool have_rows(struct duck_result *found, const char *dir, const int64_t *rows, size_t count)
{
    bool is_right = duckdb_row_count(&found->result) == count;

    for (size_t i = 0; i < count && is_right; i++) {
        char *name = duck_text(found, 0, i);
        const int64_t index = index_of(dir, name);

        is_right = index >= 0 && (size_t)index < count &&
                   duckdb_value_int64(&found->result, 1, i) == rows[index];
        duckdb_free(name);
    }
    return is_right;
}

static int64_t sum(const int64_t *rows, size_t count)
{
    int64_t all = 0;

    for (size_t i = 0; i < count; i++)
        all += rows[i];
    return all;
}

static void put_names(const char *dir, size_t count, struct buf *to)
{
    for (size_t i = 0; i < count; i++) {
        char *name = duck_files_name(dir, i);

        buf_puts(to, i ? ", " : "");
        sql_put_text(to, name);
        free(name);
    }
}

int duck_files_check(struct duck_conn *conn, const char *dir, const int64_t *rows, size_t count,
                     int64_t copied, struct err *err)
{
    AUTO(duck_result) found = {0};
    AUTO(buf) sql = {0};

    buf_puts(&sql, "SELECT file_name, num_rows FROM parquet_file_metadata([");
    put_names(dir, count, &sql);
    buf_puts(&sql, "])");
    if (count > 0)
        TRY(duck_query(conn, sql.data, &found, err));
    if (copied == sum(rows, count) && (count == 0 || have_rows(&found, dir, rows, count)))
        return 0;
    return err_set(err, ERR_IO, "DuckDB did not write the files in \"%s\" as it was told to", dir);
}
