/*
 * Plans as such, and those of `columns:`.
 */
#include "engine/table_plan.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/convert.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/banned.h"

void table_plan_close(struct table_plan *plan)
{
    for (size_t i = 0; i < plan->column_count; i++) {
        free(plan->columns[i].name);
        sql_type_close(&plan->columns[i].type);
    }
    free(plan->columns);
    free(plan->table);
    free(plan->relation);
    free(plan->keys);
    free(plan->look);
    for (size_t i = 0; i < plan->key_count && plan->key_columns; i++)
        free(plan->key_columns[i]);
    free(plan->key_columns);
    free(plan->user_sql);
    *plan = (struct table_plan){0};
}

void table_plans_close(struct table_plans *plans)
{
    for (size_t i = 0; i < plans->count; i++)
        table_plan_close(&plans->items[i]);
    free(plans->items);
    *plans = (struct table_plans){0};
}

struct table_column *table_plan_add(struct table_plan *plan, const char *name, bool is_declared)
{
    *MEM_PUSH(plan->columns, plan->column_count) =
        (struct table_column){.name = mem_str(name), .is_declared = is_declared};
    return &plan->columns[plan->column_count - 1];
}

bool table_plan_has(const struct table_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->column_count; i++)
        if (strcasecmp(plan->columns[i].name, name) == 0)
            return true;
    return false;
}

/* What stands for the character; NULL: it stands for itself. */
static const char *part_of(const struct table_parts *parts, char mark)
{
    if (mark == *TABLE_INPUT)
        return parts->input;
    if (mark == *TABLE_RUN)
        return parts->run;
    if (mark == *TABLE_OPEN)
        return parts->filter ? "SELECT * FROM (" : "";
    if (mark == *TABLE_UNTYPED)
        return parts->untyped ? parts->untyped : "NULL";
    if (mark == *TABLE_FILE)
        return parts->file ? ", " TABLE_FILE_COLUMN : "";
    return NULL;
}

static void fill_in(char mark, const struct table_parts *parts, struct buf *to)
{
    const char *part = part_of(parts, mark);

    if (part)
        buf_puts(to, part);
    else if (mark == *TABLE_CLOSE && parts->filter)
        SQL_FILL(to, ") AS riacho__all WHERE $1", parts->filter);
    else if (mark == *TABLE_FILE_FROM && parts->file)
        SQL_FILL(to, ", $1 AS " TABLE_FILE_COLUMN, parts->file);
    else if (mark != *TABLE_CLOSE && mark != *TABLE_FILE_FROM)
        buf_putc(to, mark);
}

void table_fill(const char *text, const struct table_parts *parts, struct buf *to)
{
    for (const char *at = text; *at; at++)
        fill_in(*at, parts, to);
}

static void put_any_key_is_null(const struct table_plan *plan, struct buf *to)
{
    for (size_t i = 0; i < plan->key_count; i++)
        buf_printf(to, "%s" TABLE_KEY "%zu IS NULL", i ? " OR " : "", i);
}

void table_put_filter(const struct table_plan *plan, struct buf *to)
{
    buf_puts(to, TABLE_PLACE " IN (SELECT max(" TABLE_PLACE ") FROM (");
    buf_puts(to, plan->keys);
    buf_puts(to, ") AS riacho__keys GROUP BY ");
    for (size_t i = 0; i < plan->key_count; i++)
        buf_printf(to, TABLE_KEY "%zu, ", i);
    buf_puts(to, "CASE WHEN ");
    put_any_key_is_null(plan, to);
    buf_puts(to, " THEN " TABLE_PLACE " END)");
}

static bool is_wanted(const struct table_request *request, const char *table)
{
    return request->tables->only == NULL || str_same(request->tables->only, table);
}

static void keep_only(struct table_plans *plans, const char *table)
{
    size_t kept = 0;

    for (size_t i = 0; i < plans->count; i++) {
        if (str_same(plans->items[i].table, table))
            plans->items[kept++] = plans->items[i];
        else
            table_plan_close(&plans->items[i]);
    }
    plans->count = kept;
}

static int add_tables(const struct table_request *request, struct table_plans *plans,
                      struct err *err)
{
    for (size_t i = 0; i < request->tables->table_count; i++) {
        const struct table_conf *table = request->tables->tables[i];
        int made = 0;

        if (!is_wanted(request, table->name))
            continue;
        made = table->column_count > 0 ? table_by_columns(request, table, plans, err)
                                       : table_by_sql(request, table, plans, err);
        if (made < 0)
            return err_wrap(err, "table \"%s\"", table->name);
    }
    return 0;
}

int table_plans_make(const struct table_request *request, struct table_plans *ret_plans,
                     struct err *err)
{
    AUTO(table_plans) made = {0};

    if (request->tables->table_count > 0)
        TRY(add_tables(request, &made, err));
    else {
        table_by_default(request, &made);
        if (request->tables->only)
            keep_only(&made, request->tables->only);
    }
    *ret_plans = made;
    made = (struct table_plans){0};
    return 0;
}

/* ---- columns ---- */

/* The two layers of a table's SQL while they are made. */
struct layers {
    struct buf sources; /* "… AS riacho__v0, …" */
    struct buf columns; /* "… AS "name", …" */
};

static void layers_close(struct layers *layers)
{
    buf_close(&layers->sources);
    buf_close(&layers->columns);
}

