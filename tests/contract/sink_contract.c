/*
 * The promises of sink.h, run on every sink; and what a CSV file looks like, byte for byte.
 */
#include "base/mem.h"
#include "base/str.h"
#include "db/duck.h"
#include "fault.h"
#include "sink/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

static const struct sink_ops *const backends[] = {&sink_csv};
static const struct sink_ops *backend; /* the one whose turn it is */

struct bench {
    char *dir;
    char *parquet_path;
    char *temp_path;
    struct duck duck;
    struct duck_conn conn;
    struct sink sink;
    struct export_conf conf;
};

static int set_up(void **state)
{
    struct bench *bench = mem_alloc(sizeof *bench);
    char dir[] = "/tmp/riacho-sink-XXXXXX";
    struct err err = {0};
    const char *dirs[1];

    (void)fault_arm_signal; /* of no use here */
    assert_non_null(mkdtemp(dir));
    bench->dir = mem_str(dir);
    bench->parquet_path = fs_join(dir, "in.parquet");
    bench->temp_path = fs_join(dir, "7");
    dirs[0] = bench->dir;
    assert_int_equal(duck_open(&bench->duck, &(struct duck_conf){.threads = 1}, &err), 0);
    assert_int_equal(duck_connect(&bench->duck, &bench->conn, &err), 0);
    assert_int_equal(sink_open(&bench->sink, backend,
                               &(struct sink_conf){.memory_bytes = (int64_t)128 << 20,
                                                   .dirs = dirs,
                                                   .dir_count = 1,
                                                   .temp_dir = dir},
                               &err),
                     0);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    struct err err = {0};

    sink_close(&bench->sink);
    duck_conn_close(&bench->conn);
    duck_close(&bench->duck);
    assert_int_equal(fs_remove_tree(bench->dir, &err), 0);
    free(bench->temp_path);
    free(bench->parquet_path);
    free(bench->dir);
    free(bench);
    return 0;
}

/* Makes the Parquet file of what the SELECT gives. */
static void given(struct bench *bench, const char *select)
{
    AUTO(buf) sql = {0};
    struct err err = {0};

    buf_printf(&sql, "COPY (%s) TO '%s' (FORMAT parquet)", select, bench->parquet_path);
    if (duck_exec(&bench->conn, sql.data, &err) < 0)
        fail_msg("%s", err.text);
}

/* -1 also if the file's data is at fault. */
static int write_one(struct bench *bench, const char *parquet_path, const char *temp_path,
                     struct sink_output *ret_output, struct err *err)
{
    struct sink_job job = {.parquet_path = parquet_path, .temp_path = temp_path};

    if (sink_write(&bench->sink, &bench->conf, &job, 1, err) < 0)
        return -1;
    if (job.failed)
        *err = job.err;
    else
        *ret_output = job.output;
    return job.failed ? -1 : 0;
}

static int write_it(struct bench *bench, struct sink_output *ret_output, struct err *err)
{
    return write_one(bench, bench->parquet_path, bench->temp_path, ret_output, err);
}

