/*
 * The default rules: snake_case, nested objects flattened, texts trimmed, lists of objects in tables of
 * their own, the last of those alike by primary key.
 */
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/column_names.h"
#include "engine/landed.h"
#include "engine/table_plan.h"

#include <stdlib.h>

#include "base/banned.h"

#define ID "_riacho_id"
#define PARENT_ID "_parent_id"
#define INDEX "_index"

/* What all tables of the resource share. */
struct making {
    const struct table_request *request;
    struct table_plans *plans;
    struct column_names tables;
    const char *keys; /* of all: as those of the main table */
    size_t key_count;
};

/* A table while it is made. */
struct making_table {
    struct making *making;
    const char *name;
    const char *rows; /* what it selects from */
    const char *id;   /* the SQL of its rows' ids, over `rows` */
    struct table_plan plan;
    struct column_names names;
    struct buf columns; /* "… AS "name", …" */
};

static void making_table_close(struct making_table *table)
{
    table_plan_close(&table->plan);
    column_names_close(&table->names);
    buf_close(&table->columns);
}

/* Adds `expression` as a column of that name. */
static struct sql_type *add_column(struct making_table *table, const char *name,
                                   const char *expression)
{
    struct buf *columns = &table->columns;

    buf_printf(columns, "%s AS ", expression);
    table->making->request->dialect->put_name(columns, name);
    buf_puts(columns, ", ");
    return &table_plan_add(&table->plan, name, false)->type;
}

static void add_lineage(struct making_table *table, const char *name, enum sql_kind kind,
                        const char *expression)
{
    column_names_take(&table->names, name);
    add_column(table, name, expression)->kind = kind;
}

static void make_child(struct making_table *parent, const char *field_name, const char *list,
                       const struct schema *items);

/* The items of lists in lists. */
static const struct schema *innermost(const struct schema *schema)
{
    while (schema->kind == KIND_LIST)
        schema = &schema->fields[0];
    return schema;
}

static void add_value(struct making_table *table, const char *name, const struct landed *landed)
{
    const struct dialect *dialect = table->making->request->dialect;
    const bool is_objects =
        landed->kind == KIND_LIST && innermost(landed->schema)->kind == KIND_STRUCT;
    AUTO(sql_type) type = {0};
    AUTO(buf) value = {0};

    landed_type(landed, &type);
    if (type.kind == SQL_NULL)
        return;
    if (is_objects) { /* lists of lists of objects */
        landed_put_json(landed, dialect, &value);
        sql_type_close(&type);
        type.kind = SQL_JSON;
    } else if (landed->kind == KIND_TEXT)
        dialect_put_trimmed(dialect, landed->sql, true, &value);
    else
        landed_put_stored(landed, dialect, &value);
    *add_column(table, column_names_take(&table->names, name), value.data) = type;
    type = (struct sql_type){0};
}

/* The members of the struct at `sql` (NULL: the columns of the landing). */
static void add_fields(struct making_table *table, const struct schema *of, const char *sql,
                       const char *prefix)
{
    const struct dialect *dialect = table->making->request->dialect;
    AUTO(column_names) siblings = {0};

    for (size_t i = 0; i < of->field_count; i++) {
        const struct schema *field = &of->fields[i];
        AUTO(landed) landed = {0};
        char *plain = column_name(field->name);
        char *name = column_name_join(prefix, column_names_take(&siblings, plain));

        landed_field(dialect, sql, field, &landed);
        if (field->kind == KIND_STRUCT)
            add_fields(table, field, landed.sql, name);
        else if (field->kind == KIND_LIST && field->fields[0].kind == KIND_STRUCT)
            make_child(table, name, landed.sql, &field->fields[0]);
        else
            add_value(table, name, &landed);
        free(name);
        free(plain);
    }
}

/* Hands the table over to the plans. */
static void finish(struct making_table *table)
{
    struct making *making = table->making;
    struct table_plan *plan = &table->plan;

    plan->table = mem_str(table->name);
    plan->relation =
        mem_fmt("SELECT %s" TABLE_PLACE TABLE_FILE " FROM %s", table->columns.data, table->rows);
    plan->keys = mem_str(making->keys);
    plan->look = mem_str(making->keys);
    plan->key_count = making->key_count;
    *MEM_PUSH(making->plans->items, making->plans->count) = *plan;
    *plan = (struct table_plan){0};
}

/* ---- child tables ---- */

/* Names of child tables keep clear of the other resources' tables. */
static const char *child_name(const struct making_table *parent, const char *field_name)
{
    struct making *making = parent->making;
    char *name = column_name_join(parent->name, field_name);
    const char *taken = column_names_take(&making->tables, name);

    free(name);
    return taken;
}

