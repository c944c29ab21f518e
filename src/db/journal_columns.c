/*
 * Columns of the adjusted tables, whose types are fixed once for all.
 */
#include "base/mem.h"
#include "db/journal.h"
#include "db/journal_format.h"

#include <stdlib.h>

#include "base/banned.h"

void fixed_columns_free(struct fixed_column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(columns[i].name);
        free(columns[i].type);
    }
    free(columns);
}

/* 1 and a copy of its type if the column is fixed, 0 if not. */
static int find_type(struct lite *lite, const char *table, const char *name, char **ret_type,
                     struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got = lite_first(lite, "SELECT type FROM columns WHERE tbl = ? AND name = ?",
                               BIND(lite_text(table), lite_text(name)), &rows, err);

    if (got == 1)
        *ret_type = lite_col_copy(&rows, 0);
    return got;
}

/* Those that are fixed already; `*ret_missing`: how many are not. */
static int find_types(struct lite *lite, const char *table, const struct fixed_column *columns,
                      size_t count, char **ret_types, size_t *ret_missing, struct err *err)
{
    *ret_missing = 0;
    for (size_t i = 0; i < count; i++) {
        int got = 1;

        if (ret_types[i] == NULL)
            got = find_type(lite, table, columns[i].name, &ret_types[i], err);
        TRY(got);
        *ret_missing += got == 0;
    }
    return 0;
}

static int add_column(struct lite *lite, const char *table, const struct fixed_column *column,
                      struct err *err)
{
    return lite_run(lite,
                    "INSERT INTO columns(tbl, name, place, type) VALUES (?1, ?2,"
                    " (SELECT coalesce(max(place), 0) + 1 FROM columns WHERE tbl = ?1), ?3)"
                    " ON CONFLICT DO NOTHING",
                    BIND(lite_text(table), lite_text(column->name), lite_text(column->type)), err);
}

static int fix_types(struct lite *lite, const char *table, const struct fixed_column *columns,
                     size_t count, char **ret_types, struct err *err)
{
    AUTO(lite_txn) txn = {0};
    size_t missing;

    TRY(find_types(lite, table, columns, count, ret_types, &missing, err));
    if (missing == 0)
        return 0;
    /* Light: a step that relies on it is made durable after it, and it with that. */
    TRY(lite_begin_light(&txn, lite, err));
    for (size_t i = 0; i < count; i++)
        if (ret_types[i] == NULL)
            TRY(add_column(lite, table, &columns[i], err));
    TRY(find_types(lite, table, columns, count, ret_types, &missing, err));
    return lite_commit(&txn, err);
}

int journal_fix_columns(struct journal *journal, const char *table, struct fixed_column *columns,
                        size_t count, struct err *err)
{
    char **types = mem_alloc(count * sizeof *types);
    const int fixed = fix_types(&journal->lite, table, columns, count, types, err);

    for (size_t i = 0; i < count; i++) {
        if (fixed == 0) {
            free(columns[i].type);
            columns[i].type = types[i];
        } else
            free(types[i]);
    }
    free(types);
    return fixed;
}

static int read_columns(struct lite_rows *rows, struct fixed_column **columns, size_t *count,
                        struct err *err)
{
    int got;

    while ((got = lite_next(rows, err)) > 0)
        *MEM_PUSH(*columns, *count) =
            (struct fixed_column){.name = lite_col_copy(rows, 0), .type = lite_col_copy(rows, 1)};
    return got;
}

int journal_columns(struct journal *journal, const char *table, struct fixed_column **ret_columns,
                    size_t *ret_count, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    struct fixed_column *columns = NULL;
    size_t count = 0;

    TRY(lite_query(&journal->lite, "SELECT name, type FROM columns WHERE tbl = ? ORDER BY place",
                   BIND(lite_text(table)), &rows, err));
    if (read_columns(&rows, &columns, &count, err) < 0) {
        fixed_columns_free(columns, count);
        return -1;
    }
    *ret_columns = columns;
    *ret_count = count;
    return 0;
}

int journal_copy_columns(struct journal *from, struct journal *to, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    AUTO(lite_txn) txn = {0};
    int got;

    TRY(lite_query(&from->lite, "SELECT tbl, name, type FROM columns ORDER BY tbl, place",
                   BIND_NOTHING, &rows, err));
    TRY(lite_begin(&txn, &to->lite, err));
    while ((got = lite_next(&rows, err)) > 0) {
        const struct fixed_column column = {.name = (char *)(uintptr_t)lite_col_text(&rows, 1),
                                            .type = (char *)(uintptr_t)lite_col_text(&rows, 2)};

        TRY(add_column(&to->lite, lite_col_text(&rows, 0), &column, err));
    }
    TRY(got);
    return lite_commit(&txn, err);
}

static int make_tables(struct lite *lite, struct err *err)
{
    AUTO(lite_txn) txn = {0};

    TRY(lite_begin(&txn, lite, err));
    TRY(format_create(lite, "", "", "", err));
    return lite_commit(&txn, err);
}

int journal_open_columns(struct journal *journal, struct err *err)
{
    AUTO(journal) made = {0};

    TRY(lite_open(&made.lite, ":memory:", true, err));
    TRY(make_tables(&made.lite, err));
    journal_close(journal);
    *journal = made;
    made = (struct journal){0};
    return 0;
}
