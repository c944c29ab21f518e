/*
 * URLs as text: joining, resolving, comparing origins, and queries (RFC 3986). Only http and https
 * pass.
 */
#ifndef RIACHO_URL_H
#define RIACHO_URL_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The URL of `path` under `base`, with one slash between; an empty path is the base itself, and a
 * path that is a whole URL stands for itself. ERR_USAGE if that is no http or https URL. The
 * caller frees.
 */
MUST_CHECK int url_join(const char *base, const char *path, char **ret_url, struct err *err);

/*
 * A link as it stands in a document from `base`; without its fragment. ERR_DATA. The caller frees.
 */
MUST_CHECK int url_resolve(const char *base, const char *link, char **ret_url, struct err *err);

/*
 * Same scheme, host and port (RFC 6454). Both must be URLs that url_join() or url_resolve() made.
 */
bool url_same_origin(const char *a, const char *b);

/* Adds the text percent-encoded, but for letters, digits and "-._~". */
void url_encode(struct buf *to, const char *text);

/*
 * The URL with the query parameter set: every one of that name is replaced by this. The caller
 * frees.
 */
char *url_with_param(const char *url, const char *name, const char *value);

/* One parameter of a query; points into the URL. */
struct url_param {
    const char *name;
    size_t name_size;
    const char *value; /* NULL: it has no "=" */
    size_t value_size;
};

/*
 * The next parameter, from `*at` on, which is NULL at first. Returns false after the last one.
 */
bool url_next_param(const char *url, const char **at, struct url_param *ret_param);

/* Whether a name or a value as it stands in a query means this text. */
bool url_text_is(const char *encoded, size_t size, const char *text);

#endif