/* A column that this file has no value of: as typed as the resource's later files know it to be. */
static void put_missing(const struct table_request *request, const struct json_path *path,
                        struct buf *to)
{
    const struct dialect *dialect = request->dialect;
    AUTO(landed) landed = {0};
    AUTO(sql_type) type = {0};
    AUTO(buf) words = {0};

    landed_find(dialect, request->known, path, &landed);
    landed_type(&landed, &type);
    if (type.kind == SQL_NULL) {
        buf_puts(to, "NULL");
        return;
    }
    dialect->put_type(&type, &words);
    SQL_FILL(to, "CAST(NULL AS $1)", words.data);
}

static int add_column(const struct table_request *request, const struct column_conf *column,
                      struct layers *layers, struct table_plan *plan, struct err *err)
{
    const struct dialect *dialect = request->dialect;
    AUTO(json_path) path = {0};
    AUTO(landed) landed = {0};
    AUTO(buf) source = {0};
    struct table_column *made;
    enum form form;

    TRY(json_path_parse(&path, column->path, err));
    landed_find(dialect, request->schema, &path, &landed);
    made = table_plan_add(plan, column->name, column->type != COLUMN_AS_LANDED);
    convert_type(column, &landed, &made->type);
    buf_printf(&source, "riacho__v%zu", plan->column_count);
    form = convert_put_source(dialect, column, &landed, &layers->sources);
    buf_printf(&layers->sources, " AS %s, ", source.data);
    if (made->type.kind == SQL_NULL)
        put_missing(request, &path, &layers->columns);
    else
        convert_put(dialect, column, form, &made->type, source.data, &layers->columns);
    buf_puts(&layers->columns, " AS ");
    dialect->put_name(&layers->columns, column->name);
    buf_puts(&layers->columns, ", ");
    return 0;
}

/* The rows with all columns that `where` lets through. */
static void put_rows(const struct layers *layers, const char *where, struct buf *to)
{
    buf_puts(to, where ? "SELECT * FROM (" : "");
    buf_printf(to, "SELECT %s" TABLE_PLACE_SQL " AS " TABLE_PLACE TABLE_FILE,
               buf_text(&layers->columns));
    buf_printf(to, " FROM (SELECT %s", buf_text(&layers->sources));
    buf_puts(to, SCHEMA_PAGE_COLUMN ", " SCHEMA_INDEX_COLUMN TABLE_FILE_FROM);
    buf_puts(to, " FROM " TABLE_INPUT ") AS riacho__values");
    if (where) /* on lines of its own, as it may end in a comment */
        buf_printf(to, ") AS riacho__columns WHERE (\n%s\n)", where);
}

static char *keys_of(const struct dialect *dialect, const struct table_conf *table,
                     const char *rows)
{
    struct buf keys = {0};

    buf_puts(&keys, "SELECT " TABLE_PLACE TABLE_FILE);
    for (size_t i = 0; i < table->distinct_count; i++) {
        buf_puts(&keys, ", ");
        dialect->put_name(&keys, table->distinct[i]);
        buf_printf(&keys, " AS " TABLE_KEY "%zu", i);
    }
    buf_printf(&keys, " FROM (%s) AS riacho__rows", rows);
    return buf_take(&keys);
}

static char **key_columns_of(const struct dialect *dialect, const struct table_conf *table)
{
    char **columns = mem_alloc((table->distinct_count + 1) * sizeof *columns);

    for (size_t i = 0; i < table->distinct_count; i++) {
        struct buf name = {0};

        dialect->put_name(&name, table->distinct[i]);
        columns[i] = buf_take(&name);
    }
    return columns;
}

static const struct column_conf *column_of(const struct table_conf *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (str_same(table->columns[i].name, name))
            return &table->columns[i];
    return NULL;
}

/* The columns of `distinct` alone, and without `where`. */
static int put_look(const struct table_request *request, const struct table_conf *table,
                    struct buf *to, struct err *err)
{
    AUTO(layers) layers = {0};
    AUTO(table_plan) plan = {0};

    for (size_t i = 0; i < table->distinct_count; i++) {
        const struct column_conf *column = column_of(table, table->distinct[i]);
        struct column_conf lenient;
        char name[32];

        if (column == NULL)
            return err_set(err, ERR_USAGE, "there is no column \"%s\"", table->distinct[i]);
        snprintf(name, sizeof name, TABLE_KEY "%zu", i);
        lenient = *column;
        lenient.name = name;
        lenient.on_error = ON_ERROR_NULL;
        TRY(add_column(request, &lenient, &layers, &plan, err));
    }
    put_rows(&layers, NULL, to);
    return 0;
}

int table_by_columns(const struct table_request *request, const struct table_conf *table,
                     struct table_plans *plans, struct err *err)
{
    AUTO(table_plan) made = {.table = mem_str(table->name), .order = TABLE_PLACE};
    AUTO(layers) layers = {0};
    AUTO(buf) rows = {0};
    AUTO(buf) look = {0};

    for (size_t i = 0; i < table->column_count; i++)
        TRY(add_column(request, &table->columns[i], &layers, &made, err));
    put_rows(&layers, table->where, &rows);
    TRY(put_look(request, table, &look, err));
    made.keys = keys_of(request->dialect, table, rows.data);
    made.look = buf_take(&look);
    made.key_count = table->distinct_count;
    made.key_columns = key_columns_of(request->dialect, table);
    made.relation = mem_fmt(TABLE_OPEN "%s" TABLE_CLOSE, rows.data);
    *MEM_PUSH(plans->items, plans->count) = made;
    made = (struct table_plan){0};
    return 0;
}
