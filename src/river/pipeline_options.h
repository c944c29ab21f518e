/*
 * The root table of the pipeline file.
 */
#ifndef RIACHO_PIPELINE_OPTIONS_H
#define RIACHO_PIPELINE_OPTIONS_H

#include "base/opt.h"

extern const struct opt pipeline_options[]; /* of struct pipeline */

#endif
