/*
 * riacho_records(job): the table function through which DuckDB reads a feed. Its threads take
 * batches, parse them in place with yyjson, and shred them into chunks: one batch is one chunk.
 *
 * The function is registered once in a DuckDB instance and serves any number of jobs at once.
 */
#ifndef RIACHO_FEED_TABLE_H
#define RIACHO_FEED_TABLE_H

#include "base/err.h"
#include "db/duck.h"
#include "landing/cursor_filter.h"
#include "landing/feed.h"
#include "landing/layout.h"

#include <stdint.h>

/* One file's worth of reading: what a COPY names by number while it runs. */
struct feed_job {
    struct feed *feed;
    const struct layout *layout;
    const struct cursor_filter *filter;
    struct feed_file *file; /* that the feed is read for; NULL: … */
    struct haul *haul;      /* … each file of this is one chunk, for one thread */
    int64_t threads;
    int64_t number; /* set by feed_job_open(); 0: closed */
    struct feed_job *next;
};

/* Makes the function known to the instance, of which `conn` is a connection, if it is not yet. */
MUST_CHECK int feed_table_register(struct duck *duck, struct duck_conn *conn, struct err *err);

void feed_job_open(struct feed_job *job);
void feed_job_close(struct feed_job *job);

/*
 * Parses the batch in place, unless it is parsed. ERR_DATA: invalid JSON, with its place in the
 * page. Counts in `stats` what was mended in it.
 */
MUST_CHECK int feed_table_parse(struct parcel *parcel, struct landing_stats *stats,
                                struct err *err);

#endif
