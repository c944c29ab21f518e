/*
 * Cells of a CSV file (RFC 4180) from DuckDB's vectors: null is empty, an empty text is "", times are
 * ISO 8601 in UTC, a double is the shortest text that reads back as it.
 */
#ifndef RIACHO_CSV_CELL_H
#define RIACHO_CSV_CELL_H

#include "base/buf.h"

#include <duckdb.h>
#include <stdbool.h>
#include <stdint.h>

/* A column of a chunk. */
struct csv_column {
    duckdb_type type;
    bool formula_safe; /* texts that a spreadsheet would run get a ' */
    const void *data;
    const uint64_t *validity; /* NULL: no nulls */
};

/* Whether csv_put_cell() knows the type. Others are to be cast to VARCHAR in the statement. */
bool csv_knows(duckdb_type type);
/* Adds the cell, quoted if it must be. */
void csv_put_cell(const struct csv_column *column, uint64_t row, struct buf *to);
/* Adds a text as a cell. */
void csv_put_text(const char *text, size_t size, bool formula_safe, struct buf *to);

#endif
