/*
 * The option tables of `transform:`.
 */
#include "engine/table_conf.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define COLUMN(member) offsetof(struct column_conf, member)
#define TABLE(member) offsetof(struct table_conf, member)
#define TRANSFORM(member) offsetof(struct transform_conf, member)

static const struct {
    const char *name;
    enum column_type type;
} type_names[] = {
    {"boolean", COLUMN_BOOLEAN}, {"bigint", COLUMN_BIGINT}, {"double", COLUMN_DOUBLE},
    {"text", COLUMN_TEXT},       {"date", COLUMN_DATE},     {"timestamp", COLUMN_TIMESTAMP},
    {"json", COLUMN_JSON},
};

#define TYPE_PATTERN                                                                               \
    "boolean|bigint|double|text|date|timestamp|json|decimal\\([0-9]{1,2} *, *[0-9]{1,2}\\)"

/* The numbers of "decimal(p,s)". Returns 1, or 0 if it is none. */
static int parse_decimal(const char *text, struct column_conf *column)
{
    char rest;
    int precision;
    int scale;

    if (sscanf(text, "decimal(%2d , %2d )%c", &precision, &scale, &rest) != 2 ||
        !str_ends(text, ")") || precision < 1 || precision > 38 || scale < 0 || scale > precision)
        return 0;
    column->type = COLUMN_DECIMAL;
    column->precision = precision;
    column->scale = scale;
    return 1;
}

static int parse_type(const char *text, void *target, struct err *err)
{
    struct column_conf *column = target;

    for (size_t i = 0; i < sizeof type_names / sizeof *type_names; i++)
        if (strcasecmp(text, type_names[i].name) == 0) {
            column->type = type_names[i].type;
            return 0;
        }
    if (parse_decimal(text, column))
        return 0;
    return err_set(err, ERR_USAGE,
                   "boolean, bigint, double, decimal(p,s) with p up to 38, text, date, "
                   "timestamp or json");
}

static const struct opt_choice units[] = {{.name = "s", .value = UNIT_S},
                                          {.name = "ms", .value = UNIT_MS},
                                          {.name = "us", .value = UNIT_US},
                                          {.name = "ns", .value = UNIT_NS},
                                          {0}};

static const struct opt_choice on_errors[] = {
    {.name = "error", .value = ON_ERROR_FAIL, .help = "the file goes to the dead letters"},
    {.name = "null", .value = ON_ERROR_NULL, .help = "the value becomes null"},
    {0}};

static const struct opt column_rows[] = {
    {.key = "path",
     .type = OPT_TEXT,
     .at = COLUMN(path),
     .flags = OPT_JSON_PATH | OPT_ONE_ITEM,
     .help = "Where a record holds the value, such as `properties.mag` or `coordinates[0]`: the "
             "column's name if not given."},
    {.key = "type",
     .type = OPT_PARSED,
     .parse = parse_type,
     .pattern = TYPE_PATTERN,
     .kind = "a type",
     .help = "`boolean`, `bigint`, `double`, `decimal(p,s)`, `text`, `date`, `timestamp` or "
             "`json`. If it is not given, the column has the type that landed, fixed when it is "
             "first seen."},
    {.key = "unit",
     .type = OPT_ENUM,
     .at = COLUMN(unit),
     .choices = units,
     .help = "What a number counts since 1970 from which a date or a timestamp is made."},
    {.key = "trim",
     .type = OPT_BOOL,
     .at = COLUMN(trim),
     .standard = "false",
     .help = "Takes blanks off both ends of a text."},
    {.key = "empty_as_null",
     .type = OPT_BOOL,
     .at = COLUMN(empty_as_null),
     .standard = "false",
     .help = "Makes an empty text null, after `trim`."},
    {.key = "lower",
     .type = OPT_BOOL,
     .at = COLUMN(lower),
     .standard = "false",
     .help = "Makes a text lower case."},
    {.key = "upper",
     .type = OPT_BOOL,
     .at = COLUMN(upper),
     .standard = "false",
     .help = "Makes a text upper case."},
    {.key = "default",
     .type = OPT_SCALAR,
     .at = COLUMN(default_json),
     .help = "What stands in for null."},
    {.key = "on_error",
     .type = OPT_ENUM,
     .at = COLUMN(on_error),
     .standard = "error",
     .choices = on_errors,
     .flags = OPT_NULLABLE,
     .help = "What to do with a value that does not convert."},
    {0}};

static const struct opt sql_rows[] = {
    {.key = "duckdb", .type = OPT_TEXT, .at = TABLE(sql_duckdb), .help = "For DuckDB."},
    {.key = "spark", .type = OPT_TEXT, .at = TABLE(sql_spark), .help = "For Spark."},
    {0}};

/* One text is for both engines. */
static void take_sql(const struct opt_reading *reading, const struct conf_node *node,
                     const char *path, void *target)
{
    struct table_conf *table = target;

    if (node->kind == CONF_TEXT) {
        table->sql_duckdb = mem_str(node->text);
        table->sql_spark = mem_str(node->text);
    } else if (node->kind == CONF_MAP)
        opt_read(reading, sql_rows, node, path, table);
    else
        opt_fault_expected(reading, node, path, NULL, "a SELECT statement, or a map of two");
}

