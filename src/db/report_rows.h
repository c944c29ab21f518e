/*
 * The rows of a query as a list of objects, whose members are named as its columns are. A name may say what
 * kind of value it is: "started:time", "counts:json", "removed:bool".
 */
#ifndef RIACHO_REPORT_ROWS_H
#define RIACHO_REPORT_ROWS_H

#include "base/json.h"
#include "db/journal.h"

/* Adds the list `name` to `into`. */
MUST_CHECK int report_put_list(struct journal *journal, yyjson_mut_doc *doc, yyjson_mut_val *into,
                               const char *name, const char *sql, const struct lite_value *values,
                               struct err *err);
/* Adds the members of the first row to `into`: 1, 0 there is none. */
MUST_CHECK int report_put_members(struct journal *journal, yyjson_mut_doc *doc,
                                  yyjson_mut_val *into, const char *sql,
                                  const struct lite_value *values, struct err *err);

/*
 * Of rows that have "status" and "process" (which is taken out): a run whose process is gone, and that nobody has
 * recovered yet, is "killed".
 */
void report_correct_runs(struct journal *journal, yyjson_mut_doc *doc, yyjson_mut_val *runs);

#endif
