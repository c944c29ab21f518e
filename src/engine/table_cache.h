/*
 * Plans that were made, kept for the next file of the same schema; and what is written of them in one
 * call, as the journal may fix more columns between calls.
 */
#ifndef RIACHO_TABLE_CACHE_H
#define RIACHO_TABLE_CACHE_H

#include "engine/table_plan.h"

/* The plans of one resource's tables for files of one schema. */
struct planned {
    char *resource;
    char *only;
    const struct table_conf *const *tables; /* compared by its items, which the pipeline owns */
    size_t table_count;
    struct schema schema;
    struct schema known;
    struct table_plans plans;
    char **lists; /* of each plan: the list of the SELECT over it; NULL: not yet in this call */
};

struct table_cache {
    struct planned **items;
    size_t count;
};

void table_cache_close(struct table_cache *cache);
/* A call begins: lists are made anew, and if too many plans have gathered all are forgotten. */
void table_cache_begin(struct table_cache *cache);
/* NULL if there is none. */
struct planned *table_cache_find(const struct table_cache *cache,
                                 const struct table_request *request);
/* Takes the plans over. */
struct planned *table_cache_add(struct table_cache *cache, const struct table_request *request,
                                struct table_plans *plans_taken);

#endif
