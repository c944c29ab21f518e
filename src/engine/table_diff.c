/*
 * Differences by SQL: what is left of each side without the other (EXCEPT ALL), then the left-overs joined.
 */
#include "engine/table_diff.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define MOST_TOLD 3 /* columns that tell a row, where there is no key */

/* A column that both sides have. */
struct shared {
    char *name;
    char *types[2];
    bool tells; /* rows are paired by it */
};

struct differ {
    struct duck_conn *conn;
    const struct table_side *sides;
    struct shared *shared;
    size_t count;
    bool has_key;
    struct table_diff diff;
};

void table_diff_close(struct table_diff *diff)
{
    for (size_t i = 0; i < diff->column_count; i++)
        free(diff->columns[i].name);
    for (size_t i = 0; i < diff->count; i++) {
        free(diff->items[i].row);
        free(diff->items[i].column);
        free(diff->items[i].values[0]);
        free(diff->items[i].values[1]);
    }
    free(diff->columns);
    free(diff->items);
    *diff = (struct table_diff){0};
}

bool table_diff_is_none(const struct table_diff *diff)
{
    return diff->count == 0 && diff->pairs == 0 && diff->only[0] == 0 && diff->only[1] == 0;
}

static void differ_close(struct differ *differ)
{
    for (size_t i = 0; i < differ->count; i++) {
        free(differ->shared[i].name);
        free(differ->shared[i].types[0]);
        free(differ->shared[i].types[1]);
    }
    free(differ->shared);
    table_diff_close(&differ->diff);
}

/* ---- reading the sides ---- */

static void put_files(const struct table_side *side, struct buf *to)
{
    buf_puts(to, "read_parquet([");
    for (size_t i = 0; i < side->path_count; i++) {
        buf_puts(to, i ? ", " : "");
        sql_put_text(to, side->paths[i]);
    }
    buf_puts(to, "])");
}

static int describe(struct differ *differ, size_t side, struct duck_result *ret_columns,
                    struct err *err)
{
    AUTO(buf) sql = {0};

    buf_puts(&sql, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM ");
    put_files(&differ->sides[side], &sql);
    buf_putc(&sql, ')');
    return duck_query(differ->conn, sql.data, ret_columns, err);
}

/* A cell; the caller frees. */
static char *cell(struct duck_result *result, uint64_t column, uint64_t row)
{
    char *text = duck_text(result, column, row);
    char *copy = mem_str(text);

    duckdb_free(text);
    return copy;
}

static struct difference *add_difference(struct differ *differ, enum difference_kind kind,
                                         size_t side, const char *column)
{
    struct difference *made = MEM_PUSH(differ->diff.items, differ->diff.count);

    *made = (struct difference){.kind = kind, .side = side, .column = mem_str(column)};
    return made;
}

static struct shared *find_shared(const struct differ *differ, const char *name)
{
    for (size_t i = 0; i < differ->count; i++)
        if (strcasecmp(differ->shared[i].name, name) == 0)
            return &differ->shared[i];
    return NULL;
}

/* JSON is text that DuckDB alone marks as such. */
static char *type_of(struct duck_result *columns, uint64_t row)
{
    char *type = cell(columns, 1, row);

    if (!str_same(type, "JSON"))
        return type;
    free(type);
    return mem_str("VARCHAR");
}

static void take_first_side(struct differ *differ, struct duck_result *columns)
{
    const idx_t count = duckdb_row_count(&columns->result);

    for (idx_t i = 0; i < count; i++)
        *MEM_PUSH(differ->shared, differ->count) =
            (struct shared){.name = cell(columns, 0, i), .types = {type_of(columns, i)}};
}

static void take_second_side(struct differ *differ, struct duck_result *columns)
{
    const idx_t count = duckdb_row_count(&columns->result);

    for (idx_t i = 0; i < count; i++) {
        char *name = cell(columns, 0, i);
        struct shared *shared = find_shared(differ, name);

        if (shared)
            shared->types[1] = type_of(columns, i);
        else
            add_difference(differ, DIFFERENCE_COLUMN, 1, name)->values[1] = type_of(columns, i);
        free(name);
    }
}

/* What only the first side has is no shared column after all. */
static void keep_shared(struct differ *differ)
{
    size_t kept = 0;

    for (size_t i = 0; i < differ->count; i++) {
        struct shared *shared = &differ->shared[i];

        if (shared->types[1]) {
            differ->shared[kept++] = *shared;
            continue;
        }
        add_difference(differ, DIFFERENCE_COLUMN, 0, shared->name)->values[0] = shared->types[0];
        free(shared->name);
    }
    differ->count = kept;
    for (size_t i = 0; i < differ->count; i++) {
        const struct shared *shared = &differ->shared[i];
        struct difference *told;

        if (str_same(shared->types[0], shared->types[1]))
            continue;
        told = add_difference(differ, DIFFERENCE_TYPE, 0, shared->name);
        told->values[0] = mem_str(shared->types[0]);
        told->values[1] = mem_str(shared->types[1]);
    }
}

static int find_columns(struct differ *differ, struct err *err)
{
    AUTO(duck_result) first = {0};
    AUTO(duck_result) second = {0};

    TRY(describe(differ, 0, &first, err));
    TRY(describe(differ, 1, &second, err));
    take_first_side(differ, &first);
    take_second_side(differ, &second);
    keep_shared(differ);
    return 0;
}

static bool is_number(const char *type)
{
    static const char *const numbers[] = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
                                          "UBIGINT", "FLOAT",    "DOUBLE",  "DECIMAL"};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (str_starts(type, numbers[i]) && strpbrk(type, "[{") == NULL)
            return true;
    return false;
}

