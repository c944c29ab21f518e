/*
 * riacho suggest: a `columns:` block for what has landed. Kinds come from the schema; texts that are all
 * times or dates are found by looking at some rows.
 */
#include "base/mem.h"
#include "base/str.h"
#include "cmd/cmd_look.h"
#include "db/duck.h"
#include "river/river.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define SAMPLE_ROWS 10000

/* One value of the records that becomes a column. */
struct leaf {
    char *path;       /* of base/json.h's syntax */
    char *expression; /* SQL over the landing */
    char *name;       /* of the column */
    const char *type; /* in the pipeline file's words */
    const char *unit; /* of a number that is a time; NULL */
};

struct suggestion {
    struct leaf *leaves;
    size_t count;
};

static void suggestion_close(struct suggestion *suggestion)
{
    for (size_t i = 0; i < suggestion->count; i++) {
        free(suggestion->leaves[i].path);
        free(suggestion->leaves[i].expression);
        free(suggestion->leaves[i].name);
    }
    free(suggestion->leaves);
}

static const char *type_of(enum kind kind)
{
    switch (kind) {
    case KIND_BOOL:
        return "boolean";
    case KIND_INT:
        return "bigint";
    case KIND_UINT:
        return "decimal(20,0)";
    case KIND_DOUBLE:
        return "double";
    case KIND_LIST:
    case KIND_JSON:
        return "json";
    default:
        return "text";
    }
}

static bool is_plain_key(const char *key)
{
    if (!isalpha((unsigned char)*key) && *key != '_')
        return false;
    for (; *key; key++)
        if (!isalnum((unsigned char)*key) && *key != '_' && *key != '-')
            return false;
    return true;
}

static char *path_to(const char *parent, const char *key)
{
    if (!is_plain_key(key))
        return mem_fmt("%s['%s']", parent, key);
    return mem_fmt("%s%s%s", parent, parent[0] ? "." : "", key);
}

/* "magType" → "mag_type". */
static char *column_name(const char *key)
{
    struct buf name = {0};

    for (const char *at = key; *at; at++) {
        if (isupper((unsigned char)*at) && at > key && islower((unsigned char)at[-1]))
            buf_putc(&name, '_');
        if (isalnum((unsigned char)*at))
            buf_putc(&name, (char)tolower((unsigned char)*at));
        else if (name.size > 0 && name.data[name.size - 1] != '_')
            buf_putc(&name, '_');
    }
    if (name.size == 0 || isdigit((unsigned char)name.data[0])) {
        char *rest = buf_take(&name);

        buf_printf(&name, "_%s", rest);
        free(rest);
    }
    return buf_take(&name);
}

static bool name_is_taken(const struct suggestion *suggestion, const char *name)
{
    for (size_t i = 0; i < suggestion->count; i++)
        if (str_same(suggestion->leaves[i].name, name))
            return true;
    return false;
}

static char *free_name(const struct suggestion *suggestion, const char *key, const char *path)
{
    char *name = column_name(key);

    if (name_is_taken(suggestion, name)) {
        free(name);
        name = column_name(path);
    }
    for (int n = 2; name_is_taken(suggestion, name); n++) {
        free(name);
        name = mem_fmt("%s_%d", path, n);
    }
    return name;
}

static void add_leaves(struct suggestion *suggestion, const struct schema *schema,
                       const char *parent, const char *expression)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct schema *field = &schema->fields[i];
        AUTO(buf) sql = {0};
        char *path = path_to(parent, field->key ? field->key : field->name);

        buf_printf(&sql, "%s%s", expression, expression[0] ? "." : "");
        sql_put_name(&sql, field->name);
        if (field->kind == KIND_STRUCT)
            add_leaves(suggestion, field, path, sql.data);
        else if (field->kind != KIND_NULL) {
            struct leaf leaf = {.path = mem_str(path),
                                .expression = mem_str(sql.data),
                                .name = free_name(suggestion, field->name, path),
                                .type = type_of(field->kind)};

            *MEM_PUSH(suggestion->leaves, suggestion->count) = leaf;
        }
        free(path);
    }
}

/* What all of the text's values in some rows are: 0 just texts, 1 times, 2 days. */
static int look_for_times(struct duck_conn *conn, const char *from, const struct leaf *leaf,
                          int64_t *ret_found, struct err *err)
{
    AUTO(buf) sql = {0};

    buf_printf(
        &sql,
        "SELECT CASE WHEN count(*) = 0 OR count(*) > count(try_cast(v AS TIMESTAMPTZ)) THEN 0 "
        "WHEN max(length(v)) = 10 THEN 2 ELSE 1 END FROM "
        "(SELECT %s AS v FROM %s LIMIT %d) WHERE v IS NOT NULL",
        leaf->expression, from, SAMPLE_ROWS);
    return duck_number(conn, sql.data, ret_found, err);
}

