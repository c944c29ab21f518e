/*
 * The order of the checks is that of doubt: first whether the request is well formed, then whom it
 * is for, then who had it sent.
 */
#include "board/guard.h"

#include "base/mem.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/banned.h"

#define API "/api/"

void refusal_set(struct refusal *refusal, unsigned status, const char *code, const char *fmt, ...)
{
    va_list args;

    *refusal = (struct refusal){.status = status, .code = code};
    va_start(args, fmt);
    vsnprintf(refusal->text, sizeof refusal->text, fmt, args);
    va_end(args);
}

/* ---- names and addresses ---- */

static bool is_ipv4(const char *host)
{
    struct in_addr ignored;

    return inet_pton(AF_INET, host, &ignored) == 1;
}

static bool is_ipv6(const char *host)
{
    struct in6_addr ignored;

    return inet_pton(AF_INET6, host, &ignored) == 1;
}

bool guard_is_loopback(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || (is_ipv4(host) && str_starts(host, "127.")) ||
           str_same(host, "::1");
}

static bool is_wildcard(const char *host)
{
    return str_same(host, "0.0.0.0") || str_same(host, "::");
}

/* Splits "host:port" or "[host]:port"; the port keeps its colon, and is "" if there is none. */
static void split_host(const char *text, char *ret_host, size_t size, const char **ret_port)
{
    const bool is_bracketed = *text == '[';
    const char *end = is_bracketed ? strchr(text, ']') : strrchr(text, ':');
    const size_t length = end ? (size_t)(end - text) - is_bracketed : strlen(text);

    snprintf(ret_host, size, "%.*s", (int)length, text + is_bracketed);
    *ret_port = end ? end + is_bracketed : "";
}

static void add_host(struct guard *guard, const char *host, const char *port)
{
    char *name = mem_fmt(strchr(host, ':') ? "[%s]%s" : "%s%s", host, port);

    *MEM_PUSH(guard->hosts, guard->host_count) = name;
    /* Browsers leave the standard port out. */
    if (str_same(port, ":80"))
        add_host(guard, host, "");
}

static void add_own_name(struct guard *guard, const char *port)
{
    char name[256] = "";

    if (gethostname(name, sizeof name - 1) == 0 && name[0])
        add_host(guard, name, port);
}

void guard_open(struct guard *guard, const char *address, char *const *names, size_t name_count)
{
    char host[256];
    const char *port;

    guard_close(guard);
    split_host(address, host, sizeof host, &port);
    add_host(guard, host, port);
    if (guard_is_loopback(host) || is_wildcard(host)) {
        add_host(guard, "localhost", port);
        add_host(guard, "127.0.0.1", port);
        add_host(guard, "::1", port);
    }
    if (is_wildcard(host)) {
        add_own_name(guard, port);
        guard->any_literal_port = mem_str(port);
    }
    for (size_t i = 0; i < name_count; i++)
        *MEM_PUSH(guard->hosts, guard->host_count) = mem_str(names[i]);
}

void guard_close(struct guard *guard)
{
    for (size_t i = 0; i < guard->host_count; i++)
        free(guard->hosts[i]);
    free(guard->hosts);
    free(guard->any_literal_port);
    *guard = (struct guard){0};
}

static bool has_port(const char *host)
{
    const char *colon = strrchr(host, ':');

    return colon != NULL && strchr(colon, ']') == NULL;
}

/* An address is nobody's domain: a name that was bent to point here cannot pass as one. */
static bool is_literal(const char *host)
{
    return is_ipv4(host) || is_ipv6(host);
}

static bool is_ours(const struct guard *guard, const char *asked)
{
    char host[256];
    const char *port;

    if (strlen(asked) >= sizeof host)
        return false;
    split_host(asked, host, sizeof host, &port);
    if (guard->any_literal_port && str_same(port, guard->any_literal_port) && is_literal(host))
        return true;
    for (size_t i = 0; i < guard->host_count; i++) {
        const char *known = guard->hosts[i];

        if (strcasecmp(known, asked) == 0 || (!has_port(known) && strcasecmp(known, host) == 0))
            return true;
    }
    return false;
}

