/*
 * DuckDB counts; what comes out is small.
 */
#include "board/query_measures.h"

#include "base/mem.h"
#include "base/str.h"
#include "board/query_sql.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define MOST_TOP_DISTINCT 1000000 /* beyond it the most frequent values are not counted */
#define MOST_CHART_COLUMNS 4
#define MAP_CELLS_ACROSS 70

static int read_bins(yyjson_val *request, int64_t most, int64_t otherwise, int64_t *ret_bins,
                     struct err *err)
{
    *ret_bins = json_int(request, "bins", otherwise);
    if (*ret_bins < 1 || *ret_bins > most)
        return err_set(err, ERR_USAGE, "\"bins\" is between 1 and %" PRId64, most);
    return 0;
}

/* ---- profile ---- */

/* Adds the first row's values to the object, by the columns' names: numbers as such, others as text. */
static void put_row_as_members(struct duck_result *result, struct json_out *out, yyjson_mut_val *to,
                               idx_t row)
{
    const idx_t count = duckdb_column_count(&result->result);

    for (idx_t i = 0; i < count; i++) {
        const char *name = duckdb_column_name(&result->result, i);
        const duckdb_type type = duckdb_column_type(&result->result, i);
        yyjson_mut_val *key = yyjson_mut_strcpy(out->doc, name);
        yyjson_mut_val *value = yyjson_mut_null(out->doc);

        if (duckdb_value_is_null(&result->result, i, row)) {
        } else if (type == DUCKDB_TYPE_BIGINT)
            value = yyjson_mut_sint(out->doc, duckdb_value_int64(&result->result, i, row));
        else if (type == DUCKDB_TYPE_DOUBLE &&
                 isfinite(duckdb_value_double(&result->result, i, row)))
            value = yyjson_mut_real(out->doc, duckdb_value_double(&result->result, i, row));
        else {
            char *text = duck_text(result, i, row);

            value = yyjson_mut_strcpy(out->doc, text ? text : "");
            duckdb_free(text);
        }
        yyjson_mut_obj_add(to, key, value);
    }
}

static void put_list_of_rows(struct duck_result *result, struct json_out *out, yyjson_mut_val *list)
{
    for (idx_t row = 0; row < duckdb_row_count(&result->result); row++)
        put_row_as_members(result, out, yyjson_mut_arr_add_obj(out->doc, list), row);
}

/* A value as it is shown: a number stays one, a time is text. */
static void put_shown(const struct query_column *column, const char *expression, const char *name,
                      struct buf *to)
{
    if (query_is_number(column->type))
        buf_printf(to, ", CAST(%s AS DOUBLE) AS %s", expression, name);
    else
        buf_printf(to, ", left(CAST(%s AS VARCHAR), 200) AS %s", expression, name);
}

static void put_profile_sql(const struct query_column *column, const char *relation, struct buf *to)
{
    const bool is_measured = query_is_number(column->type) || query_is_time(column->type);
    AUTO(buf) name = {0};
    AUTO(buf) least = {0};
    AUTO(buf) most = {0};

    sql_put_name(&name, column->name);
    buf_printf(&least, "min(%s)", buf_text(&name));
    buf_printf(&most, "max(%s)", buf_text(&name));
    buf_printf(to,
               "SELECT count(*) AS rows, count(*) - count(%s) AS nulls,"
               " approx_count_distinct(%s) AS \"distinct\"",
               buf_text(&name), buf_text(&name));
    put_shown(column, buf_text(&least), "min", to);
    put_shown(column, buf_text(&most), "max", to);
    if (is_measured) {
        static const char *const quantiles[][2] = {{"0.25", "q25"},
                                                   {"0.5", "q50"},
                                                   {"0.75", "q75"}};

        buf_puts(to, ", avg(");
        query_put_measure(column, to);
        buf_puts(to, ") AS mean");
        for (size_t i = 0; i < 3; i++) {
            buf_puts(to, ", approx_quantile(");
            query_put_measure(column, to);
            buf_printf(to, ", %s) AS %s", quantiles[i][0], quantiles[i][1]);
        }
    } else
        buf_puts(to, ", CAST(NULL AS DOUBLE) AS mean, CAST(NULL AS DOUBLE) AS q25,"
                     " CAST(NULL AS DOUBLE) AS q50, CAST(NULL AS DOUBLE) AS q75");
    buf_printf(to, " FROM %s", relation);
}

/* Bins of the same width between least and greatest; values that are not finite are left out. */
static void put_histogram_sql(const struct query_column *column, const char *relation, int64_t bins,
                              struct buf *to)
{
    AUTO(buf) measure = {0};

