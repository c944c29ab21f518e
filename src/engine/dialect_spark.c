/*
 * Spark's dialect: Spark 4 with ANSI mode on and UTC as the session's time zone.
 */
#include "base/mem.h"
#include "engine/dialect.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static void put_name(struct buf *to, const char *name)
{
    buf_putc(to, '`');
    for (const char *at = name; *at; at++) {
        if (*at == '`')
            buf_putc(to, '`');
        buf_putc(to, *at);
    }
    buf_putc(to, '`');
}

static void put_text(struct buf *to, const char *text)
{
    buf_putc(to, '\'');
    for (const char *at = text; *at; at++) {
        if (*at == '\'' || *at == '\\')
            buf_putc(to, '\\');
        buf_putc(to, *at);
    }
    buf_putc(to, '\'');
}

/* ---- types ---- */

static void put_type(const struct sql_type *type, struct buf *to);

static void put_members(const struct sql_type *type, struct buf *to)
{
    for (size_t i = 0; i < type->field_count; i++) {
        buf_puts(to, i ? ", " : "");
        put_name(to, type->fields[i].name);
        buf_puts(to, ": ");
        put_type(&type->fields[i], to);
    }
}

static void put_type(const struct sql_type *type, struct buf *to)
{
    static const char *const words[] = {
        [SQL_NULL] = "VOID",     [SQL_BOOLEAN] = "BOOLEAN",     [SQL_BIGINT] = "BIGINT",
        [SQL_DOUBLE] = "DOUBLE", [SQL_TEXT] = "STRING",         [SQL_DATE] = "DATE",
        [SQL_JSON] = "STRING",   [SQL_TIMESTAMP] = "TIMESTAMP", [SQL_OTHER] = "BINARY"};

    switch (type->kind) {
    case SQL_DECIMAL:
        buf_printf(to, "DECIMAL(%d,%d)", type->precision, type->scale);
        return;
    case SQL_LIST:
    case SQL_STRUCT:
        buf_puts(to, type->kind == SQL_LIST ? "ARRAY<" : "STRUCT<");
        if (type->kind == SQL_LIST)
            put_type(&type->fields[0], to);
        else
            put_members(type, to);
        buf_putc(to, '>');
        return;
    default:
        buf_puts(to, words[type->kind]);
    }
}

/* What a reader of the landed file has to be told; a column of nulls alone is an INTEGER there. */
static void put_landed(const struct schema *schema, struct buf *to)
{
    static const char *const words[] = {
        [KIND_NULL] = "INT",           [KIND_BOOL] = "BOOLEAN",  [KIND_INT] = "BIGINT",
        [KIND_UINT] = "DECIMAL(20,0)", [KIND_DOUBLE] = "DOUBLE", [KIND_NUMBER] = "STRING",
        [KIND_TEXT] = "STRING",        [KIND_JSON] = "STRING"};

    if (schema->kind == KIND_LIST) {
        buf_puts(to, "ARRAY<");
        put_landed(&schema->fields[0], to);
        buf_putc(to, '>');
        return;
    }
    if (schema->kind != KIND_STRUCT) {
        buf_puts(to, words[schema->kind]);
        return;
    }
    buf_puts(to, "STRUCT<");
    for (size_t i = 0; i < schema->field_count; i++) {
        buf_puts(to, i ? ", " : "");
        put_name(to, schema->fields[i].name);
        buf_puts(to, ": ");
        put_landed(&schema->fields[i], to);
    }
    buf_putc(to, '>');
}

/* ---- reshaping: Spark casts structs by the place of their members, so they are built anew ---- */

static bool is_nothing(const struct schema *schema)
{
    if (schema->kind == KIND_NULL)
        return true;
    if (schema->kind != KIND_STRUCT && schema->kind != KIND_LIST)
        return false;
    for (size_t i = 0; i < schema->field_count; i++)
        if (!is_nothing(&schema->fields[i]))
            return false;
    return true;
}

static bool has_nothing(const struct schema *schema)
{
    for (size_t i = 0; i < schema->field_count; i++)
        if (schema->fields[i].kind == KIND_NULL || has_nothing(&schema->fields[i]))
            return true;
    return schema->kind == KIND_STRUCT && schema->field_count == 0;
}

static void put_shape(const struct schema *own, const struct schema *wanted, const char *sql,
                      int depth, struct buf *to);

static void put_struct(const struct schema *own, const struct schema *wanted, const char *sql,
                       int depth, struct buf *to)
{
    const struct schema *shape = wanted ? wanted : own;
    const char *between = "";

    buf_printf(to, "CASE WHEN %s IS NOT NULL THEN named_struct(", sql);
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct schema *field = &shape->fields[i];
        AUTO(buf) member = {0};

        if (wanted == NULL && is_nothing(field))
            continue;
        buf_puts(to, between);
        between = ", ";
        put_text(to, field->name);
        buf_puts(to, ", ");
        buf_printf(&member, "%s.", sql);
        put_name(&member, field->name);
        put_shape(i < own->field_count ? &own->fields[i] : NULL, wanted ? field : NULL, member.data,
                  depth, to);
    }
    buf_puts(to, ") END");
}

