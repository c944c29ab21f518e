/*
 * The transform stage as streaming queries on Spark (transform: {mode: streaming}): landed files are handed, one
 * by one and checked, to a queue folder from which each table's query reads; the queries are started, followed and
 * stopped. docs/streaming.md tells what that promises.
 */
#ifndef RIACHO_STREAM_H
#define RIACHO_STREAM_H

#include "river/river.h"

#include <stdatomic.h>

/*
 * As transform_all(): until all that landed is in the tables or, with `follow`, until stopped, which stops the
 * queries. One process of a state at a time: ERR_LOCKED.
 */
MUST_CHECK int stream_all(struct river *river, bool follow, const atomic_bool *upstream_done,
                          struct err *err);

/* ERR_USAGE with a hint if the table was made by streaming queries: batches would be mixed into it. */
MUST_CHECK int stream_refuse_batch(struct journal *journal, const char *table, struct err *err);

#endif
