/*
 * DuckDB's C API, wrapped once: an instance with our settings, statements, one error.
 * Threads may share a struct duck; each opens its own struct duck_conn.
 */
#ifndef RIACHO_DUCK_H
#define RIACHO_DUCK_H

#include "base/buf.h"
#include "base/err.h"

#include <duckdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct duck_conf {
    int64_t memory_bytes;            /* 0: DuckDB's default */
    int64_t threads;                 /* 0: one per core */
    const char *temp_dir;            /* where it may spill; NULL: nowhere */
    const char *const *allowed_dirs; /* with `locked`: the only folders it may touch */
    size_t allowed_count;
    bool locked; /* no external access but allowed_dirs, no extensions, settings fixed */
};

struct duck {
    duckdb_database db; /* NULL: closed */
    bool knows_records; /* the landing's function is registered (landing/feed_table.h) */
};

struct duck_conn {
    duckdb_connection conn; /* NULL: closed */
};

struct duck_result {
    duckdb_result result;
    bool is_open;
};

MUST_CHECK int duck_open(struct duck *duck, const struct duck_conf *conf, struct err *err);
void duck_close(struct duck *duck);
/* What `locked` does, later: for an instance whose connections were set up first. */
MUST_CHECK int duck_lock(struct duck_conn *conn, const struct duck_conf *conf, struct err *err);

/*
 * An instance that a thread of its own opens while others do other things: it takes as long as all the rest of a
 * start. {0} is closed.
 */
struct duck_soon {
    bool is_begun;
    struct duck_conf conf;
    pthread_mutex_t lock; /* of those who wait for the thread */
    bool has_thread;      /* still to be joined */
    pthread_t thread;
    bool is_tried;
    int opened;
    struct err err;
    struct duck duck;
};

/* What `conf` points to lives until it is closed. `soon` stays where it is. */
void duck_soon_begin(struct duck_soon *soon, const struct duck_conf *conf);
/* Any thread. Waits until the instance is open; it stays the struct's. -1: it could not be opened. */
MUST_CHECK int duck_soon_get(struct duck_soon *soon, struct duck **ret_duck, struct err *err);
void duck_soon_close(struct duck_soon *soon);

MUST_CHECK int duck_connect(struct duck *duck, struct duck_conn *conn, struct err *err);
void duck_conn_close(struct duck_conn *conn);

/*
 * Runs one statement. Errors: ERR_SQL with DuckDB's message; ERR_IO if the disk is at fault (no
 * space, no permission); ERR_LIMIT if memory ran out; ERR_STOPPED if interrupted.
 */
MUST_CHECK int duck_exec(struct duck_conn *conn, const char *sql, struct err *err);
MUST_CHECK int duck_query(struct duck_conn *conn, const char *sql, struct duck_result *ret_result,
                          struct err *err);
/* As duck_query, for a statement that gives one number (a COUNT, a COPY's row count). */
MUST_CHECK int duck_number(struct duck_conn *conn, const char *sql, int64_t *ret_number,
                           struct err *err);
/*
 * As duck_number, for a COPY of an instance that has threads of its own: the caller works too, and sleeps
 * while the others have all there is to do.
 */
MUST_CHECK int duck_copy(struct duck_conn *conn, const char *sql, int64_t *ret_rows,
                         struct err *err);
/*
 * Looks whether a statement could run, and runs nothing. On failure `*ret_position` is where in the statement
 * (in bytes) the fault is; -1: not known, which it never is unless the connection has `errors_as_json` set.
 */
MUST_CHECK int duck_check(struct duck_conn *conn, const char *sql, int64_t *ret_position,
                          struct err *err);
/*
 * As duck_query, but the rows are made while they are fetched, so that memory does not depend on
 * how many there are. The connection serves nothing else meanwhile.
 */
MUST_CHECK int duck_stream(struct duck_conn *conn, const char *sql, struct duck_result *ret_result,
                           struct err *err);
/*
 * The next rows of a stream: 1, 0 at the end. The caller closes with duckdb_destroy_data_chunk().
 */
MUST_CHECK int duck_next(struct duck_result *stream, duckdb_data_chunk *ret_chunk, struct err *err);
void duck_result_close(struct duck_result *result);
/*
 * A cell as text in DuckDB's own words; the caller frees with duckdb_free(). NULL: null. A list,
 * struct or map must be cast to VARCHAR in the statement; as such it is NULL here.
 */
char *duck_text(struct duck_result *result, uint64_t column, uint64_t row);

/* Adds an identifier in double quotes, or a text in single quotes, safely. */
void sql_put_name(struct buf *to, const char *name);
void sql_put_text(struct buf *to, const char *text);

#endif
