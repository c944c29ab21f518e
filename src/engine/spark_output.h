/*
 * What Spark wrote for many landed files at once, taken apart: each file's output is a folder of part files,
 * made durable under a temporary name of its own.
 */
#ifndef RIACHO_SPARK_OUTPUT_H
#define RIACHO_SPARK_OUTPUT_H

#include "engine/engine.h"
#include "engine/parquet_rows.h"
#include "engine/table_plan.h"

/* By which the output is partitioned: the landed file's name. */
#define SPARK_FILE_COLUMN TABLE_FILE_COLUMN

/*
 * Gives each job its part of the folder `staging`, in which Spark wrote the table partitioned by
 * SPARK_FILE_COLUMN. A job whose file gave no row gets nothing. `rows` tells how many rows the parts have.
 */
MUST_CHECK int spark_output_take(struct parquet_rows *rows, const char *table, const char *staging,
                                 struct engine_job *const *jobs, size_t count, struct err *err);
/* Gives those jobs that have no output of the table a copy of the folder `empty`, which holds typed files. */
MUST_CHECK int spark_output_copy(struct parquet_rows *rows, const char *table, const char *empty,
                                 struct engine_job *const *jobs, size_t count, struct err *err);
/* Whether the job has an output of that table. */
bool spark_output_is_made(const struct engine_job *job, const char *table);
/* Takes the job's outputs back, with their files. */
void spark_output_undo(struct engine_job *job);

#endif