    query_put_measure(column, &measure);
    buf_printf(to,
               "WITH v AS (SELECT %s AS v FROM %s), f AS (SELECT v FROM v WHERE isfinite(v)),"
               " b AS (SELECT min(v) AS lo, max(v) AS hi FROM f),",
               buf_text(&measure), relation);
    buf_printf(to,
               " c AS (SELECT least(CAST(floor((v - lo) / nullif(hi - lo, 0) * %" PRId64
               ") AS BIGINT), %" PRId64 ") AS i, count(*) AS n FROM f, b GROUP BY 1)"
               " SELECT lo + (hi - lo) * i / %" PRId64 " AS \"from\","
               " lo + (hi - lo) * (i + 1) / %" PRId64 " AS \"to\", coalesce(n, 0) AS count"
               " FROM b, (SELECT unnest(range(%" PRId64 ")) AS i) LEFT JOIN c USING (i)"
               " WHERE hi > lo ORDER BY i",
               bins, bins - 1, bins, bins, bins);
}

static int put_histogram(struct query_run *run, const struct query_column *column,
                         const char *relation, int64_t bins, struct json_out *out, struct err *err)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(out->doc);
    AUTO(duck_result) result = {0};
    AUTO(buf) sql = {0};

    if (!query_is_number(column->type) && !query_is_time(column->type)) {
        yyjson_mut_obj_add_null(out->doc, root, "histogram");
        return 0;
    }
    put_histogram_sql(column, relation, bins, &sql);
    TRY(duck_query(run->conn, buf_text(&sql), &result, err));
    put_list_of_rows(&result, out, yyjson_mut_obj_add_arr(out->doc, root, "histogram"));
    return 0;
}

static int put_top(struct query_run *run, const struct query_column *column, const char *relation,
                   struct json_out *out, struct err *err)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(out->doc);
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(out->doc, root, "top");
    AUTO(duck_result) result = {0};
    AUTO(buf) name = {0};
    AUTO(buf) sql = {0};

    if (yyjson_mut_get_sint(yyjson_mut_obj_get(root, "distinct")) > MOST_TOP_DISTINCT)
        return 0;
    sql_put_name(&name, column->name);
    buf_printf(&sql,
               "SELECT left(CAST(v AS VARCHAR), 200) AS value, n AS count FROM (SELECT %s AS v,"
               " count(*) AS n FROM %s WHERE v IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10)"
               " ORDER BY n DESC, v",
               buf_text(&name), relation);
    TRY(duck_query(run->conn, buf_text(&sql), &result, err));
    put_list_of_rows(&result, out, list);
    return 0;
}

int query_run_profile(struct query_run *run, struct err *err)
{
    AUTO(query_columns) columns = {0};
    AUTO(duck_result) result = {0};
    AUTO(json_out) out = {0};
    yyjson_mut_val *root = json_out_open(&out);
    AUTO(buf) relation = {0};
    AUTO(buf) sql = {0};
    const struct query_column *column;
    int64_t bins;

    TRY(read_bins(run->request, 100, 24, &bins, err));
    TRY(query_read_relation(run, &columns, &relation, err));
    TRY(query_column_of(run->request, "column", &columns, &column, err));
    put_profile_sql(column, buf_text(&relation), &sql);
    TRY(duck_query(run->conn, buf_text(&sql), &result, err));
    yyjson_mut_obj_add_strcpy(out.doc, root, "name", column->name);
    yyjson_mut_obj_add_strcpy(out.doc, root, "type", column->type);
    put_row_as_members(&result, &out, root, 0);
    query_tell_result(run, &out);
    TRY(put_histogram(run, column, buf_text(&relation), bins, &out, err));
    TRY(put_top(run, column, buf_text(&relation), &out, err));
    query_tell_result(run, &out);
    return 0;
}

/* ---- chart ---- */

struct chart {
    struct query_columns columns; /* of the relation */
    struct buf relation;
    const struct query_column *x;
    const struct query_column *y[MOST_CHART_COLUMNS];
    size_t y_count;
    int64_t bins;
};

static void chart_close(struct chart *chart)
{
    query_columns_close(&chart->columns);
    buf_close(&chart->relation);
}

static int read_measured(const struct chart *chart, const char *name,
                         const struct query_column **ret_column, struct err *err)
{
    *ret_column = query_column_find(&chart->columns, name);
    if (*ret_column == NULL)
        return err_set(err, ERR_USAGE, "there is no column \"%.200s\"", name ? name : "");
    if (!query_is_number((*ret_column)->type))
        return err_set(err, ERR_USAGE, "the column \"%.200s\" is no number", name);
    return 0;
}

