/*
 * Landing: batches of JSON records become Parquet files while they still arrive.
 *
 * One landing serves one resource in one run. batch() and page() are called by the source's thread
 * and block when the queue is full; a thread of the landing's own gives one file after another its
 * schema and a writer (writer.h). When a file's end falls on a page's end, the files since the last
 * such moment are handed to `commit` together, already durable under their temporary names, by
 * another thread (committer.h), while the next file is written.
 *
 * - A record that does not fit the file's schema ends the file; the next has the wider schema.
 * - A batch that is not valid JSON fails the landing (ERR_DATA; page and byte offset in the text);
 *   what was committed before stays, what was not is discarded.
 * - Memory is bounded by the queue (LANDING_QUEUE_BYTES) and DuckDB's row groups, of two files at most.
 */
#ifndef RIACHO_LANDING_H
#define RIACHO_LANDING_H

#include "base/err.h"
#include "db/duck.h"
#include "db/schema.h"
#include "landing/landing_conf.h"
#include "riacho.h"

#include <stdatomic.h>

#define LANDING_QUEUE_BYTES (8 << 20)

/* A file that is ready under its temporary name, and durable. */
struct landed_file {
    char *temp_path; /* absolute */
    struct schema schema;
    char fingerprint[17];
    int64_t rows;
    int64_t bytes;
    char sha256[FS_SHA256_TEXT];
    int64_t first_page;
    int64_t last_page;
    char *url;         /* of its first page; NULL: that of `struct landed` */
    char *cursor_from; /* least and greatest cursor value in it, JSON; NULL: none */
    char *cursor_to;
    struct landed_file *next;
};

/* What becomes true together: the files, if any, and the place behind their pages. */
struct landed {
    struct landed_file *files;
    int64_t page;         /* the last page whose records are all in the files up to here */
    const char *position; /* of that page */
    const char *url;      /* of the first page in the files */
    const char *cursor;   /* greatest cursor value of the run so far, JSON; NULL: none */
    const char *boundary; /* JSON array of hashes of the records that have that value */
    bool is_last;         /* the page was the last of all */
};

struct landing_stats {
    atomic_llong rows;  /* in files that were committed or are being written */
    atomic_llong bytes; /* of finished files */
    atomic_llong files;
    atomic_llong skipped;         /* records before the cursor, or known at its boundary */
    atomic_llong duplicate_keys;  /* objects in which a key was given twice */
    atomic_llong half_characters; /* escapes of half a character, which became U+FFFD */
    atomic_llong queued_bytes;
};

struct landing_run {
    const char *resource;
    const char *temp_dir;        /* where unfinished files go; exists */
    const char *metadata;        /* more members for KV_METADATA ("run: '1'"); NULL: none */
    const struct schema *schema; /* the resource's history; NULL: none yet */
    int64_t start_page;          /* number of the first page to come */

    const char *cursor_path;    /* NULL: no incremental */
    const char *cursor_missing; /* "raise", "include", "exclude" */
    const char *start_value;    /* JSON; records below it are skipped; NULL: none */
    const char *start_boundary; /* JSON array of hashes known at start_value; NULL: none */
    const char *cursor;         /* greatest so far, of a run that goes on; NULL: none */
    const char *boundary;       /* of that */
    char *const *primary_key;   /* for the hashes; none: the whole record */
    size_t primary_keys;

    void *ctx;
    int (*commit)(void *ctx, const struct landed *landed, struct err *err); /* committer's thread */
    struct landing_stats *stats;
};

struct landing {
    struct landing_impl *impl; /* NULL: closed */
};

/* Starts the landing's thread, which waits for `duck`. That must outlive it. */
MUST_CHECK int landing_open(struct landing *landing, struct duck_soon *duck,
                            const struct landing_conf *conf, const struct landing_run *run,
                            struct err *err);
/* A batch of the page that is arriving. -1 also if the landing's thread has failed. */
MUST_CHECK int landing_batch(struct landing *landing, struct batch *batch_taken, struct err *err);
/* The page ended; rolls the file if it is time. */
MUST_CHECK int landing_page(struct landing *landing, const struct page *page, struct err *err);
/* Closes the file at the last page's end, now (before a large page). Does not wait. */
MUST_CHECK int landing_roll(struct landing *landing, struct err *err);
/* Rolls if `roll.after` has passed since the file's first record. Call it now and then. */
MUST_CHECK int landing_tick(struct landing *landing, struct err *err);
/* No more pages: finishes the file, commits, ends the thread. */
MUST_CHECK int landing_finish(struct landing *landing, struct err *err);
/*
 * The page that is arriving failed: commits what ended before it if possible, ends the thread.
 * Records of the failed page that were already handed over make their file be discarded.
 */
MUST_CHECK int landing_abandon_page(struct landing *landing, struct err *err);
/* Throws away what was not committed. */
void landing_close(struct landing *landing);
/* Number of the last page that was committed (start_page - 1 if none). */
int64_t landing_committed_page(const struct landing *landing);
/* Number of the page whose bytes the landing refused, or 0. */
int64_t landing_bad_page(const struct landing *landing);

#endif
