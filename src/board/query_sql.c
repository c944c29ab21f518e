/*
 * Names are quoted and must be columns; values are texts, which DuckDB casts to the type of what they are compared with.
 */
#include "board/query_sql.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

/* ---- columns ---- */

int query_describe(struct query_run *run, const char *relation, struct query_columns *ret_columns,
                   struct err *err)
{
    AUTO(buf) sql = {0};
    AUTO(duck_result) result = {0};

    buf_printf(&sql, "DESCRIBE SELECT * FROM ");
    buf_puts(&sql, relation);
    TRY(duck_query(run->conn, buf_text(&sql), &result, err));
    for (idx_t row = 0; row < duckdb_row_count(&result.result); row++) {
        struct query_column *column = MEM_PUSH(ret_columns->items, ret_columns->count);
        char *name = duck_text(&result, 0, row);
        char *type = duck_text(&result, 1, row);

        *column = (struct query_column){mem_str(name), mem_str(type)};
        duckdb_free(name);
        duckdb_free(type);
    }
    return 0;
}

const struct query_column *query_column_find(const struct query_columns *columns, const char *name)
{
    for (size_t i = 0; name && i < columns->count; i++)
        if (strcasecmp(columns->items[i].name, name) == 0)
            return &columns->items[i];
    return NULL;
}

static int need_column(const struct query_columns *columns, const char *name,
                       const struct query_column **ret_column, struct err *err)
{
    *ret_column = query_column_find(columns, name);
    if (*ret_column == NULL)
        return err_set(err, ERR_USAGE, "there is no column \"%.200s\"", name ? name : "");
    return 0;
}

int query_column_of(yyjson_val *request, const char *member, const struct query_columns *columns,
                    const struct query_column **ret_column, struct err *err)
{
    const char *name = json_str(request, member);

    if (name == NULL)
        return err_set(err, ERR_USAGE, "\"%s\" is missing", member);
    return need_column(columns, name, ret_column, err);
}

bool query_is_number(const char *type)
{
    static const char *const names[] = {"TINYINT", "SMALLINT", "INTEGER",   "BIGINT",
                                        "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
                                        "UBIGINT", "UHUGEINT", "FLOAT",     "DOUBLE"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_same(type, names[i]))
            return true;
    return str_starts(type, "DECIMAL") && !str_ends(type, "[]");
}

bool query_is_time(const char *type)
{
    return (str_starts(type, "TIMESTAMP") || str_same(type, "DATE")) && !str_ends(type, "[]");
}

void query_put_measure(const struct query_column *column, struct buf *to)
{
    if (query_is_time(column->type)) {
        buf_puts(to, "epoch(CAST(");
        sql_put_name(to, column->name);
        buf_puts(to, " AS TIMESTAMP))");
        return;
    }
    buf_puts(to, "CAST(");
    sql_put_name(to, column->name);
    buf_puts(to, " AS DOUBLE)");
}

/* ---- cells ---- */

static bool is_nested(const char *type)
{
    return str_ends(type, "]") || str_starts(type, "STRUCT") || str_starts(type, "MAP") ||
           str_starts(type, "UNION");
}

void query_put_cell(const char *name, const char *type, struct buf *to)
{
    AUTO(buf) text = {0};

    buf_puts(&text, is_nested(type) ? "CAST(to_json(" : "CAST(");
    buf_puts(&text, name);
    buf_puts(&text, is_nested(type) ? ") AS VARCHAR)" : " AS VARCHAR)");
    if (query_is_number(type) || query_is_time(type)) {
        buf_puts(to, buf_text(&text));
        return;
    }
    buf_printf(to, "if(length(");
    buf_puts(to, buf_text(&text));
    buf_printf(to, ") > %d, left(", QUERY_MOST_CELL);
    buf_puts(to, buf_text(&text));
    buf_printf(to, ", %d) || '…', ", QUERY_MOST_CELL);
    buf_puts(to, buf_text(&text));
    buf_putc(to, ')');
}

/* ---- which rows ---- */

static void put_text_of(const struct query_column *column, struct buf *to)
{
    buf_puts(to, "lower(CAST(");
    sql_put_name(to, column->name);
    buf_puts(to, " AS VARCHAR))");
}

static int put_value(yyjson_val *value, struct buf *to, struct err *err)
{
    AUTO(buf) text = {0};

    if (yyjson_is_str(value))
        buf_puts(&text, yyjson_get_str(value));
    else if (yyjson_is_num(value) || yyjson_is_bool(value))
        json_put_value(&text, value);
    else
        return err_set(err, ERR_USAGE, "a filter's \"value\" is a text, a number, true or false");
    sql_put_text(to, buf_text(&text));
    return 0;
}

static int put_list_value(yyjson_val *values, size_t least, size_t most, const char *between,
                          struct buf *to, struct err *err)
{
    size_t i;
    size_t count;
    yyjson_val *value;

    if (!yyjson_is_arr(values) || yyjson_arr_size(values) < least || yyjson_arr_size(values) > most)
        return err_set(err, ERR_USAGE, "a filter's \"value\" is a list of %zu to %zu", least, most);
    yyjson_arr_foreach(values, i, count, value)
    {
        buf_puts(to, i ? between : "");
        TRY(put_value(value, to, err));
    }
    return 0;
}

