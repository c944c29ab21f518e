/*
 * The plans of a file's tables: from the cache, or made, whatever the engine.
 */
#ifndef RIACHO_TABLE_PLANNER_H
#define RIACHO_TABLE_PLANNER_H

#include "db/journal.h"
#include "engine/table_cache.h"

struct table_planner {
    struct table_cache *cache;
    const struct dialect *dialect;
    /* Finds the columns of a plan of the user's SQL, over files such as the job's. ERR_SQL: it is refused. */
    int (*describe)(void *ctx, const struct engine_job *job, struct table_plan *plan,
                    struct err *err);
    void *ctx;
};

/*
 * The plans of the job, each with the list of what is to be written of it, for which the journal fixes the columns'
 * types. They belong to the cache.
 */
MUST_CHECK int table_planner_plan(const struct table_planner *planner,
                                  const struct engine_tables *tables, const struct engine_job *job,
                                  struct journal *journal, struct planned **ret_planned,
                                  struct err *err);

#endif
