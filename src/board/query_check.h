/*
 * What a user's SQL may be: one SELECT, from the tables, the landing's resources and single files by their names
 * here, and from nothing else: no path, no function that reads files.
 */
#ifndef RIACHO_QUERY_CHECK_H
#define RIACHO_QUERY_CHECK_H

#include "board/query.h"

/*
 * Checks the SQL, and makes a temporary view of each thing that it names. ERR_SQL with the place told (query_tell_position())
 * if DuckDB cannot read it, ERR_USAGE if it is not allowed.
 */
MUST_CHECK int query_prepare_sql(struct query_run *run, const char *sql, struct err *err);

#endif
