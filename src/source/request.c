/*
 * Building a request from what the pipeline file says.
 */
#include "source/request.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/auth.h"
#include "source/request_body.h"
#include "source/url.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

/* ---- what is asked for ---- */

static void put_text(const struct requests *requests, const char *text, struct buf *to)
{
    if (text)
        secrets_hide(&requests->secrets, text, to);
    buf_putc(to, '\n');
}

static void put_paginator(const struct requests *requests, const struct paginator_conf *conf,
                          struct buf *to)
{
    const char *const texts[] = {conf->next_url_path,    conf->links_next_key,
                                 conf->cursor_path,      conf->cursor_param,
                                 conf->cursor_body_path, conf->offset_param,
                                 conf->offset_body_path, conf->limit_param,
                                 conf->limit_body_path,  conf->page_param,
                                 conf->page_body_path};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        put_text(requests, texts[i], to);
    buf_printf(to, "%" PRId64 " %" PRId64 " %" PRId64, conf->limit, conf->base_page, conf->page);
}

static void make_mark(struct requests *requests)
{
    const struct endpoint_conf *endpoint = &requests->resource->endpoint;
    AUTO(buf) all = {0};
    char sha256[FS_SHA256_TEXT];

    put_text(requests, endpoint->method, &all);
    put_text(requests, endpoint->path, &all);
    put_text(requests, endpoint->json, &all);
    put_text(requests, endpoint->data_selector, &all);
    for (size_t i = 0; i < endpoint->params.count; i++) {
        const struct field_conf *param = &endpoint->params.items[i];

        put_text(requests, param->name, &all);
        put_text(requests, param->is_secret ? NULL : param->value, &all);
    }
    put_paginator(requests, &endpoint->paginator, &all);
    fs_sha256_of(all.data, all.size, sha256);
    memcpy(requests->mark, sha256, sizeof requests->mark - 1);
}

/* ---- opening and closing ---- */

int requests_open(struct requests *requests, const struct source_conf *conf,
                  const struct resource_conf *resource, const char *start_json,
                  const char *initial_json, struct err *err)
{
    const struct endpoint_conf *endpoint = &resource->endpoint;
    AUTO(buf) path = {0};
    int found;

    requests_close(requests);
    requests->conf = conf;
    requests->resource = resource;
    secrets_collect(&requests->secrets, conf, resource);
    make_mark(requests);
    TRY(template_values_open(&requests->values, &endpoint->incremental, start_json, initial_json,
                             err));
    found =
        template_expand(&requests->values, endpoint->path ? endpoint->path : "", true, &path, err);
    TRY(found);
    if (found == 0)
        return err_set(err, ERR_USAGE, "path \"%s\" needs a cursor, and there is none yet",
                       endpoint->path);
    return url_join(conf->base_url ? conf->base_url : "", buf_text(&path), &requests->endpoint,
                    err);
}

void requests_close(struct requests *requests)
{
    template_values_close(&requests->values);
    secrets_close(&requests->secrets);
    free(requests->endpoint);
    *requests = (struct requests){0};
}

/* ---- requests ---- */

static bool is_set_by(const struct page_want *want, const char *name)
{
    for (size_t i = 0; i < want->count; i++)
        if (str_same(want->sets[i].param, name))
            return true;
    return false;
}

static void put_param(struct buf *url, const char *name, const char *value)
{
    buf_putc(url, strchr(url->data, '?') ? '&' : '?');
    url_encode(url, name);
    buf_putc(url, '=');
    url_encode(url, value);
}

static int put_params(const struct requests *requests, const struct page_want *want,
                      struct buf *url, struct err *err)
{
    const struct fields_conf *params = &requests->resource->endpoint.params;

    for (size_t i = 0; i < params->count; i++) {
        const struct field_conf *param = &params->items[i];
        AUTO(buf) value = {0};
        int found;

        if (param->value == NULL || is_set_by(want, param->name))
            continue;
        found = template_expand(&requests->values, param->value, false, &value, err);
        TRY(found);
        if (found)
            put_param(url, param->name, buf_text(&value));
    }
    for (size_t i = 0; i < want->count; i++) {
        char *text = want->sets[i].param ? request_plain_text(want->sets[i].json) : NULL;

        if (text)
            put_param(url, want->sets[i].param, text);
        free(text);
    }
    return 0;
}

static int cross_origin(const struct requests *requests, const char *what, const char *url,
                        enum err_code code, struct err *err)
{
    AUTO(buf) shown = {0};

    secrets_url_for_people(&requests->secrets, url, &shown);
    err_set(err, code, "%s to another origin, %.300s, is not followed", what, buf_text(&shown));
    return err_hint(err, "If that server is the right one, make it the base_url, or set "
                         "client.allow_cross_origin (it then gets no credentials).");
}

