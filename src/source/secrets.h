/*
 * What must never be shown: the values of the authentication, and fields that hold a secret. Also
 * the values of query parameters whose names tell of a secret, whoever wrote them.
 */
#ifndef RIACHO_SECRETS_H
#define RIACHO_SECRETS_H

#include "base/buf.h"
#include "base/err.h"
#include "source/source_conf.h"

#include <stdbool.h>
#include <stddef.h>

struct secret {
    char *name; /* where it is set: "auth.token", "params.key" */
    char *value;
    size_t least_size; /* a shorter value is not looked for in plain text */
};

struct secrets {
    struct secret *items;
    size_t count;
    char **params; /* query parameters that hold one */
    size_t param_count;
};

void secrets_collect(struct secrets *secrets, const struct source_conf *conf,
                     const struct resource_conf *resource);
void secrets_close(struct secrets *secrets);

/* Adds text with "***" in the place of every secret, however it was encoded there. */
void secrets_hide(const struct secrets *secrets, const char *text, struct buf *to);
void secrets_hide_err(const struct secrets *secrets, struct err *err);

/*
 * Adds a URL as people may see it: no user and password, "***" for the values of secret
 * parameters.
 */
void secrets_url_for_people(const struct secrets *secrets, const char *url, struct buf *to);

/*
 * Adds a URL for keeping: "{auth.api_key}" and the like in the place of secrets that we know,
 * "=***" for others. Braces and stars that the URL has itself are percent-encoded.
 */
void secrets_url_to_keep(const struct secrets *secrets, const char *url, struct buf *to);

/*
 * Adds a kept URL with today's secrets in their places. Returns false if one of them cannot be
 * known: it came from the API, or is not set any more.
 */
bool secrets_url_from_kept(const struct secrets *secrets, const char *kept, struct buf *to);

#endif
