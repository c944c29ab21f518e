/*
 * One row for each path.
 */
#include "board/routes.h"

#include "base/str.h"
#include "board/assets.h"
#include "board/board_parts.h"
#include "board/lists.h"
#include "board/metrics.h"
#include "board/query_routes.h"
#include "riacho.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define API "/api/v1"

enum route_kind {
    ROUTE_OPEN,   /* for everybody */
    ROUTE_READ,   /* for those who may read */
    ROUTE_ACTION, /* for those who showed the token, and not with --read-only */
};

struct route {
    const char *method;
    const char *path; /* {} stands for one part */
    enum route_kind kind;
    int (*answer)(struct exchange *x, struct err *err);
};

/* ---- sessions ---- */

static int answer_session(struct exchange *x, struct err *err)
{
    const struct board_impl *impl = x->board->impl;
    AUTO(json_out) out = {0};
    yyjson_mut_val *root = json_out_open(&out);

    (void)err;
    yyjson_mut_obj_add_strcpy(out.doc, root, "pipeline", impl->setup.pipeline);
    yyjson_mut_obj_add_str(out.doc, root, "version", RIACHO_VERSION);
    yyjson_mut_obj_add_bool(out.doc, root, "read_only", impl->setup.is_read_only);
    yyjson_mut_obj_add_bool(out.doc, root, "login_required", impl->login.must_read && !x->is_known);
    yyjson_mut_obj_add_bool(out.doc, root, "logged_in", x->is_known);
    yyjson_mut_obj_add_bool(out.doc, root, "can_act", x->is_known && !impl->setup.is_read_only);
    exchange_json(x, 200, &out);
    return 0;
}

static void set_cookie(struct exchange *x, const char *id, int64_t seconds)
{
    const char *origin = exchange_header(x, "Origin");
    const bool is_secure = origin != NULL && strncasecmp(origin, "https://", 8) == 0;

    snprintf(x->cookie, sizeof x->cookie,
             LOGIN_COOKIE "=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict%s", id,
             (long long)seconds, is_secure ? "; Secure" : "");
}

static int answer_login(struct exchange *x, struct err *err)
{
    AUTO(json) body = {0};
    char id[FS_SHA256_TEXT];
    const char *token;
    struct refusal refusal;
    int right;

    TRY(exchange_body(x, &body, err));
    token = json_str(json_root(&body), "token");
    if (token == NULL)
        return err_set(err, ERR_USAGE, "\"token\" is missing");
    right = login_enter(&x->board->impl->login, token, id, err);
    TRY(right);
    if (right == 1) {
        exchange_nothing(x);
        set_cookie(x, id, LOGIN_SESSION_MS / 1000);
        return 0;
    }
    refusal_set(&refusal, 401, "login", "that is not the token");
    exchange_refuse(x, &refusal);
    return 0;
}

static int answer_logout(struct exchange *x, struct err *err)
{
    (void)err;
    login_leave(&x->board->impl->login, exchange_header(x, "Cookie"));
    exchange_nothing(x);
    set_cookie(x, "", 0);
    return 0;
}

/* ---- events ---- */

static int answer_events(struct exchange *x, struct err *err)
{
    const char *last = exchange_header(x, "Last-Event-ID");
    const char *since = last ? last : exchange_query(x, "from");
    struct subscriber *subscriber;

    if (str_same(x->method, "HEAD")) {
        x->status = 200;
        x->type = "text/event-stream";
        return 0;
    }
    subscriber = subscriber_new(&x->board->impl->events, since, err);
    if (subscriber == NULL)
        return -1;
    x->stream = (struct exchange_stream){subscriber, subscriber_read, subscriber_free};
    x->status = 200;
    x->type = "text/event-stream";
    return 0;
}

/* ---- health ---- */

static void answer_text(struct exchange *x, unsigned status, const char *text)
{
    x->status = status;
    x->type = "text/plain; charset=utf-8";
    buf_puts(&x->text, text);
}

static int answer_livez(struct exchange *x, struct err *err)
{
    (void)err;
    answer_text(x, 200, "ok\n");
    return 0;
}

/* Ready is who can read the journal. */
static int answer_readyz(struct exchange *x, struct err *err)
{
    AUTO(borrowed_journal) journal = {0};
    int64_t dead;

    if (journal_pool_take(&x->board->impl->pool, &journal, err) < 0 ||
        lite_number(&journal.journal->lite, "SELECT count(*) FROM meta", BIND_NOTHING, &dead, err) <
            0) {
        answer_text(x, 503, err->text);
        buf_putc(&x->text, '\n');
        return 0;
    }
    answer_text(x, 200, "ok\n");
    return 0;
}

static int answer_metrics(struct exchange *x, struct err *err)
{
    TRY(metrics_put(x->board->impl, &x->text, err));
    x->status = 200;
    x->type = "text/plain; version=0.0.4; charset=utf-8";
    return 0;
}

/* ---- the table ---- */

