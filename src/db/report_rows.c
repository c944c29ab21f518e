/*
 * Rows to JSON.
 */
#include "db/report_rows.h"

#include "base/clock.h"
#include "base/str.h"
#include "db/recover.h"

#include <string.h>

#include "base/banned.h"

static yyjson_mut_val *time_value(yyjson_mut_doc *doc, int64_t ms)
{
    char text[CLOCK_TEXT];

    return yyjson_mut_strcpy(doc, clock_iso8601(ms, text));
}

static yyjson_mut_val *text_value(yyjson_mut_doc *doc, const struct lite_rows *rows, int column)
{
    AUTO(buf) text = {0};

    /* What came from a broker may be any bytes. */
    json_put_utf8(&text, lite_col_text(rows, column), lite_col_size(rows, column));
    return yyjson_mut_strncpy(doc, buf_text(&text), text.size);
}

/* JSON that we stored; what is none after all is shown as text. */
static yyjson_mut_val *json_value(yyjson_mut_doc *doc, const struct lite_rows *rows, int column)
{
    AUTO(json) json = {0};
    struct err ignored = {0};

    if (json_parse(&json, lite_col_text(rows, column), lite_col_size(rows, column), &ignored) < 0)
        return text_value(doc, rows, column);
    return yyjson_val_mut_copy(doc, json_root(&json));
}

static yyjson_mut_val *value_of(yyjson_mut_doc *doc, const struct lite_rows *rows, int column,
                                const char *kind)
{
    if (lite_col_is_null(rows, column))
        return yyjson_mut_null(doc);
    if (str_same(kind, ":time"))
        return time_value(doc, lite_col_int(rows, column));
    if (str_same(kind, ":json"))
        return json_value(doc, rows, column);
    if (str_same(kind, ":bool"))
        return yyjson_mut_bool(doc, lite_col_int(rows, column) != 0);
    switch (lite_col_kind(rows, column)) {
    case LITE_INT:
        return yyjson_mut_sint(doc, lite_col_int(rows, column));
    case LITE_REAL:
        return yyjson_mut_real(doc, lite_col_real(rows, column));
    default:
        return text_value(doc, rows, column);
    }
}

static void put_row(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct lite_rows *rows)
{
    for (int i = 0; i < lite_col_count(rows); i++) {
        const char *name = lite_col_name(rows, i);
        const char *kind = strchr(name, ':');
        const size_t size = kind ? (size_t)(kind - name) : strlen(name);

        yyjson_mut_obj_add(object, yyjson_mut_strncpy(doc, name, size),
                           value_of(doc, rows, i, kind));
    }
}

int report_put_list(struct journal *journal, yyjson_mut_doc *doc, yyjson_mut_val *into,
                    const char *name, const char *sql, const struct lite_value *values,
                    struct err *err)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, into, name);
    AUTO(lite_rows) rows = {0};
    int got;

    TRY(lite_query(&journal->lite, sql, values, &rows, err));
    while ((got = lite_next(&rows, err)) > 0)
        put_row(doc, yyjson_mut_arr_add_obj(doc, list), &rows);
    return got;
}

int report_put_members(struct journal *journal, yyjson_mut_doc *doc, yyjson_mut_val *into,
                       const char *sql, const struct lite_value *values, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got = lite_first(&journal->lite, sql, values, &rows, err);

    if (got == 1)
        put_row(doc, into, &rows);
    return got;
}

void report_correct_runs(struct journal *journal, yyjson_mut_doc *doc, yyjson_mut_val *runs)
{
    yyjson_mut_val *run;
    size_t i;
    size_t count;

    yyjson_mut_arr_foreach(runs, i, count, run)
    {
        const char *status = yyjson_mut_get_str(yyjson_mut_obj_get(run, "status"));
        yyjson_mut_val *process = yyjson_mut_obj_remove_key(run, "process");

        if (str_same(status, "running") &&
            !str_same(yyjson_mut_get_str(process), journal->process) &&
            !journal_is_alive(journal, yyjson_mut_get_str(process)))
            yyjson_mut_obj_put(run, yyjson_mut_str(doc, "status"), yyjson_mut_str(doc, "killed"));
    }
}
