/*
 * The rows that a query makes of several files, gathered in memory file by file, and written as a file each
 * by one COPY (db/duck_files.h). For small files: what is gathered is not within DuckDB's memory limit.
 */
#ifndef RIACHO_DUCKDB_GATHER_H
#define RIACHO_DUCKDB_GATHER_H

#include "engine/duckdb_look.h"

/* Rows of one file that lie together in a chunk. */
struct gathered_piece {
    size_t chunk;
    uint64_t first;
    uint64_t count;
};

struct gathered_file {
    struct gathered_piece *pieces;
    size_t count;
    int64_t rows;
    bool is_left; /* not to be written */
};

/* {0} is closed. */
struct gathered {
    struct duck_result result; /* the query's, for names and types of columns */
    duckdb_data_chunk *chunks;
    size_t chunk_count;
    struct gathered_file *files;
    size_t file_count;
    uint64_t columns; /* that are written */
};

void gathered_close(struct gathered *gathered);

/* Makes the function known by which a COPY reads what was gathered; once for an instance. */
MUST_CHECK int gathered_register(struct duck_conn *conn, struct err *err);

/*
 * `sql` gives the columns to write, and last the number of the row's file, from 0, below `files`. If `looking` is
 * not NULL it sees the rows, for which the number is the last of the LOOK_COLUMNS.
 */
MUST_CHECK int gathered_fill(struct gathered *gathered, struct duck_conn *conn, const char *sql,
                             size_t files, struct looking *looking, struct err *err);

/* Whether the file is written: it has rows, not more than fit, and is not left. */
bool gathered_has(const struct gathered *gathered, size_t file);

/*
 * Writes those that it has, in order, as the first files of the folder `dir`, which is not there yet; `options` are
 * the COPY's.
 */
MUST_CHECK int gathered_write(const struct gathered *gathered, struct duck_conn *conn,
                              const char *dir, const char *options, struct err *err);

#endif
