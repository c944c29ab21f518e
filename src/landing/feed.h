/*
 * Feed: the bounded queue between the source's thread and DuckDB's threads, and the account of what
 * they took: which rows are in the file, where pages end, when the file is to end.
 *
 * The source's thread puts, DuckDB's threads take batches while a COPY reads, the landing's begins and
 * ends the reading of one file after another, a writer's waits for that end, and anybody may stop it.
 */
#ifndef RIACHO_FEED_H
#define RIACHO_FEED_H

#include "base/err.h"
#include "db/duck_files.h"
#include "landing/cursor_mark.h"
#include "landing/landing.h"
#include "riacho.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <yyjson.h>

enum parcel_kind { PARCEL_BATCH, PARCEL_PAGE, PARCEL_ROLL };

/* What lies in the queue: a batch, a page's end, or the wish for a file's end. */
struct parcel {
    struct parcel *next;
    enum parcel_kind kind;
    struct batch *batch;
    yyjson_doc *doc; /* of the batch, once parsed (in place: its bytes are then used up) */
    yyjson_alc *alc; /* the memory of `doc` */
    bool is_seen;    /* the landing's history holds its records */
    int64_t page;    /* a page's end */
    char *url;
    char *position;
    bool is_last;
};

void parcel_free(struct parcel *parcel);

/* What is in a file that DuckDB writes. */
struct feed_file {
    bool is_closing;     /* no more batches for this file */
    bool has_failed;     /* the feed stopped, or refused a batch of it, while it was read for */
    bool is_read;        /* the landing's thread has seen that its reading is over */
    int64_t open;        /* batches that were taken, and are neither written nor put aside yet */
    int64_t taken_rows;  /* records and bytes of the batches that were taken, also those that */
    int64_t taken_bytes; /* are still being shredded */
    int64_t page;        /* the page of the last batch taken, and its part of those */
    int64_t page_rows;
    int64_t page_bytes;
    int64_t rows;       /* that were written */
    int64_t first_page; /* of the rows that were written */
    int64_t last_page;
    struct cursor_mark mark; /* of the rows that were written */
};

/* What will be committed together: pages up to `page`. */
struct feed_group {
    bool has_pages;   /* a page has ended since the last commit */
    bool is_mid_page; /* batches were taken of a page that has not ended */
    bool is_last;
    bool is_wanted; /* it is to end as soon as all its batches are in files */
    int64_t page;
    int64_t started_ms; /* when its first batch was taken; 0: none was */
    char *position;
    char *url; /* of its first page */
};

void feed_group_close(struct feed_group *group);

#define HAUL_MOST 64
#define HAUL_ROWS DUCK_FILES_ROWS /* of one of its files */

/* Small files whose records all have arrived: they are written together. */
struct haul {
    struct haul_file {
        struct parcel *parcels; /* its batches, parsed, in the feed's order */
        struct feed_file fed;
    } files[HAUL_MOST];
    size_t count;
};

void haul_close(struct haul *haul);

struct feed {
    int64_t roll_rows; /* these do not change */
    int64_t roll_bytes;
    int64_t roll_after_ms;
    struct landing_stats *stats;

    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t
        arrived; /* there is more to take, it ended or stopped, or a reading or a look is over */
    pthread_cond_t has_room; /* the queue shrank, or it stopped */
    struct parcel *first;
    struct parcel *last;
    int64_t queued_bytes;
    struct parcel *aside; /* batches that did not fit their file: the next file begins with them */
    bool is_looked_at;    /* the landing's thread reads what lies in it without the lock */
    bool is_open_page;    /* batches came since the last page's end */
    bool is_ended;        /* nothing more will come */
    bool is_stopped;      /* what is in it does not matter any more */
    struct err failure;   /* why, if code is not ERR_NONE */
    int64_t bad_page;     /* whose bytes are at fault; 0: none */
    struct feed_file *file; /* that is being read for; NULL: none */
    struct feed_group group;
};

