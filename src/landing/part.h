/*
 * One file: a COPY of the feed with one schema, checked, under a temporary name.
 */
#ifndef RIACHO_PART_H
#define RIACHO_PART_H

#include "base/err.h"
#include "db/duck.h"
#include "landing/budget.h"
#include "landing/cursor_filter.h"
#include "landing/feed.h"
#include "landing/landing.h"
#include "landing/layout.h"

struct part {
    struct duck_conn *conn;
    struct feed *feed;
    struct feed_file *file; /* what is read for it; NULL: a haul's are */
    const struct layout *layout;
    const struct cursor_filter *filter;
    const char *path;
    const char *metadata; /* members of KV_METADATA; NULL: none */
    struct budget budget;
};

/*
 * Writes what the feed gives until the file's end. 1: the file is whole at `path`, 0: there were
 * no rows and no file is left, -1: failed, and no file is left. The caller closes `*ret_file` with
 * landed_file_free().
 */
MUST_CHECK int part_write(const struct part *part, struct landed_file **ret_file, struct err *err);

/* ---- what files that are written together share with those that are not ---- */

/* Begins the statement: "COPY (…) TO '…' (FORMAT parquet, ". `job` is a feed_job's number. */
void part_put_copy(const struct part *part, int64_t job, struct buf *sql);
/* The files' own metadata, as an option. */
void part_put_metadata(const struct part *part, const char *fingerprint, struct buf *sql);
/* What came of a COPY: 0, or -1 with what matters most. `has_failed`: the reading for it did. */
MUST_CHECK int part_judge_copy(const struct part *part, bool has_failed, int copied,
                               struct err *err);
/* Describes the file at `path`, but for what only its bytes tell. */
struct landed_file *part_describe(const struct part *part, const struct feed_file *fed,
                                  const char *fingerprint, const char *path);

void landed_file_free(struct landed_file *file);

#endif
