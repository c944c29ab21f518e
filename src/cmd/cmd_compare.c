/*
 * riacho compare: what differs between the engines, for people and for programs.
 */
#include "cmd/cmd_compare.h"

#include "base/mem.h"
#include "base/str.h"
#include "cmd/show.h"
#include "cmd/table.h"
#include "river/compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define EXIT_DIFFER 3

const struct cmd_option compare_options[] = {
    {"rows", 0, "N",
     "The sample of each resource: its newest files, until they have N rows (100000)."},
    {"table", 0, "NAME", "Only this table."},
    {"limit", 0, "N", "How many differences are shown (20)."},
    {"remote", 0, "URL",
     "The Spark Connect server, sc://host:15002, in place of transform.remote or SPARK_REMOTE."},
    {NULL, 0, NULL, NULL},
};

/* ---- for people ---- */

static const char *text_of(yyjson_mut_val *object, const char *key)
{
    return yyjson_mut_get_str(yyjson_mut_obj_get(object, key));
}

static int64_t count_of(yyjson_mut_val *object, const char *key)
{
    return yyjson_mut_get_sint(yyjson_mut_obj_get(object, key));
}

static void add_count(struct table *table, int64_t count)
{
    char figure[32];

    table_add(table, str_of_count((uint64_t)count, figure, sizeof figure));
}

/* "place (2), mag (1)": columns with their rows. */
static void put_columns(yyjson_mut_val *columns, struct buf *to)
{
    yyjson_mut_val *name;
    yyjson_mut_val *rows;
    size_t index;
    size_t count;

    yyjson_mut_obj_foreach(columns, index, count, name, rows)
        buf_printf(to, "%s%s (%" PRId64 ")", index ? ", " : "", yyjson_mut_get_str(name),
                   yyjson_mut_get_sint(rows));
}

static void put_tables(yyjson_mut_val *tables, struct buf *to)
{
    static const char *const heads[] = {"table",          ">files",       ">rows on duckdb",
                                        ">rows on spark", ">only duckdb", ">only spark",
                                        ">differ",        "in columns",   NULL};
    AUTO(table) table = {0};
    yyjson_mut_val *row;
    size_t index;
    size_t count;

    if (yyjson_mut_arr_size(tables) == 0)
        return;
    table_open(&table, heads);
    yyjson_mut_arr_foreach(tables, index, count, row)
    {
        AUTO(buf) columns = {0};

        table_add(&table, text_of(row, "table"));
        add_count(&table, count_of(row, "files"));
        add_count(&table, count_of(yyjson_mut_obj_get(row, "rows"), "duckdb"));
        add_count(&table, count_of(yyjson_mut_obj_get(row, "rows"), "spark"));
        add_count(&table, count_of(yyjson_mut_obj_get(row, "only"), "duckdb"));
        add_count(&table, count_of(yyjson_mut_obj_get(row, "only"), "spark"));
        add_count(&table, count_of(row, "differ"));
        put_columns(yyjson_mut_obj_get(row, "columns"), &columns);
        table_add(&table, columns.size ? columns.data : NULL);
    }
    table_put(&table, to);
}

/* What stands under an engine's name: its value, or whether it has the row. */
static void add_side(struct table *table, yyjson_mut_val *row, const char *engine)
{
    const char *kind = text_of(row, "kind");
    const char *only = text_of(row, "only");
    const char *value = text_of(row, engine);

    if (only && !str_same(only, engine))
        table_add(table, "(not there)");
    else if (str_same(kind, "row"))
        table_add(table, "(the row)");
    else if (value == NULL)
        table_add(table, "null");
    else if (str_same(kind, "value"))
        table_addf(table, "\"%s\"", value);
    else
        table_add(table, value);
}

static void put_differences(yyjson_mut_val *differences, struct buf *to)
{
    static const char *const heads[] = {"table", "file", "row", "column", "duckdb", "spark", NULL};
    AUTO(table) table = {0};
    yyjson_mut_val *row;
    size_t index;
    size_t count;

    if (yyjson_mut_arr_size(differences) == 0)
        return;
    table_open(&table, heads);
    yyjson_mut_arr_foreach(differences, index, count, row)
    {
        table_add(&table, text_of(row, "table"));
        table_add(&table, text_of(row, "file"));
        table_add(&table, text_of(row, "row"));
        table_add(&table, text_of(row, "column"));
        add_side(&table, row, "duckdb");
        add_side(&table, row, "spark");
    }
    buf_putc(to, '\n');
    table_put(&table, to);
}

/* Not in a table: the reason is to be read whole. */
static void put_failures(yyjson_mut_val *failures, struct buf *to)
{
    yyjson_mut_val *row;
    size_t index;
    size_t count;

    yyjson_mut_arr_foreach(failures, index, count, row)
        buf_printf(to, "%s%s refuses \"%s\": %s\n", index ? "" : "\n", text_of(row, "engine"),
                   text_of(row, "file"), text_of(row, "error"));
}

static void print_report(yyjson_mut_val *root, bool is_same)
{
    AUTO(buf) text = {0};
    const int64_t files = count_of(root, "files");
    char rows[32];

    put_tables(yyjson_mut_obj_get(root, "tables"), &text);
    put_differences(yyjson_mut_obj_get(root, "differences"), &text);
    put_failures(yyjson_mut_obj_get(root, "failures"), &text);
    buf_printf(&text, "%sthe engines %s, over %" PRId64 " landed file%s with %s rows\n",
               text.size ? "\n" : "", is_same ? "give the same rows" : "differ", files,
               str_plural(files),
               str_of_count((uint64_t)count_of(root, "landed_rows"), rows, sizeof rows));
    fputs(buf_text(&text), stdout);
}

/* ---- the command ---- */

static int read_count(const struct cmd_line *line, const char *option, int64_t least, int64_t most,
                      int64_t standard, int64_t *ret_count, struct err *err)
{
    const char *text = cmd_value(line, option);

    *ret_count = standard;
    if (text && str_to_int(text, least, most, ret_count, err) < 0)
        return err_wrap(err, "--%s", option);
    return 0;
}

/* Which server: what was said last and nearest counts. */
static int choose_remote(struct river *river, const struct cmd_line *line, struct err *err)
{
    struct transform_conf *transform = &river->conf.transform;
    const char *given = cmd_value(line, "remote");

    if (given == NULL && transform->remote == NULL)
        given = getenv("SPARK_REMOTE");
    if (given) {
        free(transform->remote);
        transform->remote = mem_str(given);
    }
    if (transform->remote)
        return 0;
    err_set(err, ERR_USAGE, "there is no Spark server to compare with");
    return err_hint(err, "Say where it is: transform.remote in the pipeline file, --remote "
                         "sc://host:15002, or SPARK_REMOTE in the environment.");
}

int cmd_compare(const struct cmd_line *line, struct err *err)
{
    AUTO(river) river = {0};
    AUTO(json_out) report = {0};
    yyjson_mut_val *root = json_out_open(&report);
    struct compare_conf conf = {.table = cmd_value(line, "table")};
    int64_t limit;
    bool is_same = false;

    TRY(read_count(line, "rows", 1, INT64_MAX, 100000, &conf.rows, err));
    TRY(read_count(line, "limit", 0, 100000, 20, &limit, err));
    conf.limit = (size_t)limit;
    TRY(river_open(&river, line->args[0], RIVER_LOOK, err));
    TRY(choose_remote(&river, line, err));
    TRY(compare_engines(&river, &conf, &report, root, &is_same, err));
    if (line->json)
        show_json(&report);
    else
        print_report(root, is_same);
    return is_same ? 0 : EXIT_DIFFER;
}
