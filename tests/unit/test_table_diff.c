/*
 * Where two makings of one table differ (engine/table_diff.h).
 */
#include "engine/table_diff.h"

#include "base/fs.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

#define MOST_FILES 2

struct fixture {
    struct duck duck;
    struct duck_conn conn;
    char dir[32];
    int files;
    char *paths[2][MOST_FILES];
    struct table_side sides[2];
    struct table_diff diff;
};

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    struct err err = {0};

    memcpy(f->dir, "/tmp/riacho-diff-XXXXXX", 24);
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(duck_open(&f->duck, &(struct duck_conf){.threads = 1}, &err), 0);
    assert_int_equal(duck_connect(&f->duck, &f->conn, &err), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};

    table_diff_close(&f->diff);
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < MOST_FILES; i++)
            free(f->paths[side][i]);
    duck_conn_close(&f->conn);
    duck_close(&f->duck);
    assert_int_equal(fs_remove_tree(f->dir, &err), 0);
    free(f);
    return 0;
}

/* Gives a side one more file, of what the SELECT gives. */
static void make(struct fixture *f, size_t side, const char *select)
{
    struct table_side *to = &f->sides[side];
    char *path = mem_fmt("%s/%d.parquet", f->dir, f->files++);
    char *sql = mem_fmt("COPY (%s) TO '%s' (FORMAT parquet)", select, path);
    struct err err = {0};

    assert_true(to->path_count < MOST_FILES);
    assert_int_equal(duck_exec(&f->conn, sql, &err), 0);
    f->paths[side][to->path_count++] = path;
    to->paths = f->paths[side];
    free(sql);
}

static const struct table_diff *find(struct fixture *f, char *const *key, size_t key_count,
                                     size_t limit)
{
    struct err err = {0};

    table_diff_close(&f->diff);
    assert_int_equal(table_diff_find(&f->conn, f->sides, key, key_count, limit, &f->diff, &err), 0);
    return &f->diff;
}

static void order_and_parts_are_no_difference(void **state)
{
    struct fixture *f = *state;
    const struct table_diff *diff;

    make(f, 0,
         "SELECT r AS id, [r, NULL] AS l, {'x': r, 'y': NULL::TEXT} AS s, 'nan'::DOUBLE AS d, "
         "NULL::TEXT AS n FROM range(10) AS t(r)");
    make(f, 1,
         "SELECT r AS ID, [r, NULL] AS l, {'x': r, 'y': NULL::TEXT} AS s, 'nan'::DOUBLE AS d, "
         "NULL::TEXT AS n FROM range(9, 4, -1) AS t(r)");
    make(f, 1,
         "SELECT r AS ID, [r, NULL] AS l, {'x': r, 'y': NULL::TEXT} AS s, 'nan'::DOUBLE AS d, "
         "NULL::TEXT AS n FROM range(5) AS t(r)");

    diff = find(f, NULL, 0, 10);

    assert_true(table_diff_is_none(diff));
    assert_int_equal(diff->rows[0], 10);
    assert_int_equal(diff->rows[1], 10);
}

static void rows_are_paired_by_what_agrees(void **state)
{
    struct fixture *f = *state;
    const struct table_diff *diff;

    make(f, 0,
         "SELECT r AS id, CASE r WHEN 3 THEN NULL WHEN 5 THEN 'five' ELSE 'x' END AS v, 1 AS "
         "one FROM range(10) AS t(r)");
    make(f, 1,
         "SELECT r AS id, CASE r WHEN 3 THEN '' WHEN 5 THEN 'FIVE' ELSE 'x' END AS v, 1 AS "
         "one FROM range(10) AS t(r)");

    diff = find(f, NULL, 0, 10);

    assert_int_equal(diff->pairs, 2);
    assert_int_equal(diff->only[0] + diff->only[1], 0);
    assert_int_equal(diff->column_count, 1);
    assert_string_equal(diff->columns[0].name, "v");
    assert_int_equal(diff->columns[0].rows, 2);
    assert_int_equal(diff->count, 2);
    assert_int_equal(diff->items[0].kind, DIFFERENCE_VALUE);
    assert_string_equal(diff->items[0].row, "id=3, one=1");
    assert_string_equal(diff->items[0].column, "v");
    assert_null(diff->items[0].values[0]);
    assert_string_equal(diff->items[0].values[1], "");
    assert_string_equal(diff->items[1].values[0], "five");
    assert_string_equal(diff->items[1].values[1], "FIVE");
}

