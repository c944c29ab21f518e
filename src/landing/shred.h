/*
 * One thread's way from parsed JSON into the vectors of a DuckDB chunk, in one pass. Each value is
 * checked against its column as it is written; the first that does not fit stops it.
 *
 * Texts are not copied: the vectors point into the document, which must live until DuckDB asks for
 * the next chunk.
 */
#ifndef RIACHO_SHRED_H
#define RIACHO_SHRED_H

#include "base/buf.h"
#include "landing/layout.h"

#include <duckdb.h>
#include <yyjson.h>

struct shredder {
    const struct layout *layout; /* NULL: closed */
    struct shred_slot *slots;    /* a layout node's place in the chunk; parallel to layout->nodes */
    uint64_t objects;            /* counted, to tell the members of one object from another's */
    int64_t twins;               /* objects with keys given twice, since the chunk was begun */
    struct buf text;             /* JSON being written */
    int64_t *pages;              /* the chunk's two last columns */
    int64_t *indexes;
};

/* `layout` must outlive it. */
void shredder_open(struct shredder *shredder, const struct layout *layout);
void shredder_close(struct shredder *shredder);

/* A chunk with the layout's columns, without rows so far. */
void shredder_begin(struct shredder *shredder, duckdb_data_chunk chunk);
/*
 * Writes a record (its numbers raw) to that row, the next after the last one. False: it does not
 * fit.
 */
bool shred_record(struct shredder *shredder, yyjson_val *record, uint64_t row, int64_t page,
                  int64_t index);
void shredder_end(struct shredder *shredder);

#endif
