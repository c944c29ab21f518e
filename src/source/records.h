/*
 * Cuts the inside of one JSON list into batches of whole records, as its bytes arrive; or takes one
 * object as a batch of one.
 */
#ifndef RIACHO_RECORDS_H
#define RIACHO_RECORDS_H

#include "base/err.h"
#include "riacho.h"
#include "source/scan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A batch ends at the first comma past this: what is parsed of it stays in a processor's own cache. */
#define RECORDS_BATCH_BYTES ((size_t)256 << 10)
#define RECORDS_CEILING ((size_t)256 << 20) /* of one record */

struct records {
    int64_t page;      /* set it before records_begin() */
    int64_t count;     /* in batches that are ready or were taken */
    size_t held_bytes; /* in batches that are ready */
    struct batch *first, *last;

    bool is_object; /* from here on: records.c's own */
    struct scan_pass pass;
    char *json;    /* the batch being made, with its opening bracket; NULL: none yet */
    bool is_block; /* `json` is */
    size_t size, room;
    size_t likely_room; /* what the batch before took */
    int64_t commas;     /* between records, in the batch being made */
    int64_t body_offset;
};

void records_close(struct records *records);

/* A list opened just before `offset` of the body; or an object, which is then the one record. */
void records_begin(struct records *records, bool is_object, int64_t offset);

/*
 * Reads on; `offset` is that of the first byte. 1: the closing bracket is the last byte read, 0:
 * all bytes were read, -1: ERR_DATA (the list's commas are wrong), ERR_LIMIT (a record is too
 * large).
 */
MUST_CHECK int records_feed(struct records *records, const char *bytes, size_t size, int64_t offset,
                            size_t *ret_used, struct err *err);

/* Hands over the batches that are ready, a list by `next`; NULL if none. */
struct batch *records_take(struct records *records);

/* Frees a list of batches. */
void batches_free(struct batch *first);

#endif
