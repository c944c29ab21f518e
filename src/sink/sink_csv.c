/*
 * CSV as spreadsheets and programs read it (RFC 4180): UTF-8, a header line, lines that end in CRLF,
 * quotes only where they must be. DuckDB reads the Parquet file, the cells are made here: its own writer
 * knows neither CRLF nor the difference between null and an empty text.
 */
#include "base/mem.h"
#include "db/duck.h"
#include "sink/csv_cell.h"
#include "sink/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

#define WRITE_BYTES ((size_t)256 << 10) /* gathered before they are written */

struct csv_sink {
    struct duck duck;
    struct duck_conn conn;
};

/* ---- open, close ---- */

static void csv_sink_close(struct csv_sink *impl)
{
    duck_conn_close(&impl->conn);
    duck_close(&impl->duck);
}

static int open_parts(struct csv_sink *impl, const struct sink_conf *conf, struct err *err)
{
    const struct duck_conf duck_conf = {.memory_bytes = conf->memory_bytes,
                                        .threads = 1,
                                        .temp_dir = conf->temp_dir,
                                        .allowed_dirs = conf->dirs,
                                        .allowed_count = conf->dir_count,
                                        .locked = true};

    TRY(duck_open(&impl->duck, &duck_conf, err));
    return duck_connect(&impl->duck, &impl->conn, err);
}

static int open_csv(struct sink *sink, const struct sink_conf *conf, struct err *err)
{
    struct csv_sink *impl = mem_alloc(sizeof *impl);

    if (open_parts(impl, conf, err) < 0) {
        csv_sink_close(impl);
        free(impl);
        return -1;
    }
    sink->impl = impl;
    return 0;
}

static void close_csv(struct sink *sink)
{
    csv_sink_close(sink->impl);
    free(sink->impl);
    sink->impl = NULL;
}

/* ---- reading ---- */

static bool is_nested(duckdb_type type)
{
    return type == DUCKDB_TYPE_LIST || type == DUCKDB_TYPE_STRUCT || type == DUCKDB_TYPE_MAP ||
           type == DUCKDB_TYPE_ARRAY || type == DUCKDB_TYPE_UNION;
}

/* Lists and structs as JSON text, what else we do not know in DuckDB's words. */
static void put_as_text(struct duck_result *result, idx_t column, struct buf *sql)
{
    const duckdb_type type = duckdb_column_type(&result->result, column);
    AUTO(buf) name = {0};

    sql_put_name(&name, duckdb_column_name(&result->result, column));
    buf_puts(sql, column ? ", " : "");
    if (csv_knows(type))
        buf_puts(sql, name.data);
    else
        buf_printf(sql, "CAST(%s%s%s AS VARCHAR) AS %s", is_nested(type) ? "to_json(" : "",
                   name.data, is_nested(type) ? ")" : "", name.data);
}

/* The rows of the file, in columns that csv_put_cell() knows. */
static int open_rows(struct csv_sink *impl, const char *parquet_path, struct duck_result *ret_rows,
                     struct err *err)
{
    AUTO(duck_result) plain = {0};
    AUTO(buf) from = {0};
    AUTO(buf) sql = {0};
    bool knows_all = true;

    buf_puts(&from, " FROM read_parquet(");
    sql_put_text(&from, parquet_path);
    buf_putc(&from, ')');
    buf_printf(&sql, "SELECT *%s", from.data);
    TRY(duck_stream(&impl->conn, sql.data, &plain, err));
    buf_reset(&sql);
    buf_puts(&sql, "SELECT ");
    for (idx_t i = 0; i < duckdb_column_count(&plain.result); i++) {
        knows_all = knows_all && csv_knows(duckdb_column_type(&plain.result, i));
        put_as_text(&plain, i, &sql);
    }
    if (knows_all) {
        *ret_rows = plain;
        plain.is_open = false;
        return 0;
    }
    duck_result_close(&plain);
    buf_puts(&sql, from.data);
    return duck_stream(&impl->conn, sql.data, ret_rows, err);
}

/* ---- writing ---- */

/* A file that grows. */
struct csv_file {
    int fd_plus_1;
    const char *path;
    struct buf pending;
};

static void csv_file_close(struct csv_file *file)
{
    if (file->fd_plus_1)
        close(file->fd_plus_1 - 1);
    file->fd_plus_1 = 0;
    buf_close(&file->pending);
}

