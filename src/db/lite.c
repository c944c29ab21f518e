/*
 * SQLite's C API made to fit the error and ownership idioms.
 */
#include "db/lite.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define BUSY_MOST_MS 30000
#define BUSY_MOST_TIMES 44000 /* of 685 us on average */

/* ---- errors ---- */

static enum err_code code_of(int primary)
{
    switch (primary) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_LOCKED;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CORRUPT:
    case SQLITE_NOLFS:
        return ERR_IO;
    case SQLITE_NOTADB:
        return ERR_USAGE;
    case SQLITE_TOOBIG:
    case SQLITE_NOMEM:
        return ERR_LIMIT;
    default:
        return ERR_SQL;
    }
}

static int set_error(const struct lite *lite, const char *what, struct err *err)
{
    const int code = sqlite3_extended_errcode(lite->db);
    const int primary = code & 0xff;
    const int cause = sqlite3_system_errno(lite->db);

    err_set(err, code_of(primary), "could not %s the state \"%s\": %s", what, lite->path,
            sqlite3_errmsg(lite->db));
    if (primary == SQLITE_BUSY) {
        err->retriable = true;
        err_hint(err, "Another process of this pipeline is writing for unusually long.");
    } else if (primary == SQLITE_FULL) {
        err_hint(err, "Free some space on this disk and run again; nothing was lost.");
    } else if (primary == SQLITE_NOTADB) {
        err_set(err, ERR_USAGE, "\"%s\" is not a state of riacho", lite->path);
        err_hint(err, "Give the pipeline another state folder, or move that file away.");
    } else if (primary == SQLITE_CORRUPT) {
        err_hint(err,
                 "The disk or another program damaged the state. Put back a copy of its folder, or "
                 "move it away to begin anew.");
    } else if (primary == SQLITE_READONLY) {
        err_hint(
            err,
            "Even to look at a state one must be able to write in its folder: do this as the user "
            "who runs the pipeline.");
    } else if (code_of(primary) == ERR_IO && cause != 0) {
        err_hint(err, "The system says: %s.", strerror(cause));
    }
    return -1;
}

/* ---- opening ---- */

/*
 * Waits for the other writer in small, uneven pieces, so that nobody is left behind. By their number alone: a
 * struct lite may be moved, so SQLite must not hold on to it.
 */
static int wait_for_writer(void *ctx, int times)
{
    const int wait_us = 200 + 97 * (times % 11);

    (void)ctx;
    usleep((useconds_t)wait_us);
    return times < BUSY_MOST_TIMES;
}

static int check_version(struct err *err)
{
    if (sqlite3_libversion_number() >= LITE_LEAST_VERSION)
        return 0;
    err_set(err, ERR_USAGE, "SQLite %s is too old", sqlite3_libversion());
    return err_hint(err, "Version 3.51.3 or newer is needed: older ones can lose commits.");
}

/* Changing to WAL takes every lock at once, for which SQLite does not wait by itself. */
static int set_wal(struct lite *lite, struct err *err)
{
    const int64_t began_ms = clock_monotonic_ms();
    sqlite3_stmt *stmt = NULL;
    bool is_wal = false;
    int got;

    do {
        got = sqlite3_prepare_v2(lite->db, "PRAGMA journal_mode=WAL", -1, &stmt, NULL);
        if (got == SQLITE_OK)
            got = sqlite3_step(stmt);
        is_wal =
            got == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;
        sqlite3_finalize(stmt);
        if (got == SQLITE_BUSY)
            usleep(2000);
    } while (got == SQLITE_BUSY && clock_monotonic_ms() - began_ms < BUSY_MOST_MS);
    if (is_wal)
        return 0;
    if (got != SQLITE_ROW)
        return set_error(lite, "open", err);
    err_set(err, ERR_IO, "could not open the state \"%s\": no WAL is possible there", lite->path);
    return err_hint(err, "A state belongs on a local disk, not on a network file system.");
}

int lite_set_up(struct lite *lite, struct err *err)
{
    TRY(set_wal(lite, err));
    return lite_script(lite,
                       "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
                       "PRAGMA cache_size=-4000; PRAGMA journal_size_limit=67108864;"
                       "PRAGMA trusted_schema=OFF",
                       err);
}

