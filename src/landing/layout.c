/*
 * Breadth first, so that the members of a node stand side by side.
 */
#include "landing/layout.h"

#include "base/mem.h"
#include "landing/keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define FEW 8   /* so many members are looked through faster than hashed */
#define AHEAD 3 /* so many members are tried after the guess: what an object leaves out */

static uint32_t count_nodes(const struct schema *schema)
{
    uint32_t count = 1;

    for (size_t i = 0; i < schema->field_count; i++)
        count += count_nodes(&schema->fields[i]);
    return count;
}

static void describe(struct layout_node *node, const struct schema *schema, uint32_t first)
{
    *node = (struct layout_node){
        .kind = schema->kind,
        .big_ints = schema->big_ints,
        .negatives = schema->negatives,
        .key = schema->key,
        .key_size = schema->key ? schema->key_size : SIZE_MAX,
        .first = first,
        .count = (uint32_t)schema->field_count,
    };
}

static void make_table(struct layout *layout, struct layout_node *node)
{
    uint32_t room = 32;

    if (node->kind != KIND_STRUCT || node->count <= FEW)
        return;
    while (room < 2 * node->count)
        room *= 2;
    node->mask = room - 1;
    node->table = mem_alloc(room * sizeof *node->table);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct layout_node *member = &layout->nodes[node->first + i];
        uint32_t at = member->key ? key_hash(member->key, member->key_size) & node->mask : 0;

        while (member->key && node->table[at])
            at = (at + 1) & node->mask;
        if (member->key)
            node->table[at] = i + 1;
    }
}

void layout_open(struct layout *layout, const struct schema *schema)
{
    struct layout made = {.count = count_nodes(schema), .value = LAYOUT_NONE};
    const struct schema **queue = mem_alloc(made.count * sizeof *queue);
    uint32_t known = 1;

    schema_copy(schema, &made.schema);
    made.nodes = mem_alloc(made.count * sizeof *made.nodes);
    queue[0] = &made.schema;
    for (uint32_t at = 0; at < made.count; at++) {
        describe(&made.nodes[at], queue[at], known);
        for (size_t i = 0; i < queue[at]->field_count; i++)
            queue[known++] = &queue[at]->fields[i];
    }
    for (uint32_t at = 0; at < made.count; at++)
        make_table(&made, &made.nodes[at]);
    for (uint32_t i = 0; i < made.nodes[0].count; i++)
        if (made.nodes[1 + i].key == NULL)
            made.value = 1 + i;
    made.is_one_json = schema_is_one_json(schema);
    free(queue);
    layout_close(layout);
    *layout = made;
}

void layout_close(struct layout *layout)
{
    for (uint32_t i = 0; i < layout->count; i++)
        free(layout->nodes[i].table);
    free(layout->nodes);
    schema_close(&layout->schema);
    *layout = (struct layout){0};
}

static uint32_t find_from(const struct layout_node *members, uint32_t from, uint32_t to,
                          const char *key, size_t key_size)
{
    for (uint32_t i = from; i < to; i++)
        if (layout_is_member(&members[i], key, key_size))
            return i;
    return LAYOUT_NONE;
}

uint32_t layout_find(const struct layout_node *nodes, const struct layout_node *node,
                     const char *key, size_t key_size, uint32_t guess)
{
    const struct layout_node *members = nodes + node->first;
    const uint32_t ahead = guess + AHEAD < node->count ? guess + AHEAD : node->count;
    uint32_t found = find_from(members, guess, ahead, key, key_size);

    if (found != LAYOUT_NONE)
        return found;
    if (node->table == NULL)
        return find_from(members, 0, node->count, key, key_size);
    for (uint32_t at = key_hash(key, key_size) & node->mask; node->table[at];
         at = (at + 1) & node->mask)
        if (layout_is_member(&members[node->table[at] - 1], key, key_size))
            return node->table[at] - 1;
    return LAYOUT_NONE;
}

/* ---- DuckDB's types ---- */

static duckdb_logical_type type_of(const struct schema *schema);

static duckdb_logical_type list_type(const struct schema *schema)
{
    duckdb_logical_type items = type_of(&schema->fields[0]);
    duckdb_logical_type list = duckdb_create_list_type(items);

    duckdb_destroy_logical_type(&items);
    return list;
}

static duckdb_logical_type struct_type(const struct schema *schema)
{
    duckdb_logical_type *types = mem_alloc(schema->field_count * sizeof *types);
    const char **names = mem_alloc(schema->field_count * sizeof *names);
    duckdb_logical_type made;

    for (size_t i = 0; i < schema->field_count; i++) {
        types[i] = type_of(&schema->fields[i]);
        names[i] = schema->fields[i].name;
    }
    made = duckdb_create_struct_type(types, names, schema->field_count);
    for (size_t i = 0; i < schema->field_count; i++)
        duckdb_destroy_logical_type(&types[i]);
    free(types);
    free(names);
    return made;
}

static duckdb_logical_type json_type(void)
{
    duckdb_logical_type type = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);

    duckdb_logical_type_set_alias(type, "JSON");
    return type;
}

static duckdb_logical_type type_of(const struct schema *schema)
{
    static const duckdb_type scalars[] = {
        [KIND_NULL] = DUCKDB_TYPE_INTEGER,  [KIND_BOOL] = DUCKDB_TYPE_BOOLEAN,
        [KIND_INT] = DUCKDB_TYPE_BIGINT,    [KIND_UINT] = DUCKDB_TYPE_UBIGINT,
        [KIND_DOUBLE] = DUCKDB_TYPE_DOUBLE, [KIND_NUMBER] = DUCKDB_TYPE_VARCHAR,
        [KIND_TEXT] = DUCKDB_TYPE_VARCHAR,
    };

    if (schema->kind == KIND_STRUCT)
        return struct_type(schema);
    if (schema->kind == KIND_LIST)
        return list_type(schema);
    return schema->kind == KIND_JSON ? json_type()
                                     : duckdb_create_logical_type(scalars[schema->kind]);
}

static void declare(duckdb_bind_info info, const char *name, duckdb_logical_type type)
{
    duckdb_bind_add_result_column(info, name, type);
    duckdb_destroy_logical_type(&type);
}

void layout_declare(const struct layout *layout, duckdb_bind_info info)
{
    for (size_t i = 0; i < layout->schema.field_count; i++)
        declare(info, layout->schema.fields[i].name, type_of(&layout->schema.fields[i]));
    declare(info, SCHEMA_PAGE_COLUMN, duckdb_create_logical_type(DUCKDB_TYPE_BIGINT));
    declare(info, SCHEMA_INDEX_COLUMN, duckdb_create_logical_type(DUCKDB_TYPE_BIGINT));
}
