/*
 * Small files of one schema, several in one statement: to plan a statement costs more than to run it over
 * a hundred rows, and so it is paid once.
 */
#ifndef RIACHO_DUCKDB_BATCH_H
#define RIACHO_DUCKDB_BATCH_H

#include "engine/duckdb_job.h"

#define DUCKDB_BATCH_MOST 32

/*
 * Whether the job can be worked off together with others of its plans and its codec; a user's SQL sees one file
 * at a time.
 */
bool duckdb_batch_may(const struct planned *planned, const struct engine_job *job);

/*
 * Makes the outputs of the jobs, whose files have the bytes that duckdb_job_run() would give them. A job whose
 * `ret_left` is true is as before, to be run alone: its data may be at fault, its rows need sorting, or
 * memory ran out. -1: the surroundings; all jobs are as before.
 */
MUST_CHECK int duckdb_batch_run(struct duck_conn *conn, struct engine_job *const *jobs,
                                size_t count, const struct planned *planned,
                                const atomic_bool *stopped, bool *ret_left, struct err *err);

#endif