/* Whole numbers that are times: by their column's name, and by lying between 1990 and 2100. */
static int look_for_epochs(struct duck_conn *conn, const char *from, const struct leaf *leaf,
                           const char **ret_unit, struct err *err)
{
    static const char *const units[] = {NULL, "s", "ms", "us", "ns"};
    AUTO(buf) sql = {0};
    int64_t found;

    *ret_unit = NULL;
    if (!strstr(leaf->name, "time") && !strstr(leaf->name, "date") &&
        !str_ends(leaf->name, "_at") && !str_ends(leaf->name, "_on"))
        return 0;
    buf_printf(&sql,
               "SELECT coalesce(max(u), 0) FROM (VALUES (1, 1), (2, 1e3), (3, 1e6), (4, 1e9)) "
               "AS units(u, f), (SELECT min(%s) AS least, max(%s) AS most FROM "
               "(FROM %s LIMIT %d)) WHERE least BETWEEN 631152000 * f AND 4102444800 * f "
               "AND most BETWEEN 631152000 * f AND 4102444800 * f",
               leaf->expression, leaf->expression, from, SAMPLE_ROWS);
    TRY(duck_number(conn, sql.data, &found, err));
    *ret_unit = units[found];
    return 0;
}

/* Gives the leaf a time's type if its values say so. */
static int look_at_values(struct duck_conn *conn, const char *from, struct leaf *leaf,
                          struct err *err)
{
    int64_t found = 0;

    if (str_same(leaf->type, "bigint"))
        TRY(look_for_epochs(conn, from, leaf, &leaf->unit, err));
    if (str_same(leaf->type, "text"))
        TRY(look_for_times(conn, from, leaf, &found, err));
    if (found || leaf->unit)
        leaf->type = found == 2 ? "date" : "timestamp";
    return 0;
}

static int find_times(struct suggestion *suggestion, const char *landing_dir, const char *resource,
                      struct err *err)
{
    AUTO(duck) duck = {0};
    AUTO(duck_conn) conn = {0};
    AUTO(buf) from = {0};
    char *glob = mem_fmt("%s/%s/*.parquet", landing_dir, resource);

    buf_puts(&from, "read_parquet(");
    sql_put_text(&from, glob);
    buf_puts(&from, ", union_by_name = true)");
    free(glob);
    TRY(duck_open(&duck, &(struct duck_conf){.threads = 1}, err));
    TRY(duck_connect(&duck, &conn, err));
    for (size_t i = 0; i < suggestion->count; i++)
        TRY(look_at_values(&conn, from.data, &suggestion->leaves[i], err));
    return 0;
}

static void print_suggestion(const struct suggestion *suggestion, const char *resource)
{
    printf("transform:\n  tables:\n    - name: %s\n      from: %s\n      columns:\n", resource,
           resource);
    for (size_t i = 0; i < suggestion->count; i++) {
        const struct leaf *leaf = &suggestion->leaves[i];
        AUTO(buf) path = {0};

        if (strpbrk(leaf->path, "[]'\"{}#:") != NULL) {
            buf_putc(&path, '"');
            buf_puts(&path, leaf->path);
            buf_putc(&path, '"');
        } else
            buf_puts(&path, leaf->path);
        printf("        %s: {path: %s, type: %s%s%s}\n", leaf->name, path.data, leaf->type,
               leaf->unit ? ", unit: " : "", leaf->unit ? leaf->unit : "");
    }
}

static const char *choose_resource(const struct river *river, const struct cmd_line *line,
                                   struct err *err)
{
    const struct source_conf *source = &river->conf.source;

    if (line->arg_count > 1)
        return pipeline_check_resource(&river->conf, line->args[1], err) < 0 ? NULL : line->args[1];
    if (source->resource_count == 1)
        return source->resources[0].name;
    err_set(err, ERR_USAGE, "the pipeline has %zu resources", source->resource_count);
    err_hint(err, "Name one: riacho suggest %s %s", line->args[0], source->resources[0].name);
    return NULL;
}

int cmd_suggest(const struct cmd_line *line, struct err *err)
{
    AUTO(river) river = {0};
    AUTO(schema) schema = {0};
    AUTO(suggestion) suggestion = {0};
    const char *resource;
    int found;

    TRY(river_open(&river, line->args[0], RIVER_LOOK, err));
    resource = choose_resource(&river, line, err);
    if (resource == NULL)
        return -1;
    found = journal_schema(&river.journal, resource, &schema, err);
    TRY(found);
    if (found == 0) {
        err_set(err, ERR_USAGE, "nothing of \"%s\" has landed yet", resource);
        return err_hint(err, "Run it first: riacho run %s", line->args[0]);
    }
    add_leaves(&suggestion, &schema, "", "");
    TRY(find_times(&suggestion, river.conf.landing.dir, resource, err));
    print_suggestion(&suggestion, resource);
    return 0;
}
