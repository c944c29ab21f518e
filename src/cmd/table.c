/*
 * Aligned columns. Widths are counted in code points, which serves the scripts that tables here hold.
 */
#include "cmd/table.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static bool starts_character(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text; text++)
        width += starts_character(*text);
    return width;
}

/* A copy for one line: control characters become spaces. */
static char *cell_of(const char *text, bool is_whole)
{
    struct buf cell = {0};
    size_t width = 0;

    for (; *text; text++) {
        if (starts_character(*text) && ++width == TABLE_WIDEST && width_of(text) > 1 && !is_whole) {
            buf_puts(&cell, "…");
            break;
        }
        buf_putc(&cell, (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
    }
    return buf_take(&cell);
}

void table_open(struct table *table, const char *const *heads)
{
    while (heads[table->columns])
        table->columns++;
    table->to_right = mem_alloc(table->columns * sizeof *table->to_right);
    for (size_t i = 0; i < table->columns; i++) {
        table->to_right[i] = heads[i][0] == '>';
        table_add(table, heads[i] + table->to_right[i]);
    }
}

void table_close(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table->to_right);
    *table = (struct table){0};
}

void table_add(struct table *table, const char *text)
{
    *MEM_PUSH(table->cells, table->count) = cell_of(text ? text : "–", table->is_whole);
}

void table_addf(struct table *table, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    table_add(table, text);
}

size_t table_rows(const struct table *table)
{
    return table->columns ? table->count / table->columns - 1 : 0;
}

static size_t column_width(const struct table *table, size_t column)
{
    size_t widest = 0;

    for (size_t i = column; i < table->count; i += table->columns) {
        const size_t width = width_of(table->cells[i]);

        if (width > widest)
            widest = width;
    }
    return widest;
}

static void put_spaces(struct buf *to, size_t count)
{
    while (count-- > 0)
        buf_putc(to, ' ');
}

void table_put(const struct table *table, struct buf *to)
{
    size_t *widths;

    if (table->columns == 0)
        return;
    widths = mem_alloc(table->columns * sizeof *widths);
    for (size_t column = 0; column < table->columns; column++)
        widths[column] = column_width(table, column);
    for (size_t i = 0; i < table->count; i++) {
        const size_t column = i % table->columns;
        const bool is_last = column + 1 == table->columns;
        const size_t pad = widths[column] - width_of(table->cells[i]);

        if (table->to_right[column])
            put_spaces(to, pad);
        buf_puts(to, table->cells[i]);
        if (!table->to_right[column] && !is_last)
            put_spaces(to, pad);
        buf_puts(to, is_last ? "\n" : "  ");
    }
    free(widths);
}
