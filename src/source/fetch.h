/*
 * Fetches one page after another: sends the request, waits, tries again, follows redirects, and
 * splits what arrives. fetch_begin() only sends, so that the API works on the next page while the
 * last one is handed over.
 */
#ifndef RIACHO_FETCH_H
#define RIACHO_FETCH_H

#include "base/err.h"
#include "base/json.h"
#include "base/retry.h"
#include "source/http.h"
#include "source/request.h"
#include "source/source.h"
#include "source/split.h"

#include <stdbool.h>
#include <stdint.h>

struct fetch {
    const struct requests *requests;
    const struct source_events *events;
    const struct rate_gate *gate; /* NULL: no limit */
    struct source_stats *stats;
    char *selector;     /* given, or found in the first page; NULL: not found yet */
    bool is_remembered; /* the run before found it, as that of a list */

    int64_t page;       /* the number of the page being fetched */
    char *shown_url;    /* the page's URL for people */
    struct split split; /* what came of the page */
    int status;         /* of the latest answer; 0: none came */

    struct http http; /* from here on: fetch.c's own */
    struct http_request request;
    struct http_request redirected; /* what it became by redirects; closed: there was none */
    struct retry retry;
    int64_t go_at_ms; /* when to ask the rate limit again; 0: it may go; -1: not asked yet */
    bool is_sent;
    bool is_under_way;
    bool is_over;    /* the answer is complete */
    bool is_large;   /* the page streams */
    bool is_outside; /* what failed was not the fetching: leave the error alone */
    bool has_early;  /* the request failed before anybody waited for it */
    struct err early;
    int redirects;
    int64_t wire_counted;
    struct buf start; /* the first bytes of the body, for messages */
};

void fetch_open(struct fetch *fetch, const struct requests *requests,
                const struct source_events *events, const struct rate_gate *gate,
                struct source_stats *stats);
void fetch_close(struct fetch *fetch);

/*
 * Sends the request for a page, unless the rate limit wants it to wait. Whatever goes wrong on the
 * network is told by fetch_finish(); an error here is one of the request itself, or of the rate
 * gate.
 */
MUST_CHECK int fetch_begin(struct fetch *fetch, const struct page_want *want, int64_t page,
                           struct err *err);

/*
 * Waits for the page that was begun, until it is whole. Its batches are in `split`, but for those
 * of a large page, which were handed over as they came. `ret_envelope` stays closed if there was
 * no body.
 */
MUST_CHECK int fetch_finish(struct fetch *fetch, struct json *ret_envelope, struct err *err);

/* Where the page came from in the end; with secrets. */
const char *fetch_url(const struct fetch *fetch);

/* Hands over batches of the page with that URL; those that were not taken are freed. */
MUST_CHECK int fetch_hand_over(struct fetch *fetch, struct batch *batches_taken, const char *url,
                               struct err *err);

/*
 * "resource "x", page 3, https://…: " before the error, unless it is none of the fetching's.
 * Returns -1.
 */
int fetch_blame(const struct fetch *fetch, struct err *err);

#endif
