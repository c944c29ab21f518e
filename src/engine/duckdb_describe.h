/*
 * What columns a user's SELECT gives, as DuckDB sees it.
 */
#ifndef RIACHO_DUCKDB_DESCRIBE_H
#define RIACHO_DUCKDB_DESCRIBE_H

#include "db/duck.h"
#include "engine/table_plan.h"

/*
 * Fills the columns of a plan of user's SQL, and wraps its relation so that they have the types that
 * are stored: integers as BIGINT, times as instants in UTC, what Parquet or Spark does not know as text.
 * `input`: the SQL of a file of the plan's schema. ERR_SQL: DuckDB refuses it; the plan is then of no use.
 */
MUST_CHECK int duckdb_describe(struct duck_conn *conn, const char *input, struct table_plan *plan,
                               struct err *err);

#endif