static char *rows_of_items(const struct making_table *parent, const char *list)
{
    struct buf rows = {0};
    AUTO(buf) lists = {0};

    buf_printf(&lists,
               "(SELECT %s AS riacho__id, " TABLE_PLACE TABLE_FILE
               ", %s AS riacho__list FROM %s) AS riacho__lists",
               parent->id, list, parent->rows);
    buf_puts(&rows, "(SELECT * FROM ");
    SQL_FILL(&rows, parent->making->request->dialect->items, lists.data, TABLE_FILE);
    buf_puts(&rows, " AS riacho__items WHERE riacho__item IS NOT NULL) AS riacho__rows");
    return buf_take(&rows);
}

static char *child_id(const struct dialect *dialect)
{
    struct buf id = {0};

    buf_puts(&id, "concat(riacho__id, '-', ");
    SQL_FILL(&id, dialect->padded, "riacho__index");
    buf_putc(&id, ')');
    return buf_take(&id);
}

static void make_child(struct making_table *parent, const char *field_name, const char *list,
                       const struct schema *items)
{
    const struct dialect *dialect = parent->making->request->dialect;
    char *rows = rows_of_items(parent, list);
    char *id = child_id(dialect);
    AUTO(making_table)
    table = {.making = parent->making,
             .name = child_name(parent, field_name),
             .rows = rows,
             .id = id,
             .plan = {.order = TABLE_PLACE ", " PARENT_ID ", " INDEX}};

    add_lineage(&table, ID, SQL_TEXT, id);
    add_lineage(&table, PARENT_ID, SQL_TEXT, "riacho__id");
    add_lineage(&table, INDEX, SQL_BIGINT, "riacho__index");
    add_fields(&table, items, "riacho__item", NULL);
    finish(&table);
    free(id);
    free(rows);
}

/* ---- the main table ---- */

/* The primary key's values, if the file has them all. */
static char *keys_of(const struct table_request *request, size_t *ret_count)
{
    const struct engine_tables *tables = request->tables;
    struct buf keys = {0};
    bool has_all = tables->primary_keys > 0;

    buf_puts(&keys, "SELECT " TABLE_PLACE_SQL " AS " TABLE_PLACE);
    for (size_t i = 0; i < tables->primary_keys && has_all; i++) {
        AUTO(json_path) path = {0};
        AUTO(landed) landed = {0};
        struct err err;

        if (json_path_parse(&path, tables->primary_key[i], &err) == 0)
            landed_find(request->dialect, request->schema, &path, &landed);
        has_all = landed.kind != KIND_NULL;
        buf_puts(&keys, ", ");
        landed_put(&landed, request->dialect, &keys);
        buf_printf(&keys, " AS " TABLE_KEY "%zu", i);
    }
    buf_puts(&keys, TABLE_FILE_FROM " FROM " TABLE_INPUT);
    *ret_count = has_all ? tables->primary_keys : 0;
    return buf_take(&keys);
}

static char *main_id(const struct dialect *dialect)
{
    struct buf id = {0};

    buf_puts(&id, "concat(" TABLE_RUN ", '-', ");
    SQL_FILL(&id, dialect->padded, SCHEMA_PAGE_COLUMN);
    buf_puts(&id, ", '-', ");
    SQL_FILL(&id, dialect->padded, SCHEMA_INDEX_COLUMN);
    buf_putc(&id, ')');
    return buf_take(&id);
}

/* Puts the last plan, which is the main table's, before its child tables'. */
static void bring_forward(struct table_plans *plans, size_t first)
{
    const struct table_plan last = plans->items[plans->count - 1];

    for (size_t i = plans->count - 1; i > first; i--)
        plans->items[i] = plans->items[i - 1];
    plans->items[first] = last;
}

void table_by_default(const struct table_request *request, struct table_plans *plans)
{
    const struct engine_tables *tables = request->tables;
    struct making making = {.request = request, .plans = plans};
    const size_t first = plans->count;
    char *keys = keys_of(request, &making.key_count);
    char *id = main_id(request->dialect);
    AUTO(making_table)
    table = {.making = &making,
             .name = tables->resource,
             .rows = "(" TABLE_OPEN "SELECT *" TABLE_FILE_FROM ", " TABLE_PLACE_SQL
                     " AS " TABLE_PLACE " FROM " TABLE_INPUT TABLE_CLOSE ") AS riacho__rows",
             .id = id,
             .plan = {.order = TABLE_PLACE}};

    making.keys = keys;
    for (size_t i = 0; i < tables->other_count; i++)
        column_names_take(&making.tables, tables->others[i]);
    column_names_take(&making.tables, tables->resource);
    add_lineage(&table, ID, SQL_TEXT, id);
    add_fields(&table, request->schema, NULL, NULL);
    finish(&table);
    bring_forward(plans, first);
    column_names_close(&making.tables);
    free(id);
    free(keys);
}
