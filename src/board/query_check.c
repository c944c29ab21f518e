/*
 * DuckDB itself parses the statement (json_serialize_sql() takes a SELECT and nothing else); what it names is
 * looked up in the tree that comes out.
 */
#include "board/query_check.h"

#include "base/mem.h"
#include "base/str.h"
#include "board/query_files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define MOST_DEPTH 500

/* Table functions that read nothing but their arguments. */
static const char *const harmless[] = {"range", "generate_series", "unnest", "repeat",
                                       "repeat_row"};

/* ---- parsing ---- */

/* Tells where the user's statement is at fault: DuckDB counts bytes, people characters. */
static void tell_position(struct query_run *run, const char *sql, int64_t byte)
{
    int64_t characters = 0;

    for (int64_t i = 0; i < byte && sql[i]; i++)
        characters += ((unsigned char)sql[i] & 0xC0) != 0x80;
    query_tell_position(run, characters);
}

static int refuse_syntax(struct query_run *run, const char *sql, yyjson_val *root, struct err *err)
{
    const char *message = json_str(root, "error_message");
    const char *position = json_str(root, "position");
    struct err ignored;
    int64_t at;

    if (position && str_to_int(position, 0, INT64_MAX, &at, &ignored) == 0)
        tell_position(run, sql, at);
    if (message && strstr(message, "Only SELECT")) {
        err_set(err, ERR_SQL, "only one SELECT can be run here");
        return err_hint(err, "This box reads; it changes nothing.");
    }
    return err_set(err, ERR_SQL, "%s", message ? message : "DuckDB cannot read it");
}

static int parse(struct query_run *run, const char *sql, struct json *ret_tree, struct err *err)
{
    AUTO(buf) ask = {0};
    AUTO(duck_result) result = {0};
    char *text;
    int done;

    buf_puts(&ask, "SELECT CAST(json_serialize_sql(");
    sql_put_text(&ask, sql);
    buf_puts(&ask, ") AS VARCHAR)");
    TRY(duck_query(run->conn, buf_text(&ask), &result, err));
    text = duck_text(&result, 0, 0);
    done = text ? json_parse(ret_tree, text, strlen(text), err)
                : err_set(err, ERR_SQL, "DuckDB cannot read it");
    duckdb_free(text);
    TRY(done);
    if (json_bool(json_root(ret_tree), "error", true))
        return refuse_syntax(run, sql, json_root(ret_tree), err);
    if (yyjson_arr_size(yyjson_obj_get(json_root(ret_tree), "statements")) != 1)
        return err_set(err, ERR_SQL, "only one SELECT can be run here");
    return 0;
}

/* ---- what it names ---- */

struct names {
    const char **items;
    size_t count;
};

static void names_close(struct names *names)
{
    free(names->items);
    *names = (struct names){0};
}

static bool has_name(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcasecmp(names->items[i], name) == 0)
            return true;
    return false;
}

static void add_name(struct names *names, const char *name)
{
    if (name && !has_name(names, name))
        *MEM_PUSH(names->items, names->count) = name;
}

struct found {
    struct names tables;
    struct names own; /* WITH name AS … */
};

static int check_function(yyjson_val *node, struct err *err)
{
    const char *name = json_str(yyjson_obj_get(node, "function"), "function_name");

    for (size_t i = 0; name && i < sizeof harmless / sizeof *harmless; i++)
        if (strcasecmp(name, harmless[i]) == 0)
            return 0;
    err_set(err, ERR_USAGE, "the table function \"%.100s\" is not allowed here", name ? name : "?");
    return err_hint(err, "Read tables by their names, such as FROM quakes.");
}

/* Functions of one value that tell of this machine. */
static const char *const telling[] = {"getvariable", "current_setting"};

static int check_value_function(yyjson_val *node, struct err *err)
{
    const char *name = json_str(node, "function_name");

    for (size_t i = 0; name && i < sizeof telling / sizeof *telling; i++)
        if (strcasecmp(name, telling[i]) == 0)
            return err_set(err, ERR_USAGE, "the function \"%s\" is not allowed here", name);
    return 0;
}

static int check_table(yyjson_val *node, struct found *found, struct err *err)
{
    const char *schema = json_str(node, "schema_name");
    const char *catalog = json_str(node, "catalog_name");

    if ((schema && *schema) || (catalog && *catalog)) {
        err_set(err, ERR_USAGE, "there is no schema \"%.100s\" here", schema ? schema : catalog);
        return err_hint(err, "A landing resource is written in double quotes: \"landing.quakes\".");
    }
    add_name(&found->tables, json_str(node, "table_name"));
    return 0;
}

