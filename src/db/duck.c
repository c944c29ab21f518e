/*
 * DuckDB's C API made to fit the error and ownership idioms.
 */
#include "db/duck.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/duck_zstd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

/* How long a thread that has nothing to do waits for the others before it looks again. */
#define IDLE_LEAST_US 50
#define IDLE_MOST_US 2000

/* What the file system says when it is at fault, in strerror()'s words. */
static const char *const disk_faults[] = {
    "No space left on device", "Permission denied",   "Read-only file system", "Input/output error",
    "Disk quota exceeded",     "Too many open files", "Not a directory",       "File too large",
    "Operation not permitted", "Stale file handle",   "Structure needs clean",
};

static bool is_disk_fault(const char *message)
{
    for (size_t i = 0; i < sizeof disk_faults / sizeof *disk_faults; i++)
        if (strstr(message, disk_faults[i]))
            return true;
    /* DuckDB made the name itself, so a folder that is not there is no fault of the statement. */
    return strstr(message, "Cannot open file") && strstr(message, "No such file or directory");
}

static enum err_code code_of(duckdb_error_type type, const char *message)
{
    switch (type) {
    case DUCKDB_ERROR_INTERRUPT:
        return ERR_STOPPED;
    case DUCKDB_ERROR_OUT_OF_MEMORY:
        return ERR_LIMIT;
    case DUCKDB_ERROR_IO:
    case DUCKDB_ERROR_FATAL:
        return is_disk_fault(message) ? ERR_IO : ERR_SQL;
    default:
        return ERR_SQL;
    }
}

/* Where the excerpt of the statement begins, or advice about DuckDB's own settings. */
static size_t reason_size(const char *message)
{
    const char *excerpt = strstr(message, "\n\nLINE ");
    const char *advice = strstr(message, "\nPossible solutions");
    const char *end = excerpt ? excerpt : advice;

    while (end && end > message && end[-1] == '\n')
        end--;
    return end ? (size_t)(end - message) : strlen(message);
}

/*
 * Adds DuckDB's message as it is for people, and gives the place in the statement that it names; -1: none.
 * A connection may have its errors as JSON, sometimes with words before it.
 */
static int64_t put_plain(const char *message, struct buf *to)
{
    const char *begin = strchr(message, '{');
    AUTO(json) json = {0};
    struct err ignored;
    int64_t position = -1;
    const char *place;

    if (begin == NULL || json_parse(&json, begin, strlen(begin), &ignored) < 0 ||
        json_str(json_root(&json), "exception_message") == NULL) {
        buf_puts(to, message);
        return -1;
    }
    buf_printf(to, "%s Error: %s", json_str(json_root(&json), "exception_type"),
               json_str(json_root(&json), "exception_message"));
    place = json_str(json_root(&json), "position");
    if (place && str_to_int(place, 0, INT64_MAX, &position, &ignored) < 0)
        return -1;
    return position;
}

/* On one line. */
static int set_plain_error(struct err *err, duckdb_error_type type, const char *message)
{
    AUTO(buf) line = {0};

    buf_put(&line, message, reason_size(message));
    for (size_t i = 0; i < line.size; i++)
        if (line.data[i] == '\n' || line.data[i] == '\r')
            line.data[i] = ' ';
    return err_set(err, code_of(type, message), "%s", buf_text(&line));
}

static int set_duck_error(struct err *err, duckdb_error_type type, const char *message)
{
    AUTO(buf) plain = {0};

    if (message == NULL)
        return err_set(err, ERR_SQL, "DuckDB gave no reason");
    put_plain(message, &plain);
    return set_plain_error(err, type, buf_text(&plain));
}

void duck_close(struct duck *duck)
{
    if (duck->db)
        duckdb_close(&duck->db);
    *duck = (struct duck){0};
}

