/*
 * SQLite, wrapped once: a connection with our settings, statements prepared once and bound by type,
 * transactions that roll back when their scope ends, one error.
 *
 * A struct lite belongs to one thread, and may be moved while nothing is read from it. Statements are string literals: they are known by their address.
 * After a commit the data survives a power cut (WAL, synchronous=FULL), unless the transaction was
 * begun with lite_begin_light().
 */
#ifndef RIACHO_LITE_H
#define RIACHO_LITE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Older ones can lose commits when two connections checkpoint and commit at once. */
#define LITE_LEAST_VERSION 3051003

struct sqlite3;
struct sqlite3_stmt;

struct lite_slot {
    const char *sql; /* the literal */
    struct sqlite3_stmt *stmt;
    bool busy; /* being read */
};

struct lite {
    struct sqlite3 *db; /* NULL: closed */
    char *path;
    struct lite_slot *slots; /* statements that were prepared */
    size_t slot_count;
    bool light; /* commits are not fsync'ed now */
};

/* Opens the database file, which is made if `create`. 1 open, 0 there is no such file. */
MUST_CHECK int lite_open(struct lite *lite, const char *path, bool create, struct err *err);
/* Our settings, WAL first of all. Changes the file: not before it is known to be ours. */
MUST_CHECK int lite_set_up(struct lite *lite, struct err *err);
void lite_close(struct lite *lite);

/* ---- values ---- */

enum lite_kind { LITE_END, LITE_NULL, LITE_INT, LITE_REAL, LITE_TEXT, LITE_BYTES };

/* What is bound to a "?". Texts and bytes are borrowed until the statement is done. */
struct lite_value {
    enum lite_kind kind;
    int64_t number;
    double real;
    const void *bytes;
    size_t size;
};

static inline struct lite_value lite_int(int64_t number)
{
    return (struct lite_value){.kind = LITE_INT, .number = number};
}

static inline struct lite_value lite_real(double real)
{
    return (struct lite_value){.kind = LITE_REAL, .real = real};
}

/* NULL is bound as null. */
static inline struct lite_value lite_text(const char *text)
{
    return (struct lite_value){.kind = text ? LITE_TEXT : LITE_NULL,
                               .bytes = text,
                               .size = text ? strlen(text) : 0};
}

static inline struct lite_value lite_bytes(const void *bytes, size_t size)
{
    return (
        struct lite_value){.kind = bytes ? LITE_BYTES : LITE_NULL, .bytes = bytes, .size = size};
}

/* The values of a statement, in the order of its "?". */
#define BIND(...) ((const struct lite_value[]){__VA_ARGS__, {.kind = LITE_END}})
#define BIND_NOTHING ((const struct lite_value[]){{.kind = LITE_END}})

/* ---- statements ---- */

/* Runs a statement to its end. */
MUST_CHECK int lite_run(struct lite *lite, const char *sql, const struct lite_value *values,
                        struct err *err);
/* Rows that the last lite_run() wrote. */
int64_t lite_changes(const struct lite *lite);
/* The rowid that the last INSERT made. */
int64_t lite_last_id(const struct lite *lite);
/* Several statements without values (a schema). */
MUST_CHECK int lite_script(struct lite *lite, const char *sql, struct err *err);

/* Rows being read. */
struct lite_rows {
    struct lite *lite; /* NULL: closed */
    struct sqlite3_stmt *stmt;
    size_t slot;
};

MUST_CHECK int lite_query(struct lite *lite, const char *sql, const struct lite_value *values,
                          struct lite_rows *ret_rows, struct err *err);
/* 1 there is a row, 0 there are no more, -1 failed. */
MUST_CHECK int lite_next(struct lite_rows *rows, struct err *err);
void lite_rows_close(struct lite_rows *rows);

/* Columns of the present row. Texts live until the next row; null is NULL, 0. */
int64_t lite_col_int(const struct lite_rows *rows, int column);
double lite_col_real(const struct lite_rows *rows, int column);
const char *lite_col_text(const struct lite_rows *rows, int column);
size_t lite_col_size(const struct lite_rows *rows, int column);
bool lite_col_is_null(const struct lite_rows *rows, int column);
char *lite_col_copy(const struct lite_rows *rows, int column); /* the caller frees */
int lite_col_count(const struct lite_rows *rows);
const char *lite_col_name(const struct lite_rows *rows, int column);
enum lite_kind lite_col_kind(const struct lite_rows *rows, int column);

/* The first row of a query: 1 with the rows open at it, 0 none, -1 failed. */
MUST_CHECK int lite_first(struct lite *lite, const char *sql, const struct lite_value *values,
                          struct lite_rows *ret_rows, struct err *err);
/* The first column of the first row: 1, 0 none, -1 failed. */
MUST_CHECK int lite_number(struct lite *lite, const char *sql, const struct lite_value *values,
                           int64_t *ret_number, struct err *err);

/* ---- transactions: whatever writes is in one ---- */

struct lite_txn {
    struct lite *lite; /* NULL: none is open */
};

/* Takes the database's only write lock. Another writer is waited for; ERR_LOCKED after half a minute. */
MUST_CHECK int lite_begin(struct lite_txn *txn, struct lite *lite, struct err *err);
/*
 * As lite_begin, for what may be forgotten in a power cut, but then together with all that came after it
 * (leases, tokens of a rate limit): its commit costs no fsync.
 */
MUST_CHECK int lite_begin_light(struct lite_txn *txn, struct lite *lite, struct err *err);
/* Several reads that see the same moment. */
MUST_CHECK int lite_begin_read(struct lite_txn *txn, struct lite *lite, struct err *err);
MUST_CHECK int lite_commit(struct lite_txn *txn, struct err *err);
/* Rolls back what was not committed. */
void lite_txn_close(struct lite_txn *txn);

/* Changes with every commit of any connection, and with every write of this one. */
MUST_CHECK int lite_version(struct lite *lite, int64_t *ret_version, struct err *err);

#endif