/* 1: the URL is the endpoint's origin, 0: another, which may be asked, -1. */
static int check_origin(const struct requests *requests, const char *what, const char *url,
                        enum err_code code, struct err *err)
{
    if (url_same_origin(requests->endpoint, url))
        return 1;
    return requests->conf->allow_cross_origin ? 0 : cross_origin(requests, what, url, code, err);
}

static char *with_auth_param(const struct requests *requests, const char *url)
{
    const struct auth_conf *auth = auth_of(requests->conf, requests->resource);

    if (!auth_in_query(auth))
        return mem_str(url);
    return url_with_param(url, auth->name ? auth->name : "Authorization", auth->api_key);
}

static bool same_header(const char *header, const char *name)
{
    const size_t size = strlen(name);

    return header && strncasecmp(header, name, size) == 0 && header[size] == ':';
}

static void add_header(struct http_request *request, char *header_taken)
{
    *MEM_PUSH(request->headers, request->header_count) = header_taken;
}

static int add_headers(const struct requests *requests, struct http_request *request,
                       struct err *err)
{
    const struct fields_conf *headers = &requests->resource->endpoint.headers;
    char *auth = auth_header(auth_of(requests->conf, requests->resource));
    bool has_type = false;

    if (auth)
        add_header(request, auth);
    for (size_t i = 0; i < headers->count; i++) {
        const struct field_conf *header = &headers->items[i];
        AUTO(buf) value = {0};
        int found;

        if (header->value == NULL || same_header(auth, header->name))
            continue;
        found = template_expand(&requests->values, header->value, false, &value, err);
        TRY(found);
        if (found == 0)
            continue;
        has_type |= strcasecmp(header->name, "content-type") == 0;
        add_header(request, mem_fmt("%s: %s", header->name, buf_text(&value)));
    }
    if (request->body && !has_type)
        add_header(request, mem_str("Content-Type: application/json"));
    return 0;
}

/* The request at a link, which may lead to another origin; headers and body come later. */
static int make_url(const struct requests *requests, const struct page_want *want,
                    struct http_request *request, bool *ret_is_home, struct err *err)
{
    AUTO(buf) url = {0};
    int is_home = 1;

    if (want->url) {
        is_home = check_origin(requests, "the next link", want->url, ERR_DATA, err);
        TRY(is_home);
        buf_puts(&url, want->url);
    } else {
        buf_puts(&url, requests->endpoint);
        TRY(put_params(requests, want, &url, err));
    }
    request->url = is_home ? with_auth_param(requests, url.data) : mem_str(url.data);
    *ret_is_home = is_home;
    return 0;
}

static int make_request(const struct requests *requests, const struct page_want *want,
                        struct http_request *request, struct err *err)
{
    const struct endpoint_conf *endpoint = &requests->resource->endpoint;
    bool is_home = true;

    TRY(make_url(requests, want, request, &is_home, err));
    request->method = mem_str(endpoint->method ? endpoint->method : "GET");
    TRY(request_body(&requests->values, endpoint->json, want, &request->body, err));
    if (is_home)
        return add_headers(requests, request, err);
    if (request->body)
        return err_set(err, ERR_DATA, "a request with a body is not sent to another origin");
    return 0;
}

int requests_make(const struct requests *requests, const struct page_want *want,
                  struct http_request *ret_request, struct err *err)
{
    struct http_request made = {0};

    if (make_request(requests, want, &made, err) < 0) {
        http_request_close(&made);
        return -1;
    }
    http_request_close(ret_request);
    *ret_request = made;
    return 0;
}

static void drop_body(struct http_request *request)
{
    free(request->body);
    free(request->method);
    request->body = NULL;
    request->method = mem_str("GET");
}

static void drop_headers(struct http_request *request)
{
    for (size_t i = 0; i < request->header_count; i++)
        free(request->headers[i]);
    free(request->headers);
    request->headers = NULL;
    request->header_count = 0;
}

int requests_redirect(const struct requests *requests, struct http_request *request, int status,
                      const char *location, struct err *err)
{
    char *url;
    int is_home;

    if (url_resolve(request->url, location, &url, err) < 0) {
        err->code = ERR_REMOTE;
        return err_wrap(err, "a redirect (%d)", status);
    }
    is_home = check_origin(requests, "a redirect", url, ERR_REMOTE, err);
    if (is_home < 0) {
        free(url);
        return -1;
    }
    free(request->url);
    request->url = url;
    if (status == 303)
        drop_body(request);
    if (is_home)
        return 0;
    drop_headers(request);
    return request->body == NULL
               ? 0
               : err_set(err, ERR_REMOTE, "a request with a body is not sent to another origin");
}
