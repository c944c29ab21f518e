/*
 * Who may ask: the checks that every request passes before anything is done for it. A page of
 * somebody else, opened in a browser on this machine, can send requests here; it must neither read
 * nor change anything (DNS rebinding, cross-site request forgery).
 */
#ifndef RIACHO_GUARD_H
#define RIACHO_GUARD_H

#include "base/err.h"

#include <stddef.h>

#define GUARD_MOST_HEADERS 64

struct guard {
    char **hosts; /* lower case; with a port: exactly so, without: with any port */
    size_t host_count;
    char *any_literal_port; /* ":8321": every IP address with that port is ours; NULL: none is */
};

/*
 * `address` is where the server listens ("127.0.0.1:8321", "[::]:80"), `names` what else it is
 * called.
 */
void guard_open(struct guard *guard, const char *address, char *const *names, size_t name_count);
void guard_close(struct guard *guard);

/* What of a request is looked at; texts are NULL where the header is missing. */
struct guard_request {
    const char *method;
    const char *path;
    const char *host;
    const char *origin;
    const char *fetch_site; /* Sec-Fetch-Site */
    const char *content_type;
    const char *length; /* Content-Length */
    const char *coding; /* Transfer-Encoding */
    size_t host_count;  /* of Host headers */
    size_t length_count;
    size_t header_count;
};

/* Why not, as HTTP says it. */
struct refusal {
    unsigned status;  /* 0: nothing is refused */
    const char *code; /* a word for programs */
    char text[320];
    char hint[320];
};

void refusal_set(struct refusal *refusal, unsigned status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Sets `*ret_refusal` and returns false if the request is refused. */
bool guard_check(const struct guard *guard, const struct guard_request *request,
                 struct refusal *ret_refusal);

/* Whether an address of this kind can be reached from this machine only. */
bool guard_is_loopback(const char *host);

#endif
