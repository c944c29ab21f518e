/*
 * One page: attempts until one of them brings it whole.
 */
#include "source/fetch.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/stop.h"
#include "base/str.h"
#include "source/answer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define MOST_REDIRECTS 10
#define SLICE_MS 100
#define START_BYTES 2048

void fetch_open(struct fetch *fetch, const struct requests *requests,
                const struct source_events *events, const struct rate_gate *gate,
                struct source_stats *stats)
{
    const struct retry_conf *retry = &requests->conf->retry;

    fetch_close(fetch);
    fetch->requests = requests;
    fetch->events = events;
    fetch->gate = gate;
    fetch->stats = stats;
    fetch->selector = mem_str(requests->resource->endpoint.data_selector);
    fetch->retry = (struct retry){.attempts = retry->attempts > 0 ? retry->attempts : 1,
                                  .max_delay_ms = retry->max_delay_ms};
    http_open(&fetch->http, retry->timeout_ms > 0 ? retry->timeout_ms : 60000);
}

/* A request that was sent is under way until its answer is complete, or given up. */
static void set_under_way(struct fetch *fetch, bool is_under_way)
{
    if (fetch->is_under_way != is_under_way)
        atomic_fetch_add(&fetch->stats->in_flight, is_under_way ? 1 : -1);
    fetch->is_under_way = is_under_way;
}

void fetch_close(struct fetch *fetch)
{
    set_under_way(fetch, false);
    http_close(&fetch->http);
    http_request_close(&fetch->request);
    http_request_close(&fetch->redirected);
    split_close(&fetch->split);
    buf_close(&fetch->start);
    free(fetch->selector);
    free(fetch->shown_url);
    *fetch = (struct fetch){0};
}

/* What others do is not fetching: their errors pass as they are. */
static int outside(struct fetch *fetch, int done)
{
    fetch->is_outside |= done < 0;
    return done;
}

int fetch_blame(const struct fetch *fetch, struct err *err)
{
    if (fetch->is_outside || err->code == ERR_STOPPED)
        return -1;
    secrets_hide_err(&fetch->requests->secrets, err);
    return err_wrap(err, "resource \"%s\", page %" PRId64 ", %.400s",
                    fetch->requests->resource->name, fetch->page,
                    fetch->shown_url ? fetch->shown_url : "its request");
}

int fetch_hand_over(struct fetch *fetch, struct batch *batches_taken, const char *url,
                    struct err *err)
{
    struct batch *batch = batches_taken;

    while (batch) {
        struct batch *next = batch->next;

        batch->next = NULL;
        batch->url = mem_str(url);
        atomic_fetch_add(&fetch->stats->records, (long long)batch->records);
        if (outside(fetch, fetch->events->batch(fetch->events->ctx, batch, err)) < 0) {
            batches_free(next);
            return -1;
        }
        batch = next;
    }
    return 0;
}

/* ---- waiting ---- */

static int call_wait(struct fetch *fetch, struct err *err)
{
    return fetch->events->wait ? outside(fetch, fetch->events->wait(fetch->events->ctx, err)) : 0;
}

/* Waits until then (monotonic), and shows in the statistics that it does. */
static int wait_until(struct fetch *fetch, int64_t then_ms, struct err *err)
{
    const int64_t from_ms = clock_monotonic_ms();
    int done = 0;

    if (from_ms < then_ms)
        atomic_store(&fetch->stats->waiting_ms, clock_wall_ms() + then_ms - from_ms);
    for (int64_t now = from_ms; now < then_ms && done == 0; now = clock_monotonic_ms()) {
        if (stop_wait_ms((int)(then_ms - now < SLICE_MS ? then_ms - now : SLICE_MS)))
            done = err_set(err, ERR_STOPPED, "stopped");
        else
            done = call_wait(fetch, err);
    }
    atomic_store(&fetch->stats->waiting_ms, 0);
    return done;
}

/* Asks the rate limit for one request, and notes that it may go (0), or when to ask again. */
static int take_turn(struct fetch *fetch, struct err *err)
{
    int64_t wait_ms = 0;

    if (fetch->gate)
        TRY(outside(fetch, fetch->gate->take(fetch->gate->ctx, &wait_ms, err)));
    fetch->go_at_ms = wait_ms > 0 ? clock_monotonic_ms() + wait_ms : 0;
    return 0;
}

/* ---- one attempt ---- */

static bool is_success(int status)
{
    return status >= 200 && status < 300;
}

