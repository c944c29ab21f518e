/*
 * DuckDB behind our errors: settings, what a locked instance may touch, how faults are named.
 */
#include "db/duck.h"

#include "base/fs.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

struct fixture {
    struct duck duck;
    struct duck_conn conn;
    char dir[32];
};

static int set_up(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    struct err err = {0};

    memcpy(f->dir, "/tmp/riacho-duck-XXXXXX", 24);
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(duck_open(&f->duck, &(struct duck_conf){.threads = 2}, &err), 0);
    assert_int_equal(duck_connect(&f->duck, &f->conn, &err), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};

    duck_conn_close(&f->conn);
    duck_close(&f->duck);
    assert_int_equal(fs_remove_tree(f->dir, &err), 0);
    free(f);
    return 0;
}

/* Opens the fixture's instance anew, locked to its folder. */
static void lock_fixture(struct fixture *f)
{
    const char *const dirs[] = {f->dir};
    const struct duck_conf conf = {.memory_bytes = 64 << 20,
                                   .threads = 1,
                                   .temp_dir = f->dir,
                                   .allowed_dirs = dirs,
                                   .allowed_count = 1,
                                   .locked = true};
    struct err err = {0};

    duck_conn_close(&f->conn);
    assert_int_equal(duck_open(&f->duck, &conf, &err), 0);
    assert_int_equal(duck_connect(&f->duck, &f->conn, &err), 0);
}

