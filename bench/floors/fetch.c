/*
 * The floor of the network: libcurl receives the pages over one connection, and drops them.
 * usage: fetch URL_OF_FOLDER PAGES       (asks for URL/1.json, URL/2.json, …)
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "cost.h"
#include "riacho.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>

static size_t drop(char *bytes, size_t size, size_t count, void *ctx)
{
    (void)bytes;
    (void)ctx;
    return size * count;
}

static int get(CURL *curl, const char *url, struct err *err)
{
    CURLcode code;

    curl_easy_setopt(curl, CURLOPT_URL, url);
    code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        return err_set(err, ERR_NET, "could not get %s: %s", url, curl_easy_strerror(code));
    return 0;
}

static int get_all(CURL *curl, const char *folder, int64_t pages, struct err *err)
{
    AUTO(buf) url = {0};

    for (int64_t page = 1; page <= pages; page++) {
        buf_reset(&url);
        buf_printf(&url, "%s/%" PRId64 ".json", folder, page);
        TRY(get(curl, buf_text(&url), err));
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct cost cost = {0};
    struct cost begun;
    struct err err = {0};
    CURL *curl = curl_easy_init();
    int64_t pages;
    int got;

    if (argc != 3 || curl == NULL || str_to_int(argv[2], 1, 1000000, &pages, &err) < 0)
        return 2;
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    begun = cost_now();
    got = get_all(curl, argv[1], pages, &err);
    cost_add(&cost, &begun);
    curl_easy_cleanup(curl);
    if (got < 0) {
        fprintf(stderr, "fetch: %s\n", err.text);
        return 1;
    }
    cost_print(&cost);
    return 0;
}
