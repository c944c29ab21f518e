/*
 * The transform stage: landed files → the engine → adjusted files with their references; and a table's
 * history made anew.
 */
#ifndef RIACHO_TRANSFORM_H
#define RIACHO_TRANSFORM_H

#include "river/river.h"

#include <stdatomic.h>

#define TRANSFORM_GROUP "transform"

/* Until the topic is drained (`upstream_done`: once it gets no more), or, with `follow`, until stopped. */
MUST_CHECK int transform_all(struct river *river, bool follow, const atomic_bool *upstream_done,
                             struct err *err);

#endif
