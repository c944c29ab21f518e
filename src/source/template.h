/*
 * Placeholders in paths, parameters, headers and JSON bodies: {incremental.start_value},
 * {incremental.initial_value} and {incremental.last_value}. A doubled brace is a brace.
 */
#ifndef RIACHO_TEMPLATE_H
#define RIACHO_TEMPLATE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "source/source_conf.h"

#include <stdbool.h>

/* A cursor value as it is written into a request. */
struct template_value {
    char *text;     /* NULL: there is none */
    bool is_number; /* in a JSON body it stands without quotes */
};

struct template_values {
    struct template_value start;
    struct template_value initial;
};

/*
 * Reads the values (JSON; NULL: none) and writes them as the pipeline file says (`unit`, `as`).
 * Without a start value the initial one stands for it. ERR_USAGE if a value does not fit `unit`
 * and `as`.
 */
MUST_CHECK int template_values_open(struct template_values *values,
                                    const struct incremental_conf *conf, const char *start_json,
                                    const char *initial_json, struct err *err);
void template_values_close(struct template_values *values);

/*
 * Adds the text with its placeholders replaced; percent-encoded if that is for a URL's path.
 * Returns 1, 0 if a placeholder has no value, or -1 (ERR_USAGE) if one is unknown or a brace
 * stands alone.
 */
MUST_CHECK int template_expand(const struct template_values *values, const char *text, bool is_path,
                               struct buf *to, struct err *err);

/*
 * A JSON body with the placeholders in its texts replaced. A text that is one placeholder and
 * nothing else becomes the value itself, a number as a number; a member whose placeholder has no
 * value is left out.
 */
MUST_CHECK int template_expand_json(const struct template_values *values, const char *json,
                                    struct json_out *ret_body, struct err *err);

#endif
