/*
 * JSON Schema (draft-07) from option tables. A value that holds ${VAR} may become anything, so
 * wherever one may stand a text with ${ is let through.
 */
#include "base/opt.h"

#include "base/json.h"
#include "base/opt_value.h"
#include "base/str.h"

#include <inttypes.h>
#include <string.h>

#include "base/banned.h"

#define VARIABLE "{\"type\":\"string\",\"pattern\":\"\\\\$\\\\{\"}"

static void put_map(struct buf *to, const struct opt *rows, const struct opt_variant *variant,
                    unsigned flags);
static void put_value(struct buf *to, const struct opt *row);

static void put_text(struct buf *to, const struct opt *row)
{
    char pattern[400];

    if (row->pattern == NULL) {
        buf_printf(to, "{\"type\":[\"string\",\"number\",\"boolean\"%s]}",
                   row->flags & OPT_NULLABLE ? ",\"null\"" : "");
        return;
    }
    snprintf(pattern, sizeof pattern, "^(%s)$|\\$\\{", row->pattern);
    buf_puts(to, "{\"type\":\"string\",\"pattern\":");
    json_put_string(to, pattern);
    buf_putc(to, '}');
}

static void put_int(struct buf *to, const struct opt *row)
{
    buf_printf(to, "{\"anyOf\":[{\"type\":%s,\"minimum\":%" PRId64,
               row->flags & OPT_NULLABLE ? "[\"integer\",\"null\"]" : "\"integer\"", row->least);
    if (row->most > row->least)
        buf_printf(to, ",\"maximum\":%" PRId64, row->most);
    buf_puts(to, "}," VARIABLE "]}");
}

static void put_choices(struct buf *to, const struct opt *row)
{
    bool is_bool = false;
    bool is_null = false;

    buf_puts(to, "{\"anyOf\":[{\"enum\":[");
    for (const struct opt_choice *choice = row->choices; choice->name; choice++) {
        if (choice->refused)
            continue;
        is_bool |= str_same(choice->name, "true");
        is_null |= str_same(choice->name, "null");
        if (choice > row->choices)
            buf_putc(to, ',');
        json_put_string(to, choice->name);
    }
    buf_printf(to, "%s%s]}," VARIABLE "]}", is_bool ? ",true" : "", is_null ? ",null" : "");
}

/* A bare text stands for a map of one key, so it is what that key may be. */
static void put_bare(struct buf *to, const struct opt *row)
{
    for (const struct opt *inner = row->rows; row->bare && inner->key; inner++)
        if (str_same(inner->key, row->bare)) {
            buf_putc(to, ',');
            put_value(to, inner);
        }
}

static void put_item(struct buf *to, const struct opt *row)
{
    buf_puts(to, "{\"anyOf\":[");
    put_map(to, row->rows, NULL, row->flags);
    put_bare(to, row);
    if (row->type == OPT_NAMED)
        buf_puts(to, ",{\"type\":\"null\"}");
    buf_puts(to, "]}");
}

static bool needs_more(const struct opt_variant *variant)
{
    for (const struct opt *row = variant->rows; row && row->key; row++)
        if (row->flags & OPT_REQUIRED)
            return true;
    return false;
}

/* The variants that their name alone makes. */
static void put_variant_names(struct buf *to, const struct opt *row)
{
    for (const struct opt_variant *v = row->variants; v->name; v++)
        if (v->refused == NULL && !needs_more(v))
            buf_printf(to, "{\"const\":\"%s\"},", v->name);
    buf_puts(to, VARIABLE);
}

static void put_variants(struct buf *to, const struct opt *row)
{
    const bool is_optional = (row->flags & OPT_TYPE_OPTIONAL) != 0;

    buf_puts(to, "{\"anyOf\":[");
    put_variant_names(to, row);
    for (const struct opt_variant *v = row->variants; v->name; v++) {
        if (v->refused)
            continue;
        buf_putc(to, ',');
        put_map(to, v->rows, v, is_optional && v == row->variants ? OPT_TYPE_OPTIONAL : 0);
    }
    buf_puts(to, "]}");
}