/* A column as both sides can be compared by it: as what it is, or what both types can become. */
static void put_value(const struct shared *shared, size_t index, struct buf *to)
{
    const bool are_numbers = is_number(shared->types[0]) && is_number(shared->types[1]);
    AUTO(buf) name = {0};

    sql_put_name(&name, shared->name);
    if (str_same(shared->types[0], shared->types[1]) && !str_same(shared->types[0], "VARCHAR"))
        buf_printf(to, "%s AS c%zu", name.data, index);
    else
        buf_printf(to, "CAST(%s AS %s) AS c%zu", name.data, are_numbers ? "DOUBLE" : "VARCHAR",
                   index);
}

static int load_side(struct differ *differ, size_t side, struct err *err)
{
    AUTO(buf) sql = {0};

    buf_printf(&sql, "CREATE OR REPLACE TEMP TABLE side%zu AS SELECT ", side);
    for (size_t i = 0; i < differ->count; i++) {
        put_value(&differ->shared[i], i, &sql);
        buf_puts(&sql, ", ");
    }
    buf_puts(&sql, "0 AS c FROM ");
    put_files(&differ->sides[side], &sql);
    TRY(duck_exec(differ->conn, sql.data, err));
    return duck_number(differ->conn,
                       side ? "SELECT count(*) FROM side1" : "SELECT count(*) FROM side0",
                       &differ->diff.rows[side], err);
}

/* What a side has more of than the other. */
static int find_left(struct differ *differ, size_t side, int64_t *ret_left, struct err *err)
{
    char *sql = mem_fmt("CREATE OR REPLACE TEMP TABLE left%zu AS FROM side%zu EXCEPT ALL FROM "
                        "side%zu",
                        side, side, 1 - side);
    int done = duck_exec(differ->conn, sql, err);

    free(sql);
    TRY(done);
    return duck_number(differ->conn,
                       side ? "SELECT count(*) FROM left1" : "SELECT count(*) FROM left0", ret_left,
                       err);
}

/* ---- which columns tell the rows ---- */

static bool take_key(struct differ *differ, char *const *key, size_t key_count)
{
    for (size_t i = 0; i < key_count; i++)
        if (find_shared(differ, key[i]) == NULL)
            return false;
    for (size_t i = 0; i < key_count; i++)
        find_shared(differ, key[i])->tells = true;
    return key_count > 0;
}