#define SQL_SCHEMA                                                                                 \
    "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"additionalProperties\":false,"       \
    "\"properties\":{\"duckdb\":{\"description\":\"For DuckDB.\",\"type\":\"string\"},"            \
    "\"spark\":{\"description\":\"For Spark.\",\"type\":\"string\"}}}]}"

static const struct opt table_rows[] = {
    {.key = "name",
     .type = OPT_TEXT,
     .at = TABLE(name),
     .flags = OPT_REQUIRED,
     .pattern = "[a-z0-9_]{1,64}",
     .kind = "a name of a-z, 0-9 and _",
     .help = "The table's name."},
    {.key = "from",
     .type = OPT_TEXT,
     .at = TABLE(from),
     .help = "The resource it is made from: that of its own name if not given."},
    {.key = "columns",
     .type = OPT_NAMED,
     .at = TABLE(columns),
     .count_at = TABLE(column_count),
     .item_bytes = sizeof(struct column_conf),
     .name_at = COLUMN(name),
     .rows = column_rows,
     .bare = "path",
     .help = "The columns in their order, compiled to the SQL of either engine. A bare text is the "
             "path."},
    {.key = "where",
     .type = OPT_TEXT,
     .at = TABLE(where),
     .help = "A SQL condition over the columns; rows for which it is not true are left out."},
    {.key = "distinct",
     .type = OPT_TEXTS,
     .at = TABLE(distinct),
     .count_at = TABLE(distinct_count),
     .help = "The columns that tell rows apart: of rows alike within a file, the last is kept."},
    {.key = "sql",
     .type = OPT_CUSTOM,
     .take = take_sql,
     .schema = SQL_SCHEMA,
     .kind = "a text, or a map of `duckdb` and `spark`",
     .help = "In place of `columns`: a SELECT from the resource, run for one landing file at a "
             "time."},
    {0}};

static const struct opt_choice engines[] = {
    {.name = "duckdb", .value = ENGINE_DUCKDB, .help = "within the process"},
    {.name = "spark", .value = ENGINE_SPARK, .help = "a Spark Connect server"},
    {0}};

static const struct opt_choice modes[] = {
    {.name = "batch",
     .value = TRANSFORM_BATCH,
     .help = "each landed file becomes one of the table"},
    {.name = "streaming",
     .value = TRANSFORM_STREAMING,
     .help = "each table is a streaming query on Spark, which keeps its own log of what it read"},
    {0}};

#define ROOTS(member) offsetof(struct transform_roots, member)

static const struct opt roots_rows[] = {
    {.key = "landing",
     .type = OPT_TEXT,
     .at = ROOTS(landing),
     .help = "The folder of `landing.dir`, as Spark's workers see it."},
    {.key = "adjusted",
     .type = OPT_TEXT,
     .at = ROOTS(adjusted),
     .help = "The folder of `transform.dir`, as Spark's workers see it."},
    {0}};

const struct opt transform_options[] = {
    {.key = "engine",
     .type = OPT_ENUM,
     .at = TRANSFORM(engine),
     .standard = "duckdb",
     .choices = engines,
     .help = "What runs the SQL."},
    {.key = "mode",
     .type = OPT_ENUM,
     .at = TRANSFORM(mode),
     .standard = "batch",
     .choices = modes,
     .help = "How a table is made of landed files. `streaming` is for the engine `spark`; its "
             "queries begin a batch every `schedule.every`."},
    {.key = "remote",
     .type = OPT_TEXT,
     .at = TRANSFORM(remote),
     .pattern = "sc://.+",
     .kind = "a URL such as sc://host:15002",
     .help = "Where Spark Connect listens: `sc://host:15002`, with `/;token=${TOKEN}` and other "
             "parameters if need be."},
    {.key = "roots",
     .type = OPT_MAP,
     .at = TRANSFORM(roots),
     .rows = roots_rows,
     .help =
         "For Spark, where the workers have mounted the folders elsewhere: a path or a URL, such "
         "as `file:///mnt/landing`. The files must be the same ones."},
    {.key = "dir",
     .type = OPT_PATH,
     .at = TRANSFORM(dir),
     .standard = "output/adjusted",
     .help = "The folder of the adjusted files, a folder in it for each table."},
    {.key = "tables",
     .type = OPT_MAPS,
     .at = TRANSFORM(tables),
     .count_at = TRANSFORM(table_count),
     .item_bytes = sizeof(struct table_conf),
     .rows = table_rows,
     .help = "The tables. If there are none, every resource is normalised by the default rules."},
    {0}};

static void column_conf_close(struct column_conf *column)
{
    free(column->name);
    free(column->path);
    free(column->default_json);
    *column = (struct column_conf){0};
}

void table_conf_close(struct table_conf *conf)
{
    for (size_t i = 0; i < conf->column_count; i++)
        column_conf_close(&conf->columns[i]);
    for (size_t i = 0; i < conf->distinct_count; i++)
        free(conf->distinct[i]);
    free(conf->columns);
    free(conf->distinct);
    free(conf->name);
    free(conf->from);
    free(conf->where);
    free(conf->sql_duckdb);
    free(conf->sql_spark);
    *conf = (struct table_conf){0};
}

void transform_conf_close(struct transform_conf *conf)
{
    for (size_t i = 0; i < conf->table_count; i++)
        table_conf_close(&conf->tables[i]);
    free(conf->tables);
    free(conf->remote);
    free(conf->roots.landing);
    free(conf->roots.adjusted);
    free(conf->dir);
    *conf = (struct transform_conf){0};
}
