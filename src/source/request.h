/*
 * Requests of a resource: its endpoint with parameters, headers, body and authentication, and what
 * the paginator wants for the page.
 *
 * Credentials and configured headers go to the endpoint's own origin only. Another origin is asked
 * only if allow_cross_origin says so, and without them.
 */
#ifndef RIACHO_REQUEST_H
#define RIACHO_REQUEST_H

#include "base/err.h"
#include "source/http.h"
#include "source/paginate.h"
#include "source/secrets.h"
#include "source/source_conf.h"
#include "source/template.h"

/* What is the same for all pages of a run. */
struct requests {
    const struct source_conf *conf;
    const struct resource_conf *resource;
    struct template_values values;
    struct secrets secrets;
    char *endpoint; /* URL without parameters */
    /*
     * Tells one thing that is asked for from another: a hash of the endpoint but for its origin, headers and secrets,
     * and of how its pages are counted. A place in the pages of the one means nothing in those of the other.
     */
    char mark[17];
};

/* `start_json`, `initial_json`: of the incremental cursor; NULL: none. ERR_USAGE. */
MUST_CHECK int requests_open(struct requests *requests, const struct source_conf *conf,
                             const struct resource_conf *resource, const char *start_json,
                             const char *initial_json, struct err *err);
void requests_close(struct requests *requests);

MUST_CHECK int requests_make(const struct requests *requests, const struct page_want *want,
                             struct http_request *ret_request, struct err *err);

/*
 * Turns a request into the one that a redirect asks for. ERR_REMOTE if that must not be followed.
 */
MUST_CHECK int requests_redirect(const struct requests *requests, struct http_request *request,
                                 int status, const char *location, struct err *err);

#endif
