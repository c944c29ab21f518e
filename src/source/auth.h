/*
 * Who we are, put into requests: bearer, api_key (in a header or in the query), http_basic (RFC
 * 7617).
 */
#ifndef RIACHO_AUTH_H
#define RIACHO_AUTH_H

#include "source/source_conf.h"

#include <stdbool.h>

/* The resource's own, or the client's. */
const struct auth_conf *auth_of(const struct source_conf *conf,
                                const struct resource_conf *resource);

/*
 * The header line, such as "Authorization: Bearer …"; NULL if no header is needed. The caller
 * frees.
 */
char *auth_header(const struct auth_conf *auth);

/* Whether it is a query parameter: `name` with the value `api_key`. */
bool auth_in_query(const struct auth_conf *auth);

#endif
