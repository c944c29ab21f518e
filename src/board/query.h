/*
 * Queries over the tables and files, as jobs: asked for, waited for, cancelled. What all of the query_*.c files
 * share; who asks for them sees queries.h.
 */
#ifndef RIACHO_QUERY_H
#define RIACHO_QUERY_H

#include "base/json.h"
#include "board/board.h"
#include "board/journal_pool.h"
#include "db/duck.h"

#include <pthread.h>
#include <stdatomic.h>

#define QUERY_ID 33                        /* 32 hexadecimal digits */
#define QUERY_MOST_CELL 4096               /* characters */
#define QUERY_MOST_BYTES ((size_t)8 << 20) /* of rows as JSON */

enum query_state { QUERY_QUEUED, QUERY_RUNNING, QUERY_DONE, QUERY_FAILED, QUERY_CANCELLED };

/* Why the keeper ended it. */
enum query_end { QUERY_NOT_ENDED, QUERY_OVERDUE, QUERY_TOO_LARGE, QUERY_NO_ROOM };

struct query_kind;

/* All but the first three is guarded by the lock of struct queries once the query is queued. */
struct query {
    char id[QUERY_ID];
    const struct query_kind *kind;
    struct json request; /* the body; its parts are read while the query runs */

    enum query_state state;
    struct duck_conn *conn; /* while it runs, for interrupting it */
    int64_t queued_ms;      /* monotonic, also below */
    int64_t started_ms;
    int64_t ended_ms;
    int64_t asked_ms; /* when somebody last asked about it */
    double progress;  /* 0..1; below 0: not known */
    bool is_unwanted; /* cancelled, or nobody asks any more */
    enum query_end end;
    bool is_wide;     /* it opens very many files: one such query runs at a time */
    bool is_put_back; /* it runs no further now, but from its begin when it is its turn */
    bool is_truncated;
    int64_t total;    /* -1: not known */
    char *columns;    /* JSON list; NULL: not known yet */
    char *result;     /* JSON object; NULL: none */
    struct buf rows;  /* JSON lists, with commas between */
    size_t *row_ends; /* where each ends in `rows` */
    size_t row_count;
    char *file;         /* a download: its path; NULL: none */
    int64_t file_bytes; /* once it has ended */
    char *file_name;    /* what to save it as */
    const char *file_type;
    struct err err;     /* why it failed */
    int64_t position;   /* of the fault in the user's SQL, from 0; -1: not known */
    struct query *next; /* newest first */
};

bool query_has_ended(const struct query *query);
/* Adds the document, with the rows behind `after`; called with the lock held. */
void query_put_document(const struct query *query, int64_t after, struct buf *to);

struct queries;

/* What a query runs with, in the worker's thread. */
struct query_run {
    struct queries *queries;
    struct query *query;
    struct duck_conn *conn;
    struct journal *journal; /* borrowed for the whole query */
    yyjson_val *request;
    size_t list_count; /* variables of the connection that hold lists of files (query_files.h) */
};

struct query_kind {
    const char *name;
    int64_t most_ms; /* it is interrupted then */
    int (*run)(struct query_run *run, struct err *err);
};

extern const struct query_kind query_kinds[]; /* the last has name NULL */

/* ---- what a running query tells; queries.c ---- */

struct query_column {
    char *name;
    char *type; /* in DuckDB's words */
};

struct query_columns {
    struct query_column *items;
    size_t count;
};

void query_columns_close(struct query_columns *columns);

/* Tells the columns (once). */
void query_tell_columns(struct query_run *run, const struct query_columns *columns);
/*
 * Runs a statement whose columns are all text, and tells its rows as they come; `most` rows at most, then it is
 * truncated.
 */
MUST_CHECK int query_tell_rows(struct query_run *run, const char *sql, int64_t most,
                               struct err *err);
void query_tell_total(struct query_run *run, int64_t total);
void query_tell_result(struct query_run *run, struct json_out *result);
void query_tell_file(struct query_run *run, char *path_taken, char *name_taken, const char *type);
void query_tell_position(struct query_run *run, int64_t position);

/*
 * From here on the query, which has made nothing in its connection yet, runs in one that reads of all rows only what
 * they are sorted and filtered by, and the rest of those that are shown. That pays where files have many rows; where
 * they have few, they are only opened twice.
 */
void query_read_late(struct query_run *run);

/*
 * To be called before a query opens so many files, when nothing was told yet. -1: not now, since another such query
 * runs; this one is queued again when its run() has returned.
 */
MUST_CHECK int query_open_files(struct query_run *run, int64_t files, struct err *err);

const struct board_setup *query_setup(const struct query_run *run);
/* Where files that are made for a query go. */
const char *query_folder(const struct query_run *run);

#endif
