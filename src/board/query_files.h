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

/*
 * Adds what stands behind FROM: all its files; and tells its columns. ERR_DATA if there are none.
 * Of a table or a resource the columns come from the ledger and the footers of a few files, so that binding it costs
 * the same however many files it has; a file that lacks a column has nulls in it. The list of files is a variable of
 * the connection, which lives as long as the query.
 */
MUST_CHECK int query_put_files(struct query_run *run, const struct query_target *target,
                               struct query_columns *ret_columns, struct buf *to, struct err *err);

/*
 * As query_put_files(), but only the files that hold the rows [offset, offset + limit) in the order of landing.
 * `*ret_skipped` rows lie in files before.
 */
MUST_CHECK int query_put_files_of_rows(struct query_run *run, const struct query_target *target,
                                       int64_t offset, int64_t limit,
                                       struct query_columns *ret_columns, struct buf *to,
                                       int64_t *ret_skipped, struct err *err);

/* How many rows it has, as the ledger knows. */
MUST_CHECK int query_count_rows(struct query_run *run, const struct query_target *target,
                                int64_t *ret_total, struct err *err);
/* How many files a table or a resource has. */
MUST_CHECK int query_count_files(struct query_run *run, const struct query_target *target,
                                 int64_t *ret_files, struct err *err);

/* Frees the lists of files of this query. */
void query_forget_files(struct query_run *run);

/* Adds a name for people and file names: "quakes", "file-12". */
void query_put_target_name(const struct query_target *target, struct buf *to);

#endif
