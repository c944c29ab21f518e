/*
 * A table for people: columns as wide as their widest cell, numbers to the right. Cells wider than
 * TABLE_WIDEST characters are cut with an ellipsis, unless the table is for a program or a file.
 */
#ifndef RIACHO_TABLE_H
#define RIACHO_TABLE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define TABLE_WIDEST 72

struct table {
    size_t columns;
    bool is_whole;  /* set before it is opened: no cell is cut */
    bool *to_right; /* by column */
    char **cells;   /* row by row, the heads first */
    size_t count;
};

/* Heads, NULL ends them; one that starts with '>' is a column of numbers (the sign is not shown). */
void table_open(struct table *table, const char *const *heads);
void table_close(struct table *table);
/* The next cell, row by row; NULL is shown as a dash. */
void table_add(struct table *table, const char *text);
void table_addf(struct table *table, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
size_t table_rows(const struct table *table); /* without the heads */
void table_put(const struct table *table, struct buf *to);

#endif