void feed_open(struct feed *feed, const struct landing_conf *conf, struct landing_stats *stats);
/* All threads but the caller's must have left it. */
void feed_close(struct feed *feed);

/* ---- the source's thread: all fail with the failure once the feed has stopped ---- */

/* Waits while the queue is full. Owns the batch also if it fails. */
MUST_CHECK int feed_put_batch(struct feed *feed, struct batch *batch_taken, struct err *err);
MUST_CHECK int feed_put_page(struct feed *feed, const struct page *page, struct err *err);
/* A wish for a file's end at the last page's end; none while a page is arriving. */
MUST_CHECK int feed_put_roll(struct feed *feed, struct err *err);
MUST_CHECK int feed_tick(struct feed *feed, struct err *err);
/* Nothing more comes. With `drop_open_page`, batches after the last page's end are thrown away. */
void feed_end(struct feed *feed, bool drop_open_page);
int64_t feed_bad_page(struct feed *feed);

/* ---- any thread ---- */

/* The first failure stays; `page` is the page whose bytes are at fault, or 0. */
void feed_fail(struct feed *feed, const struct err *why, int64_t page);
void feed_stop(struct feed *feed);

/* ---- DuckDB's threads ---- */

/*
 * 1: a batch for the file, now owned by the caller; 0: the file has ended for this thread. Waits.
 */
int feed_take(struct feed *feed, struct feed_file *file, struct parcel **ret_parcel);
/* The batch is in the file, with so many rows. */
void feed_written(struct feed *feed, struct feed_file *file, const struct parcel *parcel,
                  int64_t rows, const struct cursor_mark *mark);
/* It does not fit: the file ends, and the next begins with it. */
void feed_put_aside(struct feed *feed, struct feed_file *file, struct parcel *parcel_taken);
/* The page's bytes are at fault, and with them the file: as feed_fail(). */
void feed_refuse(struct feed *feed, struct feed_file *file, const struct err *why, int64_t page);
/* ---- a writer's thread ---- */

/*
 * The file's COPY is over, whatever came of it. Returns when the landing's thread knows: then the account does not
 * change any more.
 */
void feed_leave(struct feed *feed, struct feed_file *file);

/* ---- the landing's thread: all but feed_end_reading() while no file is being read for ---- */

enum feed_next {
    FEED_FILE,   /* there are batches for a file */
    FEED_COMMIT, /* pages without rows are to be reported */
    FEED_END,    /* nothing is left, or it stopped */
};

/* Waits until it is clear what comes next. */
enum feed_next feed_next(struct feed *feed);
/*
 * The batches that the file will begin with: at most `most`, and about `bytes` (waits up to
 * `wait_ms` for so many). They stay in the feed, but nobody else touches them until feed_take_haul().
 */
size_t feed_look(struct feed *feed, int64_t bytes, int wait_ms, struct parcel **ret_parcels,
                 size_t most);
/*
 * Takes the files that lie whole in the queue, of batches that are parsed and of at most HAUL_ROWS records. If
 * some end where a page ends, none is taken beyond the last that does. The haul stays empty if there are fewer
 * than two.
 */
void feed_take_haul(struct feed *feed, struct haul *haul);
/* From here on batches are taken for that file, whose account is {0}. */
void feed_begin(struct feed *feed, struct feed_file *file);
/*
 * Waits until all that is for the file was taken, and is in its COPY's hands or put aside. Takes the group, as
 * feed_take_group() does.
 */
void feed_end_reading(struct feed *feed, struct feed_file *file, struct feed_group *ret_group);
/*
 * If all batches taken so far are in files, up to a page's end: takes the group, which ends with it, and begins the
 * next one. Else the group given back has no pages.
 */
void feed_take_group(struct feed *feed, struct feed_group *ret_group);
/* 0, or -1 with the failure. */
MUST_CHECK int feed_failure(struct feed *feed, struct err *err);

#endif
