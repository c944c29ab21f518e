/*
 * Planning, for all engines alike.
 */
#include "engine/table_planner.h"

#include "engine/fit.h"

#include "base/banned.h"

static int make_plans(const struct table_planner *planner, const struct table_request *request,
                      const struct engine_job *job, struct planned **ret_planned, struct err *err)
{
    AUTO(table_plans) plans = {0};

    TRY(table_plans_make(request, &plans, err));
    for (size_t i = 0; i < plans.count; i++) {
        struct table_plan *plan = &plans.items[i];

        if (plan->is_user_sql && planner->describe(planner->ctx, job, plan, err) < 0)
            return err_wrap(err, "table \"%s\"", plan->table);
    }
    *ret_planned = table_cache_add(planner->cache, request, &plans);
    return 0;
}

/* What is written of each plan: the journal may have fixed more columns since the last call. */
static int make_lists(const struct table_planner *planner, struct planned *planned,
                      struct journal *journal, struct err *err)
{
    for (size_t i = 0; i < planned->plans.count; i++) {
        AUTO(buf) list = {0};

        if (planned->lists[i])
            continue;
        TRY(fit_put_columns(&planned->plans.items[i], planner->dialect, journal, &list, err));
        planned->lists[i] = buf_take(&list);
    }
    return 0;
}

int table_planner_plan(const struct table_planner *planner, const struct engine_tables *tables,
                       const struct engine_job *job, struct journal *journal,
                       struct planned **ret_planned, struct err *err)
{
    const struct table_request request = {.dialect = planner->dialect,
                                          .tables = tables,
                                          .schema = job->schema,
                                          .known = job->known ? job->known : job->schema};
    struct planned *planned = table_cache_find(planner->cache, &request);

    if (planned == NULL)
        TRY(make_plans(planner, &request, job, &planned, err));
    TRY(make_lists(planner, planned, journal, err));
    *ret_planned = planned;
    return 0;
}
