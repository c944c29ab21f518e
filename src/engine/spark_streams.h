/*
 * Tables as streaming queries on Spark: a table's SQL over the files of one schema that appear in a folder, and a
 * Parquet sink whose log says which of its files count.
 */
#ifndef RIACHO_SPARK_STREAMS_H
#define RIACHO_SPARK_STREAMS_H

#include "engine/engine.h"
#include "engine/spark_query.h"
#include "engine/table_plan.h"

struct spark_streams {
    char *remote;
    const struct engine_root *roots; /* borrowed */
    size_t root_count;
    struct spark_session session; /* closed until spark_streams_ready() */
};

void spark_streams_open(struct spark_streams *streams, const char *remote,
                        const struct engine_root *roots, size_t root_count);
/* Ends the session on the server, with what runs in it. */
void spark_streams_close(struct spark_streams *streams);
/*
 * Opens the session if it is closed: the one of `session_id`, in which queries may run that another process has
 * started, or, if NULL or if the server has ended that one, a new one (spark_session_id() tells).
 */
MUST_CHECK int spark_streams_ready(struct spark_streams *streams, const char *session_id,
                                   struct err *err);
/*
 * After a failure: whether the server no longer knows the session, and thus none of its queries runs. The next
 * spark_streams_ready() opens another one.
 */
bool spark_streams_are_lost(struct spark_streams *streams);

/* What a table's query does; depends on the schema of the files that it reads. */
struct spark_definition {
    char *sql;
    char *ddl;                   /* of the files */
    char sha256[FS_SHA256_TEXT]; /* of both: alike definitions do the same */
};

void spark_definition_close(struct spark_definition *definition);
/* `tables->only` says which table. The session is open. ERR_USAGE, ERR_SQL: the table's words make no query. */
MUST_CHECK int spark_streams_define(struct spark_streams *streams,
                                    const struct engine_tables *tables, const struct schema *schema,
                                    const struct schema *known, struct journal *journal,
                                    struct spark_definition *ret_definition, struct err *err);

/* Where a query reads and writes; absolute paths of this machine. */
struct spark_place {
    const char *name;
    const char *queue_dir; /* files that were read are removed from it, some time later */
    const char *dir;
    const char *checkpoint_dir;
};

/* With `interval_ms` 0 it works off what is there and ends; else it begins a batch so often. */
MUST_CHECK int spark_streams_start(struct spark_streams *streams, const struct spark_place *place,
                                   const struct spark_definition *definition, int64_t interval_ms,
                                   struct spark_query *ret_query, struct err *err);
/* Why a query that no longer runs has ended: ERR_SQL with what to do, if it failed; 0 if it did not. */
MUST_CHECK int spark_streams_blame(struct spark_streams *streams, const struct spark_query *query,
                                   struct err *err);

#endif