static const struct route routes[] = {
    {"GET", API "/session", ROUTE_OPEN, answer_session},
    {"POST", API "/login", ROUTE_OPEN, answer_login},
    {"POST", API "/logout", ROUTE_OPEN, answer_logout},
    {"GET", API "/snapshot", ROUTE_READ, list_snapshot},
    {"GET", API "/throughput", ROUTE_READ, list_throughput},
    {"GET", API "/events", ROUTE_READ, answer_events},
    {"GET", API "/files", ROUTE_READ, list_files},
    {"GET", API "/files/{}", ROUTE_READ, list_file},
    {"GET", API "/runs", ROUTE_READ, list_runs},
    {"GET", API "/runs/{}", ROUTE_READ, list_run},
    {"GET", API "/schemas", ROUTE_READ, list_schemas},
    {"GET", API "/tables", ROUTE_READ, list_tables},
    {"GET", API "/dead", ROUTE_READ, list_dead},
    {"POST", API "/dead/retry", ROUTE_ACTION, list_dead_retry},
    {"POST", API "/dead/drop", ROUTE_ACTION, list_dead_drop},
    {"POST", API "/queries", ROUTE_READ, query_post},
    {"GET", API "/queries/{}", ROUTE_READ, query_get},
    {"DELETE", API "/queries/{}", ROUTE_READ, query_delete},
    {"GET", API "/queries/{}/file", ROUTE_READ, query_file},
    {"GET", "/metrics", ROUTE_READ, answer_metrics},
    {"GET", "/livez", ROUTE_OPEN, answer_livez},
    {"GET", "/readyz", ROUTE_OPEN, answer_readyz},
};

/* ---- finding the row ---- */

/* Whether the path fits; {} takes one part of it, which is not empty. */
static bool path_fits(const char *pattern, const char *path, char *ret_param, size_t size)
{
    const char *hole = strstr(pattern, "{}");
    const size_t before = hole ? (size_t)(hole - pattern) : 0;
    size_t part;

    if (hole == NULL)
        return str_same(pattern, path);
    if (strncmp(pattern, path, before) != 0)
        return false;
    part = strcspn(path + before, "/");
    if (part == 0 || part >= size || !str_same(hole + 2, path + before + part))
        return false;
    snprintf(ret_param, size, "%.*s", (int)part, path + before);
    return true;
}

static const char *method_of(const struct exchange *x)
{
    return str_same(x->method, "HEAD") ? "GET" : x->method;
}

/* The row; NULL and `*ret_allow` if the path is there, but not with that method. */
static const struct route *find_route(struct exchange *x, const char **ret_allow)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!path_fits(routes[i].path, x->path, x->param, sizeof x->param))
            continue;
        if (str_same(routes[i].method, method_of(x)))
            return &routes[i];
        *ret_allow = routes[i].method;
    }
    return NULL;
}

/* `known` is what login_knows() said, and `why` its error. */
static bool may(struct exchange *x, const struct route *route, int known, const struct err *why)
{
    const struct board_impl *impl = x->board->impl;
    struct refusal refusal;

    if (route->kind == ROUTE_ACTION && impl->setup.is_read_only) {
        refusal_set(&refusal, 403, "read_only", "this dashboard is read-only");
        snprintf(refusal.hint, sizeof refusal.hint, "Start it without --read-only to act.");
        exchange_refuse(x, &refusal);
        return false;
    }
    if (known == 1 || route->kind == ROUTE_OPEN ||
        (route->kind == ROUTE_READ && !impl->login.must_read))
        return true;
    if (known < 0) {
        exchange_fail(x, why);
        return false;
    }
    refusal_set(&refusal, 401, "login", "the token was not shown");
    snprintf(refusal.hint, sizeof refusal.hint,
             "Open the address that was printed at the start, or log in with the token.");
    exchange_refuse(x, &refusal);
    return false;
}

/* ---- the page's files ---- */

static const struct asset *find_asset(const char *path)
{
    if (str_same(path, "/index.html"))
        path = "/";
    for (const struct asset *asset = assets; asset->path; asset++)
        if (str_same(asset->path, path))
            return asset;
    return NULL;
}

static void answer_asset(struct exchange *x, const struct asset *asset)
{
    const char *known = exchange_header(x, "If-None-Match");

    x->type = asset->type;
    x->etag = asset->etag;
    x->cache = asset->immutable ? "public, max-age=31536000, immutable" : "no-cache";
    if (known != NULL && strstr(known, asset->etag) != NULL) {
        x->status = 304;
        return;
    }
    x->status = 200;
    x->asset = asset;
}

static void answer_unknown(struct exchange *x, const char *allow)
{
    struct refusal refusal;

    if (allow) {
        refusal_set(&refusal, 405, "method", "\"%.100s\" takes %s only", x->path, allow);
        x->allow = allow;
    } else
        refusal_set(&refusal, 404, "unknown", "there is no \"%.100s\"", x->path);
    exchange_refuse(x, &refusal);
}

void routes_answer(struct exchange *x)
{
    struct board_impl *impl = x->board->impl;
    const struct asset *asset = str_same(method_of(x), "GET") ? find_asset(x->path) : NULL;
    const char *allow = NULL;
    const struct route *route = find_route(x, &allow);
    struct err err = {0};
    const int known = login_knows(&impl->login, exchange_header(x, "Cookie"),
                                  exchange_header(x, "Authorization"), &err);

    x->is_known = known == 1;
    if (asset)
        answer_asset(x, asset);
    else if (route == NULL)
        answer_unknown(x, find_asset(x->path) ? "GET" : allow);
    else if (may(x, route, known, &err) && route->answer(x, &err) < 0)
        exchange_fail(x, &err);
    atomic_fetch_add(&impl->answered, 1);
    if (x->status >= 400)
        atomic_fetch_add(&impl->refused, 1);
}
