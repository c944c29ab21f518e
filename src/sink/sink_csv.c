/*
 * CSV as spreadsheets and programs read it (RFC 4180): UTF-8, a header line, lines that end in CRLF,
 * quotes only where they must be. DuckDB reads the Parquet file, the cells are made here: its own writer
 * knows neither CRLF nor the difference between null and an empty text.
 */
#include "base/mem.h"
#include "base/str.h"
#include "db/duck.h"
#include "sink/csv_cell.h"
#include "sink/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

#define TOGETHER_MOST 64         /* files read by one query */
#define FILE_NUMBER "file_index" /* what DuckDB calls a file's place among those of a query */
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

/* Files of the same columns, which one query reads one after another. */
struct lot {
    struct sink_job *jobs[TOGETHER_MOST];
    size_t count;
};

/* A file, or all parts of a folder, which is always read alone. */
static void put_path(const char *parquet_path, struct buf *sql)
{
    AUTO(buf) path = {0};
    struct stat info;

    buf_puts(&path, parquet_path);
    if (stat(parquet_path, &info) == 0 && S_ISDIR(info.st_mode))
        buf_puts(&path, "/*.parquet");
    sql_put_text(sql, path.data);
}

static void put_paths(struct sink_job *const *jobs, size_t count, struct buf *sql)
{
    buf_putc(sql, '[');
    for (size_t i = 0; i < count; i++) {
        buf_puts(sql, i ? ", " : "");
        put_path(jobs[i]->parquet_path, sql);
    }
    buf_putc(sql, ']');
}

static bool is_nested(duckdb_type type)
{
    return type == DUCKDB_TYPE_LIST || type == DUCKDB_TYPE_STRUCT || type == DUCKDB_TYPE_MAP ||
           type == DUCKDB_TYPE_ARRAY || type == DUCKDB_TYPE_UNION;
}

static bool is_number(duckdb_type type)
{
    switch (type) {
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_DECIMAL:
        return true;
    default: /* numbers without a sign are no formulas */
        return false;
    }
}

/* The columns of the files, and none for the last one, the file's number. */
static struct csv_column *make_columns(struct duck_result *plain, bool formula_safe)
{
    const idx_t count = duckdb_column_count(&plain->result) - 1;
    struct csv_column *columns = mem_alloc((count + 1) * sizeof *columns);

    for (idx_t i = 0; i < count; i++) {
        const duckdb_type type = duckdb_column_type(&plain->result, i);

        columns[i].type = csv_knows(type) ? type : DUCKDB_TYPE_VARCHAR;
        columns[i].formula_safe = formula_safe && !is_number(type); /* -1.50 is no formula */
    }
    return columns;
}

/* Lists and structs as JSON text, what else we do not know in DuckDB's words. */
static void put_as_text(struct duck_result *result, idx_t column, struct buf *sql)
{
    const duckdb_type type = duckdb_column_type(&result->result, column);
    AUTO(buf) name = {0};

    sql_put_name(&name, duckdb_column_name(&result->result, column));
    if (csv_knows(type))
        buf_puts(sql, name.data);
    else
        buf_printf(sql, "CAST(%s%s%s AS VARCHAR) AS %s", is_nested(type) ? "to_json(" : "",
                   name.data, is_nested(type) ? ")" : "", name.data);
    buf_puts(sql, ", ");
}

/* The rows of the files, in columns that csv_put_cell() knows, and last the number of the row's file. */
static int open_rows(struct csv_sink *impl, bool formula_safe, const struct lot *lot,
                     struct csv_column **ret_columns, struct duck_result *ret_rows, struct err *err)
{
    AUTO(duck_result) rows = {0};
    AUTO(buf) from = {0};
    AUTO(buf) sql = {0};
    struct csv_column *columns;
    bool knows_all = true;

    buf_puts(&from, lot->count > 1 ? "CAST(" FILE_NUMBER " AS BIGINT)" : "CAST(0 AS BIGINT)");
    buf_puts(&from, " FROM read_parquet(");
    put_paths(lot->jobs, lot->count, &from);
    buf_putc(&from, ')');
    buf_printf(&sql, "SELECT *, %s", from.data);
    TRY(duck_stream(&impl->conn, sql.data, &rows, err));
    buf_reset(&sql);
    buf_puts(&sql, "SELECT ");
    for (idx_t i = 0; i + 1 < duckdb_column_count(&rows.result); i++) {
        if (lot->count > 1 && strcasecmp(duckdb_column_name(&rows.result, i), FILE_NUMBER) == 0)
            return err_set(err, ERR_SQL, "a column hides the files' numbers");
        knows_all = knows_all && csv_knows(duckdb_column_type(&rows.result, i));
        put_as_text(&rows, i, &sql);
    }
    columns = make_columns(&rows, formula_safe);
    if (!knows_all) {
        duck_result_close(&rows);
        buf_puts(&sql, from.data);
        if (duck_stream(&impl->conn, sql.data, &rows, err) < 0) {
            free(columns);
            return -1;
        }
    }
    *ret_columns = columns;
    *ret_rows = rows;
    rows.is_open = false;
    return 0;
}

