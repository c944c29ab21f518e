/*
 * DuckDB's dialect, and what is put together from any.
 */
#include "engine/dialect.h"

#include "db/duck.h"

#include <inttypes.h>

#include "base/banned.h"

void sql_fill(struct buf *to, const char *template, const char *const *parts)
{
    for (const char *at = template; *at; at++) {
        if (*at == '$' && at[1] >= '1' && at[1] <= '9')
            buf_puts(to, parts[*++at - '1']);
        else
            buf_putc(to, *at);
    }
}

void dialect_put_trimmed(const struct dialect *dialect, const char *value, bool empty_as_null,
                         struct buf *to)
{
    AUTO(buf) trimmed = {0};
    AUTO(buf) rest = {0};

    SQL_FILL(&trimmed, dialect->trim, value);
    SQL_FILL(&rest, empty_as_null ? "nullif($1, '')" : "$1", trimmed.data);
    SQL_FILL(to, dialect->unless_clean, value, rest.data);
}

/* A JSON Pointer (RFC 6901), which can name any key. */
static void put_pointer(const struct json_step *steps, size_t count, struct buf *to)
{
    if (count == 0)
        buf_putc(to, '$');
    for (size_t i = 0; i < count; i++) {
        buf_putc(to, '/');
        if (steps[i].key == NULL)
            buf_printf(to, "%" PRId64, steps[i].index);
        for (const char *at = steps[i].key; at && *at; at++) {
            if (*at == '~' || *at == '/')
                buf_puts(to, *at == '~' ? "~0" : "~1");
            else
                buf_putc(to, *at);
        }
    }
}

/* Blanks: White_Space of Unicode, and the byte order mark. A pattern is faster than DuckDB's trim(). */
#define BLANK "[\\s\\v\\p{Z}\\x{85}\\x{FEFF}]"
#define TRIM "regexp_replace($1, '^" BLANK "+|" BLANK "+$', '', 'g')"

const struct dialect dialect_duckdb = {
    .name = "duckdb",
    .put_name = sql_put_name,
    .put_text = sql_put_text,
    .put_type = sql_type_put_stored,
    .put_landed = schema_put_sql_type,
    .put_steps = put_pointer,
    .text = "VARCHAR",
    .instant = "TIMESTAMP WITH TIME ZONE",
    .field = "struct_extract($1, $3)",
    .item = "list_extract($1, $2 + 1)",
    .trim = TRIM,
    /* Most texts begin and end with a character of ASCII that is no blank. */
    .unless_clean =
        "CASE WHEN $1 >= '!' AND $1 < chr(127) AND $1[-1] BETWEEN '!' AND '~' THEN $1 ELSE $2 END",
    .matches = "regexp_full_match($1, $2)",
    .fail = "error(concat($1))",
    .of_micros = "make_timestamptz($1)",
    .quotient = "($1 // $2)",
    .padded = "format('{:06d}', $1)",
    .json = "CAST(to_json($1) AS VARCHAR)",
    .json_value = "nullif(CAST(json_extract($1, $2) AS VARCHAR), 'null')",
    .json_text = "json_extract_string($1, $2)",
    .json_texts = "list_transform($1, lambda riacho__e: json_extract_string(riacho__e, '$'))",
    .jsons = "list_transform($1, lambda riacho__e: CAST(to_json(riacho__e) AS VARCHAR))",
    .whole = "struct_pack($1)",
    .items = "(SELECT riacho__id, riacho__place$2, unnest(riacho__list) AS riacho__item, "
             "generate_subscripts(riacho__list, 1) - 1 AS riacho__index FROM $1)",
};
