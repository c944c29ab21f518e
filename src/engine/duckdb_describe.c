/*
 * Describing: DuckDB binds the SELECT, and no row is read.
 */
#include "engine/duckdb_describe.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* The user's text by itself is one statement; the message about it is in his own words. */
static int check_statement(struct duck_conn *conn, const char *sql, struct err *err)
{
    duckdb_extracted_statements statements = NULL;
    const idx_t count = duckdb_extract_statements(conn->conn, sql, &statements);
    const char *why = duckdb_extract_statements_error(statements);
    int got = 0;

    if (count == 0)
        got = err_set(err, ERR_SQL, "%.*s", why ? (int)strcspn(why, "\n") : 0, why ? why : "");
    else if (count > 1)
        got = err_set(err, ERR_USAGE, "the SQL has more than one statement");
    duckdb_destroy_extracted(&statements);
    return got;
}

/* ---- types ---- */

static void become(duckdb_logical_type logical, struct sql_type *type);

static void become_other(const char *word, struct sql_type *type)
{
    type->kind = SQL_OTHER;
    type->word = mem_str(word);
}

static void become_list(duckdb_logical_type items, struct sql_type *type)
{
    type->kind = SQL_LIST;
    become(items, sql_type_add(type, NULL));
    duckdb_destroy_logical_type(&items);
}

static void become_struct(duckdb_logical_type logical, struct sql_type *type)
{
    const idx_t count = duckdb_struct_type_child_count(logical);

    type->kind = SQL_STRUCT;
    for (idx_t i = 0; i < count; i++) {
        char *name = duckdb_struct_type_child_name(logical, i);
        duckdb_logical_type field = duckdb_struct_type_child_type(logical, i);

        become(field, sql_type_add(type, name));
        duckdb_destroy_logical_type(&field);
        duckdb_free(name);
    }
}

static void become_decimal(int precision, int scale, struct sql_type *type)
{
    type->kind = SQL_DECIMAL;
    type->precision = precision;
    type->scale = scale;
}

static void become_text(duckdb_logical_type logical, struct sql_type *type)
{
    char *alias = duckdb_logical_type_get_alias(logical);

    type->kind = str_same(alias, "JSON") ? SQL_JSON : SQL_TEXT;
    duckdb_free(alias);
}

/* The type that is stored of what DuckDB gives. */
static void become(duckdb_logical_type logical, struct sql_type *type)
{
    switch (duckdb_get_type_id(logical)) {
    case DUCKDB_TYPE_BOOLEAN:
        type->kind = SQL_BOOLEAN;
        return;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_HUGEINT: /* sum() gives it; beyond int64 the cast fails */
        type->kind = SQL_BIGINT;
        return;
    case DUCKDB_TYPE_UBIGINT:
        become_decimal(20, 0, type);
        return;
    case DUCKDB_TYPE_UHUGEINT:
        become_decimal(38, 0, type);
        return;
    case DUCKDB_TYPE_DECIMAL:
        become_decimal(duckdb_decimal_width(logical), duckdb_decimal_scale(logical), type);
        return;
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
        type->kind = SQL_DOUBLE;
        return;
    case DUCKDB_TYPE_DATE:
        type->kind = SQL_DATE;
        return;
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        type->kind = SQL_TIMESTAMP;
        return;
    case DUCKDB_TYPE_TIME:
        become_other("TIME", type);
        return;
    case DUCKDB_TYPE_BLOB:
        become_other("BLOB", type);
        return;
    case DUCKDB_TYPE_LIST:
        become_list(duckdb_list_type_child_type(logical), type);
        return;
    case DUCKDB_TYPE_ARRAY:
        become_list(duckdb_array_type_child_type(logical), type);
        return;
    case DUCKDB_TYPE_STRUCT:
        become_struct(logical, type);
        return;
    case DUCKDB_TYPE_MAP:
    case DUCKDB_TYPE_UNION:
        type->kind = SQL_JSON;
        return;
    default:
        become_text(logical, type);
    }
}

/* ---- columns ---- */

static void put_column(duckdb_logical_type logical, const struct table_column *column,
                       struct buf *to)
{
    const duckdb_type id = duckdb_get_type_id(logical);
    AUTO(buf) name = {0};
    AUTO(buf) words = {0};

    sql_put_name(&name, column->name);
    sql_type_put_stored(&column->type, &words);
    if (column->type.kind == SQL_NULL)
        buf_puts(to, name.data);
    else if (id == DUCKDB_TYPE_MAP || id == DUCKDB_TYPE_UNION)
        SQL_FILL(to, "CAST(to_json($1) AS VARCHAR) AS $1", name.data);
    else
        SQL_FILL(to, "CAST($1 AS $2) AS $1", name.data, words.data);
}

/* What a SELECT gives, without running it on any row. */
static int describe(struct duck_conn *conn, const struct table_plan *plan, const char *input,
                    const char *untyped, struct duck_result *ret_result, struct err *err)
{
    AUTO(buf) sql = {0};

    buf_puts(&sql, "SELECT * FROM (");
    table_fill(plan->relation, &(struct table_parts){.input = input, .untyped = untyped}, &sql);
    buf_puts(&sql, ") AS riacho__sql LIMIT 0");
    return duck_query(conn, sql.data, ret_result, err);
}

/*
 * DuckDB calls a NULL without a type an INTEGER. A column that is so only because columns of nulls have no
 * type yet is a text when they are texts.
 */
static bool is_untyped(struct duck_result *plain, struct duck_result *probe, idx_t index)
{
    return probe->is_open && duckdb_column_type(&plain->result, index) == DUCKDB_TYPE_INTEGER &&
           duckdb_column_type(&probe->result, index) == DUCKDB_TYPE_VARCHAR;
}

static int add_columns(struct duck_result *plain, struct duck_result *probe,
                       struct table_plan *plan, struct buf *to, struct err *err)
{
    const idx_t count = duckdb_column_count(&plain->result);

    for (idx_t i = 0; i < count; i++) {
        const char *name = duckdb_column_name(&plain->result, i);
        duckdb_logical_type logical = duckdb_column_logical_type(&plain->result, i);
        struct table_column *column;

        if (table_plan_has(plan, name)) {
            duckdb_destroy_logical_type(&logical);
            return err_set(err, ERR_SQL, "the SQL gives two columns \"%s\"", name);
        }
        column = table_plan_add(plan, name, false);
        if (is_untyped(plain, probe, i))
            column->type.kind = SQL_NULL;
        else
            become(logical, &column->type);
        buf_puts(to, i ? ", " : "");
        put_column(logical, column, to);
        duckdb_destroy_logical_type(&logical);
    }
    return 0;
}

int duckdb_describe(struct duck_conn *conn, const char *input, struct table_plan *plan,
                    struct err *err)
{
    AUTO(duck_result) plain = {0};
    AUTO(duck_result) probe = {0};
    AUTO(buf) columns = {0};
    struct err refused;
    char *wrapped;

    TRY(check_statement(conn, plan->user_sql, err));
    TRY(describe(conn, plan, input, "NULL", &plain, err));
    if (strchr(plan->relation, *TABLE_UNTYPED) &&
        describe(conn, plan, input, "CAST(NULL AS VARCHAR)", &probe, &refused) < 0)
        duck_result_close(&probe); /* so it is no text either */
    TRY(add_columns(&plain, &probe, plan, &columns, err));
    wrapped = mem_fmt("SELECT %s FROM (%s) AS riacho__typed", columns.data, plan->relation);
    free(plan->relation);
    plan->relation = wrapped;
    return 0;
}