int lite_open(struct lite *lite, const char *path, bool create, struct err *err)
{
    const int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);

    TRY(check_version(err));
    if (!create && !fs_exists(path))
        return 0;
    lite_close(lite);
    lite->path = mem_str(path);
    if (sqlite3_open_v2(path, &lite->db, flags, NULL) != SQLITE_OK) {
        set_error(lite, "open", err);
        lite_close(lite);
        return -1;
    }
    sqlite3_extended_result_codes(lite->db, 1);
    sqlite3_busy_handler(lite->db, wait_for_writer, NULL);
    return 1;
}

void lite_close(struct lite *lite)
{
    for (size_t i = 0; i < lite->slot_count; i++)
        sqlite3_finalize(lite->slots[i].stmt);
    if (lite->db)
        sqlite3_close(lite->db);
    free(lite->slots);
    free(lite->path);
    *lite = (struct lite){0};
}

/* ---- statements ---- */

static int prepare(struct lite *lite, const char *sql, size_t *ret_slot, struct err *err)
{
    sqlite3_stmt *stmt = NULL;

    for (size_t i = 0; i < lite->slot_count; i++)
        if (lite->slots[i].sql == sql && !lite->slots[i].busy) {
            *ret_slot = i;
            return 0;
        }
    if (sqlite3_prepare_v3(lite->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK)
        return set_error(lite, "ask", err);
    *ret_slot = lite->slot_count;
    *MEM_PUSH(lite->slots, lite->slot_count) = (struct lite_slot){.sql = sql, .stmt = stmt};
    return 0;
}

static int bind_value(sqlite3_stmt *stmt, int place, const struct lite_value *value)
{
    switch (value->kind) {
    case LITE_INT:
        return sqlite3_bind_int64(stmt, place, value->number);
    case LITE_REAL:
        return sqlite3_bind_double(stmt, place, value->real);
    case LITE_TEXT:
        return sqlite3_bind_text64(stmt, place, value->bytes, value->size, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case LITE_BYTES:
        return sqlite3_bind_blob64(stmt, place, value->bytes, value->size, SQLITE_STATIC);
    default:
        return sqlite3_bind_null(stmt, place);
    }
}

int lite_query(struct lite *lite, const char *sql, const struct lite_value *values,
               struct lite_rows *ret_rows, struct err *err)
{
    size_t slot = 0;
    int count = 0;

    TRY(prepare(lite, sql, &slot, err));
    for (; values[count].kind != LITE_END; count++)
        if (bind_value(lite->slots[slot].stmt, count + 1, &values[count]) != SQLITE_OK)
            return set_error(lite, "ask", err);
    assert(count == sqlite3_bind_parameter_count(lite->slots[slot].stmt));
    lite_rows_close(ret_rows);
    lite->slots[slot].busy = true;
    *ret_rows = (struct lite_rows){.lite = lite, .stmt = lite->slots[slot].stmt, .slot = slot};
    return 0;
}

int lite_next(struct lite_rows *rows, struct err *err)
{
    const int got = sqlite3_step(rows->stmt);

    if (got == SQLITE_ROW)
        return 1;
    if (got == SQLITE_DONE)
        return 0;
    return set_error(rows->lite, sqlite3_stmt_readonly(rows->stmt) ? "read" : "write", err);
}

void lite_rows_close(struct lite_rows *rows)
{
    if (rows->lite) {
        sqlite3_reset(rows->stmt);
        rows->lite->slots[rows->slot].busy = false;
    }
    *rows = (struct lite_rows){0};
}

int lite_run(struct lite *lite, const char *sql, const struct lite_value *values, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    int got;

    TRY(lite_query(lite, sql, values, &rows, err));
    while ((got = lite_next(&rows, err)) > 0)
        ;
    return got;
}

int64_t lite_changes(const struct lite *lite)
{
    return sqlite3_changes64(lite->db);
}

int64_t lite_last_id(const struct lite *lite)
{
    return sqlite3_last_insert_rowid(lite->db);
}

int lite_script(struct lite *lite, const char *sql, struct err *err)
{
    if (sqlite3_exec(lite->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return set_error(lite, "write", err);
    return 0;
}

int64_t lite_col_int(const struct lite_rows *rows, int column)
{
    return sqlite3_column_int64(rows->stmt, column);
}

double lite_col_real(const struct lite_rows *rows, int column)
{
    return sqlite3_column_double(rows->stmt, column);
}

const char *lite_col_text(const struct lite_rows *rows, int column)
{
    return (const char *)sqlite3_column_text(rows->stmt, column);
}

size_t lite_col_size(const struct lite_rows *rows, int column)
{
    return (size_t)sqlite3_column_bytes(rows->stmt, column);
}

bool lite_col_is_null(const struct lite_rows *rows, int column)
{
    return sqlite3_column_type(rows->stmt, column) == SQLITE_NULL;
}

char *lite_col_copy(const struct lite_rows *rows, int column)
{
    const char *text = lite_col_text(rows, column);

    return text ? mem_strn(text, lite_col_size(rows, column)) : NULL;
}

int lite_col_count(const struct lite_rows *rows)
{
    return sqlite3_column_count(rows->stmt);
}

const char *lite_col_name(const struct lite_rows *rows, int column)
{
    return sqlite3_column_name(rows->stmt, column);
}

enum lite_kind lite_col_kind(const struct lite_rows *rows, int column)
{
    switch (sqlite3_column_type(rows->stmt, column)) {
    case SQLITE_INTEGER:
        return LITE_INT;
    case SQLITE_FLOAT:
        return LITE_REAL;
    case SQLITE_TEXT:
        return LITE_TEXT;
    case SQLITE_BLOB:
        return LITE_BYTES;
    default:
        return LITE_NULL;
    }
}

int lite_first(struct lite *lite, const char *sql, const struct lite_value *values,
               struct lite_rows *ret_rows, struct err *err)
{
    TRY(lite_query(lite, sql, values, ret_rows, err));
    return lite_next(ret_rows, err);
}

int lite_number(struct lite *lite, const char *sql, const struct lite_value *values,
                int64_t *ret_number, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got = lite_first(lite, sql, values, &rows, err);

    if (got == 1)
        *ret_number = lite_col_int(&rows, 0);
    return got;
}

/* ---- transactions ---- */

/* This pragma acts while it is prepared, so it cannot be kept as a statement. */
static int set_light(struct lite *lite, bool light, struct err *err)
{
    if (lite->light == light)
        return 0;
    TRY(lite_script(lite, light ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL", err));
    lite->light = light;
    return 0;
}

/* A statement that still reads holds an old moment, from which nothing can be written. */
static bool is_reading(const struct lite *lite)
{
    for (size_t i = 0; i < lite->slot_count; i++)
        if (lite->slots[i].busy)
            return true;
    return false;
}

static int begin(struct lite_txn *txn, struct lite *lite, const char *sql, struct err *err)
{
    assert(txn->lite == NULL && !is_reading(lite));
    TRY(lite_run(lite, sql, BIND_NOTHING, err));
    txn->lite = lite;
    return 0;
}

static const char *const begin_write = "BEGIN IMMEDIATE";

int lite_begin(struct lite_txn *txn, struct lite *lite, struct err *err)
{
    TRY(set_light(lite, false, err));
    return begin(txn, lite, begin_write, err);
}

int lite_begin_light(struct lite_txn *txn, struct lite *lite, struct err *err)
{
    TRY(set_light(lite, true, err));
    return begin(txn, lite, begin_write, err);
}

int lite_begin_read(struct lite_txn *txn, struct lite *lite, struct err *err)
{
    return begin(txn, lite, "BEGIN", err);
}

int lite_commit(struct lite_txn *txn, struct err *err)
{
    TRY(lite_run(txn->lite, "COMMIT", BIND_NOTHING, err));
    txn->lite = NULL;
    return 0;
}

void lite_txn_close(struct lite_txn *txn)
{
    /* Some errors have rolled back already. */
    if (txn->lite && sqlite3_get_autocommit(txn->lite->db) == 0)
        sqlite3_exec(txn->lite->db, "ROLLBACK", NULL, NULL, NULL);
    txn->lite = NULL;
}

int lite_version(struct lite *lite, int64_t *ret_version, struct err *err)
{
    int64_t others = 0;

    TRY(lite_number(lite, "PRAGMA data_version", BIND_NOTHING, &others, err));
    *ret_version = (int64_t)((uint64_t)others << 40) + sqlite3_total_changes64(lite->db);
    return 0;
}
