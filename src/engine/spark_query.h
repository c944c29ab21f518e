/*
 * Streaming queries on a Spark Connect server: started, found again, followed, stopped. Part of the client that
 * spark_connect.h is; its errors are those.
 *
 * A query lives on the server, in its session: it goes on while its client is away, and ends with the session.
 * Another process finds it by its name in a session of the same id (`session_id` of struct spark_conf).
 */
#ifndef RIACHO_SPARK_QUERY_H
#define RIACHO_SPARK_QUERY_H

#include "engine/spark_connect.h"

struct spark_stream {
    const struct spark_relation *from; /* with inputs that are streams */
    const char *name;
    const char *format;
    const char *path;                   /* a folder, as the server sees it */
    const struct spark_option *options; /* "checkpointLocation" among them */
    size_t option_count;
    const char *
        interval; /* of its batches, "60 seconds"; NULL: one after another what is there, then it ends */
};

struct spark_query {
    char *id;     /* of the checkpoint: the same after each start */
    char *run_id; /* of this start */
};

void spark_query_close(struct spark_query *query); /* forgets it; it goes on */

/* Appends to the sink. Returns when it has started. */
MUST_CHECK int spark_query_start(struct spark_session *session, const struct spark_stream *stream,
                                 struct spark_query *ret_query, struct err *err);
/* 1 a query of that name runs in the session, 0 not. */
MUST_CHECK int spark_query_find(struct spark_session *session, const char *name,
                                struct spark_query *ret_query, struct err *err);
/* 1 it runs, 0 it has ended. */
MUST_CHECK int spark_query_runs(struct spark_session *session, const struct spark_query *query,
                                struct err *err);
/* Gives each of the last batches (the last one only, unless `all`) as Spark's JSON text, oldest first. */
typedef int spark_on_progress(void *ctx, const char *json, struct err *err);
MUST_CHECK int spark_query_progress(struct spark_session *session, const struct spark_query *query,
                                    bool all, spark_on_progress *on_progress, void *ctx,
                                    struct err *err);
/* 1 it has failed, by that message (the caller frees), 0 not. */
MUST_CHECK int spark_query_failure(struct spark_session *session, const struct spark_query *query,
                                   char **ret_message, struct err *err);
/* Returns when it has ended; what was in hand is begun again by the next start from the checkpoint. */
MUST_CHECK int spark_query_stop(struct spark_session *session, const struct spark_query *query,
                                struct err *err);

#endif