static void keep_start(struct fetch *fetch, const char *bytes, size_t size)
{
    const size_t room = START_BYTES - fetch->start.size;

    buf_put(&fetch->start, bytes, size < room ? size : room);
}

static int on_body(void *ctx, const struct http_answer *answer, const char *bytes, size_t size,
                   struct err *err)
{
    struct fetch *fetch = ctx;

    atomic_fetch_add(&fetch->stats->bytes, (long long)size);
    keep_start(fetch, bytes, size);
    if (!is_success(answer->status))
        return fetch->start.size == START_BYTES;
    if (split_feed(&fetch->split, bytes, size, err) < 0)
        return answer_bad_body(answer, &fetch->start, err);
    return 0;
}

/* A page that will not be held any longer streams from here on. */
static int stream(struct fetch *fetch, struct err *err)
{
    const struct source_events *events = fetch->events;

    if (!fetch->is_large && fetch->split.records.held_bytes <= SOURCE_HOLD_BYTES)
        return 0;
    if (!fetch->is_large && events->large)
        TRY(outside(fetch, events->large(events->ctx, fetch->page, err)));
    fetch->is_large = true;
    return fetch_hand_over(fetch, records_take(&fetch->split.records), fetch->shown_url, err);
}

/* Lets the network go on. */
static int step(struct fetch *fetch, struct err *err)
{
    const int over = http_step(&fetch->http, SLICE_MS, err);
    const int64_t wire = http_answer(&fetch->http)->wire_bytes;

    atomic_fetch_add(&fetch->stats->wire_bytes, (long long)(wire - fetch->wire_counted));
    fetch->wire_counted = wire;
    fetch->status = http_answer(&fetch->http)->status;
    set_under_way(fetch, over == 0);
    TRY(over);
    fetch->is_over = over > 0;
    return fetch->is_over ? 0 : call_wait(fetch, err);
}

/* Sends the request. Nothing is handed over here: the page before may not have been yet. */
static int send(struct fetch *fetch, struct err *err)
{
    const bool is_redirected = fetch->redirected.url != NULL;

    fetch->go_at_ms = -1;
    fetch->is_sent = true;
    fetch->is_over = false;
    fetch->wire_counted = 0;
    fetch->status = 0;
    buf_reset(&fetch->start);
    TRY(split_open(&fetch->split, fetch->selector, fetch->page, err));
    TRY(http_start(&fetch->http, is_redirected ? &fetch->redirected : &fetch->request, on_body,
                   fetch, err));
    atomic_fetch_add(&fetch->stats->requests, 1);
    set_under_way(fetch, true);
    while (!fetch->is_over && !http_is_connected(&fetch->http))
        TRY(step(fetch, err));
    return 0;
}

static void forget_redirects(struct fetch *fetch)
{
    http_request_close(&fetch->redirected);
    fetch->redirects = 0;
}

int fetch_begin(struct fetch *fetch, const struct page_want *want, int64_t page, struct err *err)
{
    AUTO(buf) shown = {0};

    fetch->page = page;
    fetch->is_sent = fetch->is_large = fetch->is_outside = fetch->has_early = false;
    fetch->go_at_ms = -1;
    forget_redirects(fetch);
    retry_reset(&fetch->retry);
    free(fetch->shown_url);
    fetch->shown_url = NULL;
    TRY(requests_make(fetch->requests, want, &fetch->request, err));
    secrets_url_for_people(&fetch->requests->secrets, fetch->request.url, &shown);
    fetch->shown_url = buf_take(&shown);
    TRY(take_turn(fetch, err));
    if (fetch->go_at_ms == 0)
        fetch->has_early = send(fetch, &fetch->early) < 0;
    return 0;
}

/* An object in place of the whole answer is a message, where the run before found a list. */
static int drop_message(struct fetch *fetch)
{
    if (!fetch->is_remembered || !fetch->split.records.is_object || !str_same(fetch->selector, "$"))
        return 1;
    batches_free(records_take(&fetch->split.records));
    fetch->split.records.count = 0;
    return 0;
}

