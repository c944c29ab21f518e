/*
 * How many rows a Parquet file has, by its own word (the footer): for files that another process made. Whichever
 * engine that was, this needs none.
 */
#ifndef RIACHO_PARQUET_ROWS_H
#define RIACHO_PARQUET_ROWS_H

#include "base/err.h"
#include "db/duck.h"

#include <stdint.h>

/* Opens itself when it is first asked. Of one thread. */
struct parquet_rows {
    struct duck duck;
    struct duck_conn conn;
};

/* ERR_DATA if it is no whole Parquet file. */
MUST_CHECK int parquet_rows_count(struct parquet_rows *rows, const char *path, int64_t *ret_rows,
                                  struct err *err);
void parquet_rows_close(struct parquet_rows *rows);

#endif
