/*
 * Both engines over a sample of what has landed, and where their rows differ. Nothing of it is published: outputs
 * grow in the temporary folder of the adjusted files, which Spark's workers can reach, and go; column types are
 * fixed in a state of its own for each engine, which begins with the types that the pipeline has fixed.
 */
#ifndef RIACHO_COMPARE_H
#define RIACHO_COMPARE_H

#include "base/json.h"
#include "river/river.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct compare_conf {
    const char *table; /* only this one; NULL: all */
    int64_t
        rows; /* of each resource: whole files, the newest first, until there are so many rows */
    size_t limit; /* how many differences are told */
};

/*
 * Adds to the report: "same", "files" and "landed_rows" of the sample, "tables" with counts and the columns that differ,
 * "differences" (the first of them), "failures" (files that either engine refuses; of both alike is no difference).
 * `*ret_same`: nothing differs. The river's state is only read. ERR_USAGE: nothing has landed.
 */
MUST_CHECK int compare_engines(struct river *river, const struct compare_conf *conf,
                               struct json_out *report, yyjson_mut_val *root, bool *ret_same,
                               struct err *err);

#endif