/* The rest of a whole body. 1, or -1. */
static int take_page(struct fetch *fetch, struct json *ret_envelope, struct err *err)
{
    const struct endpoint_conf *endpoint = &fetch->requests->resource->endpoint;
    const struct http_answer *answer = http_answer(&fetch->http);
    int found;

    if (answer->status == 204 || answer->status == 205)
        return 1;
    found = split_finish(&fetch->split, ret_envelope, err);
    if (found < 0) {
        const bool is_broken = fetch->split.is_cut_short && !answer->is_framed;

        answer_bad_body(answer, &fetch->start, err);
        err->retriable = is_broken;
        return -1;
    }
    if (found > 0)
        found = drop_message(fetch);
    if (found == 0 && !str_same(endpoint->missing_data, "empty"))
        return answer_no_records(fetch->selector, fetch->is_remembered, &fetch->start, err);
    if (fetch->selector == NULL) {
        fetch->selector = mem_str(fetch->split.selector);
        log_info("resource \"%s\": no data_selector is given; the records were found at \"%s\"",
                 fetch->requests->resource->name, fetch->selector);
    }
    return 1;
}

/* 1: the page is whole, 0: the request was redirected, -1. */
static int judge(struct fetch *fetch, struct json *ret_envelope, struct err *err)
{
    const struct http_answer *answer = http_answer(&fetch->http);

    if (is_success(answer->status))
        return take_page(fetch, ret_envelope, err);
    if (answer->status < 300 || answer->status >= 400 || answer->location == NULL)
        return answer_refused(answer, &fetch->start, err);
    if (++fetch->redirects > MOST_REDIRECTS)
        return err_set(err, ERR_REMOTE, "more than %d redirects", MOST_REDIRECTS);
    if (fetch->redirected.url == NULL)
        http_request_copy(&fetch->request, &fetch->redirected);
    return requests_redirect(fetch->requests, &fetch->redirected, answer->status, answer->location,
                             err);
}

/* As judge(). */
static int attempt(struct fetch *fetch, struct json *ret_envelope, struct err *err)
{
    if (fetch->has_early) {
        *err = fetch->early;
        return -1;
    }
    if (!fetch->is_sent) {
        /* Who waited asks again: another process may have been quicker. */
        while (fetch->go_at_ms != 0) {
            TRY(wait_until(fetch, fetch->go_at_ms, err));
            TRY(take_turn(fetch, err));
        }
        TRY(send(fetch, err));
    }
    TRY(stream(fetch, err));
    while (!fetch->is_over) {
        TRY(step(fetch, err));
        TRY(stream(fetch, err));
    }
    return judge(fetch, ret_envelope, err);
}

const char *fetch_url(const struct fetch *fetch)
{
    return fetch->redirected.url ? fetch->redirected.url : fetch->request.url;
}

/* ---- until it is there ---- */

/* The attempt failed: 1 there may be another, after the wait; 0 there may not. */
static int may_try_again(struct fetch *fetch, struct err *err, int64_t *ret_wait_ms)
{
    const struct http_answer *answer = http_answer(&fetch->http);
    const bool answered = err->code == ERR_REMOTE;
    int64_t asked_ms = -1;

    if (fetch->is_outside || fetch->is_large || !err->retriable)
        return 0;
    if (answered)
        asked_ms = retry_after_ms(answer->retry_after, clock_wall_ms());
    if (retry_again(&fetch->retry, asked_ms, ret_wait_ms))
        return 1;
    if (fetch->retry.attempts > 1) {
        const size_t used = strlen(err->text);

        snprintf(err->text + used, sizeof err->text - used, " (after %" PRId64 " attempts)",
                 fetch->retry.attempts);
    }
    return 0;
}

static void tell_retry(const struct fetch *fetch, int64_t wait_ms, const struct err *why)
{
    AUTO(buf) text = {0};
    char wait[32];

    secrets_hide(&fetch->requests->secrets, why->text, &text);
    log_info("resource \"%s\", page %" PRId64 ": %s; trying again in %s (attempt %" PRId64
             " of %" PRId64 ")",
             fetch->requests->resource->name, fetch->page, buf_text(&text),
             str_of_ms(wait_ms, wait, sizeof wait), fetch->retry.made + 1, fetch->retry.attempts);
}

int fetch_finish(struct fetch *fetch, struct json *ret_envelope, struct err *err)
{
    int got;

    while ((got = attempt(fetch, ret_envelope, err)) <= 0) {
        int64_t wait_ms = 0;

        http_cancel(&fetch->http);
        set_under_way(fetch, false);
        fetch->is_sent = fetch->has_early = false;
        if (got == 0)
            continue;
        if (!may_try_again(fetch, err, &wait_ms))
            return -1;
        split_close(&fetch->split);
        forget_redirects(fetch);
        tell_retry(fetch, wait_ms, err);
        atomic_fetch_add(&fetch->stats->retries, 1);
        TRY(wait_until(fetch, clock_monotonic_ms() + wait_ms, err));
    }
    return 0;
}
