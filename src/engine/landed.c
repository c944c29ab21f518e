/*
 * From a path of keys to SQL.
 */
#include "engine/landed.h"

#include "base/mem.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

void landed_close(struct landed *landed)
{
    free(landed->sql);
    free(landed->steps);
    *landed = (struct landed){0};
}

static char *name_sql(const struct dialect *dialect, const char *name)
{
    struct buf sql = {0};

    dialect->put_name(&sql, name);
    return buf_take(&sql);
}

static char *field_sql(const struct dialect *dialect, const char *of, const char *name)
{
    AUTO(buf) quoted = {0};
    AUTO(buf) literal = {0};
    struct buf sql = {0};

    dialect->put_name(&quoted, name);
    dialect->put_text(&literal, name);
    SQL_FILL(&sql, dialect->field, of, quoted.data, literal.data);
    return buf_take(&sql);
}

static char *item_sql(const struct dialect *dialect, const char *of, int64_t index)
{
    struct buf sql = {0};
    char number[24];

    snprintf(number, sizeof number, "%" PRId64, index);
    SQL_FILL(&sql, dialect->item, of, number);
    return buf_take(&sql);
}

static char *steps_sql(const struct dialect *dialect, const struct json_step *steps, size_t count)
{
    AUTO(buf) path = {0};
    struct buf sql = {0};

    dialect->put_steps(steps, count, &path);
    dialect->put_text(&sql, buf_text(&path));
    return buf_take(&sql);
}

/* The record as a whole. */
static char *whole_sql(const struct dialect *dialect, const struct schema *root)
{
    AUTO(buf) names = {0};
    struct buf sql = {0};

    for (size_t i = 0; i < root->field_count; i++) {
        buf_puts(&names, i ? ", " : "");
        dialect->put_name(&names, root->fields[i].name);
    }
    SQL_FILL(&sql, dialect->whole, buf_text(&names));
    return buf_take(&sql);
}

/* The field for records that are no objects has no key, and goes by its name. */
static const struct schema *find_field(const struct schema *of, const char *key)
{
    const size_t size = strlen(key);

    for (size_t i = 0; i < of->field_count; i++)
        if (of->fields[i].key && of->fields[i].key_size == size &&
            memcmp(of->fields[i].key, key, size) == 0)
            return &of->fields[i];
    for (size_t i = 0; i < of->field_count; i++)
        if (of->fields[i].key == NULL && str_same(of->fields[i].name, key))
            return &of->fields[i];
    return NULL;
}

/* The lineage columns can be asked for like any other. */
static bool is_lineage(const struct json_path *path)
{
    return path->count == 1 && (str_same(path->steps[0].key, SCHEMA_PAGE_COLUMN) ||
                                str_same(path->steps[0].key, SCHEMA_INDEX_COLUMN));
}

/* Goes one step into a struct or list; false if it leads nowhere. */
static bool take_step(const struct dialect *dialect, const struct json_step *step, bool is_root,
                      struct landed *landed)
{
    const struct schema *into = NULL;
    char *sql;

    if (step->key && landed->kind == KIND_STRUCT)
        into = find_field(landed->schema, step->key);
    else if (step->key == NULL && landed->kind == KIND_LIST)
        into = &landed->schema->fields[0];
    if (into == NULL)
        return false;
    sql = step->key == NULL ? item_sql(dialect, landed->sql, step->index)
          : is_root         ? name_sql(dialect, into->name)
                            : field_sql(dialect, landed->sql, into->name);
    free(landed->sql);
    landed->sql = sql;
    landed->schema = into;
    landed->kind = into->kind;
    return true;
}

/* Where the only column is JSON, paths lead into that; its own name is the column as such. */
static size_t enter_only_column(const struct dialect *dialect, const struct json_path *path,
                                struct landed *landed)
{
    const struct schema *only = &landed->schema->fields[0];

    landed->schema = only;
    landed->kind = only->kind;
    landed->sql = name_sql(dialect, only->name);
    return path->count == 1 && str_same(path->steps[0].key, only->name) ? 1 : 0;
}

