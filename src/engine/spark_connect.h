/*
 * A client of Apache Spark's Connect protocol (Spark 4 and later): queries, writes, schemas and settings
 * over gRPC, with no JVM and no Python in the process.
 *
 *     AUTO(spark_session) session = {0};
 *     const struct spark_relation query = {.query = "SELECT 1 AS one"};
 *
 *     TRY(spark_session_open(&session, &(struct spark_conf){.remote = "sc://localhost"}, err));
 *     TRY(spark_session_query(&session, &query, &handlers, err));
 *
 * A query or write is a reattachable operation: when the connection breaks, the client attaches to it again and
 * goes on after the last answer that it had. It is asked to be released when it is done.
 *
 * A session is for one thread; spark_session_interrupt() may be called from any.
 * Protocol: sql/connect/common/src/main/protobuf/spark/connect/base.proto of apache/spark.
 */
#ifndef RIACHO_SPARK_CONNECT_H
#define RIACHO_SPARK_CONNECT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spark_conf {
    const char *remote;     /* "sc://host:port/;token=…": see engine/spark_remote.h */
    const char *user_agent; /* unless the remote gives one; NULL: "riacho" */
    const char *session_id; /* a UUID, unless the remote gives one: of a session to go on in, or of
                               a new one; NULL: the client makes one */
    int connect_ms;         /* to connect; 0: 10 s */
    int silence_ms;  /* the server may say nothing for so long, then it is asked anew; 0: 2 min */
    int patience_ms; /* how long a server that was reached once is tried again; 0: 1 min, -1: not */
};

/* ---- what can be asked for; everything is borrowed for the call ---- */

struct spark_option {
    const char *key;
    const char *value;
};

struct spark_relation;

/* A relation under the name by which a query reads it. */
struct spark_input {
    const char *name;
    const struct spark_relation *relation;
};

/* A query, or (`query` NULL) files that are read. */
struct spark_relation {
    const char *query; /* one SELECT, in Spark's SQL */
    const struct spark_input *inputs;
    size_t input_count;

    const char *format; /* "parquet", … */
    const char *schema; /* DDL: "a BIGINT, b STRING"; NULL: as the files have it */
    const char *const *paths;
    size_t path_count;
    const struct spark_option *options;
    size_t option_count;
    bool is_streaming;
    const char *const
        *columns; /* expressions over what is read, "_metadata.file_name AS f" too; none: all */
    size_t column_count;
};

enum spark_save_mode { SPARK_ERROR_IF_EXISTS, SPARK_APPEND, SPARK_OVERWRITE };

struct spark_write {
    const struct spark_relation *from;
    const char *format;
    const char *path; /* a folder, as the workers see it */
    enum spark_save_mode mode;
    const char *const *partition_by;
    size_t partition_count;
    const struct spark_option *options;
    size_t option_count;
};

/* ---- what comes back ---- */

/* Some rows of a result: an Arrow IPC stream (schema, then record batches) for any reader of Arrow. */
struct spark_rows {
    int64_t count;
    const uint8_t *arrow; /* borrowed */
    size_t arrow_bytes;
};

/* How far the operation's stages that are known so far have come. */
struct spark_progress {
    int64_t tasks;
    int64_t tasks_done;
    int64_t tasks_running;
    int64_t bytes_read;
};

/* Any may be NULL. on_rows() ends the operation by -1. */
struct spark_handlers {
    void *ctx;
    int (*on_rows)(void *ctx, const struct spark_rows *rows, struct err *err);
    void (*on_progress)(void *ctx, const struct spark_progress *progress);
};

enum spark_kind {
    SPARK_NULL,
    SPARK_BOOLEAN,
    SPARK_BYTE,
    SPARK_SHORT,
    SPARK_INTEGER,
    SPARK_LONG,
    SPARK_FLOAT,
    SPARK_DOUBLE,
    SPARK_DECIMAL,
    SPARK_STRING, /* also CHAR and VARCHAR */
    SPARK_BINARY,
    SPARK_DATE,
    SPARK_TIMESTAMP,
    SPARK_TIMESTAMP_NTZ,
    SPARK_ARRAY,
    SPARK_STRUCT,
    SPARK_MAP,
    SPARK_VARIANT,
    SPARK_OTHER, /* intervals, user-defined types */
};