/* ---- writing ---- */

/* The files of a lot, of which one grows at a time. */
struct writing {
    const struct lot *lot;
    size_t begun;  /* so many were begun; the last of them is open */
    int fd_plus_1; /* 0: none is open */
    struct buf header;
    struct buf pending;
    struct csv_column *columns;
    idx_t column_count;
    bool formula_safe;
};

static void close_file(struct writing *writing)
{
    if (writing->fd_plus_1)
        close(writing->fd_plus_1 - 1);
    writing->fd_plus_1 = 0;
}

static void writing_close(struct writing *writing)
{
    close_file(writing);
    buf_close(&writing->header);
    buf_close(&writing->pending);
    free(writing->columns);
}

static struct sink_job *job_of(const struct writing *writing)
{
    return writing->lot->jobs[writing->begun - 1];
}

static int write_pending(struct writing *writing, struct err *err)
{
    const char *at = buf_text(&writing->pending);
    size_t left = writing->pending.size;

    while (left > 0) {
        const ssize_t written = write(writing->fd_plus_1 - 1, at, left);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return err_errno(err, "could not write \"%s\"", job_of(writing)->temp_path);
        at += written;
        left -= (size_t)written;
    }
    buf_reset(&writing->pending);
    return 0;
}

static int begin_file(struct writing *writing, struct err *err)
{
    struct sink_job *job = writing->lot->jobs[writing->begun++];
    const int fd =
        open(job->temp_path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);

    if (fd < 0)
        return err_errno(err, "could not create \"%s\"", job->temp_path);
    writing->fd_plus_1 = fd + 1;
    job->output.rows = 0;
    buf_put(&writing->pending, buf_text(&writing->header), writing->header.size);
    return 0;
}

/* Ends files and begins others, until `count` are begun. */
static int begin_up_to(struct writing *writing, size_t count, struct err *err)
{
    while (writing->begun < count) {
        if (writing->begun > 0)
            TRY(write_pending(writing, err));
        close_file(writing);
        TRY(begin_file(writing, err));
    }
    return 0;
}

static void put_header(const struct duck_result *rows, struct writing *writing)
{
    duckdb_result result = rows->result;

    for (idx_t i = 0; i < writing->column_count; i++) {
        const char *name = duckdb_column_name(&result, i);

        buf_puts(&writing->header, i ? "," : "");
        csv_put_text(name, strlen(name), writing->formula_safe, &writing->header);
    }
    buf_puts(&writing->header, "\r\n");
}

static int write_row(struct writing *writing, idx_t row, struct err *err)
{
    for (idx_t i = 0; i < writing->column_count; i++) {
        if (i > 0)
            buf_putc(&writing->pending, ',');
        csv_put_cell(&writing->columns[i], row, &writing->pending);
    }
    buf_put(&writing->pending, "\r\n", 2);
    job_of(writing)->output.rows++;
    return writing->pending.size >= WRITE_BYTES ? write_pending(writing, err) : 0;
}

static int write_chunk(struct writing *writing, duckdb_data_chunk chunk, struct err *err)
{
    const idx_t rows = duckdb_data_chunk_get_size(chunk);
    const int64_t *files;

    for (idx_t i = 0; i < writing->column_count; i++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);

        writing->columns[i].data = duckdb_vector_get_data(vector);
        writing->columns[i].validity = duckdb_vector_get_validity(vector);
    }
    files = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, writing->column_count));
    for (idx_t row = 0; row < rows; row++) {
        const size_t number = (size_t)files[row] + 1;

        if (number < writing->begun || number > writing->lot->count)
            return err_set(err, ERR_SQL, "the files' rows came out of their order");
        TRY(begin_up_to(writing, number, err));
        TRY(write_row(writing, row, err));
    }
    return 0;
}

static int write_rows(struct writing *writing, struct duck_result *rows, struct err *err)
{
    duckdb_data_chunk chunk;
    int got;

    while ((got = duck_next(rows, &chunk, err)) > 0) {
        got = write_chunk(writing, chunk, err);
        duckdb_destroy_data_chunk(&chunk);
        TRY(got);
    }
    TRY(got);
    TRY(begin_up_to(writing, writing->lot->count, err));
    return write_pending(writing, err);
}

static int write_lot(struct csv_sink *impl, bool formula_safe, const struct lot *lot,
                     struct err *err)
{
    AUTO(duck_result) rows = {0};
    AUTO(writing) writing = {.lot = lot, .formula_safe = formula_safe};

    TRY(open_rows(impl, formula_safe, lot, &writing.columns, &rows, err));
    writing.column_count = duckdb_column_count(&rows.result) - 1;
    put_header(&rows, &writing);
    return write_rows(&writing, &rows, err);
}

/* ---- files of the same columns ---- */

