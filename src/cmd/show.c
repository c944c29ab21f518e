/*
 * JSON objects as rows.
 */
#include "cmd/show.h"

#include "base/mem.h"
#include "base/str.h"
#include "cmd/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define MOST_COLUMNS 12

static void open_table(struct table *table, const struct show_column *columns)
{
    char *heads[MOST_COLUMNS + 1] = {0};
    size_t count = 0;

    for (; columns[count].head; count++) {
        const bool is_number = columns[count].as == SHOW_COUNT || columns[count].as == SHOW_BYTES;

        heads[count] = mem_fmt("%s%s", is_number ? ">" : "", columns[count].head);
    }
    table_open(table, (const char *const *)heads);
    while (count > 0)
        free(heads[--count]);
}

static void add_cell(struct table *table, yyjson_mut_val *value, enum show_as as)
{
    char figure[32];
    char *text;

    if (value == NULL || yyjson_mut_is_null(value)) {
        table_add(table, NULL);
        return;
    }
    if (as == SHOW_COUNT && yyjson_mut_is_int(value)) {
        table_add(table, str_of_count((uint64_t)yyjson_mut_get_sint(value), figure, sizeof figure));
        return;
    }
    if (as == SHOW_BYTES && yyjson_mut_is_int(value)) {
        table_add(table, str_of_bytes((uint64_t)yyjson_mut_get_sint(value), figure, sizeof figure));
        return;
    }
    if (as == SHOW_TEXT && yyjson_mut_is_str(value)) {
        table_add(table, yyjson_mut_get_str(value));
        return;
    }
    text = yyjson_mut_val_write(value, YYJSON_WRITE_ALLOW_INVALID_UNICODE, NULL);
    table_add(table, text);
    free(text);
}

void show_put(struct buf *to, yyjson_mut_val *list, const struct show_column *columns,
              const char *if_none)
{
    AUTO(table) table = {.is_whole = !isatty(STDOUT_FILENO)};
    size_t index;
    size_t count;
    yyjson_mut_val *row;

    if (yyjson_mut_arr_size(list) == 0) {
        if (if_none)
            buf_printf(to, "%s\n", if_none);
        return;
    }
    open_table(&table, columns);
    yyjson_mut_arr_foreach(list, index, count, row) for (const struct show_column *column = columns;
                                                         column->head; column++)
        add_cell(&table, yyjson_mut_obj_get(row, column->key), column->as);
    table_put(&table, to);
}

void show_json(const struct json_out *report)
{
    AUTO(buf) text = {0};

    json_out_write(report, &text);
    puts(buf_text(&text));
}
