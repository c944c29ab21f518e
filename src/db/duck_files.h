/*
 * Several Parquet files by one COPY: to plan a statement costs far more than to write ten rows. DuckDB is told
 * to make a row group of every chunk and a file of every row group, so each chunk that a table function
 * gives, on one thread, becomes a file of its own, in order.
 */
#ifndef RIACHO_DUCK_FILES_H
#define RIACHO_DUCK_FILES_H

#include "db/duck.h"

#define DUCK_FILES_ROWS 2048 /* of one file: DuckDB's chunk */

/* Options of such a COPY to a folder. It leaves a file without rows besides, after the others. */
#define DUCK_FILES_OPTIONS "ROW_GROUP_SIZE 1, ROW_GROUPS_PER_FILE 1, FILE_EXTENSION 'tmp'"

/* Its file number `index`, from 0, in the folder; the caller frees. */
char *duck_files_name(const char *dir, size_t index);

/*
 * Whether the first `count` files have the rows that they should, and all of the `copied` ones that the COPY told
 * of. ERR_IO: not. This is asked of the files themselves, as it is more than DuckDB promises.
 */
MUST_CHECK int duck_files_check(struct duck_conn *conn, const char *dir, const int64_t *rows,
                                size_t count, int64_t copied, struct err *err);

#endif
