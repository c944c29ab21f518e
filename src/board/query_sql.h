/*
 * The parts of a query's SQL: what it reads, which rows of it, in what order, as text.
 */
#ifndef RIACHO_QUERY_SQL_H
#define RIACHO_QUERY_SQL_H

#include "board/query.h"

/* The columns that a relation (what stands behind FROM) has. */
MUST_CHECK int query_describe(struct query_run *run, const char *relation,
                              struct query_columns *ret_columns, struct err *err);
const struct query_column *query_column_find(const struct query_columns *columns, const char *name);

/* Adds " WHERE …" of the request's "filters" and "search", or nothing. ERR_USAGE. */
MUST_CHECK int query_put_where(yyjson_val *request, const struct query_columns *columns,
                               struct buf *to, struct err *err);
/* Adds " ORDER BY …" of the request's "sort", or nothing. ERR_USAGE. */
MUST_CHECK int query_put_order(yyjson_val *request, const struct query_columns *columns,
                               struct buf *to, struct err *err);
/* Whether there are such parts at all. */
bool query_narrows(yyjson_val *request);
bool query_orders(yyjson_val *request);

/* Adds an expression that is the column's text, cut to QUERY_MOST_CELL. `name` is quoted. */
void query_put_cell(const char *name, const char *type, struct buf *to);

/* How a column's values are counted and measured. */
bool query_is_number(const char *type);
bool query_is_time(const char *type);
/* Adds an expression that is the column as a DOUBLE: seconds since 1970 of a time. */
void query_put_measure(const struct query_column *column, struct buf *to);

/* A member that must be the name of a column. ERR_USAGE. */
MUST_CHECK int query_column_of(yyjson_val *request, const char *member,
                               const struct query_columns *columns,
                               const struct query_column **ret_column, struct err *err);

#endif
