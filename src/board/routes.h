/*
 * The paths of the API, and what answers each.
 */
#ifndef RIACHO_ROUTES_H
#define RIACHO_ROUTES_H

#include "board/exchange.h"

/* Makes the answer: of the API, or one of the page's files. */
void routes_answer(struct exchange *x);

#endif