void landed_find(const struct dialect *dialect, const struct schema *root,
                 const struct json_path *path, struct landed *ret_landed)
{
    struct landed made = {.kind = root->kind, .schema = root};
    size_t done = 0;

    if (is_lineage(path) && !find_field(root, path->steps[0].key)) {
        *ret_landed =
            (struct landed){.kind = KIND_INT, .sql = name_sql(dialect, path->steps[0].key)};
        return;
    }
    if (schema_is_one_json(root))
        done = enter_only_column(dialect, path, &made);
    else if (path->count == 0 && root->field_count > 0)
        made.sql = whole_sql(dialect, root);
    else if (path->count == 0)
        landed_close(&made);
    while (done < path->count && made.kind != KIND_JSON) {
        if (!take_step(dialect, &path->steps[done], made.schema == root, &made)) {
            landed_close(&made);
            break;
        }
        done++;
    }
    if (made.kind == KIND_JSON)
        made.steps = steps_sql(dialect, path->steps + done, path->count - done);
    if (made.kind == KIND_JSON && done < path->count)
        made.schema = NULL;
    *ret_landed = made;
}

void landed_field(const struct dialect *dialect, const char *sql, const struct schema *field,
                  struct landed *ret_landed)
{
    struct landed made = {.kind = field->kind, .schema = field};

    made.sql = sql ? field_sql(dialect, sql, field->name) : name_sql(dialect, field->name);
    if (field->kind == KIND_JSON)
        made.steps = steps_sql(dialect, NULL, 0);
    *ret_landed = made;
}

static void put_as(const char *sql, const char *type, struct buf *to)
{
    SQL_FILL(to, "CAST($1 AS $2)", sql, type);
}

void landed_put(const struct landed *landed, const struct dialect *dialect, struct buf *to)
{
    if (landed->kind == KIND_NULL)
        buf_puts(to, "NULL");
    else if (landed->kind == KIND_JSON)
        landed_put_json(landed, dialect, to);
    else
        buf_puts(to, landed->sql);
}

/* Whether the landed type differs from the one that is stored. */
static bool needs_cast(const struct schema *schema)
{
    for (size_t i = 0; i < schema->field_count; i++)
        if (needs_cast(&schema->fields[i]))
            return true;
    return schema->kind == KIND_NULL || schema->kind == KIND_UINT || schema->kind == KIND_JSON;
}

void landed_put_stored(const struct landed *landed, const struct dialect *dialect, struct buf *to)
{
    AUTO(sql_type) type = {0};
    AUTO(buf) words = {0};

    landed_type(landed, &type);
    if (type.kind == SQL_NULL) {
        buf_puts(to, "NULL");
        return;
    }
    if (landed->kind == KIND_JSON || landed->schema == NULL || !needs_cast(landed->schema)) {
        landed_put(landed, dialect, to);
        return;
    }
    if (dialect->put_shaped) {
        dialect->put_shaped(landed->schema, NULL, landed->sql, to);
        return;
    }
    dialect->put_type(&type, &words);
    put_as(landed->sql, words.data, to);
}

void landed_put_text(const struct landed *landed, const struct dialect *dialect, struct buf *to)
{
    switch (landed->kind) {
    case KIND_NULL:
        put_as("NULL", dialect->text, to);
        return;
    case KIND_TEXT:
    case KIND_NUMBER:
        buf_puts(to, landed->sql);
        return;
    case KIND_JSON:
        SQL_FILL(to, dialect->json_text, landed->sql, landed->steps);
        return;
    case KIND_STRUCT:
    case KIND_LIST:
        landed_put_json(landed, dialect, to);
        return;
    default:
        put_as(landed->sql, dialect->text, to);
    }
}

void landed_put_json(const struct landed *landed, const struct dialect *dialect, struct buf *to)
{
    if (landed->kind == KIND_NULL)
        put_as("NULL", dialect->text, to);
    else if (landed->kind == KIND_NUMBER)
        buf_puts(to, landed->sql);
    else if (landed->kind == KIND_JSON && landed->schema)
        put_as(landed->sql, dialect->text, to);
    else if (landed->kind == KIND_JSON)
        SQL_FILL(to, dialect->json_value, landed->sql, landed->steps);
    else
        SQL_FILL(to, dialect->json, landed->sql);
}

void landed_type(const struct landed *landed, struct sql_type *ret_type)
{
    static const struct schema json = {.kind = KIND_JSON};
    static const struct schema whole_number = {.kind = KIND_INT};

    sql_type_of(landed->schema              ? landed->schema
                : landed->kind == KIND_JSON ? &json
                : landed->kind == KIND_INT  ? &whole_number
                                            : &(struct schema){.kind = KIND_NULL},
                ret_type);
}