/* ---- the checks ---- */

/* What two programs could read differently is not read at all (RFC 9112, 6.3). */
static bool is_well_formed(const struct guard_request *request, struct refusal *ret_refusal)
{
    if (request->header_count > GUARD_MOST_HEADERS)
        refusal_set(ret_refusal, 431, "headers", "more than %d headers", GUARD_MOST_HEADERS);
    else if (request->host_count != 1)
        refusal_set(ret_refusal, 400, "headers", "a request needs one Host header, this has %zu",
                    request->host_count);
    else if (request->coding && request->length)
        refusal_set(ret_refusal, 400, "headers",
                    "a request has a Content-Length or a Transfer-Encoding, not both");
    else if (request->length_count > 1)
        refusal_set(ret_refusal, 400, "headers", "more than one Content-Length");
    else if (request->coding && strcasecmp(request->coding, "chunked") != 0)
        refusal_set(ret_refusal, 400, "headers", "a Transfer-Encoding other than chunked");
    else
        return true;
    return false;
}

static bool reads(const struct guard_request *request)
{
    return str_same(request->method, "GET") || str_same(request->method, "HEAD");
}

static bool is_known_method(const struct guard_request *request, struct refusal *ret_refusal)
{
    if (reads(request) || str_same(request->method, "POST") || str_same(request->method, "DELETE"))
        return true;
    refusal_set(ret_refusal, 405, "method", "the method \"%.20s\" is not allowed", request->method);
    return false;
}

static bool is_for_us(const struct guard *guard, const struct guard_request *request,
                      struct refusal *ret_refusal)
{
    if (is_ours(guard, request->host))
        return true;
    refusal_set(ret_refusal, 421, "host", "this dashboard is not \"%.200s\"", request->host);
    snprintf(ret_refusal->hint, sizeof ret_refusal->hint,
             "Add the name to dashboard.hosts in the pipeline file if it is.");
    return false;
}

/* "https" counts too: a proxy before us may speak it. */
static bool is_same_origin(const struct guard_request *request)
{
    const char *authority = NULL;

    if (strncasecmp(request->origin, "http://", 7) == 0)
        authority = request->origin + 7;
    else if (strncasecmp(request->origin, "https://", 8) == 0)
        authority = request->origin + 8;
    return authority != NULL && strcasecmp(authority, request->host) == 0;
}

/* A link from elsewhere may lead to the page, but nothing from elsewhere reads or changes data. */
static bool is_from_us(const struct guard_request *request, struct refusal *ret_refusal)
{
    const char *site = request->fetch_site;
    const bool is_page = reads(request) && !str_starts(request->path, API);
    const bool is_typed = reads(request) && str_same(site, "none");

    if (is_page)
        return true;
    if ((request->origin == NULL || is_same_origin(request)) &&
        (site == NULL || str_same(site, "same-origin") || is_typed))
        return true;
    refusal_set(ret_refusal, 403, "origin", "the request comes from another site: \"%.200s\"",
                request->origin ? request->origin : site);
    return false;
}

static bool is_json(const char *type)
{
    static const char json[] = "application/json";
    const size_t size = sizeof json - 1;

    return type != NULL && strncasecmp(type, json, size) == 0 &&
           (type[size] == '\0' || type[size] == ';' || type[size] == ' ');
}

/* No form of another site can send JSON without asking first (CORS preflight, which we refuse). */
static bool has_right_type(const struct guard_request *request, struct refusal *ret_refusal)
{
    if (!str_same(request->method, "POST") || is_json(request->content_type))
        return true;
    refusal_set(ret_refusal, 415, "type", "the body must be application/json");
    return false;
}

bool guard_check(const struct guard *guard, const struct guard_request *request,
                 struct refusal *ret_refusal)
{
    return is_well_formed(request, ret_refusal) && is_for_us(guard, request, ret_refusal) &&
           is_known_method(request, ret_refusal) && is_from_us(request, ret_refusal) &&
           has_right_type(request, ret_refusal);
}
