/*
 * The run: page after page, each handed over while the next one is already asked for.
 */
#include "source/source.h"

#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/fetch.h"
#include "source/paginate.h"
#include "source/request.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* What a page looks like, to notice that it comes again; {0}: nothing is known. */
struct looks {
    int64_t bytes;
    int64_t records;
    char start[256];
};

struct run {
    struct requests requests;
    struct fetch fetch;
    struct paginator paginator;
    struct looks before; /* of the page before */
    bool has_list;       /* of records, in any of its pages */
    bool has_warned;
    bool has_told_doubt;
};

static void run_close(struct run *run)
{
    fetch_close(&run->fetch);
    paginator_close(&run->paginator);
    requests_close(&run->requests);
}

void source_global_setup(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- positions ---- */

/* A page without content shows no place of the records. */
static void write_position(const struct run *run, struct buf *to)
{
    const bool was_found =
        run->requests.resource->endpoint.data_selector == NULL && run->fetch.selector;

    buf_printf(to, "{\"request\":\"%s\",", run->requests.mark);
    paginator_write(&run->paginator, &run->requests.secrets, to);
    if (was_found) {
        buf_puts(to, ",\"selector\":");
        json_put_string(to, run->fetch.selector);
    }
    buf_putc(to, '}');
}

static int restore_position(struct run *run, const char *position, struct err *err)
{
    AUTO(json) place = {0};
    struct err ignored = {0};
    const char *selector, *of;

    if (json_parse(&place, position, strlen(position), &ignored) < 0 ||
        !paginator_restore(&run->paginator, &run->requests.secrets, json_root(&place)))
        return err_set(err, ERR_DATA, "the stored position does not fit its pagination");
    of = json_str(json_root(&place), "request"); /* an older version's does not tell it */
    if (of && !str_same(of, run->requests.mark))
        return err_set(err, ERR_DATA, "the pipeline file asks for something else since then");
    selector = json_str(json_root(&place), "selector");
    if (selector && run->fetch.selector == NULL)
        run->fetch.selector = mem_str(selector);
    return 0;
}

/* An answer without records may look like anything: where they were is where they belong. */
static void remember_selector(struct run *run, const struct source_start *start)
{
    const bool is_given = run->requests.resource->endpoint.data_selector != NULL;

    if (start->selector == NULL || is_given)
        return;
    if (run->fetch.selector == NULL)
        run->fetch.selector = mem_str(start->selector);
    run->fetch.is_remembered = str_same(run->fetch.selector, start->selector);
}

/*
 * What the next run is to remember. Where an object was the record, or there was none, the place
 * was a guess that the next run may better.
 */
static const char *selector_to_remember(const struct run *run)
{
    const bool is_worth_it = run->has_list || run->fetch.is_remembered;

    return run->requests.resource->endpoint.data_selector == NULL && is_worth_it
               ? run->fetch.selector
               : NULL;
}

/* ---- pages ---- */

/* A page that arrived, on its way to whoever takes it. */
struct arrival {
    struct batch *batches;
    struct page page;
    char *url;
    struct buf position;
};

static void arrival_close(struct arrival *arrival)
{
    batches_free(arrival->batches);
    free(arrival->url);
    buf_close(&arrival->position);
    *arrival = (struct arrival){0};
}

static void tell_choice(struct run *run)
{
    if (run->paginator.log[0])
        log_info("resource \"%s\": no paginator is given; taking %s", run->requests.resource->name,
                 run->paginator.log);
    run->paginator.log[0] = '\0';
}

static void warn_of_total(struct run *run)
{
    if (!run->paginator.doubts_total || run->has_told_doubt)
        return;
    log_warn("resource \"%s\": page %" PRId64 " has records beyond the total that it tells; not "
             "believing it, and going on to an empty page (paginator.total_path: null would do so "
             "without a word)",
             run->requests.resource->name, run->fetch.page);
    run->has_told_doubt = true;
}

/* An API that does not know the paginator's parameter gives its first page for ever. */
static void warn_of_repetition(struct run *run, const struct arrival *arrival)
{
    const struct batch *first = arrival->batches;
    struct looks looks = {.bytes = arrival->page.bytes, .records = arrival->page.records};

    if (!paginator_counts(&run->paginator) || first == NULL || run->has_warned)
        return;
    memcpy(looks.start, first->json,
           first->size < sizeof looks.start ? first->size : sizeof looks.start);
    if (memcmp(&looks, &run->before, sizeof looks) == 0) {
        log_warn("resource \"%s\": page %" PRId64
                 " looks just like the one before it; does the API "
                 "know what the paginator sends?",
                 run->requests.resource->name, arrival->page.number);
        run->has_warned = true;
    }
    run->before = looks;
}

/* Takes the page out of the fetch, and moves the paginator on. */
static int take_arrival(struct run *run, const struct json *envelope, struct arrival *ret_arrival,
                        struct err *err)
{
    struct fetch *fetch = &run->fetch;
    const struct page_facts facts = {
        .envelope = json_root(envelope),
        .selector = fetch->selector,
        .link = http_answer(&fetch->http)->link,
        .url = fetch_url(fetch),
        .records = fetch->split.records.count,
        .is_object = fetch->split.records.is_object,
        .object_dropped = fetch->split.object_dropped,
    };

    if (paginator_advance(&run->paginator, &facts, err) < 0)
        return fetch_blame(fetch, err);
    run->has_list |= facts.records > 0 && !facts.is_object;
    tell_choice(run);
    warn_of_total(run);
    ret_arrival->batches = records_take(&fetch->split.records);
    ret_arrival->url = mem_str(fetch->shown_url);
    write_position(run, &ret_arrival->position);
    ret_arrival->page = (struct page){
        .number = fetch->page,
        .records = facts.records,
        .bytes = http_answer(&fetch->http)->body_bytes,
        .url = ret_arrival->url,
        .position = ret_arrival->position.data,
        .is_last = run->paginator.is_end,
        .why_last = run->paginator.is_end ? run->paginator.why : NULL,
        .selector = run->paginator.is_end ? selector_to_remember(run) : NULL,
    };
    warn_of_repetition(run, ret_arrival);
    return 0;
}

static int begin_page(struct run *run, int64_t number, struct err *err)
{
    struct page_want want;

    paginator_want(&run->paginator, &want);
    if (fetch_begin(&run->fetch, &want, number, err) < 0)
        return fetch_blame(&run->fetch, err);
    return 0;
}

static int hand_over(struct run *run, struct arrival *arrival, struct err *err)
{
    const struct source_events *events = run->fetch.events;
    struct batch *batches = arrival->batches;

    arrival->batches = NULL;
    TRY(fetch_hand_over(&run->fetch, batches, arrival->url, err));
    atomic_fetch_add(&run->fetch.stats->pages, 1);
    return events->page(events->ctx, &arrival->page, err);
}

/* The page that was begun, and the beginning of the next. 1: that was the last. */
static int one_page(struct run *run, struct err *err)
{
    AUTO(arrival) arrival = {0};
    AUTO(json) envelope = {0};
    struct err begun_err = {0};
    int begun = 0;

    if (fetch_finish(&run->fetch, &envelope, err) < 0)
        return fetch_blame(&run->fetch, err);
    TRY(take_arrival(run, &envelope, &arrival, err));
    if (!arrival.page.is_last)
        begun = begin_page(run, arrival.page.number + 1, &begun_err);
    TRY(hand_over(run, &arrival, err));
    if (begun < 0)
        *err = begun_err;
    return begun < 0 ? -1 : arrival.page.is_last;
}

/* Whether the API (or what we know today) will not have the stored position. */
static bool is_refusal(const struct run *run, const struct err *err)
{
    const int status = run->fetch.status;

    return err->code == ERR_REMOTE && status >= 400 && status < 500 && status != 401 &&
           status != 403 && status != 408 && status != 429;
}

static int run_pages(struct run *run, const struct source_start *start, bool *ret_position_refused,
                     struct err *err)
{
    const bool resumes = start->position != NULL;
    int over;

    if (resumes && restore_position(run, start->position, err) < 0) {
        *ret_position_refused = true;
        return -1;
    }
    remember_selector(run, start);
    if (begin_page(run, start->next_page, err) < 0) {
        *ret_position_refused = resumes && err->code == ERR_DATA && !run->fetch.is_outside;
        return -1;
    }
    over = one_page(run, err);
    if (over < 0)
        *ret_position_refused = resumes && run->fetch.page == start->next_page &&
                                !run->fetch.is_outside && is_refusal(run, err);
    while (over == 0)
        over = one_page(run, err);
    return over < 0 ? -1 : 0;
}

int source_run(const struct source_conf *conf, const struct resource_conf *resource,
               const struct source_start *start, const struct source_events *events,
               const struct rate_gate *gate, struct source_stats *stats, bool *ret_position_refused,
               struct err *err)
{
    AUTO(run) run = {0};

    *ret_position_refused = false;
    if (requests_open(&run.requests, conf, resource, start->start_value, start->initial_value,
                      err) < 0)
        return err_wrap(err, "resource \"%s\"", resource->name);
    paginator_open(&run.paginator, &resource->endpoint.paginator);
    fetch_open(&run.fetch, &run.requests, events, gate, stats);
    return run_pages(&run, start, ret_position_refused, err);
}
