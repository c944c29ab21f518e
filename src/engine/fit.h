/*
 * A table's column types are fixed when a column is first seen. What comes later with another type is
 * fitted: values that convert there and back without change stay in the column, the others go to a
 * column of their own, `<name>__v_<type>`. So all files of a table can be read with one glob.
 */
#ifndef RIACHO_FIT_H
#define RIACHO_FIT_H

#include "db/journal.h"
#include "engine/table_plan.h"

/*
 * Adds the list of a SELECT over the plan's relation, with the table's columns as they are to be written.
 * A column whose declared type is not the fixed one is ERR_USAGE (hint: replay).
 */
MUST_CHECK int fit_put_columns(const struct table_plan *plan, const struct dialect *dialect,
                               struct journal *journal, struct buf *to, struct err *err);

/* The same refusal before any data is looked at: from what the pipeline file declares of the table. */
MUST_CHECK int fit_check(const struct table_conf *table, struct journal *journal, struct err *err);

#endif
