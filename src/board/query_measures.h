/*
 * Queries that measure columns: a profile, a chart, a map.
 */
#ifndef RIACHO_QUERY_MEASURES_H
#define RIACHO_QUERY_MEASURES_H

#include "board/query.h"

MUST_CHECK int query_run_profile(struct query_run *run, struct err *err);
MUST_CHECK int query_run_chart(struct query_run *run, struct err *err);
MUST_CHECK int query_run_map(struct query_run *run, struct err *err);

/* The request's "of", filtered: a relation in brackets, and its columns. Of query_kinds.c. */
MUST_CHECK int query_read_relation(struct query_run *run, struct query_columns *ret_columns,
                                   struct buf *ret_relation, struct err *err);

#endif