/* What the sink makes of the SELECT. */
static void expect(struct bench *bench, const char *select, const char *expected)
{
    AUTO(buf) text = {0};
    struct sink_output output;
    struct err err = {0};

    given(bench, select);
    if (write_it(bench, &output, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(fs_read(bench->temp_path, 1 << 20, &text, &err), 0);
    assert_string_equal(buf_text(&text), expected);
    assert_int_equal(output.bytes, text.size);
    assert_int_equal(fs_remove_file(bench->temp_path, &err), 0);
}

/* ---- any sink ---- */

static void the_output_is_told_by_rows_bytes_and_hash(void **state)
{
    struct bench *bench = *state;
    struct sink_output output;
    char sha256[FS_SHA256_TEXT];
    int64_t bytes;
    struct err err = {0};

    given(bench, "SELECT range AS n FROM range(100000)");
    assert_int_equal(write_it(bench, &output, &err), 0);

    assert_int_equal(fs_sha256(bench->temp_path, sha256, &bytes, &err), 0);
    assert_int_equal(output.rows, 100000);
    assert_int_equal(output.bytes, bytes);
    assert_string_equal(output.sha256, sha256);
}

static void a_file_that_is_no_parquet_is_a_fault_of_the_data(void **state)
{
    struct bench *bench = *state;
    struct sink_output output = {.rows = 77};
    struct err err = {0};

    assert_int_equal(write_it(bench, &output, &err), -1);
    assert_int_equal(err.code, ERR_DATA);
    assert_int_equal(fs_write(bench->parquet_path, "PAR1 nonsense PAR1", 18, 0666, &err), 0);
    assert_int_equal(write_it(bench, &output, &err), -1);
    assert_int_equal(err.code, ERR_DATA);
    assert_int_equal(output.rows, 77);
    assert_false(fs_exists(bench->temp_path));
}

static void a_file_that_is_cut_or_damaged_leaves_nothing_behind(void **state)
{
    struct bench *bench = *state;
    AUTO(buf) bytes = {0};
    struct sink_output output;
    struct err err = {0};

    given(bench, "SELECT range AS n, hash(range)::VARCHAR AS t FROM range(50000)");
    assert_int_equal(fs_read(bench->parquet_path, 64 << 20, &bytes, &err), 0);
    for (size_t i = bytes.size / 4; i < bytes.size / 2; i++)
        bytes.data[i] = (char)~bytes.data[i];
    assert_int_equal(fs_write(bench->parquet_path, bytes.data, bytes.size, 0666, &err), 0);

    assert_int_equal(write_it(bench, &output, &err), -1);

    assert_int_equal(err.code, ERR_DATA);
    assert_false(fs_exists(bench->temp_path));
}

static void a_write_or_sync_that_fails_is_a_fault_of_the_disk_and_leaves_nothing(void **state)
{
    struct bench *bench = *state;
    int failed = 0;

    given(bench, "SELECT range AS n, repeat('x', 10) AS t FROM range(100000)");
    for (int nth = 1;; nth++) {
        struct sink_output output;
        struct err err = {0};
        int written;

        fault_arm_error(nth, ENOSPC, false);
        written = write_it(bench, &output, &err);
        fault_disarm();
        if (!fault_fired()) {
            assert_int_equal(written, 0);
            break;
        }
        failed++;
        assert_int_equal(written, -1);
        assert_int_equal(err.code, ERR_IO);
        assert_false(fs_exists(bench->temp_path));
    }
    assert_true(failed > 5);
}

static void a_folder_that_is_gone_is_a_fault_of_the_disk(void **state)
{
    struct bench *bench = *state;
    struct sink_output output;
    struct err err = {0};

    given(bench, "SELECT 1 AS n");
    assert_int_equal(write_one(bench, bench->parquet_path, "/tmp/riacho-no-such-folder/7", &output,
                               &err),
                     -1);
    assert_int_equal(err.code, ERR_IO);
}

static void it_reads_nothing_outside_its_folders(void **state)
{
    struct bench *bench = *state;
    struct sink_output output;
    struct err err = {0};

    assert_int_equal(write_one(bench, "/tmp/../etc/x.parquet", bench->temp_path, &output, &err),
                     -1);
    assert_non_null(strstr(err.text, "disabled"));
}

/* ---- several files ---- */

#define MANY 9

/* Files of the same and of other columns, one without rows, one whose column is named as DuckDB numbers files. */
static const char *const selects[MANY] = {
    "SELECT 1 AS a, 'x' AS b",          "SELECT range AS a, 'y' AS b FROM range(5000)",
    "SELECT 'y' AS b, 1 AS a",          "SELECT 1 AS a, 'x' AS b WHERE false",
    "SELECT 1 AS a, 'x' AS b, 2 AS c",  "SELECT 1.5 AS a, 'x' AS b",
    "SELECT 7 AS a, 'z' AS b",          "SELECT 1 AS file_index, [1, 2] AS l",
    "SELECT 0 AS file_index, [3] AS l",
};

struct many {
    char *parquet_paths[MANY];
    char *temp_paths[MANY];
    struct sink_job jobs[MANY];
};

static void many_open(struct bench *bench, struct many *many)
{
    char *single = bench->parquet_path;

    for (size_t i = 0; i < MANY; i++) {
        many->parquet_paths[i] = mem_fmt("%s/many-%zu.parquet", bench->dir, i);
        many->temp_paths[i] = mem_fmt("%s/many-%zu.tmp", bench->dir, i);
        bench->parquet_path = many->parquet_paths[i];
        given(bench, selects[i]);
        many->jobs[i] = (struct sink_job){.parquet_path = many->parquet_paths[i],
                                          .temp_path = many->temp_paths[i]};
    }
    bench->parquet_path = single;
}

static void many_close(struct many *many)
{
    for (size_t i = 0; i < MANY; i++) {
        free(many->parquet_paths[i]);
        free(many->temp_paths[i]);
    }
}

static void many_files_together_are_written_as_each_alone(void **state)
{
    struct bench *bench = *state;
    struct many many;
    struct err err = {0};

    many_open(bench, &many);
    assert_int_equal(sink_write(&bench->sink, &bench->conf, many.jobs, MANY, &err), 0);

    for (size_t i = 0; i < MANY; i++) {
        struct sink_output alone;

        assert_false(many.jobs[i].failed);
        assert_int_equal(write_one(bench, many.parquet_paths[i], bench->temp_path, &alone, &err),
                         0);
        assert_string_equal(many.jobs[i].output.sha256, alone.sha256);
        assert_int_equal(many.jobs[i].output.rows, alone.rows);
        assert_int_equal(many.jobs[i].output.bytes, alone.bytes);
        assert_true(fs_exists(many.temp_paths[i]));
    }
    many_close(&many);
}

static void a_faulty_file_fails_alone_among_many(void **state)
{
    struct bench *bench = *state;
    struct many many;
    struct err err = {0};

    many_open(bench, &many);
    assert_int_equal(fs_write(many.parquet_paths[1], "PAR1 nonsense PAR1", 18, 0666, &err), 0);
    assert_int_equal(sink_write(&bench->sink, &bench->conf, many.jobs, MANY, &err), 0);

    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(many.jobs[i].failed, i == 1);
        assert_int_equal(fs_exists(many.temp_paths[i]), i != 1);
    }
    assert_int_equal(many.jobs[1].err.code, ERR_DATA);
    assert_int_equal(many.jobs[6].output.rows, 1);
    many_close(&many);
}

static void of_many_files_none_is_left_if_the_disk_fails(void **state)
{
    struct bench *bench = *state;
    struct many many;

    many_open(bench, &many);
    for (int nth = 1;; nth++) {
        struct err err = {0};
        int written;

        fault_arm_error(nth, ENOSPC, false);
        written = sink_write(&bench->sink, &bench->conf, many.jobs, MANY, &err);
        fault_disarm();
        if (!fault_fired())
            break;
        /* What could not be removed before it is written again is no fault. */
        assert_int_equal(err.code, written < 0 ? ERR_IO : ERR_NONE);
        for (size_t i = 0; i < MANY; i++) {
            assert_int_equal(fs_exists(many.temp_paths[i]), written == 0);
            assert_int_equal(fs_remove_file(many.temp_paths[i], &err), 0);
        }
    }
    many_close(&many);
}

/* ---- CSV ---- */

static void a_header_and_lines_that_end_in_crlf(void **state)
{
    expect(*state, "SELECT 1 AS a, 'x' AS \"b c\", 2 AS \"d,\"\"e\"",
           "a,b c,\"d,\"\"e\"\r\n1,x,2\r\n");
    expect(*state, "SELECT 1 AS a WHERE false", "a\r\n");
}

static void null_is_empty_and_an_empty_text_is_quoted(void **state)
{
    expect(*state, "SELECT * FROM (VALUES ('', 1), (NULL, NULL)) t(a, b)",
           "a,b\r\n\"\",1\r\n,\r\n");
}

static void quotes_stand_only_where_they_must(void **state)
{
    expect(
        *state,
        "SELECT unnest(['plain', 'a,b', 'say \"hi\"', 'two' || chr(10) || 'lines', "
        "'cr' || chr(13), ' blanks ', 'ção 😀', 'a''b', 'a;b', '\"']) AS t",
        "t\r\nplain\r\n\"a,b\"\r\n\"say \"\"hi\"\"\"\r\n\"two\nlines\"\r\n\"cr\r\"\r\n blanks \r\n"
        "ção 😀\r\na'b\r\na;b\r\n\"\"\"\"\r\n");
}

static void numbers_are_the_shortest_that_read_back_the_same(void **state)
{
    expect(*state,
           "SELECT unnest([0, 1, -1.5, 0.1, 100, 1e20, 1e-7, 0.30000000000000004, 121.653, "
           "1.7976931348623157e308, 5e-324, '-0'::DOUBLE, 99999999.5, 123456789.25, "
           "1e-300]::DOUBLE[]) AS d",
           "d\r\n0.0\r\n1.0\r\n-1.5\r\n0.1\r\n100.0\r\n100000000000000000000.0\r\n0.0000001\r\n0."
           "30000000000000004\r\n121.653\r\n"
           "1.7976931348623157e308\r\n5e-324\r\n-0.0\r\n99999999.5\r\n123456789.25\r\n1e-300\r\n");
    expect(
        *state,
        "SELECT 9223372036854775807 AS a, (-9223372036854775807 - 1) AS b, 12345.67::DECIMAL(9,2) "
        "AS c, "
        "18446744073709551615::UBIGINT AS d, true AS e, -3::INTEGER AS f, 'nan'::DOUBLE AS g",
        "a,b,c,d,e,f,g\r\n9223372036854775807,-9223372036854775808,12345.67,18446744073709551615,"
        "true,-3,NaN\r\n");
}

/* DuckDB reads each number back, and it is the same bits. */
static void any_double_survives(void **state)
{
    struct bench *bench = *state;
    struct sink_output output;
    int64_t changed = -1;
    AUTO(buf) sql = {0};
    struct err err = {0};

    given(bench, "SELECT CASE i % 4 WHEN 0 THEN round(random() * 1e5, (i % 9)::INTEGER) WHEN 1 "
                 "THEN random() "
                 "WHEN 2 THEN (random() - 0.5) * pow(10, (i % 600) - 300) ELSE i / 3 END AS d FROM "
                 "range(200000) r(i)");
    assert_int_equal(write_it(bench, &output, &err), 0);
    buf_printf(&sql,
               "SELECT count(*) FROM (SELECT *, row_number() OVER () AS n FROM '%s') a JOIN "
               "(SELECT *, row_number() OVER () AS n FROM read_csv('%s', header = true, "
               "columns = {d: 'DOUBLE'})) b USING (n) WHERE a.d <> b.d",
               bench->parquet_path, bench->temp_path);
    if (duck_number(&bench->conn, sql.data, &changed, &err) < 0)
        fail_msg("%s", err.text);

    assert_int_equal(changed, 0);
}

static void times_are_iso_8601_in_utc(void **state)
{
    expect(
        *state,
        "SELECT TIMESTAMPTZ '2018-02-01 00:00:00Z' AS a, TIMESTAMP '1969-12-31 23:59:59.5' AS b, "
        "TIMESTAMPTZ '2018-02-01 00:00:00.123456Z' AS c, DATE '2020-02-29' AS d, "
        "DATE '0001-01-01' AS e, TIMESTAMPTZ '9999-12-31 23:59:59Z' AS f, DATE '1900-03-01' AS g, "
        "'infinity'::TIMESTAMPTZ AS h, DATE '0044-03-15 (BC)' AS i",
        "a,b,c,d,e,f,g,h,i\r\n2018-02-01T00:00:00Z,1969-12-31T23:59:59.500Z,"
        "2018-02-01T00:00:00.123456Z,2020-02-29,0001-01-01,9999-12-31T23:59:59Z,1900-03-01,"
        "Infinity,"
        "-0043-03-15\r\n");
}

/* Every day of 10,000 years, as DuckDB says it. */
static void any_date_is_right(void **state)
{
    struct bench *bench = *state;
    struct sink_output output;
    int64_t changed = -1;
    AUTO(buf) sql = {0};
    struct err err = {0};

    given(bench, "SELECT DATE '0001-01-01' + i::INTEGER AS d FROM range(3650000) r(i)");
    assert_int_equal(write_it(bench, &output, &err), 0);
    buf_printf(
        &sql,
        "SELECT count(*) FROM (SELECT d::VARCHAR AS d, row_number() OVER () AS n FROM '%s') a JOIN "
        "(SELECT *, row_number() OVER () AS n FROM read_csv('%s', header = true, "
        "columns = {d: 'VARCHAR'})) b USING (n) WHERE a.d <> b.d",
        bench->parquet_path, bench->temp_path);
    if (duck_number(&bench->conn, sql.data, &changed, &err) < 0)
        fail_msg("%s", err.text);

    assert_int_equal(output.rows, 3650000);
    assert_int_equal(changed, 0);
}

static void lists_and_structs_are_json_text(void **state)
{
    expect(*state,
           "SELECT [1, NULL, 2] AS a, {'x': 'y\"z', 'n': 1.5::DOUBLE} AS b, [{'k': true}] AS c, "
           "NULL::INTEGER[] AS d, []::VARCHAR[] AS e",
           "a,b,c,d,e\r\n\"[1,null,2]\",\"{\"\"x\"\":\"\"y\\\"\"z\"\",\"\"n\"\":1.5}\","
           "\"[{\"\"k\"\":true}]\",,[]\r\n");
}

static void formulas_are_disarmed_only_where_that_is_asked_for(void **state)
{
    static const char select[] =
        "SELECT unnest(['=1+1', '+1', '-1', '@x', chr(9) || 'x', chr(13) || 'x', 'a=b', '', "
        "'=\"a\",b', NULL]) AS t, -1 AS n, -1.5::DOUBLE AS d";
    struct bench *bench = *state;

    expect(bench, "SELECT '=1+1' AS t, -1 AS n", "t,n\r\n=1+1,-1\r\n");
    bench->conf.formula_safe = true;
    expect(bench, select,
           "t,n,d\r\n'=1+1,-1,-1.5\r\n'+1,-1,-1.5\r\n'-1,-1,-1.5\r\n'@x,-1,-1.5\r\n'\tx,-1,-1.5\r\n"
           "\"'\rx\",-1,-1.5\r\na=b,-1,-1.5\r\n\"\",-1,-1.5\r\n\"'=\"\"a\"\",b\",-1,-1.5\r\n,-1,-1."
           "5\r\n");
}

static void numbers_of_all_kinds_are_no_formulas(void **state)
{
    struct bench *bench = *state;

    bench->conf.formula_safe = true;
    expect(bench,
           "SELECT -1.5::DOUBLE AS d, -7::BIGINT AS i, -2.00::DECIMAL(10,2) AS m, "
           "-2::DECIMAL(38,0) AS h, -3::TINYINT AS t, -1.5::FLOAT AS f, '-2'::BLOB AS b, '-2' AS x",
           "d,i,m,h,t,f,b,x\r\n-1.5,-7,-2.00,-2,-3,-1.5,'-2,'-2\r\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest any[] = {
        TEST(the_output_is_told_by_rows_bytes_and_hash),
        TEST(a_file_that_is_no_parquet_is_a_fault_of_the_data),
        TEST(a_file_that_is_cut_or_damaged_leaves_nothing_behind),
        TEST(a_write_or_sync_that_fails_is_a_fault_of_the_disk_and_leaves_nothing),
        TEST(a_folder_that_is_gone_is_a_fault_of_the_disk),
        TEST(it_reads_nothing_outside_its_folders),
        TEST(many_files_together_are_written_as_each_alone),
        TEST(a_faulty_file_fails_alone_among_many),
        TEST(of_many_files_none_is_left_if_the_disk_fails),
    };
    const struct CMUnitTest csv[] = {
        TEST(a_header_and_lines_that_end_in_crlf),
        TEST(null_is_empty_and_an_empty_text_is_quoted),
        TEST(quotes_stand_only_where_they_must),
        TEST(numbers_are_the_shortest_that_read_back_the_same),
        TEST(any_double_survives),
        TEST(times_are_iso_8601_in_utc),
        TEST(any_date_is_right),
        TEST(lists_and_structs_are_json_text),
        TEST(formulas_are_disarmed_only_where_that_is_asked_for),
        TEST(numbers_of_all_kinds_are_no_formulas),
    };
    int failed = 0;

    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        backend = backends[i];
        failed += cmocka_run_group_tests_name(backend->name, any, NULL, NULL);
    }
    backend = &sink_csv;
    return failed + cmocka_run_group_tests(csv, NULL, NULL);
}