int duck_connect(struct duck *duck, struct duck_conn *conn, struct err *err)
{
    duckdb_connection made = NULL;

    if (duckdb_connect(duck->db, &made) == DuckDBError)
        return err_set(err, ERR_SQL, "could not connect to the DuckDB instance");
    duck_conn_close(conn);
    conn->conn = made;
    return 0;
}

void duck_conn_close(struct duck_conn *conn)
{
    if (conn->conn)
        duckdb_disconnect(&conn->conn);
    conn->conn = NULL;
}

void duck_result_close(struct duck_result *result)
{
    if (result->is_open)
        duckdb_destroy_result(&result->result);
    *result = (struct duck_result){0};
}

int duck_query(struct duck_conn *conn, const char *sql, struct duck_result *ret_result,
               struct err *err)
{
    AUTO(duck_result) made = {.is_open = true};

    if (duckdb_query(conn->conn, sql, &made.result) == DuckDBError)
        return set_duck_error(err, duckdb_result_error_type(&made.result),
                              duckdb_result_error(&made.result));
    duck_result_close(ret_result);
    *ret_result = made;
    made.is_open = false;
    return 0;
}

static int first_number(struct duck_result *result, int64_t *ret_number, struct err *err)
{
    if (duckdb_row_count(&result->result) == 0 || duckdb_column_count(&result->result) == 0)
        return err_set(err, ERR_SQL, "a statement that should give a number gave no row");
    *ret_number = duckdb_value_int64(&result->result, 0, 0);
    return 0;
}

/* The class of an error of which there is only the message, which begins with it. */
static duckdb_error_type type_in(const char *message)
{
    if (message && str_starts(message, "IO Error"))
        return DUCKDB_ERROR_IO;
    if (message && str_starts(message, "Out of Memory Error"))
        return DUCKDB_ERROR_OUT_OF_MEMORY;
    return message && str_starts(message, "INTERRUPT") ? DUCKDB_ERROR_INTERRUPT
                                                       : DUCKDB_ERROR_INVALID;
}

static int set_message_at(struct err *err, const char *message, int64_t *ret_position)
{
    AUTO(buf) plain = {0};

    if (message == NULL)
        return set_duck_error(err, DUCKDB_ERROR_INVALID, NULL);
    *ret_position = put_plain(message, &plain);
    return set_plain_error(err, type_in(buf_text(&plain)), buf_text(&plain));
}

static int set_message(struct err *err, const char *message)
{
    int64_t ignored;

    return set_message_at(err, message, &ignored);
}

/* A statement on its way to a stream. */
struct duck_pending {
    duckdb_prepared_statement statement;
    duckdb_pending_result pending;
};

static void duck_pending_close(struct duck_pending *pending)
{
    if (pending->pending)
        duckdb_destroy_pending(&pending->pending);
    if (pending->statement)
        duckdb_destroy_prepare(&pending->statement);
}

int duck_check(struct duck_conn *conn, const char *sql, int64_t *ret_position, struct err *err)
{
    AUTO(duck_pending) pending = {0};

    *ret_position = -1;
    if (duckdb_prepare(conn->conn, sql, &pending.statement) == DuckDBError)
        return set_message_at(err, duckdb_prepare_error(pending.statement), ret_position);
    return 0;
}

static int pend(struct duck_pending *pending, struct duck_conn *conn, const char *sql,
                duckdb_state (*how)(duckdb_prepared_statement, duckdb_pending_result *),
                struct err *err)
{
    if (duckdb_prepare(conn->conn, sql, &pending->statement) == DuckDBError)
        return set_message(err, duckdb_prepare_error(pending->statement));
    if (how(pending->statement, &pending->pending) == DuckDBError)
        return set_message(err, duckdb_pending_error(pending->pending));
    return 0;
}

static int finish(struct duck_pending *pending, struct duck_result *ret_result, struct err *err)
{
    AUTO(duck_result) made = {.is_open = true};

    if (duckdb_execute_pending(pending->pending, &made.result) == DuckDBError)
        return set_duck_error(err, duckdb_result_error_type(&made.result),
                              duckdb_result_error(&made.result));
    duck_result_close(ret_result);
    *ret_result = made;
    made.is_open = false;
    return 0;
}