static void remove_files(struct sink_job *const *jobs, size_t count, struct err *err)
{
    struct err ignored;

    for (size_t i = 0; i < count; i++)
        if (fs_remove_file(jobs[i]->temp_path, &ignored) < 0)
            err_hint(err, "An unfinished file is left: %s", jobs[i]->temp_path);
}

static bool blames_data(const struct err *err)
{
    return err->code == ERR_SQL || err->code == ERR_DATA;
}

static int write_alone(struct csv_sink *impl, bool formula_safe, struct sink_job *job,
                       struct err *err)
{
    const struct lot lot = {.jobs = {job}, .count = 1};
    struct err why = {0};

    if (write_lot(impl, formula_safe, &lot, &why) == 0)
        return 0;
    remove_files(lot.jobs, 1, &why);
    if (!blames_data(&why)) {
        *err = why;
        return -1;
    }
    job->failed = true;
    job->err = why;
    job->err.code = ERR_DATA;
    return 0;
}

/* A fault that may be one file's is sought file by file. */
static int write_together(struct csv_sink *impl, bool formula_safe, const struct lot *lot,
                          struct err *err)
{
    struct err why = {0};

    if (lot->count > 1 && write_lot(impl, formula_safe, lot, &why) == 0)
        return 0;
    if (lot->count > 1) {
        remove_files(lot->jobs, lot->count, &why);
        if (!blames_data(&why)) {
            *err = why;
            return -1;
        }
    }
    for (size_t i = 0; i < lot->count; i++)
        TRY(write_alone(impl, formula_safe, lot->jobs[i], err));
    return 0;
}

/* What columns a file has, as a number; 0 if it is not known, and of a folder. */
static void number_columns(struct csv_sink *impl, struct sink_job *const *jobs, size_t count,
                           uint64_t *ret_numbers)
{
    AUTO(duck_result) found = {0};
    AUTO(buf) sql = {0};
    struct err ignored = {0};

    buf_puts(&sql, "SELECT file_name, hash(list((name, type, type_length, num_children, "
                   "repetition_type, converted_type, scale, precision, logical_type))) "
                   "FROM parquet_schema(");
    put_paths(jobs, count, &sql);
    buf_puts(&sql, ") GROUP BY file_name");
    if (duck_query(&impl->conn, sql.data, &found, &ignored) < 0)
        return;
    for (idx_t row = 0; row < duckdb_row_count(&found.result); row++) {
        char *path = duck_text(&found, 0, row);

        for (size_t i = 0; i < count; i++)
            if (str_same(path, jobs[i]->parquet_path))
                ret_numbers[i] = duckdb_value_uint64(&found.result, 1, row);
        duckdb_free(path);
    }
}

static int write_some(struct csv_sink *impl, bool formula_safe, struct sink_job *jobs, size_t count,
                      struct err *err)
{
    struct sink_job *left[TOGETHER_MOST];
    uint64_t numbers[TOGETHER_MOST] = {0};

    for (size_t i = 0; i < count; i++)
        left[i] = &jobs[i];
    if (count > 1)
        number_columns(impl, left, count, numbers);
    for (size_t i = 0; i < count; i++) {
        struct lot lot = {0};

        for (size_t k = i; k < count && left[i]; k++)
            if (k == i || (left[k] && numbers[k] != 0 && numbers[k] == numbers[i])) {
                lot.jobs[lot.count++] = left[k];
                if (k > i)
                    left[k] = NULL;
            }
        TRY(write_together(impl, formula_safe, &lot, err));
    }
    return 0;
}

/* ---- all of it ---- */

static int finish(struct sink_job *jobs, size_t count, struct err *err)
{
    const char **paths = mem_alloc(count * sizeof *paths);
    size_t path_count = 0;
    int synced;

    for (size_t i = 0; i < count; i++)
        if (!jobs[i].failed)
            paths[path_count++] = jobs[i].temp_path;
    synced = fs_sync_files(paths, path_count, err);
    free(paths);
    TRY(synced);
    for (size_t i = 0; i < count; i++)
        if (!jobs[i].failed)
            TRY(fs_sha256(jobs[i].temp_path, jobs[i].output.sha256, &jobs[i].output.bytes, err));
    return 0;
}

static int write_csv(struct sink *sink, const struct export_conf *export_conf,
                     struct sink_job *jobs, size_t count, struct err *err)
{
    int written = 0;

    for (size_t i = 0; i < count; i++)
        jobs[i].failed = false;
    for (size_t done = 0; done < count && written == 0; done += TOGETHER_MOST)
        written = write_some(sink->impl, export_conf->formula_safe, jobs + done,
                             count - done < TOGETHER_MOST ? count - done : TOGETHER_MOST, err);
    if (written == 0)
        written = finish(jobs, count, err);
    for (size_t i = 0; i < count && written < 0; i++)
        remove_files((struct sink_job *[]){&jobs[i]}, 1, err);
    return written;
}

const struct sink_ops sink_csv = {
    .name = "csv",
    .summary = "comma-separated values (RFC 4180)",
    .open = open_csv,
    .write = write_csv,
    .close = close_csv,
};
