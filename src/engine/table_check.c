/*
 * What must be true between the settings of a table, beyond each one's own type.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/snake.h"
#include "base/str.h"
#include "engine/spark_remote.h"
#include "engine/table_conf.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define LONGEST_COLUMN 120

/* A table or a column in its tree. */
struct at_part {
    const struct opt_reading *reading;
    const struct conf_node *node;
    const char *path; /* "transform.tables[0]" */
};

static void fault_at(const struct at_part *at, const char *key, const char *nearest,
                     const char *text)
{
    char *path = *key ? opt_path(at->path, key) : mem_str(at->path);

    opt_fault(at->reading, conf_find(at->node, key), path, nearest, "%s", text);
    free(path);
}

static bool is_plain_name(const char *name)
{
    return strpbrk(name, ".[]*$'\"") == NULL;
}

static void complete_column(const struct at_part *at, struct column_conf *column)
{
    const char *quote = strchr(column->name, '\'') ? "\"" : "'";

    if (column->path)
        return;
    if (is_plain_name(column->name))
        column->path = mem_str(column->name);
    else if (strchr(column->name, *quote))
        fault_at(at, "", NULL, "give a \"path\": the name cannot serve as one");
    else
        column->path = mem_fmt("[%s%s%s]", quote, column->name, quote);
}

static void check_column_name(const struct at_part *at, const struct table_conf *table,
                              size_t index)
{
    const char *name = table->columns[index].name;

    if (*name == '\0' || strlen(name) > LONGEST_COLUMN)
        fault_at(at, "", NULL, "a column's name has 1 to 120 bytes");
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            fault_at(at, "", NULL, "a column's name cannot hold control characters");
            break;
        }
    for (size_t i = 0; i < index; i++)
        if (strcasecmp(table->columns[i].name, name) == 0)
            fault_at(at, "", NULL,
                     "engines do not tell upper case from lower: this column's name "
                     "was given before");
}

static bool fits_number(const struct column_conf *column, yyjson_val *value)
{
    return column->type == COLUMN_BIGINT ? yyjson_is_int(value) : yyjson_is_num(value);
}

static bool default_fits(const struct column_conf *column, yyjson_val *value)
{
    struct err err;
    int64_t us;

    switch (column->type) {
    case COLUMN_BOOLEAN:
        return yyjson_is_bool(value);
    case COLUMN_BIGINT:
    case COLUMN_DOUBLE:
        return fits_number(column, value);
    case COLUMN_DECIMAL:
        return yyjson_is_num(value) || yyjson_is_raw(value);
    case COLUMN_TEXT:
        return yyjson_is_str(value);
    case COLUMN_DATE:
    case COLUMN_TIMESTAMP:
        return yyjson_is_str(value) && clock_parse(yyjson_get_str(value), &us, &err) == 0;
    case COLUMN_AS_LANDED:
    case COLUMN_JSON:
        return true;
    }
    return false;
}

static void check_default(const struct at_part *at, const struct column_conf *column)
{
    AUTO(json) json = {0};
    struct err err;

    if (column->default_json == NULL)
        return;
    if (json_parse(&json, column->default_json, strlen(column->default_json), &err) < 0 ||
        !default_fits(column, json_root(&json)))
        fault_at(at, "default", NULL, "the default is not of the column's type");
}

static void check_column(const struct at_part *at, const struct column_conf *column)
{
    const bool is_time = column->type == COLUMN_DATE || column->type == COLUMN_TIMESTAMP;
    const bool is_text = column->type == COLUMN_TEXT || column->type == COLUMN_AS_LANDED;

    if (column->unit != UNIT_NONE && !is_time)
        fault_at(at, "unit", NULL, "only a date or a timestamp has a unit");
    if (column->lower && column->upper)
        fault_at(at, "upper", NULL, "give either \"lower\" or \"upper\", not both");
    if ((column->lower || column->upper) && !is_text)
        fault_at(at, column->lower ? "lower" : "upper", NULL,
                 "only a text has upper and lower case");
    if (column->type == COLUMN_JSON && (column->trim || column->empty_as_null))
        fault_at(at, column->trim ? "trim" : "empty_as_null", NULL, "has no meaning for json");
    if (column->type == COLUMN_AS_LANDED && column->on_error == ON_ERROR_NULL)
        fault_at(at, "on_error", NULL, "without a \"type\" there is nothing to convert");
    check_default(at, column);
}

static void check_columns(const struct at_part *at, struct table_conf *table)
{
    const struct conf_node *columns = conf_get(at->node, "columns");

    for (size_t i = 0; i < table->column_count; i++) {
        char *path = mem_fmt("%s.columns.%s", at->path, table->columns[i].name);
        const struct conf_node *node = &columns->items[i];
        /* A column with nothing behind its name is told of at the name. */
        const struct at_part at_column = {at->reading,
                                          node->kind == CONF_NULL ? &columns->keys[i] : node, path};

        check_column_name(&at_column, table, i);
        complete_column(&at_column, &table->columns[i]);
        check_column(&at_column, &table->columns[i]);
        free(path);
    }
}

static bool has_column(const struct table_conf *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (str_same(table->columns[i].name, name))
            return true;
    return false;
}

