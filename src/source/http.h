/*
 * HTTP: one request at a time over connections that are kept, bodies handed over decoded as they
 * arrive. Nothing is retried, no redirect is followed and no status is an error here.
 *
 * TLS is verified; only http and https are spoken; .netrc is not read; proxies are taken from the
 * usual variables of the environment, and certificates to trust also from SSL_CERT_FILE.
 */
#ifndef RIACHO_HTTP_H
#define RIACHO_HTTP_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_request {
    char *method;
    char *url;
    char **headers; /* "Name: value" */
    size_t header_count;
    char *body; /* NULL: none */
};

void http_request_copy(const struct http_request *from, struct http_request *ret_request);
void http_request_close(struct http_request *request);

struct http_answer {
    int status;
    char *content_type; /* NULL where absent, also below */
    char *link;         /* all Link headers, joined by commas */
    char *retry_after;
    char *location;
    bool is_framed;     /* its length is known by other means than the connection's end */
    int64_t body_bytes; /* decoded, so far */
    int64_t wire_bytes; /* headers and body as they came, so far */
};

/* Takes the body. 0: go on, 1: that is enough of it, -1: `err` says what is wrong. */
typedef int http_sink(void *ctx, const struct http_answer *answer, const char *bytes, size_t size,
                      struct err *err);

struct http {
    struct http_impl *impl; /* NULL while closed */
};

/* `timeout_ms`: how long a connection may be silent. */
void http_open(struct http *http, int64_t timeout_ms);
void http_close(struct http *http);

/*
 * Begins an exchange; http_step() carries it on. The request is only read. ERR_USAGE if a header
 * holds control characters.
 */
MUST_CHECK int http_start(struct http *http, const struct http_request *request, http_sink *sink,
                          void *ctx, struct err *err);

/*
 * Carries the exchange on, waiting at most `wait_ms` for something to happen. 1: it is over, 0:
 * not yet, -1: it failed: ERR_NET (retriable or not), ERR_STOPPED, or what the sink said. Time
 * that passes between two calls does not count as silence.
 */
MUST_CHECK int http_step(struct http *http, int wait_ms, struct err *err);

/* Whether the connection stands, so that the request is on its way. */
bool http_is_connected(const struct http *http);

/* Of the latest exchange; valid until the next begins. */
const struct http_answer *http_answer(const struct http *http);

/* Drops the exchange, if one is under way. */
void http_cancel(struct http *http);

#endif