static void put_value(struct buf *to, const struct opt *row)
{
    switch (row->type) {
    case OPT_TEXT:
    case OPT_PATH:
    case OPT_PARSED:
        put_text(to, row);
        return;
    case OPT_INT:
        put_int(to, row);
        return;
    case OPT_BOOL:
        buf_puts(to, "{\"anyOf\":[{\"type\":\"boolean\"}," VARIABLE "]}");
        return;
    case OPT_MS:
        buf_puts(to, "{\"type\":\"string\",\"pattern\":"
                     "\"^[0-9]+([.][0-9]+)? *(ms|s|m|min|h|d|w)$|\\\\$\\\\{\"}");
        return;
    case OPT_BYTES:
        buf_puts(to, "{\"type\":[\"string\",\"integer\"],\"pattern\":"
                     "\"^[0-9]+([.][0-9]+)? *([KMGT]iB|[kKMG]?B)?$|\\\\$\\\\{\"}");
        return;
    case OPT_ENUM:
    case OPT_WORD:
        put_choices(to, row);
        return;
    case OPT_TEXTS:
        buf_puts(to, "{\"anyOf\":[{\"type\":\"string\"},"
                     "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}]}");
        return;
    case OPT_PAIRS:
        buf_puts(to, "{\"type\":\"object\",\"additionalProperties\":"
                     "{\"type\":[\"string\",\"number\",\"boolean\"]}}");
        return;
    case OPT_SCALAR:
        buf_puts(to, "{\"type\":[\"string\",\"number\",\"boolean\"]}");
        return;
    case OPT_CUSTOM:
        buf_puts(to, row->schema);
        return;
    case OPT_MAP:
        put_item(to, row);
        return;
    case OPT_MAPS:
        buf_puts(to, "{\"type\":\"array\",\"items\":");
        put_item(to, row);
        buf_putc(to, '}');
        return;
    case OPT_NAMED:
        buf_puts(to, "{\"type\":\"object\",\"additionalProperties\":");
        put_item(to, row);
        buf_putc(to, '}');
        return;
    case OPT_VARIANT:
        put_variants(to, row);
        return;
    case OPT_JSON:
    case OPT_REFUSED:
        break;
    }
    buf_puts(to, "{}");
}

static void put_standard(struct buf *to, const struct opt *row)
{
    const bool is_plain = row->type == OPT_INT || row->type == OPT_BOOL;

    if (row->standard == NULL)
        return;
    buf_puts(to, ",\"default\":");
    if (is_plain)
        buf_puts(to, row->standard);
    else
        json_put_string(to, row->standard);
}

/* The value's own schema, with title and default put before its first member. */
static void put_row(struct buf *to, const struct opt *row)
{
    AUTO(buf) value = {0};

    put_value(&value, row);
    json_put_string(to, row->key);
    buf_puts(to, ":{\"description\":");
    json_put_string(to, row->help ? row->help : "");
    put_standard(to, row);
    if (value.size > 2)
        buf_putc(to, ',');
    buf_puts(to, buf_text(&value) + 1);
}

static void put_required(struct buf *to, const struct opt *rows, bool has_type, unsigned flags)
{
    const char *comma = "";

    buf_puts(to, ",\"required\":[");
    if (has_type && !(flags & OPT_TYPE_OPTIONAL)) {
        buf_puts(to, "\"type\"");
        comma = ",";
    }
    for (const struct opt *row = rows; row && row->key; row++)
        if ((row->flags & OPT_REQUIRED) && !(flags & OPT_PARTIAL)) {
            buf_puts(to, comma);
            json_put_string(to, row->key);
            comma = ",";
        }
    buf_putc(to, ']');
}

/* A map of the rows; with a variant, `type` names it. */
static void put_map(struct buf *to, const struct opt *rows, const struct opt_variant *variant,
                    unsigned flags)
{
    const char *comma = "";

    buf_puts(to, "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
    if (variant) {
        buf_puts(to, "\"type\":{\"description\":");
        json_put_string(to, variant->help ? variant->help : "");
        buf_printf(to, ",\"const\":\"%s\"}", variant->name);
        comma = ",";
    }
    for (const struct opt *row = rows; row && row->key; row++) {
        if (row->type == OPT_REFUSED)
            continue;
        buf_puts(to, comma);
        put_row(to, row);
        comma = ",";
    }
    buf_putc(to, '}');
    put_required(to, rows, variant != NULL, flags);
    buf_putc(to, '}');
}

void opt_put_schema(struct buf *to, const struct opt *rows, const char *title)
{
    AUTO(buf) map = {0};

    put_map(&map, rows, NULL, 0);
    buf_puts(to, "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"title\":");
    json_put_string(to, title);
    buf_puts(to, ",");
    buf_puts(to, buf_text(&map) + 1);
    buf_putc(to, '\n');
}
