/*
 * What answers the requests that read the journal, and those that change it (dead letters).
 * Each makes the answer of the exchange; -1: the error is the answer.
 */
#ifndef RIACHO_LISTS_H
#define RIACHO_LISTS_H

#include "board/exchange.h"

MUST_CHECK int list_snapshot(struct exchange *x, struct err *err);
MUST_CHECK int list_throughput(struct exchange *x, struct err *err);
MUST_CHECK int list_files(struct exchange *x, struct err *err);
MUST_CHECK int list_file(struct exchange *x, struct err *err);
MUST_CHECK int list_runs(struct exchange *x, struct err *err);
MUST_CHECK int list_run(struct exchange *x, struct err *err);
MUST_CHECK int list_schemas(struct exchange *x, struct err *err);
MUST_CHECK int list_dead(struct exchange *x, struct err *err);
MUST_CHECK int list_dead_retry(struct exchange *x, struct err *err);
MUST_CHECK int list_dead_drop(struct exchange *x, struct err *err);
MUST_CHECK int list_tables(struct exchange *x, struct err *err);

#endif