static void check_distinct(const struct at_part *at, const struct table_conf *table)
{
    const bool is_list = conf_find(at->node, "distinct")->kind == CONF_LIST;
    const char **names = mem_alloc(table->column_count * sizeof *names);

    for (size_t i = 0; i < table->column_count; i++)
        names[i] = table->columns[i].name;
    for (size_t i = 0; i < table->distinct_count; i++) {
        const char *name = table->distinct[i];
        char *key = is_list ? mem_fmt("distinct[%zu]", i) : mem_str("distinct");
        char *text = mem_fmt("there is no column \"%.120s\"", name);

        if (!has_column(table, name))
            fault_at(at, key, str_nearest(name, names, table->column_count), text);
        free(text);
        free(key);
    }
    free(names);
}

static void check_sql(const struct at_part *at, const struct transform_conf *conf,
                      const struct table_conf *table)
{
    const char *sql = conf->engine == ENGINE_SPARK ? table->sql_spark : table->sql_duckdb;

    if (table->where)
        fault_at(at, "where", NULL, "goes with \"columns\"; put it into the SQL");
    if (table->distinct_count > 0)
        fault_at(at, "distinct", NULL, "goes with \"columns\"; put it into the SQL");
    if (sql == NULL)
        fault_at(at, "sql", NULL,
                 conf->engine == ENGINE_SPARK ? "has nothing for the engine \"spark\""
                                              : "has nothing for the engine \"duckdb\"");
    else if (strspn(sql, " \t\r\n") == strlen(sql))
        fault_at(at, "sql", NULL, "is empty");
}

static void check_source_of(const struct at_part *at, struct table_conf *table,
                            const char *const *resources, size_t count)
{
    const char *given = table->from ? table->from : table->name;
    char *from = snake_name(given);
    char text[160];

    snprintf(text, sizeof text, "there is no resource \"%.64s\"", given);
    free(table->from);
    table->from = from;
    for (size_t i = 0; i < count; i++)
        if (str_same(resources[i], from))
            return;
    fault_at(at, "from", str_nearest(from, resources, count), text);
}

static void check_table(const struct at_part *at, const struct transform_conf *conf,
                        struct table_conf *table)
{
    const struct conf_node *columns = conf_get(at->node, "columns");
    const bool has_sql = conf_get(at->node, "sql") != NULL;
    const bool has_columns = columns && columns->kind != CONF_NULL;

    if (has_sql && has_columns)
        fault_at(at, "sql", NULL, "give either \"columns\" or \"sql\", not both");
    else if (has_sql)
        check_sql(at, conf, table);
    else if (!has_columns)
        fault_at(at, "", NULL, "either \"columns\" or \"sql\" is needed");
    else if (columns->kind == CONF_MAP && table->column_count == 0)
        fault_at(at, "columns", NULL, "at least one column is needed");
    check_columns(at, table);
    if (!has_sql)
        check_distinct(at, table);
    if (conf->mode == TRANSFORM_STREAMING && table->distinct_count > 0)
        fault_at(at, "distinct", NULL,
                 "a streaming query sees no file as a whole: leave it out, or use mode: batch");
    if (table->where && strspn(table->where, " \t\r\n") == strlen(table->where))
        fault_at(at, "where", NULL, "is empty");
}

static void check_table_name(const struct at_part *at, const struct transform_conf *conf,
                             size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (conf->tables[index].name && str_same(conf->tables[i].name, conf->tables[index].name))
            fault_at(at, "name", NULL, "a table of that name was given before");
}

static void check_remote(const struct at_part *at, const char *text)
{
    AUTO(spark_remote) remote = {0};
    struct err err = {0};

    if (spark_remote_read(text, &remote, &err) < 0)
        fault_at(at, "remote", NULL, err.text);
}

static void check_streaming(const struct at_part *at, const struct transform_conf *conf)
{
    if (conf->mode != TRANSFORM_STREAMING)
        return;
    if (conf->engine != ENGINE_SPARK)
        fault_at(at, "mode", NULL, "only the engine \"spark\" has streaming queries");
    else if (conf->table_count == 0)
        fault_at(at, "mode", NULL,
                 "a streaming query needs \"tables\": riacho suggest writes them from what landed");
}

void transform_conf_check(struct transform_conf *conf, const struct opt_reading *reading,
                          const struct conf_node *node, const char *const *resources,
                          size_t resource_count)
{
    const struct conf_node *tables = conf_get(node, "tables");

    if (conf->engine == ENGINE_SPARK && conf->remote == NULL)
        fault_at(&(struct at_part){reading, node, "transform"}, "remote", NULL,
                 "the engine \"spark\" needs it");
    check_streaming(&(struct at_part){reading, node, "transform"}, conf);
    if (conf->remote)
        check_remote(&(struct at_part){reading, node, "transform"}, conf->remote);
    for (size_t i = 0; i < conf->table_count; i++) {
        char *path = mem_fmt("transform.tables[%zu]", i);
        const struct at_part at = {reading, &tables->items[i], path};

        check_table_name(&at, conf, i);
        if (conf->tables[i].name || conf->tables[i].from)
            check_source_of(&at, &conf->tables[i], resources, resource_count);
        check_table(&at, conf, &conf->tables[i]);
        free(path);
    }
}