int duck_stream(struct duck_conn *conn, const char *sql, struct duck_result *ret_result,
                struct err *err)
{
    AUTO(duck_pending) pending = {0};

    TRY(pend(&pending, conn, sql, duckdb_pending_prepared_streaming, err));
    return finish(&pending, ret_result, err);
}

/* DuckDB itself asks for a task again and again while other threads have all of them. */
static int work_off(duckdb_pending_result pending, struct err *err)
{
    unsigned wait_us = IDLE_LEAST_US;

    for (;;) {
        const duckdb_pending_state state = duckdb_pending_execute_task(pending);

        if (state == DUCKDB_PENDING_ERROR)
            return set_message(err, duckdb_pending_error(pending));
        if (duckdb_pending_execution_is_finished(state))
            return 0;
        if (state != DUCKDB_PENDING_NO_TASKS_AVAILABLE) {
            wait_us = IDLE_LEAST_US;
            continue;
        }
        usleep(wait_us);
        if (wait_us < IDLE_MOST_US)
            wait_us *= 2;
    }
}

int duck_copy(struct duck_conn *conn, const char *sql, int64_t *ret_rows, struct err *err)
{
    AUTO(duck_pending) pending = {0};
    AUTO(duck_result) result = {0};

    TRY(pend(&pending, conn, sql, duckdb_pending_prepared, err));
    TRY(work_off(pending.pending, err));
    TRY(finish(&pending, &result, err));
    return first_number(&result, ret_rows, err);
}

int duck_next(struct duck_result *stream, duckdb_data_chunk *ret_chunk, struct err *err)
{
    duckdb_data_chunk chunk = duckdb_fetch_chunk(stream->result);
    const char *why = duckdb_result_error(&stream->result);

    if (chunk == NULL && why && *why)
        return set_duck_error(err, duckdb_result_error_type(&stream->result), why);
    if (chunk == NULL)
        return 0;
    *ret_chunk = chunk;
    return 1;
}

int duck_exec(struct duck_conn *conn, const char *sql, struct err *err)
{
    AUTO(duck_result) result = {0};

    return duck_query(conn, sql, &result, err);
}

int duck_number(struct duck_conn *conn, const char *sql, int64_t *ret_number, struct err *err)
{
    AUTO(duck_result) result = {0};

    TRY(duck_query(conn, sql, &result, err));
    return first_number(&result, ret_number, err);
}

char *duck_text(struct duck_result *result, uint64_t column, uint64_t row)
{
    return duckdb_value_varchar(&result->result, column, row);
}

static void put_quoted(struct buf *to, const char *text, char quote)
{
    buf_putc(to, quote);
    for (const char *at = text; *at; at++) {
        if (*at == quote)
            buf_putc(to, quote);
        buf_putc(to, *at);
    }
    buf_putc(to, quote);
}

void sql_put_name(struct buf *to, const char *name)
{
    put_quoted(to, name, '"');
}

void sql_put_text(struct buf *to, const char *text)
{
    put_quoted(to, text, '\'');
}

/* A duckdb_config that closes itself. */
struct settings {
    duckdb_config config;
};

static void settings_close(struct settings *settings)
{
    if (settings->config)
        duckdb_destroy_config(&settings->config);
}

static int set_one(struct settings *settings, const char *name, const char *value, struct err *err)
{
    if (duckdb_set_config(settings->config, name, value) == DuckDBError)
        return err_set(err, ERR_SQL, "DuckDB has no setting \"%s\" = '%s'", name, value);
    return 0;
}

static int set_number(struct settings *settings, const char *name, int64_t value, const char *unit,
                      struct err *err)
{
    char text[40];

    snprintf(text, sizeof text, "%" PRId64 "%s", value, unit);
    return set_one(settings, name, text, err);
}

