/*
 * The reference page from option tables: a section per map, a line per setting. A map that stands
 * in several places is told once.
 */
#include "base/opt.h"

#include "base/mem.h"
#include "base/str.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define MOST_SECTIONS 64

/* What was told already, and where. */
struct told {
    const void *rows[MOST_SECTIONS];
    char *paths[MOST_SECTIONS];
    size_t count;
};

static void put_section(struct buf *to, struct told *told, const struct opt *rows,
                        const char *path);

static const char *where_told(const struct told *told, const void *rows)
{
    for (size_t i = 0; i < told->count; i++)
        if (told->rows[i] == rows)
            return told->paths[i];
    return NULL;
}

static void remember(struct told *told, const void *rows, const char *path)
{
    if (told->count == MOST_SECTIONS)
        return;
    told->rows[told->count] = rows;
    told->paths[told->count++] = mem_str(path);
}

static void told_close(struct told *told)
{
    for (size_t i = 0; i < told->count; i++)
        free(told->paths[i]);
    *told = (struct told){0};
}

static const void *inside_of(const struct opt *row)
{
    return row->type == OPT_VARIANT ? (const void *)row->variants : (const void *)row->rows;
}

static void put_choices(struct buf *to, const struct opt_choice *choices)
{
    const char *comma = "";

    for (; choices->name; choices++) {
        if (choices->refused)
            continue;
        buf_printf(to, "%s`%s`", comma, choices->name);
        if (choices->help)
            buf_printf(to, " (%s)", choices->help);
        comma = ", ";
    }
}

/* What may stand there, in words. */
static void put_kind(struct buf *to, const struct opt *row)
{
    static const char *const kinds[] = {
        [OPT_TEXT] = "text",
        [OPT_PATH] = "path",
        [OPT_INT] = "whole number",
        [OPT_BOOL] = "`true` or `false`",
        [OPT_MS] = "duration",
        [OPT_BYTES] = "size",
        [OPT_TEXTS] = "text or list of texts",
        [OPT_PAIRS] = "map of texts",
        [OPT_JSON] = "any value",
        [OPT_SCALAR] = "text, number or boolean",
        [OPT_MAP] = "map",
        [OPT_MAPS] = "list of maps",
        [OPT_NAMED] = "map of maps",
        [OPT_VARIANT] = "map",
    };

    if (row->choices)
        put_choices(to, row->choices);
    else if (row->flags & OPT_JSON_PATH)
        buf_puts(to, "path into JSON");
    else
        buf_puts(to, row->kind ? row->kind : kinds[row->type]);
    if (row->type == OPT_INT && row->most > row->least && row->most < INT32_MAX)
        buf_printf(to, ", %" PRId64 " to %" PRId64, row->least, row->most);
    if (row->flags & OPT_NULLABLE && row->choices == NULL)
        buf_puts(to, " or null");
}

static void put_row(struct buf *to, const struct opt *row)
{
    buf_printf(to, "| `%s`%s | ", row->key, row->flags & OPT_OWN ? " (+)" : "");
    put_kind(to, row);
    if (row->flags & OPT_REQUIRED)
        buf_puts(to, " | **required**");
    else if (row->standard)
        buf_printf(to, " | `%s`", row->standard);
    else
        buf_puts(to, " | ");
    buf_printf(to, " | %s |\n", row->help ? row->help : "");
}

static void put_refused(struct buf *to, const struct opt *rows)
{
    const char *comma = "\nKnown to dlt, not supported yet: ";

    for (const struct opt *row = rows; row->key; row++)
        if (row->type == OPT_REFUSED) {
            buf_printf(to, "%s`%s`", comma, row->key);
            comma = ", ";
        }
    if (*comma == ',')
        buf_puts(to, ".\n");
}

static void put_table(struct buf *to, const struct opt *rows)
{
    assert(rows);
    buf_puts(to, "\n| key | value | default | meaning |\n|---|---|---|---|\n");
    for (const struct opt *row = rows; row->key; row++)
        if (row->type != OPT_REFUSED)
            put_row(to, row);
    put_refused(to, rows);
}

static void put_variants(struct buf *to, const struct opt_variant *variants)
{
    const char *comma = "\nKnown to dlt, not supported yet: ";

    for (const struct opt_variant *v = variants; v->name; v++) {
        if (v->refused || v->is_alias)
            continue;
        buf_printf(to, "\n**`type: %s`** %s\n", v->name, v->help ? v->help : "");
        if (v->rows)
            put_table(to, v->rows);
    }
    for (const struct opt_variant *v = variants; v->name; v++)
        if (v->refused) {
            buf_printf(to, "%s`%s`", comma, v->name);
            comma = ", ";
        }
    if (*comma == ',')
        buf_puts(to, ".\n");
}

static void put_inside(struct buf *to, struct told *told, const struct opt *row, const char *path)
{
    const void *inside = inside_of(row);
    const char *known = where_told(told, inside);

    buf_printf(to, "\n## `%s`\n\n%s\n", path, row->help ? row->help : "");
    if (known) {
        buf_printf(to, "\nThe keys are those of `%s`.\n", known);
        return;
    }
    remember(told, inside, path);
    if (row->type == OPT_VARIANT)
        put_variants(to, row->variants);
    else
        put_section(to, told, row->rows, path);
}

/* How the path goes on to one of many. */
static const char *many_of(const struct opt *row)
{
    return row->type == OPT_MAPS ? "[]" : row->type == OPT_NAMED ? ".*" : "";
}

static void put_section(struct buf *to, struct told *told, const struct opt *rows, const char *path)
{
    assert(rows);
    put_table(to, rows);
    for (const struct opt *row = rows; row->key; row++) {
        char *key_path;

        if (row->rows == NULL && row->variants == NULL)
            continue;
        key_path = mem_fmt("%s%s%s%s", path, *path ? "." : "", row->key, many_of(row));
        put_inside(to, told, row, key_path);
        free(key_path);
    }
}

void opt_put_reference(struct buf *to, const struct opt *rows, const char *path)
{
    AUTO(told) told = {0};

    put_section(to, &told, rows, path);
}
