/*
 * What answers the requests about queries.
 */
#ifndef RIACHO_QUERY_ROUTES_H
#define RIACHO_QUERY_ROUTES_H

#include "board/exchange.h"

MUST_CHECK int query_post(struct exchange *x, struct err *err);
MUST_CHECK int query_get(struct exchange *x, struct err *err);
MUST_CHECK int query_delete(struct exchange *x, struct err *err);
MUST_CHECK int query_file(struct exchange *x, struct err *err);

#endif