static int read_chart(struct query_run *run, struct chart *chart, struct err *err)
{
    yyjson_val *y = yyjson_obj_get(run->request, "y");
    size_t i;
    size_t count;
    yyjson_val *name;

    TRY(read_bins(run->request, 2000, 400, &chart->bins, err));
    TRY(query_read_relation(run, &chart->columns, &chart->relation, err));
    TRY(query_column_of(run->request, "x", &chart->columns, &chart->x, err));
    if (yyjson_arr_size(y) > MOST_CHART_COLUMNS)
        return err_set(err, ERR_USAGE, "\"y\" has at most %d columns", MOST_CHART_COLUMNS);
    yyjson_arr_foreach(y, i, count, name)
        TRY(read_measured(chart, yyjson_get_str(name), &chart->y[chart->y_count++], err));
    return 0;
}

static void add_column(struct query_columns *columns, const char *name, const char *what,
                       const char *type)
{
    *MEM_PUSH(columns->items, columns->count) =
        (struct query_column){mem_fmt("%s%s", name, what), mem_str(type)};
}

static void tell_chart_columns(struct query_run *run, const struct chart *chart)
{
    const bool is_measured = query_is_number(chart->x->type) || query_is_time(chart->x->type);
    AUTO(query_columns) columns = {0};

    add_column(&columns, chart->x->name, "", is_measured ? chart->x->type : "VARCHAR");
    add_column(&columns, "count", "", "BIGINT");
    for (size_t i = 0; i < chart->y_count; i++) {
        add_column(&columns, chart->y[i]->name, "_min", "DOUBLE");
        add_column(&columns, chart->y[i]->name, "_avg", "DOUBLE");
        add_column(&columns, chart->y[i]->name, "_max", "DOUBLE");
    }
    query_tell_columns(run, &columns);
}

static void put_measures(const struct chart *chart, struct buf *to)
{
    static const char *const functions[] = {"min", "avg", "max"};

    for (size_t i = 0; i < chart->y_count; i++)
        for (size_t k = 0; k < 3; k++)
            buf_printf(to, ", CAST(%s(y%zu) AS VARCHAR)", functions[k], i);
}

static void put_chart_values(const struct chart *chart, struct buf *to)
{
    for (size_t i = 0; i < chart->y_count; i++) {
        buf_puts(to, ", ");
        query_put_measure(chart->y[i], to);
        buf_printf(to, " AS y%zu", i);
    }
    buf_printf(to, " FROM %s)", buf_text(&chart->relation));
}

/* x in bins of the same width; a bin's x is where it begins. */
static void put_binned_sql(const struct chart *chart, struct buf *to)
{
    const bool is_time = query_is_time(chart->x->type);

    buf_puts(to, "WITH v AS (SELECT ");
    query_put_measure(chart->x, to);
    buf_puts(to, " AS x");
    put_chart_values(chart, to);
    buf_printf(to,
               ", b AS (SELECT min(x) AS lo, max(x) AS hi FROM v WHERE isfinite(x)),"
               " i AS (SELECT coalesce(least(floor((x - lo) / nullif(hi - lo, 0) * %" PRId64
               "), %" PRId64 "), 0) AS i, v.*, lo, hi FROM v, b WHERE isfinite(x))",
               chart->bins, chart->bins - 1);
    buf_printf(to,
               is_time
                   ? " SELECT CAST(make_timestamp(CAST((any_value(lo) + (any_value(hi) -"
                     " any_value(lo)) * i / %" PRId64 ") * 1e6 AS BIGINT)) AS VARCHAR)"
                   : " SELECT CAST(any_value(lo) + (any_value(hi) - any_value(lo)) * i / %" PRId64
                     " AS VARCHAR)",
               chart->bins);
    buf_puts(to, ", CAST(count(*) AS VARCHAR)");
    put_measures(chart, to);
    buf_puts(to, " FROM i GROUP BY i ORDER BY i");
}

static void put_grouped_sql(const struct chart *chart, struct buf *to)
{
    buf_puts(to, "WITH v AS (SELECT left(CAST(");
    sql_put_name(to, chart->x->name);
    buf_puts(to, " AS VARCHAR), 200) AS x");
    put_chart_values(chart, to);
    buf_puts(to, " SELECT x, CAST(count(*) AS VARCHAR)");
    put_measures(chart, to);
    buf_puts(to, " FROM v GROUP BY x ORDER BY count(*) DESC, x LIMIT 50");
}

int query_run_chart(struct query_run *run, struct err *err)
{
    AUTO(chart) chart = {0};
    AUTO(buf) sql = {0};

    TRY(read_chart(run, &chart, err));
    tell_chart_columns(run, &chart);
    if (query_is_number(chart.x->type) || query_is_time(chart.x->type))
        put_binned_sql(&chart, &sql);
    else
        put_grouped_sql(&chart, &sql);
    return query_tell_rows(run, buf_text(&sql), INT64_MAX, err);
}