/* Whether the column's values are, as often as each other, those of the other side; of the shorter one, if it is. */
static int agrees(struct differ *differ, size_t index, bool *ret_agrees, struct err *err)
{
    int64_t least;
    char *sql = mem_fmt("SELECT least((SELECT count(*) FROM (SELECT c%zu FROM left0 EXCEPT ALL "
                        "SELECT c%zu FROM left1)), (SELECT count(*) FROM (SELECT c%zu FROM left1 "
                        "EXCEPT ALL SELECT c%zu FROM left0)))",
                        index, index, index, index);
    const int got = duck_number(differ->conn, sql, &least, err);

    free(sql);
    TRY(got);
    *ret_agrees = least == 0;
    return 0;
}

static int find_telling(struct differ *differ, char *const *key, size_t key_count, struct err *err)
{
    differ->has_key = take_key(differ, key, key_count);
    for (size_t i = 0; i < differ->count && !differ->has_key; i++)
        TRY(agrees(differ, i, &differ->shared[i].tells, err));
    return 0;
}

/* ---- pairs ---- */

static void put_columns(const struct differ *differ, bool telling, struct buf *to)
{
    const char *comma = "";

    for (size_t i = 0; i < differ->count; i++)
        if (differ->shared[i].tells == telling) {
            buf_printf(to, "%sc%zu", comma, i);
            comma = ", ";
        }
    if (*comma == '\0')
        buf_puts(to, "c"); /* of all rows alike */
}

/* Each row with its number among those that the telling columns do not tell apart. */
static void put_numbered(const struct differ *differ, size_t side, struct buf *to)
{
    buf_puts(to, "(SELECT *, row_number() OVER (PARTITION BY ");
    put_columns(differ, true, to);
    buf_puts(to, " ORDER BY ");
    put_columns(differ, false, to);
    buf_printf(to, ") AS n FROM left%zu) AS s%zu", side, side);
}

static int make_pairs(struct differ *differ, struct err *err)
{
    AUTO(buf) sql = {0};

    buf_puts(&sql, "CREATE OR REPLACE TEMP TABLE pairs AS SELECT s0.n IS NOT NULL AS has0, s1.n IS "
                   "NOT NULL AS has1");
    for (size_t i = 0; i < differ->count; i++)
        buf_printf(&sql, ", s0.c%zu AS a%zu, s1.c%zu AS b%zu", i, i, i, i);
    buf_puts(&sql, " FROM ");
    put_numbered(differ, 0, &sql);
    buf_puts(&sql, " FULL JOIN ");
    put_numbered(differ, 1, &sql);
    buf_puts(&sql, " ON s0.n = s1.n");
    for (size_t i = 0; i < differ->count; i++)
        if (differ->shared[i].tells)
            buf_printf(&sql, " AND s0.c%zu IS NOT DISTINCT FROM s1.c%zu", i, i);
    return duck_exec(differ->conn, sql.data, err);
}

static int count_pairs(struct differ *differ, struct err *err)
{
    AUTO(duck_result) counts = {0};
    AUTO(buf) sql = {0};

    buf_puts(&sql, "SELECT count(*) FILTER (has0 AND NOT has1), count(*) FILTER (has1 AND NOT has0)"
                   ", count(*) FILTER (has0 AND has1)");
    for (size_t i = 0; i < differ->count; i++)
        buf_printf(&sql, ", count(*) FILTER (has0 AND has1 AND a%zu IS DISTINCT FROM b%zu)", i, i);
    buf_puts(&sql, " FROM pairs");
    TRY(duck_query(differ->conn, sql.data, &counts, err));
    differ->diff.only[0] = duckdb_value_int64(&counts.result, 0, 0);
    differ->diff.only[1] = duckdb_value_int64(&counts.result, 1, 0);
    differ->diff.pairs = duckdb_value_int64(&counts.result, 2, 0);
    for (size_t i = 0; i < differ->count; i++) {
        const int64_t rows = duckdb_value_int64(&counts.result, 3 + i, 0);

        if (rows > 0)
            *MEM_PUSH(differ->diff.columns, differ->diff.column_count) =
                (struct differing_column){.name = mem_str(differ->shared[i].name), .rows = rows};
    }
    return 0;
}

/* ---- the first differences ---- */

/* Columns of the list that tell_differences() reads: has0, has1, then of each column both texts and whether they
 * differ. */
