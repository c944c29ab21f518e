/*
 * Paginators and auths, as the pipeline file writes them.
 */
#ifndef RIACHO_VARIANTS_CONF_H
#define RIACHO_VARIANTS_CONF_H

#include "base/opt.h"

extern const struct opt_variant paginator_variants[]; /* of struct paginator_conf */
extern const struct opt_variant auth_variants[];      /* of struct auth_conf; the first is bearer */

#endif