/* Out of its scope such a name would be taken for a file's. */
static int add_own(yyjson_val *entry, struct found *found, struct err *err)
{
    const char *name = json_str(entry, "key");

    if (name && strpbrk(name, "./\\:*?"))
        return err_set(err, ERR_USAGE, "a name after WITH may have no punctuation: \"%.100s\"",
                       name);
    add_name(&found->own, name);
    return 0;
}

static int walk(yyjson_val *node, struct found *found, int depth, struct err *err);

static int walk_object(yyjson_val *node, struct found *found, int depth, struct err *err)
{
    const char *type = json_str(node, "type");
    yyjson_val *key;
    yyjson_val *value;
    size_t i;
    size_t count;

    if (str_same(type, "TABLE_FUNCTION"))
        TRY(check_function(node, err));
    if (str_same(type, "BASE_TABLE") || str_same(type, "SHOW_REF"))
        TRY(check_table(node, found, err));
    TRY(check_value_function(node, err));
    yyjson_obj_foreach(node, i, count, key, value)
    {
        if (str_same(yyjson_get_str(key), "cte_map"))
            for (size_t k = 0; k < yyjson_arr_size(yyjson_obj_get(value, "map")); k++)
                TRY(add_own(yyjson_arr_get(yyjson_obj_get(value, "map"), k), found, err));
        TRY(walk(value, found, depth + 1, err));
    }
    return 0;
}

static int walk(yyjson_val *node, struct found *found, int depth, struct err *err)
{
    size_t i;
    size_t count;
    yyjson_val *item;

    if (depth > MOST_DEPTH)
        return err_set(err, ERR_USAGE, "the statement is nested too deep");
    if (yyjson_is_obj(node))
        return walk_object(node, found, depth, err);
    if (yyjson_is_arr(node))
        yyjson_arr_foreach(node, i, count, item) TRY(walk(item, found, depth + 1, err));
    return 0;
}

/* ---- making the views ---- */

static struct query_target target_of(const char *name)
{
    struct err ignored;
    int64_t seq;

    if (str_starts(name, "file.") && str_to_int(name + 5, 0, INT64_MAX, &seq, &ignored) == 0)
        return (struct query_target){.seq = seq};
    if (str_starts(name, "landing."))
        return (struct query_target){.stage = "extract", .name = name + 8};
    return (struct query_target){.stage = "transform", .name = name};
}

static int refuse_table(const char *name, struct err *err)
{
    err_set(err, ERR_USAGE, "there is no table \"%.200s\"", name);
    return err_hint(err, "Tables go by their names, landing resources as \"landing.NAME\", single "
                         "files as \"file.NUMBER\".");
}

static int make_view(struct query_run *run, const char *name, struct err *err)
{
    const struct query_target target = target_of(name);
    AUTO(query_columns) columns = {0};
    AUTO(buf) files = {0};
    AUTO(buf) sql = {0};
    const int exists = query_target_exists(run, &target, err);

    TRY(exists);
    if (exists == 0)
        return refuse_table(name, err);
    buf_puts(&sql, "CREATE OR REPLACE TEMP VIEW ");
    sql_put_name(&sql, name);
    buf_puts(&sql, " AS SELECT * FROM ");
    TRY(query_put_files(run, &target, &columns, &files, err));
    buf_puts(&sql, buf_text(&files));
    return duck_exec(run->conn, buf_text(&sql), err);
}

static int make_views(struct query_run *run, const struct found *found, struct err *err)
{
    for (size_t i = 0; i < found->tables.count; i++)
        if (!has_name(&found->own, found->tables.items[i]))
            TRY(make_view(run, found->tables.items[i], err));
    return 0;
}

/* What DuckDB has to say against it with the views there, such as a column that is in none of them. */
static int check_names(struct query_run *run, const char *sql, struct err *err)
{
    int64_t position;
    const int done = duck_check(run->conn, sql, &position, err);

    if (done < 0 && position >= 0)
        tell_position(run, sql, position);
    return done;
}

int query_prepare_sql(struct query_run *run, const char *sql, struct err *err)
{
    AUTO(json) tree = {0};
    struct found found = {0};
    int done;

    TRY(parse(run, sql, &tree, err));
    done = walk(json_root(&tree), &found, 0, err);
    if (done == 0)
        done = make_views(run, &found, err);
    if (done == 0)
        done = check_names(run, sql, err);
    names_close(&found.tables);
    names_close(&found.own);
    return done;
}
