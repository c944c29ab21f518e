/*
 * The tree of one resource, brought into its long form before it is read by its option table.
 */
#ifndef RIACHO_RESOURCE_TREE_H
#define RIACHO_RESOURCE_TREE_H

#include "base/opt.h"

extern const struct opt *const resource_default_options; /* the rows of resource_defaults */

/*
 * Makes the long form of the resource at `path` ("source.resources[0]"), laid on `defaults` (NULL:
 * none): short forms written out, parameters of the path put in, `incremental` in its one place.
 * The caller closes `ret_node`.
 */
void resource_tree_make(const struct opt_reading *reading, const struct conf_node *node,
                        const struct conf_node *defaults, const char *path,
                        struct conf_node *ret_node);

/* Doubles the braces in values that came from the environment, so that they stand as they are. */
void resource_tree_escape(struct conf_node *node);

/* Tells of placeholders in the long form that nothing will fill. */
void resource_tree_check(const struct opt_reading *reading, const struct conf_node *resource,
                         const char *path);

#endif
