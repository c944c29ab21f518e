/*
 * Many landed files of one schema in one Spark job for each table: a table's SQL over all of them, or, of a
 * user's SQL, which sees one file at a time, the SQL for each of them with UNION ALL. The output is partitioned by
 * the file.
 */
#ifndef RIACHO_SPARK_BATCH_H
#define RIACHO_SPARK_BATCH_H

#include "engine/engine.h"
#include "engine/parquet_rows.h"
#include "engine/spark_connect.h"
#include "engine/table_cache.h"

/* What a batch works with; all is borrowed. */
struct spark_bench {
    struct spark_session *session;
    struct parquet_rows *rows;
    const struct engine_root *roots;
    size_t root_count;
    const char *staging; /* the folder that Spark writes into, beneath the jobs' temp_dir */
    struct spark_handlers handlers;
};

/*
 * Makes the jobs' outputs, of all or of none. ERR_SQL and ERR_DATA: a file, or the SQL, is at fault.
 */
MUST_CHECK int spark_batch_run(const struct spark_bench *bench, struct engine_job *const *jobs,
                               size_t count, const struct planned *planned, struct err *err);

/* Finds the columns of a plan of the user's SQL, by asking Spark. ERR_SQL: it refuses the SQL. */
MUST_CHECK int spark_describe(struct spark_session *session, const struct schema *schema,
                              struct table_plan *plan, struct err *err);

#endif
