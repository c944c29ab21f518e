/*
 * Cuts one page's body, as its bytes arrive, into batches of whole records and the envelope: the
 * document with the list of records emptied, where totals and the next link stand.
 *
 * - The records' bytes are kept as they came. Their insides are not checked here; the list's
 *   commas and the envelope are, so that batches which parse and an envelope that parses came from
 *   a document that parses.
 * - A batch ends at a comma of the list, past RECORDS_BATCH_BYTES or at BATCH_MOST_RECORDS.
 * - Where the selector leads to an object, that object is the one record, and stays in the
 *   envelope too. null is an empty page.
 */
#ifndef RIACHO_SPLIT_H
#define RIACHO_SPLIT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "source/records.h"
#include "source/walk.h"

#include <stdbool.h>
#include <stdint.h>

#define SPLIT_ENVELOPE_CEILING ((size_t)16 << 20)
#define SPLIT_DETECT_BYTES ((size_t)16 << 20) /* looked at when no selector was given */

enum split_phase { SPLIT_DETECT, SPLIT_WALK, SPLIT_RECORDS };

struct split {
    struct records records; /* the batches: count, held_bytes, records_take() */
    int64_t offset;         /* bytes of the body so far */
    char *selector;         /* as given, or as found; NULL: not found yet */
    bool is_cut_short;      /* it failed because the document stops before its end */
    bool object_dropped;    /* the one record was too large to stay in the envelope */

    enum split_phase phase; /* from here on: split.c's own */
    int64_t bom_bytes;
    struct buf start; /* of the body, while there is no selector */
    struct json_path path;
    struct walk walk;
    struct buf envelope;
    size_t hole;         /* where the envelope lacks bytes of the body… */
    int64_t hole_offset; /* …what place of the body that is… */
    int64_t hole_bytes;  /* …and how many */
};

/*
 * Begins a page. `selector` NULL: the list is looked for in the first SPLIT_DETECT_BYTES.
 * ERR_USAGE if it is no path. A split that was open is closed first.
 */
MUST_CHECK int split_open(struct split *split, const char *selector, int64_t page, struct err *err);
void split_close(struct split *split);

MUST_CHECK int split_feed(struct split *split, const char *bytes, size_t size, struct err *err);

/*
 * The body ended. 1: the selector led to records (maybe none), 0: there is nothing at it, -1: the
 * document is not whole or not valid. Numbers in the envelope are raw text, so that no digit of a
 * cursor is lost.
 */
MUST_CHECK int split_finish(struct split *split, struct json *ret_envelope, struct err *err);

#endif
