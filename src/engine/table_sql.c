/*
 * Plans of `sql:`: the user's SELECT over a view of the landed file under the resource's name.
 */
#include "base/mem.h"
#include "base/str.h"
#include "engine/table_plan.h"
#include "engine/user_sql.h"

#include <stdlib.h>

#include "base/banned.h"

/*
 * What the file's schema becomes with what later files know besides: members that it lacks, and types
 * where it has nothing but nulls. What it has keeps its type.
 */
static void add_known(struct schema *schema, const struct schema *known)
{
    if (schema->kind != known->kind)
        return;
    for (size_t i = 0; i < known->field_count; i++) {
        const struct schema *field = &known->fields[i];
        struct schema *own = schema->kind == KIND_LIST
                                 ? &schema->fields[0]
                                 : schema_field(schema, field->key, field->key_size, false);

        if (own == NULL)
            schema_copy(field, MEM_PUSH(schema->fields, schema->field_count));
        else if (own->kind == KIND_NULL) {
            schema_close(own);
            schema_copy(field, own);
        } else
            add_known(own, field);
    }
}

static void put_column(const struct dialect *dialect, const struct schema *own,
                       const struct schema *wanted, struct buf *to)
{
    AUTO(buf) type = {0};
    AUTO(buf) name = {0};

    dialect->put_name(&name, wanted->name);
    if (wanted->kind == KIND_NULL) {
        SQL_FILL(to, TABLE_UNTYPED " AS $1", name.data);
        return;
    }
    if (own && schema_same(own, wanted)) {
        buf_puts(to, name.data);
        return;
    }
    if (own && dialect->put_shaped) {
        dialect->put_shaped(own, wanted, name.data, to);
        buf_printf(to, " AS %s", name.data);
        return;
    }
    dialect->put_landed(wanted, &type);
    SQL_FILL(to, "CAST($1 AS $2) AS $3", own ? name.data : "NULL", type.data, name.data);
}

static void put_view(const struct table_request *request, struct buf *to)
{
    const struct schema *schema = request->schema;
    AUTO(schema) wanted = {0};

    schema_copy(schema, &wanted);
    if (wanted.kind == KIND_NULL)
        wanted.kind = KIND_STRUCT;
    add_known(&wanted, request->known);
    buf_puts(to, "SELECT ");
    for (size_t i = 0; i < wanted.field_count; i++) {
        const struct schema *own = i < schema->field_count ? &schema->fields[i] : NULL;

        put_column(request->dialect, own, &wanted.fields[i], to);
        buf_puts(to, ", ");
    }
    buf_puts(to, SCHEMA_PAGE_COLUMN ", " SCHEMA_INDEX_COLUMN " FROM " TABLE_INPUT);
}

int table_by_sql(const struct table_request *request, const struct table_conf *table,
                 struct table_plans *plans, struct err *err)
{
    const bool is_spark = str_same(request->dialect->name, "spark");
    const char *text = is_spark ? table->sql_spark : table->sql_duckdb;
    AUTO(table_plan) made = {.table = mem_str(table->name), .is_user_sql = true};
    AUTO(buf) view = {0};
    AUTO(buf) name = {0};

    if (text == NULL) {
        err_set(err, ERR_USAGE, "there is no SQL for the engine \"%s\"", request->dialect->name);
        return err_hint(err, "Say both: sql: {duckdb: …, spark: …}.");
    }
    TRY(user_sql_read(text, &made.user_sql, err));
    put_view(request, &view);
    request->dialect->put_name(&name, request->tables->resource);
    /* On lines of its own, as it may end in a comment. */
    made.relation = mem_fmt("WITH %s AS (%s) SELECT * FROM (\n%s\n) AS riacho__sql", name.data,
                            view.data, made.user_sql);
    *MEM_PUSH(plans->items, plans->count) = made;
    made = (struct table_plan){0};
    return 0;
}
