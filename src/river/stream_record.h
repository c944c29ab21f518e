/*
 * What the state knows of a table's streaming query: what it runs with, and how far it has come. Written by the
 * transform that follows it, shown by `riacho status`.
 */
#ifndef RIACHO_STREAM_RECORD_H
#define RIACHO_STREAM_RECORD_H

#include "base/json.h"
#include "db/journal.h"

struct stream_record {
    char *table;
    char *status;     /* "running", "stopped", "done" or "failed"; NULL: it has never run */
    char *error;      /* of "failed" */
    char *query_id;   /* of the checkpoint */
    char *run_id;     /* of the last start */
    char *schema;     /* of the files in the queue: their fingerprint; NULL: none has been there */
    char *definition; /* what runs by run_id: SHA-256 */
    int64_t interval_ms;
    bool is_drained; /* all that was in the queue is in the table */
    int64_t batches;
    int64_t rows;        /* that it read */
    int64_t last_batch;  /* -1: none */
    int64_t rows_per_s;  /* of the last batch */
    char *last_progress; /* when the last batch began */
};

void stream_record_close(struct stream_record *record);

/* 1 found, 0 the table has none: then `ret_record` has its name alone. */
MUST_CHECK int stream_record_get(struct journal *journal, const char *table,
                                 struct stream_record *ret_record, struct err *err);
MUST_CHECK int stream_record_put(struct journal *journal, const struct stream_record *record,
                                 struct err *err);
/* How many batches lie between what the record knows and the progress (Spark's JSON); 1: it is the next one. */
int64_t stream_record_distance(const struct stream_record *record, const char *progress);
/* Counts a batch that it does not know yet, unless nothing was read. Returns the rows that came. */
int64_t stream_record_add(struct stream_record *record, const char *progress);

/* Adds the records of all tables as "streams". */
MUST_CHECK int stream_records_report(struct journal *journal, struct json_out *report,
                                     struct err *err);

/* The session in which the queries run; 1, 0 none. The caller frees. */
MUST_CHECK int stream_session_get(struct journal *journal, char **ret_id, struct err *err);
/* NULL: it has ended. */
MUST_CHECK int stream_session_put(struct journal *journal, const char *id, struct err *err);

#endif
