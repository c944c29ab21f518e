/*
 * Where two makings of one table differ: Parquet files of the same table by two engines, whichever they are, read
 * by DuckDB. Rows have no order here.
 *
 * Rows that both have, as often as each other, are alike. Of the rest those are paired that agree in the columns
 * `key`; without a key, in every column whose values are the same on both sides. What finds no partner is on one
 * side alone. Null is null, NaN is NaN. Columns are the same by name, in whatever case.
 */
#ifndef RIACHO_TABLE_DIFF_H
#define RIACHO_TABLE_DIFF_H

#include "base/err.h"
#include "db/duck.h"

#include <stddef.h>
#include <stdint.h>

/* The files of one side. */
struct table_side {
    char *const *paths;
    size_t path_count;
};

enum difference_kind {
    DIFFERENCE_VALUE,  /* paired rows have not the same value in `column` */
    DIFFERENCE_ROW,    /* only one side has the row */
    DIFFERENCE_COLUMN, /* only one side has `column`; its values[] are the types */
    DIFFERENCE_TYPE, /* `column` is of two types, in values[]; its values are compared nevertheless */
};

struct difference {
    enum difference_kind kind;
    char *row;       /* "id=17, place=Lima": what tells the row; NULL of a column or type */
    char *column;    /* NULL of a row */
    char *values[2]; /* as text; NULL: null, or not on this side */
    size_t side;     /* of a row or column that one side has: which */
};

struct differing_column {
    char *name;
    int64_t rows; /* pairs whose values differ in it */
};

struct table_diff {
    int64_t rows[2]; /* of each side */
    int64_t only[2]; /* that only this side has */
    int64_t pairs;   /* that differ in some column */
    struct differing_column *columns;
    size_t column_count;
    struct difference *items; /* the first of them */
    size_t count;
};

/*
 * `conn` may read the files; its temporary tables take the rows' place in memory, or on disk. At most `limit`
 * rows are told (their columns are all). The caller closes `ret_diff`.
 */
MUST_CHECK int table_diff_find(struct duck_conn *conn, const struct table_side sides[2],
                               char *const *key, size_t key_count, size_t limit,
                               struct table_diff *ret_diff, struct err *err);
void table_diff_close(struct table_diff *diff);
/* Neither a row nor a column differs. */
bool table_diff_is_none(const struct table_diff *diff);

#endif