static void rows_are_paired_by_the_key_if_there_is_one(void **state)
{
    struct fixture *f = *state;
    char name[] = "ID";
    char *key[] = {name};
    const struct table_diff *diff;

    make(f, 0, "FROM (VALUES (1, 'a', 1.5), (2, 'b', 2.5)) AS t(id, v, w)");
    make(f, 1, "FROM (VALUES (1, 'b', 1.5), (2, 'a', 2.5)) AS t(id, v, w)");

    diff = find(f, key, 1, 10);

    assert_int_equal(diff->pairs, 2);
    assert_string_equal(diff->items[0].row, "id=1");
    assert_string_equal(diff->items[0].values[0], "a");
    assert_string_equal(diff->items[0].values[1], "b");
}

static void a_row_of_one_side_is_told_and_how_often_it_is_there_counts(void **state)
{
    struct fixture *f = *state;
    const struct table_diff *diff;

    make(f, 0, "FROM (VALUES (1, 'a'), (2, 'b'), (2, 'b'), (3, 'c')) AS t(id, v)");
    make(f, 1, "FROM (VALUES (1, 'a'), (2, 'b'), (3, 'z')) AS t(id, v)");

    diff = find(f, NULL, 0, 10);

    assert_int_equal(diff->rows[0], 4);
    assert_int_equal(diff->rows[1], 3);
    assert_int_equal(diff->pairs, 1);
    assert_int_equal(diff->only[0], 1);
    assert_int_equal(diff->only[1], 0);
    assert_int_equal(diff->count, 2);
    assert_int_equal(diff->items[1].kind, DIFFERENCE_ROW);
    assert_int_equal(diff->items[1].side, 0);
    assert_string_equal(diff->items[1].row, "id=2");
}

static void columns_and_types_are_told(void **state)
{
    struct fixture *f = *state;
    const struct table_diff *diff;

    make(f, 0, "SELECT 1::BIGINT AS a, 2.0::DOUBLE AS b, 'x' AS c, 1 AS here, '{}'::JSON AS j");
    make(f, 1, "SELECT 1::BIGINT AS a, 2::BIGINT AS b, 5 AS c, 1 AS there, '{}' AS j");

    diff = find(f, NULL, 0, 10);

    assert_int_equal(diff->count, 5);
    assert_int_equal(diff->items[0].kind, DIFFERENCE_COLUMN);
    assert_string_equal(diff->items[0].column, "there");
    assert_int_equal(diff->items[0].side, 1);
    assert_string_equal(diff->items[1].column, "here");
    assert_int_equal(diff->items[1].side, 0);
    assert_int_equal(diff->items[2].kind, DIFFERENCE_TYPE);
    assert_string_equal(diff->items[2].column, "b");
    assert_string_equal(diff->items[2].values[0], "DOUBLE");
    assert_string_equal(diff->items[2].values[1], "BIGINT");
    assert_string_equal(diff->items[3].column, "c");
    assert_int_equal(diff->items[4].kind, DIFFERENCE_VALUE);
    assert_string_equal(diff->items[4].column, "c"); /* 2.0 is 2 */
    assert_int_equal(diff->pairs, 1);
}

static void no_more_is_told_than_asked_for_and_all_is_counted(void **state)
{
    struct fixture *f = *state;
    const struct table_diff *diff;

    make(f, 0, "SELECT r AS id, r AS v FROM range(1000) AS t(r)");
    make(f, 1, "SELECT r AS id, -1 - r AS v FROM range(1000) AS t(r)");

    diff = find(f, NULL, 0, 3);

    assert_int_equal(diff->pairs, 1000);
    assert_int_equal(diff->count, 3);
}

static void tables_without_rows_are_the_same(void **state)
{
    struct fixture *f = *state;

    make(f, 0, "SELECT 1 AS a WHERE false");
    make(f, 1, "SELECT 1 AS a WHERE false");

    assert_true(table_diff_is_none(find(f, NULL, 0, 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(order_and_parts_are_no_difference, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_are_paired_by_what_agrees, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_are_paired_by_the_key_if_there_is_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_row_of_one_side_is_told_and_how_often_it_is_there_counts,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(columns_and_types_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_more_is_told_than_asked_for_and_all_is_counted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(tables_without_rows_are_the_same, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
