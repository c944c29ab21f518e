/*
 * One request, to see whether the API answers.
 */
#include "source/source.h"

#include "base/clock.h"
#include "base/str.h"
#include "source/answer.h"
#include "source/http.h"
#include "source/paginate.h"
#include "source/request.h"

#include <string.h>

#include "base/banned.h"

#define ENOUGH_BYTES 2048
#define MOST_REDIRECTS 10

struct probe {
    struct requests requests;
    struct paginator paginator;
    struct http http;
    struct http_request request;
    struct buf start; /* of the body */
};

static void probe_close(struct probe *probe)
{
    http_close(&probe->http);
    http_request_close(&probe->request);
    paginator_close(&probe->paginator);
    requests_close(&probe->requests);
    buf_close(&probe->start);
}

static int take_little(void *ctx, const struct http_answer *answer, const char *bytes, size_t size,
                       struct err *err)
{
    struct probe *probe = ctx;

    (void)answer;
    (void)err;
    buf_put(&probe->start, bytes, size);
    return probe->start.size >= ENOUGH_BYTES;
}

static int ask_once(struct probe *probe, struct err *err)
{
    int over = 0;

    buf_reset(&probe->start);
    TRY(http_start(&probe->http, &probe->request, take_little, probe, err));
    while (over == 0)
        over = http_step(&probe->http, 100, err);
    return over < 0 ? -1 : 0;
}

static int ask(struct probe *probe, struct err *err)
{
    const struct http_answer *answer = http_answer(&probe->http);

    for (int redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
        TRY(ask_once(probe, err));
        if (answer->status >= 200 && answer->status < 300)
            return 0;
        if (answer->status < 300 || answer->status >= 400 || answer->location == NULL)
            return answer_refused(answer, &probe->start, err);
        TRY(requests_redirect(&probe->requests, &probe->request, answer->status, answer->location,
                              err));
    }
    return err_set(err, ERR_REMOTE, "more than %d redirects", MOST_REDIRECTS);
}

int source_probe(const struct source_conf *conf, const struct resource_conf *resource,
                 struct buf *ret_text, struct err *err)
{
    const int64_t from_ms = clock_monotonic_ms();
    AUTO(probe) probe = {0};
    AUTO(buf) shown = {0};
    struct page_want want;
    char took[32];

    TRY(requests_open(&probe.requests, conf, resource, NULL, NULL, err));
    paginator_open(&probe.paginator, &resource->endpoint.paginator);
    paginator_want(&probe.paginator, &want);
    TRY(requests_make(&probe.requests, &want, &probe.request, err));
    secrets_url_for_people(&probe.requests.secrets, probe.request.url, &shown);
    http_open(&probe.http, conf->retry.timeout_ms > 0 ? conf->retry.timeout_ms : 60000);
    if (ask(&probe, err) < 0) {
        secrets_hide_err(&probe.requests.secrets, err);
        return err_wrap(err, "%.400s", buf_text(&shown));
    }
    buf_printf(ret_text, "%s answers %d in %s", buf_text(&shown), http_answer(&probe.http)->status,
               str_of_ms(clock_monotonic_ms() - from_ms, took, sizeof took));
    return 0;
}
