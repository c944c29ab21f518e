/*
 * The JSON body of a request.
 */
#ifndef RIACHO_REQUEST_BODY_H
#define RIACHO_REQUEST_BODY_H

#include "base/err.h"
#include "source/paginate.h"
#include "source/template.h"

/*
 * The endpoint's body with placeholders replaced and the paginator's values in their places, which
 * are made if they are not there. NULL if there is neither. The caller frees. ERR_USAGE.
 */
MUST_CHECK int request_body(const struct template_values *values, const char *json,
                            const struct page_want *want, char **ret_body, struct err *err);

/* A JSON scalar as a parameter says it: a text without quotes. The caller frees. */
char *request_plain_text(const char *json);

#endif
