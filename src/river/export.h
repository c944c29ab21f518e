/*
 * The export stage: adjusted files → CSV and the like. Each export of the pipeline is a consumer group
 * of its own.
 */
#ifndef RIACHO_EXPORT_H
#define RIACHO_EXPORT_H

#include "river/river.h"

#include <stdatomic.h>

/* The consumer group of an export: "export:<name>". The caller frees. */
char *export_group_of(const struct export_conf *conf);

/* Export number `index`, until the topic is drained or, with `follow`, until stopped. */
MUST_CHECK int export_one(struct river *river, size_t index, bool follow,
                          const atomic_bool *upstream_done, struct err *err);

#endif
