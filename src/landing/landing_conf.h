/*
 * What a pipeline file says under `landing:`. Filled through the option table of landing_conf.c;
 * owns its strings.
 */
#ifndef RIACHO_LANDING_CONF_H
#define RIACHO_LANDING_CONF_H

#include "base/opt.h"

#include <stdint.h>

struct landing_conf {
    char *dir;             /* absolute */
    int64_t roll_rows;     /* whichever of the three comes first closes a file, at a page's end */
    int64_t roll_bytes;    /* of JSON */
    int64_t roll_after_ms; /* since the file's first record */
};

extern const struct opt landing_options[]; /* of struct landing_conf */

void landing_conf_close(struct landing_conf *conf);

#endif