static int make_settings(struct settings *settings, const struct duck_conf *conf, struct err *err)
{
    if (duckdb_create_config(&settings->config) == DuckDBError)
        return err_set(err, ERR_SQL, "DuckDB gave no configuration");
    if (conf->memory_bytes > 0)
        TRY(set_number(settings, "memory_limit", conf->memory_bytes, "B", err));
    if (conf->threads > 0)
        TRY(set_number(settings, "threads", conf->threads, "", err));
    TRY(set_one(settings, "temp_directory", conf->temp_dir ? conf->temp_dir : "", err));
    /* Each file is read once: to keep its bytes is memory spent on nothing. */
    TRY(set_one(settings, "enable_external_file_cache", "false", err));
    /* A statement never makes us fetch code from the network. */
    TRY(set_one(settings, "autoinstall_known_extensions", "false", err));
    return set_one(settings, "autoload_known_extensions", "false", err);
}

int duck_lock(struct duck_conn *conn, const struct duck_conf *conf, struct err *err)
{
    AUTO(buf) sql = {0};

    buf_puts(&sql, "SET GLOBAL allowed_directories = [");
    for (size_t i = 0; i < conf->allowed_count; i++) {
        buf_puts(&sql, i ? ", " : "");
        sql_put_text(&sql, conf->allowed_dirs[i]);
    }
    buf_puts(&sql, "]");
    TRY(duck_exec(conn, buf_text(&sql), err));
    TRY(duck_exec(conn, "SET GLOBAL enable_external_access = false", err));
    return duck_exec(conn, "SET GLOBAL lock_configuration = true", err);
}

int duck_open(struct duck *duck, const struct duck_conf *conf, struct err *err)
{
    AUTO(settings) settings = {0};
    AUTO(duck) made = {0};
    AUTO(duck_conn) conn = {0};
    char *why = NULL;

    duck_zstd_prepare();
    TRY(make_settings(&settings, conf, err));
    if (duckdb_open_ext(NULL, &made.db, settings.config, &why) == DuckDBError) {
        set_duck_error(err, DUCKDB_ERROR_INVALID, why);
        duckdb_free(why);
        return err_wrap(err, "could not start DuckDB");
    }
    TRY(duck_connect(&made, &conn, err));
    TRY(duck_exec(&conn, "SET GLOBAL TimeZone = 'UTC'", err));
    if (conf->locked)
        TRY(duck_lock(&conn, conf, err));
    duck_close(duck);
    *duck = made;
    made.db = NULL;
    return 0;
}

/* ---- soon ---- */

static void *open_soon(void *ctx)
{
    struct duck_soon *soon = ctx;

    soon->opened = duck_open(&soon->duck, &soon->conf, &soon->err);
    soon->is_tried = true;
    return NULL;
}

/* Without a thread it is opened when it is wanted. */
void duck_soon_begin(struct duck_soon *soon, const struct duck_conf *conf)
{
    *soon = (struct duck_soon){.is_begun = true, .conf = *conf};
    pthread_mutex_init(&soon->lock, NULL);
    soon->has_thread = pthread_create(&soon->thread, NULL, open_soon, soon) == 0;
}

static void join(struct duck_soon *soon)
{
    if (soon->has_thread)
        pthread_join(soon->thread, NULL);
    soon->has_thread = false;
}

int duck_soon_get(struct duck_soon *soon, struct duck **ret_duck, struct err *err)
{
    int opened;

    pthread_mutex_lock(&soon->lock);
    join(soon);
    if (!soon->is_tried)
        open_soon(soon);
    opened = soon->opened;
    pthread_mutex_unlock(&soon->lock);
    if (opened < 0)
        *err = soon->err;
    *ret_duck = &soon->duck;
    return opened;
}

void duck_soon_close(struct duck_soon *soon)
{
    if (!soon->is_begun)
        return;
    join(soon);
    duck_close(&soon->duck);
    pthread_mutex_destroy(&soon->lock);
    soon->is_begun = false;
}