struct operation {
    const char *name;
    const char *before; /* around the column … */
    const char *middle; /* … and the value */
    const char *after;
    enum { TAKES_NOTHING, TAKES_ONE, TAKES_MANY, TAKES_TWO } takes;
    bool on_text; /* compares the column's text, in lower case */
};

static const struct operation operations[] = {
    {"=", "", " = ", "", TAKES_ONE, false},
    {"!=", "", " IS DISTINCT FROM ", "", TAKES_ONE, false},
    {"<", "", " < ", "", TAKES_ONE, false},
    {"<=", "", " <= ", "", TAKES_ONE, false},
    {">", "", " > ", "", TAKES_ONE, false},
    {">=", "", " >= ", "", TAKES_ONE, false},
    {"contains", "contains(", ", lower(", "))", TAKES_ONE, true},
    {"not_contains", "NOT coalesce(contains(", ", lower(", ")), false)", TAKES_ONE, true},
    {"starts", "starts_with(", ", lower(", "))", TAKES_ONE, true},
    {"is_null", "", " IS NULL", "", TAKES_NOTHING, false},
    {"not_null", "", " IS NOT NULL", "", TAKES_NOTHING, false},
    {"in", "", " IN (", ")", TAKES_MANY, false},
    {"between", "", " BETWEEN ", "", TAKES_TWO, false},
};

static const struct operation *find_operation(const char *name)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (str_same(operations[i].name, name))
            return &operations[i];
    return NULL;
}

static int put_operand(const struct operation *operation, yyjson_val *value, struct buf *to,
                       struct err *err)
{
    if (operation->takes == TAKES_ONE)
        return put_value(value, to, err);
    if (operation->takes == TAKES_MANY)
        return put_list_value(value, 1, 1000, ", ", to, err);
    if (operation->takes == TAKES_TWO)
        return put_list_value(value, 2, 2, " AND ", to, err);
    return 0;
}

static int put_filter(yyjson_val *filter, const struct query_columns *columns, struct buf *to,
                      struct err *err)
{
    const struct operation *operation = find_operation(json_str(filter, "op"));
    const struct query_column *column;

    if (operation == NULL)
        return err_set(err, ERR_USAGE, "a filter's \"op\" is none that is known: \"%.50s\"",
                       json_str(filter, "op") ? json_str(filter, "op") : "");
    TRY(need_column(columns, json_str(filter, "column"), &column, err));
    buf_puts(to, operation->before);
    if (operation->on_text)
        put_text_of(column, to);
    else
        sql_put_name(to, column->name);
    buf_puts(to, operation->middle);
    TRY(put_operand(operation, yyjson_obj_get(filter, "value"), to, err));
    buf_puts(to, operation->after);
    return 0;
}

/* Any column contains it. */
static void put_search(const char *search, const struct query_columns *columns, struct buf *to)
{
    buf_putc(to, '(');
    for (size_t i = 0; i < columns->count; i++) {
        buf_puts(to, i ? " OR contains(" : "contains(");
        put_text_of(&columns->items[i], to);
        buf_puts(to, ", lower(");
        sql_put_text(to, search);
        buf_puts(to, "))");
    }
    buf_puts(to, columns->count ? ")" : "true)");
}

static const char *search_of(yyjson_val *request)
{
    const char *search = json_str(request, "search");

    return search && *search ? search : NULL;
}

int query_put_where(yyjson_val *request, const struct query_columns *columns, struct buf *to,
                    struct err *err)
{
    yyjson_val *filters = yyjson_obj_get(request, "filters");
    const char *search = search_of(request);
    const char *word = " WHERE ";
    size_t i;
    size_t count;
    yyjson_val *filter;

    yyjson_arr_foreach(filters, i, count, filter)
    {
        buf_puts(to, word);
        TRY(put_filter(filter, columns, to, err));
        word = " AND ";
    }
    if (search) {
        buf_puts(to, word);
        put_search(search, columns, to);
    }
    return 0;
}

int query_put_order(yyjson_val *request, const struct query_columns *columns, struct buf *to,
                    struct err *err)
{
    yyjson_val *sort = yyjson_obj_get(request, "sort");
    size_t i;
    size_t count;
    yyjson_val *by;

    yyjson_arr_foreach(sort, i, count, by)
    {
        const struct query_column *column;

        TRY(need_column(columns, json_str(by, "column"), &column, err));
        buf_puts(to, i ? ", " : " ORDER BY ");
        sql_put_name(to, column->name);
        buf_puts(to, json_bool(by, "descending", false) ? " DESC NULLS LAST" : " ASC NULLS LAST");
    }
    return 0;
}

bool query_narrows(yyjson_val *request)
{
    return search_of(request) != NULL || yyjson_arr_size(yyjson_obj_get(request, "filters")) > 0;
}

bool query_orders(yyjson_val *request)
{
    return yyjson_arr_size(yyjson_obj_get(request, "sort")) > 0;
}
