/*
 * Source: one resource of an HTTP API, from its first page (or a stored position) to its last.
 *
 * Promises
 * - Every record of every accepted page is handed over exactly once, in order, before its page().
 * - A page is handed over only when it arrived whole, unless it is larger than SOURCE_HOLD_BYTES:
 *   such a page streams, after `large` said so, and may still fail in its middle.
 * - A failed page is never taken for the end: source_run() returns 0 only after a page with
 *   is_last.
 * - No text handed out (URL, error, position) holds a secret.
 */
#ifndef RIACHO_SOURCE_H
#define RIACHO_SOURCE_H

#include "base/err.h"
#include "riacho.h"
#include "source/source_conf.h"

#include <stdatomic.h>

#define SOURCE_HOLD_BYTES (16 << 20)

/*
 * What is done with what arrives; called from source_run()'s thread. Each may block: that is the
 * back-pressure. -1 ends the run with `err` as it stands.
 */
struct source_events {
    void *ctx;
    int (*batch)(void *ctx, struct batch *batch_taken, struct err *err);
    int (*page)(void *ctx, const struct page *page, struct err *err);
    int (*large)(void *ctx, int64_t page,
                 struct err *err); /* this page will stream, from here on */
    int (*wait)(void *ctx,
                struct err *err); /* at least every 100 ms while the network is waited for */
};

/* Counters for progress and summary; written by source_run(), read by any thread at any time. */
struct source_stats {
    atomic_llong requests;
    atomic_llong in_flight; /* requests that are sent, and not answered yet */
    atomic_llong retries;
    atomic_llong pages;
    atomic_llong records;
    atomic_llong bytes;      /* decoded bodies */
    atomic_llong wire_bytes; /* as they came over the network */
    atomic_llong
        waiting_ms; /* until then (wall clock) a retry or the rate limit makes it wait; 0 */
};

/* Where to start. */
struct source_start {
    const char *position;      /* from a struct page; NULL: the first page */
    int64_t next_page;         /* number that the next page gets; 1 at first */
    const char *start_value;   /* JSON of the frozen incremental start value; NULL: none */
    const char *initial_value; /* JSON */
    const char *selector;      /* of the last page of the run before; NULL: none */
};

/*
 * A token bucket shared by the processes of one state, so that it survives restarts. `take` takes
 * a token and gives 0: one request may go; where there is none, it gives how long to wait (ms)
 * before asking again. NULL: no limit.
 */
struct rate_gate {
    void *ctx;
    int (*take)(void *ctx, int64_t *ret_wait_ms, struct err *err);
};

/*
 * Fetches pages until the last. ERR_REMOTE with text "position" semantics: when the API refuses
 * the stored position at the very first request (4xx other than 401, 403, 408, 429),
 * `*ret_position_refused` is set.
 */
MUST_CHECK int source_run(const struct source_conf *conf, const struct resource_conf *resource,
                          const struct source_start *start, const struct source_events *events,
                          const struct rate_gate *gate, struct source_stats *stats,
                          bool *ret_position_refused, struct err *err);

/*
 * Makes one small request to see whether the API answers (riacho doctor). `ret_text` tells in a
 * line.
 */
MUST_CHECK int source_probe(const struct source_conf *conf, const struct resource_conf *resource,
                            struct buf *ret_text, struct err *err);

/* Once per process, before threads. */
void source_global_setup(void);

#endif
