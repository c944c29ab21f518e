/*
 * Which files a query reads. A client names a table, a resource, or a file's number in the ledger; paths come from
 * the ledger alone.
 */
#ifndef RIACHO_QUERY_FILES_H
#define RIACHO_QUERY_FILES_H

#include "board/query.h"

struct query_target {
    const char *stage; /* "extract", "transform"; NULL: one file of any stage */
    const char *name;  /* of the table or the resource; borrowed */
    int64_t seq;       /* of the file */
};

/* Reads {"table":…}, {"resource":…} or {"file":…}. ERR_USAGE. */
MUST_CHECK int query_target_read(yyjson_val *of, struct query_target *ret_target, struct err *err);

/* Whether there is any file of it now: 1, 0. */
MUST_CHECK int query_target_exists(struct query_run *run, const struct query_target *target,
                                   struct err *err);

/* Adds what stands behind FROM: all its files. ERR_DATA if there are none. */
MUST_CHECK int query_put_files(struct query_run *run, const struct query_target *target,
                               struct buf *to, struct err *err);

/*
 * As query_put_files(), but only the files that hold the rows [offset, offset + limit) in the order of landing,
 * and the newest one for its columns. `*ret_skipped` rows lie in files before; `*ret_total`: in all.
 */
MUST_CHECK int query_put_files_of_rows(struct query_run *run, const struct query_target *target,
                                       int64_t offset, int64_t limit, struct buf *to,
                                       int64_t *ret_skipped, int64_t *ret_total, struct err *err);

/* Adds a name for people and file names: "quakes", "file-12". */
void query_put_target_name(const struct query_target *target, struct buf *to);

#endif