#define LISTED(index) (2 + 3 * (index))

static int list_pairs(struct differ *differ, size_t limit, struct duck_result *ret_rows,
                      struct err *err)
{
    AUTO(buf) sql = {0};

    buf_puts(&sql, "SELECT has0, has1");
    for (size_t i = 0; i < differ->count; i++)
        buf_printf(&sql,
                   ", CAST(a%zu AS VARCHAR), CAST(b%zu AS VARCHAR), a%zu IS DISTINCT FROM b%zu", i,
                   i, i, i);
    buf_puts(&sql, " FROM pairs ORDER BY has0 AND has1 DESC, has0 DESC");
    for (size_t i = 0; i < differ->count; i++)
        if (differ->shared[i].tells)
            buf_printf(&sql, ", coalesce(a%zu, b%zu)", i, i);
    buf_printf(&sql, " LIMIT %zu", limit);
    return duck_query(differ->conn, sql.data, ret_rows, err);
}

/* "id=17": by the key, or by the first columns that are there on this side. */
static char *tell_row(const struct differ *differ, struct duck_result *rows, idx_t row, size_t side)
{
    const bool has_telling = differ->has_key;
    struct buf text = {0};
    size_t told = 0;

    for (int pass = 0; pass < 2 && told == 0; pass++)
        for (size_t i = 0; i < differ->count && (has_telling || told < MOST_TOLD); i++) {
            char *value;

            if (differ->shared[i].tells != (pass == 0))
                continue;
            value = cell(rows, LISTED(i) + side, row);
            buf_printf(&text, "%s%s=%s", told ? ", " : "", differ->shared[i].name,
                       value ? value : "null");
            free(value);
            told++;
        }
    return buf_take(&text);
}

static void tell_values(struct differ *differ, struct duck_result *rows, idx_t row)
{
    for (size_t i = 0; i < differ->count; i++) {
        struct difference *made;

        if (!duckdb_value_boolean(&rows->result, LISTED(i) + 2, row))
            continue;
        made = add_difference(differ, DIFFERENCE_VALUE, 0, differ->shared[i].name);
        made->row = tell_row(differ, rows, row, 0);
        made->values[0] = cell(rows, LISTED(i), row);
        made->values[1] = cell(rows, LISTED(i) + 1, row);
    }
}

static int tell_differences(struct differ *differ, size_t limit, struct err *err)
{
    AUTO(duck_result) rows = {0};
    idx_t count;

    TRY(list_pairs(differ, limit, &rows, err));
    count = duckdb_row_count(&rows.result);
    for (idx_t i = 0; i < count; i++) {
        const bool has_first = duckdb_value_boolean(&rows.result, 0, i);
        const bool has_second = duckdb_value_boolean(&rows.result, 1, i);
        const size_t side = has_first ? 0 : 1;

        if (has_first && has_second)
            tell_values(differ, &rows, i);
        else
            add_difference(differ, DIFFERENCE_ROW, side, NULL)->row =
                tell_row(differ, &rows, i, side);
    }
    return 0;
}

/* ---- the whole ---- */

static int find_rows(struct differ *differ, char *const *key, size_t key_count, size_t limit,
                     struct err *err)
{
    int64_t left[2];

    for (size_t side = 0; side < 2; side++)
        TRY(load_side(differ, side, err));
    for (size_t side = 0; side < 2; side++)
        TRY(find_left(differ, side, &left[side], err));
    if (left[0] == 0 && left[1] == 0)
        return 0;
    TRY(find_telling(differ, key, key_count, err));
    TRY(make_pairs(differ, err));
    TRY(count_pairs(differ, err));
    return tell_differences(differ, limit, err);
}

int table_diff_find(struct duck_conn *conn, const struct table_side sides[2], char *const *key,
                    size_t key_count, size_t limit, struct table_diff *ret_diff, struct err *err)
{
    AUTO(differ) differ = {.conn = conn, .sides = sides};

    TRY(find_columns(&differ, err));
    TRY(find_rows(&differ, key, key_count, limit, err));
    *ret_diff = differ.diff;
    differ.diff = (struct table_diff){0};
    return 0;
}
