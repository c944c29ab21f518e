/*
 * Plans by what they were made for.
 */
#include "engine/table_cache.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define MOST_PLANNED 256

static void forget_lists(struct planned *planned)
{
    for (size_t i = 0; i < planned->plans.count; i++) {
        free(planned->lists[i]);
        planned->lists[i] = NULL;
    }
}

static void planned_free(struct planned *planned)
{
    forget_lists(planned);
    free(planned->lists);
    table_plans_close(&planned->plans);
    schema_close(&planned->schema);
    schema_close(&planned->known);
    free((void *)(uintptr_t)planned->tables);
    free(planned->resource);
    free(planned->only);
    free(planned);
}

void table_cache_close(struct table_cache *cache)
{
    for (size_t i = 0; i < cache->count; i++)
        planned_free(cache->items[i]);
    free(cache->items);
    *cache = (struct table_cache){0};
}

void table_cache_begin(struct table_cache *cache)
{
    if (cache->count >= MOST_PLANNED)
        table_cache_close(cache);
    for (size_t i = 0; i < cache->count; i++)
        forget_lists(cache->items[i]);
}

static bool is_for(const struct planned *planned, const struct table_request *request)
{
    const struct engine_tables *tables = request->tables;

    if (!str_same(planned->resource, tables->resource) || !str_same(planned->only, tables->only) ||
        planned->table_count != tables->table_count)
        return false;
    for (size_t i = 0; i < tables->table_count; i++)
        if (planned->tables[i] != tables->tables[i])
            return false;
    return schema_same(&planned->schema, request->schema) &&
           schema_same(&planned->known, request->known);
}

struct planned *table_cache_find(const struct table_cache *cache,
                                 const struct table_request *request)
{
    for (size_t i = cache->count; i > 0; i--)
        if (is_for(cache->items[i - 1], request))
            return cache->items[i - 1];
    return NULL;
}

struct planned *table_cache_add(struct table_cache *cache, const struct table_request *request,
                                struct table_plans *plans_taken)
{
    const struct engine_tables *tables = request->tables;
    struct planned *made = mem_alloc(sizeof *made);
    const struct table_conf **copy = mem_alloc(tables->table_count * sizeof(void *));

    for (size_t i = 0; i < tables->table_count; i++)
        copy[i] = tables->tables[i];
    made->resource = mem_str(tables->resource);
    made->only = mem_str(tables->only);
    made->tables = copy;
    made->table_count = tables->table_count;
    schema_copy(request->schema, &made->schema);
    schema_copy(request->known, &made->known);
    made->plans = *plans_taken;
    made->lists = mem_alloc(made->plans.count * sizeof *made->lists);
    *plans_taken = (struct table_plans){0};
    *MEM_PUSH(cache->items, cache->count) = made;
    return made;
}