static int open_file(struct csv_file *file, const char *path, struct err *err)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);

    if (fd < 0)
        return err_errno(err, "could not create \"%s\"", path);
    file->fd_plus_1 = fd + 1;
    file->path = path;
    return 0;
}

static int write_pending(struct csv_file *file, struct err *err)
{
    const char *at = buf_text(&file->pending);
    size_t left = file->pending.size;

    while (left > 0) {
        const ssize_t written = write(file->fd_plus_1 - 1, at, left);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return err_errno(err, "could not write \"%s\"", file->path);
        at += written;
        left -= (size_t)written;
    }
    buf_reset(&file->pending);
    return 0;
}

static void put_header(struct duck_result *rows, bool formula_safe, struct buf *to)
{
    for (idx_t i = 0; i < duckdb_column_count(&rows->result); i++) {
        const char *name = duckdb_column_name(&rows->result, i);

        buf_puts(to, i ? "," : "");
        csv_put_text(name, strlen(name), formula_safe, to);
    }
    buf_puts(to, "\r\n");
}

static int write_chunk(struct csv_file *file, duckdb_data_chunk chunk, struct csv_column *columns,
                       bool formula_safe, struct err *err)
{
    const idx_t rows = duckdb_data_chunk_get_size(chunk);
    const idx_t count = duckdb_data_chunk_get_column_count(chunk);

    for (idx_t i = 0; i < count; i++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);

        columns[i].data = duckdb_vector_get_data(vector);
        columns[i].validity = duckdb_vector_get_validity(vector);
    }
    for (idx_t row = 0; row < rows; row++) {
        for (idx_t i = 0; i < count; i++) {
            if (i > 0)
                buf_putc(&file->pending, ',');
            csv_put_cell(&columns[i], row, formula_safe, &file->pending);
        }
        buf_put(&file->pending, "\r\n", 2);
        if (file->pending.size >= WRITE_BYTES)
            TRY(write_pending(file, err));
    }
    return 0;
}

static int write_rows(struct csv_file *file, struct duck_result *rows, struct csv_column *columns,
                      bool formula_safe, int64_t *ret_count, struct err *err)
{
    duckdb_data_chunk chunk;
    int64_t count = 0;
    int got;

    while ((got = duck_next(rows, &chunk, err)) > 0) {
        count += (int64_t)duckdb_data_chunk_get_size(chunk);
        got = write_chunk(file, chunk, columns, formula_safe, err);
        duckdb_destroy_data_chunk(&chunk);
        TRY(got);
    }
    *ret_count = count;
    return got;
}

static int write_table(struct csv_file *file, struct duck_result *rows, bool formula_safe,
                       int64_t *ret_count, struct err *err)
{
    const idx_t count = duckdb_column_count(&rows->result);
    struct csv_column *columns = mem_alloc(count * sizeof *columns);
    int got;

    for (idx_t i = 0; i < count; i++)
        columns[i].type = duckdb_column_type(&rows->result, i);
    put_header(rows, formula_safe, &file->pending);
    got = write_rows(file, rows, columns, formula_safe, ret_count, err);
    free(columns);
    return got < 0 ? -1 : write_pending(file, err);
}

static int write_file(struct csv_sink *impl, bool formula_safe, const char *parquet_path,
                      const char *temp_path, struct sink_output *output, struct err *err)
{
    AUTO(duck_result) rows = {0};
    AUTO(csv_file) file = {0};

    TRY(open_rows(impl, parquet_path, &rows, err));
    TRY(open_file(&file, temp_path, err));
    TRY(write_table(&file, &rows, formula_safe, &output->rows, err));
    csv_file_close(&file);
    TRY(fs_sync_file(temp_path, err));
    return fs_sha256(temp_path, output->sha256, &output->bytes, err);
}

static int write_csv(struct sink *sink, const struct export_conf *export_conf,
                     const char *parquet_path, const char *temp_path,
                     struct sink_output *ret_output, struct err *err)
{
    struct sink_output made = {0};
    struct err ignored;

    if (write_file(sink->impl, export_conf->formula_safe, parquet_path, temp_path, &made, err) <
        0) {
        if (fs_remove_file(temp_path, &ignored) < 0)
            err_hint(err, "An unfinished file is left: %s", temp_path);
        if (err->code == ERR_SQL)
            err->code = ERR_DATA;
        return -1;
    }
    *ret_output = made;
    return 0;
}

const struct sink_ops sink_csv = {
    .name = "csv",
    .summary = "comma-separated values (RFC 4180)",
    .open = open_csv,
    .write = write_csv,
    .close = close_csv,
};
