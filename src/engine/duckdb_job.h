/*
 * One landed file on its way through DuckDB: each of its tables is one COPY.
 */
#ifndef RIACHO_DUCKDB_JOB_H
#define RIACHO_DUCKDB_JOB_H

#include "db/duck.h"
#include "engine/engine.h"
#include "engine/table_cache.h"

#include <stdatomic.h>

/* The file as SQL; the caller frees. */
char *duckdb_input_sql(const struct engine_job *job);
/* The name of the file's run; rows' ids begin with it. */
const char *duckdb_run_of(const struct engine_job *job);

/*
 * Makes the job's outputs, or fails the job if its data is at fault. -1: the surroundings are, and the job
 * is as before. Once `*stopped` is true no other table is begun (ERR_STOPPED).
 */
MUST_CHECK int duckdb_job_run(struct duck_conn *conn, struct engine_job *job,
                              const struct planned *planned, const atomic_bool *stopped,
                              struct err *err);
/* Makes one of them, that of planned->plans.items[index]; duckdb_jobs_finish() is still due. */
MUST_CHECK int duckdb_job_make(struct duck_conn *conn, struct engine_job *job,
                               const struct planned *planned, size_t index, struct err *err);
/* Takes the job's outputs back, with their files. */
void duckdb_job_undo(struct engine_job *job);

/* Adds an output, with a name for its file; the caller fills in the rest. */
struct engine_output *duckdb_job_add(struct engine_job *job, const char *table);
/* Makes the jobs' files durable, and takes their sizes and hashes. */
MUST_CHECK int duckdb_jobs_finish(struct engine_job *const *jobs, size_t count, struct err *err);
/* Adds what a job's file of a table is written with: "FORMAT parquet, …". */
void duckdb_put_options(const struct table_plan *plan, struct buf *to);

/* Whether a job failed by it, or the call. */
bool duckdb_blames_data(const struct err *err);
void duckdb_job_fail(struct engine_job *job, const struct err *err);

#endif