static void assert_fails(struct fixture *f, const char *sql, enum err_code code, const char *part)
{
    struct err err = {0};

    assert_int_equal(duck_exec(&f->conn, sql, &err), -1);
    if (strstr(err.text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, err.text);
    assert_int_equal(err.code, code);
    assert_null(strchr(err.text, '\n'));
}

static void a_statement_that_gives_a_number_gives_it(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    int64_t number = 0;

    assert_int_equal(duck_number(&f->conn, "SELECT count(*) + 41 FROM range(1)", &number, &err), 0);

    assert_int_equal(number, 42);
}

static void cells_are_texts_in_duckdbs_words_and_null_is_null(void **state)
{
    struct fixture *f = *state;
    AUTO(duck_result) result = {0};
    struct err err = {0};
    char *decimal, *null;

    assert_int_equal(duck_query(&f->conn, "SELECT 1.50, NULL", &result, &err), 0);
    decimal = duck_text(&result, 0, 0);
    null = duck_text(&result, 1, 0);

    assert_string_equal(decimal, "1.50");
    assert_null(null);
    duckdb_free(decimal);
}

static void a_refused_statement_is_one_line_of_duckdbs_reason(void **state)
{
    assert_fails(*state, "SELECT foo FROM range(3)", ERR_SQL, "Candidate bindings: \"range\"");
    assert_fails(*state, "SELECT 1 frm x", ERR_SQL, "syntax error");
    assert_fails(*state, "SELECT 'x'::INT", ERR_SQL, "Could not convert string 'x'");
}

static void a_fault_of_the_disk_is_told_from_a_fault_of_the_statement(void **state)
{
    assert_fails(*state, "COPY (FROM range(1000000)) TO '/dev/full' (FORMAT csv)", ERR_IO,
                 "No space left");
    assert_fails(*state, "COPY (SELECT 1) TO '/nowhere/x.parquet'", ERR_IO, "No such file");
    assert_fails(*state, "FROM '/nowhere.parquet'", ERR_SQL, "No files found");
}

static void a_stream_gives_all_rows_and_tells_faults_like_any_statement(void **state)
{
    struct fixture *f = *state;
    AUTO(duck_result) stream = {0};
    duckdb_data_chunk chunk;
    struct err err = {0};
    uint64_t rows = 0;
    int got;

    assert_int_equal(duck_stream(&f->conn, "FROM range(10000)", &stream, &err), 0);
    while ((got = duck_next(&stream, &chunk, &err)) > 0) {
        rows += duckdb_data_chunk_get_size(chunk);
        duckdb_destroy_data_chunk(&chunk);
    }
    assert_int_equal(got, 0);
    assert_int_equal(rows, 10000);

    assert_int_equal(duck_stream(&f->conn, "SELECT no_such", &stream, &err), -1);
    assert_int_equal(err.code, ERR_SQL);
    assert_int_equal(duck_stream(&f->conn, "FROM read_csv('/proc/1/mem')", &stream, &err), -1);
    assert_int_equal(err.code, ERR_IO);
    got = duck_stream(&f->conn,
                      "SELECT CASE WHEN range < 9000 THEN 1 ELSE error('late') END "
                      "FROM range(10000)",
                      &stream, &err);
    while (got == 0 && (got = duck_next(&stream, &chunk, &err)) > 0) {
        duckdb_destroy_data_chunk(&chunk);
        got = 0;
    }
    assert_int_equal(got, -1);
    assert_non_null(strstr(err.text, "late"));
}

static void memory_that_runs_out_is_a_limit_of_ours(void **state)
{
    lock_fixture(*state);

    assert_fails(*state, "SELECT length(string_agg(repeat('x', 1000000), '')) FROM range(100)",
                 ERR_LIMIT, "Out of Memory");
}

static void a_locked_instance_touches_only_its_folders(void **state)
{
    struct fixture *f = *state;
    AUTO(buf) sql = {0};
    struct err err = {0};

    lock_fixture(f);
    buf_printf(&sql, "COPY (SELECT 1) TO '%s/x.parquet'", f->dir);

    assert_fails(f, "COPY (SELECT 1) TO '/tmp/riacho-no.parquet'", ERR_SQL, "disabled by");
    assert_fails(f, "SELECT * FROM read_csv('/etc/passwd')", ERR_SQL, "disabled by");
    assert_fails(f, "LOAD httpfs", ERR_SQL, "disabled");
    assert_fails(f, "SET lock_configuration = false", ERR_SQL, "locked");
    assert_int_equal(duck_exec(&f->conn, buf_text(&sql), &err), 0);
}

static void a_locked_instance_still_spills_to_its_folder(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    int64_t number = 0;

    lock_fixture(f);

    assert_int_equal(duck_number(&f->conn,
                                 "SELECT count(*) FROM (SELECT repeat(i::TEXT, 30) AS t FROM "
                                 "range(1000000) r(i) ORDER BY t) WHERE t <> ''",
                                 &number, &err),
                     0);

    assert_int_equal(number, 1000000);
}

static void times_are_utc_whatever_the_surroundings_say(void **state)
{
    struct fixture *f = *state;
    AUTO(duck_result) result = {0};
    struct err err = {0};
    char *text;

    setenv("TZ", "America/Fortaleza", 1);
    lock_fixture(f);
    unsetenv("TZ");
    assert_int_equal(duck_query(&f->conn, "SELECT '2026-01-01 00:00:00Z'::TIMESTAMPTZ::TEXT",
                                &result, &err),
                     0);
    text = duck_text(&result, 0, 0);

    assert_string_equal(text, "2026-01-01 00:00:00+00");
    duckdb_free(text);
}

static void names_and_texts_are_quoted_safely(void **state)
{
    AUTO(buf) sql = {0};

    (void)state;
    sql_put_name(&sql, "a\"b");
    sql_put_text(&sql, "it's");

    assert_string_equal(buf_text(&sql), "\"a\"\"b\"'it''s'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_statement_that_gives_a_number_gives_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(cells_are_texts_in_duckdbs_words_and_null_is_null, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_refused_statement_is_one_line_of_duckdbs_reason, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_fault_of_the_disk_is_told_from_a_fault_of_the_statement,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stream_gives_all_rows_and_tells_faults_like_any_statement,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_that_runs_out_is_a_limit_of_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_locked_instance_touches_only_its_folders, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_locked_instance_still_spills_to_its_folder, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(times_are_utc_whatever_the_surroundings_say, set_up,
                                        tear_down),
        cmocka_unit_test(names_and_texts_are_quoted_safely),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
