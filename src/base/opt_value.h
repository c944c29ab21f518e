/*
 * Between opt.c, which knows how maps nest, and opt_value.c, which knows the single values.
 */
#ifndef RIACHO_OPT_VALUE_H
#define RIACHO_OPT_VALUE_H

#include "base/opt.h"

bool opt_is_choice(const struct opt *row);

/* Reads a value of any type that is no struct. */
void opt_read_simple(const struct opt_reading *reading, const struct opt *row,
                     const struct conf_node *node, const char *path, void *target);
/* Sets its default. */
void opt_set_simple(const struct opt_reading *reading, const struct opt *row, void *target);

#endif