static void put_shape(const struct schema *own, const struct schema *wanted, const char *sql,
                      int depth, struct buf *to)
{
    if (own == NULL || (wanted && own->kind == KIND_NULL && wanted->kind != KIND_NULL)) {
        buf_puts(to, "CAST(NULL AS ");
        put_landed(wanted, to);
        buf_putc(to, ')');
    } else if (wanted ? schema_same(own, wanted) : !has_nothing(own))
        buf_puts(to, sql);
    else if (own->kind == KIND_STRUCT)
        put_struct(own, wanted, sql, depth, to);
    else if (own->kind == KIND_LIST) {
        char *item = mem_fmt("riacho__i%d", depth);

        buf_printf(to, "transform(%s, %s -> ", sql, item);
        put_shape(&own->fields[0], wanted ? &wanted->fields[0] : NULL, item, depth + 1, to);
        buf_putc(to, ')');
        free(item);
    } else
        buf_puts(to, sql);
}

static void put_shaped(const struct schema *own, const struct schema *wanted, const char *sql,
                       struct buf *to)
{
    put_shape(own, wanted, sql, 0, to);
}

/* ---- paths: what get_json_object() and variant_get() both read ---- */

static void put_path(const struct json_step *steps, size_t count, struct buf *to)
{
    buf_putc(to, '$');
    for (size_t i = 0; i < count; i++) {
        if (steps[i].key)
            buf_printf(to, "['%s']", steps[i].key);
        else
            buf_printf(to, "[%" PRId64 "]", steps[i].index);
    }
}

/* Blanks: White_Space of Unicode, and the byte order mark. A list is looked up at the ends alone; a
 * pattern would be tried at every place of the text. */
#define BLANKS                                                                                     \
    " \\t\\n\\u000B\\u000C\\r\\u0085\\u00A0\\u1680\\u2000\\u2001\\u2002\\u2003\\u2004\\u2005\\u20" \
    "06"                                                                                           \
    "\\u2007\\u2008\\u2009\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000\\uFEFF"

#define TRIM "trim(BOTH '" BLANKS "' FROM $1)"

/* JSON of any type; to_json() by itself takes no scalars. */
#define JSON_OF(value)                                                                             \
    "regexp_extract(to_json(array(" value "), map('ignoreNullFields', 'false')), "                 \
    "'(?s)^.(.*).$', 1)"
#define VARIANT_AT "variant_get(try_parse_json($1), $2)"

const struct dialect dialect_spark = {
    .name = "spark",
    .put_name = put_name,
    .put_text = put_text,
    .put_type = put_type,
    .put_landed = put_landed,
    .put_shaped = put_shaped,
    .put_steps = put_path,
    .text = "STRING",
    .instant = "TIMESTAMP",
    .field = "$1.$2",
    .item = "get($1, $2)",
    .trim = TRIM,
    /* Most texts begin and end with a character of ASCII that is no blank. */
    .unless_clean = "CASE WHEN $1 >= '!' AND $1 < '\\u007F' AND "
                    "substr(CAST($1 AS BINARY), -1, 1) BETWEEN X'21' AND X'7E' THEN $1 ELSE $2 END",
    .matches = "($1 RLIKE concat('^(?:', $2, ')\\\\z'))",
    .fail = "raise_error(concat($1))",
    .of_micros = "timestamp_micros($1)",
    .quotient = "($1 DIV $2)",
    .padded = "format_string('%06d', $1)",
    .json = "CASE WHEN $1 IS NOT NULL THEN " JSON_OF("$1") " END",
    /* get_json_object() gives strings without their quotes. */
    .json_value = "CASE WHEN schema_of_variant(" VARIANT_AT ") = 'STRING' THEN to_json(" VARIANT_AT
                  ") ELSE get_json_object($1, $2) END",
    .json_text = "get_json_object($1, $2)",
    .json_texts = "transform($1, riacho__e -> get_json_object(riacho__e, '$'))",
    .jsons = "transform($1, riacho__e -> CASE WHEN riacho__e IS NOT NULL THEN " JSON_OF(
        "riacho__e") " END)",
    .whole = "struct($1)",
    .items = "(SELECT riacho__id, riacho__place$2, riacho__item, "
             "CAST(riacho__at AS BIGINT) AS riacho__index FROM $1 "
             "LATERAL VIEW posexplode(riacho__list) riacho__exploded AS riacho__at, riacho__item)",
};