struct spark_type {
    enum spark_kind kind;
    char *name; /* of a STRUCT's field; NULL elsewhere */
    int precision;
    int scale;
    struct spark_type *fields; /* STRUCT: its members; ARRAY: one; MAP: key and value */
    size_t field_count;
};

void spark_type_close(struct spark_type *type);

/* What the server said of an error, beyond the text in `struct err`. */
struct spark_fault {
    char *error_class; /* "DIVIDE_BY_ZERO", "TABLE_OR_VIEW_NOT_FOUND"; NULL */
    char *sql_state;   /* five characters; NULL */
    char *
        message; /* of the innermost cause that has a class, without Spark's suffixes; NULL: no fault */
    char *fragment; /* the part of the query that is to blame; NULL */
    int start;      /* its place in the query's text, from 0; -1: not told */
    int stop;       /* of its last character */
    int line;       /* from 1, where only a line is told (syntax); 0: not told */
    int column;     /* from 0 */
    bool is_lost;   /* the server no longer knows the session or the operation: it was restarted */
};

/* ---- a session ---- */

struct spark_impl;

struct spark_session {
    struct spark_impl *impl; /* NULL: closed */
};

/*
 * Errors of all calls: ERR_USAGE the remote is wrong; ERR_NET (retriable) the server is not reached, or no longer;
 * ERR_REMOTE it says no, is no Connect server, or failed; ERR_SQL it refuses or fails the statement, for which
 * spark_session_fault() tells more; ERR_STOPPED spark_session_interrupt().
 */

/* Asks the server for its version; an older one than Spark 4 is refused. */
MUST_CHECK int spark_session_open(struct spark_session *session, const struct spark_conf *conf,
                                  struct err *err);
/* Releases the session on the server, and all that runs in it, if it can be reached. */
void spark_session_close(struct spark_session *session);

/* The UUID by which another process could go on in it; lives as long as the session. */
const char *spark_session_id(const struct spark_session *session);
/* "4.0.5"; lives as long as the session. */
const char *spark_session_version(const struct spark_session *session);
/* Of the last call that failed; its members are borrowed until the next call. */
const struct spark_fault *spark_session_fault(const struct spark_session *session);

/* Runs a query; its rows go to on_rows(). */
MUST_CHECK int spark_session_query(struct spark_session *session,
                                   const struct spark_relation *query,
                                   const struct spark_handlers *handlers, struct err *err);
/* Runs one statement of any kind (DDL, SET, …) at once; a result that it has is not fetched. */
MUST_CHECK int spark_session_command(struct spark_session *session, const char *statement,
                                     struct err *err);
/* Writes a relation; when it is done the files are complete. */
MUST_CHECK int spark_session_write(struct spark_session *session, const struct spark_write *write,
                                   const struct spark_handlers *handlers, struct err *err);
/* The columns of a relation, without running it. The caller closes `ret_type`, a STRUCT. */
MUST_CHECK int spark_session_schema(struct spark_session *session,
                                    const struct spark_relation *relation,
                                    struct spark_type *ret_type, struct err *err);
/* The plan by which Spark would run it, in Spark's words. The caller frees. */
MUST_CHECK int spark_session_explain(struct spark_session *session,
                                     const struct spark_relation *relation, char **ret_text,
                                     struct err *err);
MUST_CHECK int spark_session_set(struct spark_session *session, const struct spark_option *settings,
                                 size_t count, struct err *err);
/* 1 found (the caller frees), 0 it is not set. */
MUST_CHECK int spark_session_get(struct spark_session *session, const char *key, char **ret_value,
                                 struct err *err);

/*
 * From any thread: ends what the session runs, here and on the server; the call returns ERR_STOPPED. It does not
 * wait. Without a call under way the next one ends so.
 */
void spark_session_interrupt(struct spark_session *session);

#endif