/* ---- map ---- */

struct map {
    struct query_columns columns;
    struct buf relation;
    struct buf points; /* (SELECT lon, lat FROM …) */
    double cell;       /* degrees */
};

static void map_close(struct map *map)
{
    query_columns_close(&map->columns);
    buf_close(&map->relation);
    buf_close(&map->points);
}

static int put_box(yyjson_val *box, struct buf *to, struct err *err)
{
    double side[4];

    if (box == NULL || yyjson_is_null(box))
        return 0;
    if (yyjson_arr_size(box) != 4)
        return err_set(err, ERR_USAGE, "\"box\" is [west, south, east, north]");
    for (size_t i = 0; i < 4; i++)
        side[i] = yyjson_get_num(yyjson_arr_get(box, i));
    buf_printf(to, " AND lon BETWEEN %.9g AND %.9g AND lat BETWEEN %.9g AND %.9g", side[0], side[2],
               side[1], side[3]);
    return 0;
}

static int read_map(struct query_run *run, struct map *map, struct err *err)
{
    const struct query_column *longitude;
    const struct query_column *latitude;

    TRY(query_read_relation(run, &map->columns, &map->relation, err));
    TRY(query_column_of(run->request, "longitude", &map->columns, &longitude, err));
    TRY(query_column_of(run->request, "latitude", &map->columns, &latitude, err));
    buf_puts(&map->points, "(SELECT lon, lat FROM (SELECT TRY_CAST(");
    sql_put_name(&map->points, longitude->name);
    buf_puts(&map->points, " AS DOUBLE) AS lon, TRY_CAST(");
    sql_put_name(&map->points, latitude->name);
    buf_printf(&map->points,
               " AS DOUBLE) AS lat FROM %s) WHERE lon BETWEEN -180 AND 180"
               " AND lat BETWEEN -90 AND 90",
               buf_text(&map->relation));
    TRY(put_box(yyjson_obj_get(run->request, "box"), &map->points, err));
    buf_putc(&map->points, ')');
    return 0;
}

/* So wide that the points fill some 70 cells across, in steps of 1, 2 and 5. */
static double round_cell(double width)
{
    double cell = 0.01;

    for (int i = 0; cell < width && cell < 10; i++)
        cell *= i % 3 == 1 ? 2.5 : 2;
    return cell;
}

static int choose_cell(struct query_run *run, struct map *map, struct err *err)
{
    yyjson_val *given = yyjson_obj_get(run->request, "cells");
    AUTO(duck_result) result = {0};
    AUTO(buf) sql = {0};
    double width;

    if (yyjson_is_num(given)) {
        map->cell = yyjson_get_num(given);
        if (map->cell >= 0.01 && map->cell <= 10)
            return 0;
        return err_set(err, ERR_USAGE, "\"cells\" is between 0.01 and 10 degrees");
    }
    buf_printf(&sql,
               "SELECT coalesce(greatest(max(lon) - min(lon), max(lat) - min(lat)), 0) FROM %s",
               buf_text(&map->points));
    TRY(duck_query(run->conn, buf_text(&sql), &result, err));
    width = duckdb_value_double(&result.result, 0, 0);
    map->cell = round_cell(width / MAP_CELLS_ACROSS);
    return 0;
}

static void tell_cell(struct query_run *run, double cell)
{
    AUTO(query_columns) columns = {0};
    AUTO(json_out) out = {0};
    yyjson_mut_val *root = json_out_open(&out);

    add_column(&columns, "west", "", "DOUBLE");
    add_column(&columns, "south", "", "DOUBLE");
    add_column(&columns, "count", "", "BIGINT");
    query_tell_columns(run, &columns);
    yyjson_mut_obj_add_real(out.doc, root, "cell", cell);
    query_tell_result(run, &out);
}

int query_run_map(struct query_run *run, struct err *err)
{
    AUTO(map) map = {0};
    AUTO(buf) sql = {0};

    TRY(read_map(run, &map, err));
    TRY(choose_cell(run, &map, err));
    tell_cell(run, map.cell);
    buf_printf(&sql,
               "SELECT CAST(round(x * %.9g, 6) AS VARCHAR), CAST(round(y * %.9g, 6) AS VARCHAR),"
               " CAST(n AS VARCHAR) FROM (SELECT floor(lon / %.9g) AS x, floor(lat / %.9g) AS y,"
               " count(*) AS n FROM ",
               map.cell, map.cell, map.cell, map.cell);
    buf_puts(&sql, buf_text(&map.points));
    buf_puts(&sql, " GROUP BY 1, 2) ORDER BY n DESC");
    return query_tell_rows(run, buf_text(&sql), 100000, err);
}
