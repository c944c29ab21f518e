/*
 * The promises of spark_connect.h, against a real server: RIACHO_SPARK is its address, RIACHO_SPARK_CUT that of
 * a proxy before it which cuts connections. Without them nothing is tested; pytest gives them
 * (tests/spark/test_spark_client.py).
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/spark_connect.h"
#include "engine/spark_query.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

#define SLOW_QUERY "SELECT sum(hash(id)) FROM range(0, 100000000000, 1, 4)"

static int open_at(void **state, const char *variable)
{
    struct spark_session *session = mem_alloc(sizeof *session);
    struct err err = {0};

    if (spark_session_open(session, &(struct spark_conf){.remote = getenv(variable)}, &err) < 0)
        fail_msg("%s", err.text);
    *state = session;
    return 0;
}

static int set_up(void **state)
{
    return open_at(state, "RIACHO_SPARK");
}

static int set_up_cut(void **state)
{
    return open_at(state, "RIACHO_SPARK_CUT");
}

static int tear_down(void **state)
{
    spark_session_close(*state);
    free(*state);
    return 0;
}

/* What came of a query. */
struct seen {
    int64_t rows;
    int64_t batches;
    bool is_arrow; /* each begins as an Arrow IPC stream does */
    struct spark_progress progress;
};

static int see_rows(void *ctx, const struct spark_rows *rows, struct err *err)
{
    struct seen *seen = ctx;

    (void)err;
    seen->is_arrow = rows->arrow_bytes > 8 && memcmp(rows->arrow, "\xff\xff\xff\xff", 4) == 0 &&
                     (seen->is_arrow || seen->batches == 0);
    seen->rows += rows->count;
    seen->batches++;
    return 0;
}

static void see_progress(void *ctx, const struct spark_progress *progress)
{
    struct seen *seen = ctx;

    seen->progress = *progress;
}

static struct seen look(struct spark_session *session, const struct spark_relation *query)
{
    struct seen seen = {0};
    struct err err = {0};

    if (spark_session_query(session, query,
                            &(struct spark_handlers){.ctx = &seen,
                                                     .on_rows = see_rows,
                                                     .on_progress = see_progress},
                            &err) < 0)
        fail_msg("%s", err.text);
    return seen;
}

static void rows_come_as_arrow_with_their_count(void **state)
{
    int64_t tasks = 0;

    /* Spark counts tasks beside its work, so that a short query may be over before the count. */
    for (int tries = 0; tries < 20 && tasks == 0; tries++) {
        const struct seen seen =
            look(*state, &(struct spark_relation){.query = "SELECT * FROM range(54321)"});

        assert_int_equal(seen.rows, 54321);
        assert_true(seen.is_arrow);
        assert_true(seen.progress.tasks_done <= seen.progress.tasks);
        tasks = seen.progress.tasks;
    }
    assert_true(tasks > 0);
    assert_string_equal(spark_session_version(*state), getenv("RIACHO_SPARK_VERSION"));
}

static void columns_have_their_types_without_a_run(void **state)
{
    static const enum spark_kind kinds[] = {SPARK_INTEGER, SPARK_STRING,   SPARK_DECIMAL,
                                            SPARK_STRUCT,  SPARK_ARRAY,    SPARK_MAP,
                                            SPARK_NULL,    SPARK_TIMESTAMP};
    AUTO(spark_type) type = {0};
    struct err err = {0};

    if (spark_session_schema(
            *state,
            &(struct spark_relation){
                .query = "SELECT 1 AS a, 'x' AS b, CAST(1.5 AS DECIMAL(9,2)) AS c,"
                         " named_struct('k', 1L) AS d, array(1.5D) AS e, map('k', true) AS f,"
                         " NULL AS g, raise_error('x')::timestamp AS h"},
            &type, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(type.kind, SPARK_STRUCT);
    assert_int_equal(type.field_count, 8);
    for (size_t i = 0; i < type.field_count; i++)
        assert_int_equal(type.fields[i].kind, kinds[i]);
    assert_string_equal(type.fields[2].name, "c");
    assert_int_equal(type.fields[2].precision, 9);
    assert_int_equal(type.fields[2].scale, 2);
    assert_string_equal(type.fields[3].fields[0].name, "k");
    assert_int_equal(type.fields[4].fields[0].kind, SPARK_DOUBLE);
    assert_int_equal(type.fields[5].fields[1].kind, SPARK_BOOLEAN);
}

static void what_is_written_is_read_under_a_name(void **state)
{
    char folder[] = "/tmp/riacho-spark-XXXXXX";
    const struct spark_relation numbers = {.query = "SELECT id, id % 3 AS third FROM range(30)"};
    const struct spark_option zstd = {"compression", "zstd"};
    const char *third[] = {"third"};
    const char *columns[] = {"id", "_metadata.file_size > 0 AS is_file"};
    char *path = mem_fmt("%s/out", mkdtemp(folder));
    const char *paths[] = {path};
    const struct spark_relation files = {.format = "parquet",
                                         .schema = "id BIGINT, third BIGINT",
                                         .paths = paths,
                                         .path_count = 1,
                                         .columns = columns,
                                         .column_count = 2};
    const struct spark_input inputs[] = {{"files", &files}, {"numbers", &numbers}};
    struct err err = {0};
    struct seen seen;

    if (spark_session_write(*state,
                            &(struct spark_write){.from = &numbers,
                                                  .format = "parquet",
                                                  .path = path,
                                                  .partition_by = third,
                                                  .partition_count = 1,
                                                  .options = &zstd,
                                                  .option_count = 1},
                            NULL, &err) < 0)
        fail_msg("%s", err.text);
    seen = look(*state, &(struct spark_relation){
                            .query = "SELECT * FROM files JOIN numbers USING (id) WHERE is_file",
                            .inputs = inputs,
                            .input_count = 2});
    assert_int_equal(seen.rows, 30);
    assert_int_equal(spark_session_write(
                         *state,
                         &(struct spark_write){.from = &numbers, .format = "parquet", .path = path},
                         NULL, &err),
                     -1);
    assert_string_equal(spark_session_fault(*state)->error_class, "PATH_ALREADY_EXISTS");
    free(path);
}

static void settings_are_of_the_session(void **state)
{
    const struct spark_option settings[] = {{"spark.sql.session.timeZone", "Asia/Kolkata"},
                                            {"spark.sql.ansi.enabled", "false"}};
    struct err err = {0};
    char *zone = NULL;

    assert_int_equal(spark_session_set(*state, settings, 2, &err), 0);
    assert_int_equal(spark_session_get(*state, "spark.sql.session.timeZone", &zone, &err), 1);
    assert_string_equal(zone, "Asia/Kolkata");
    free(zone);
    assert_int_equal(spark_session_get(*state, "spark.riacho.no.such", &zone, &err), 0);
    assert_int_equal(spark_session_command(*state, "SET spark.sql.ansi.enabled = true", &err), 0);
    assert_int_equal(spark_session_get(*state, "spark.sql.ansi.enabled", &zone, &err), 1);
    assert_string_equal(zone, "true");
    free(zone);
}

static void a_plan_is_told_in_sparks_words(void **state)
{
    struct err err = {0};
    char *text = NULL;

    assert_int_equal(
        spark_session_explain(*state, &(struct spark_relation){.query = "SELECT * FROM range(3)"},
                              &text, &err),
        0);
    assert_non_null(strstr(text, "Physical Plan"));
    free(text);
}

static void a_fault_has_a_class_a_state_and_a_place(void **state)
{
    static const struct {
        const char *query;
        const char *error_class;
        const char *sql_state;
        const char *message;
        int start;
        int line;
    } cases[] = {
        {"SELECT nope FROM range(3)", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703", "`nope`", 7, 0},
        {"SELECT 1\nFORM x y", "PARSE_SYNTAX_ERROR", "42601", "near 'x'", -1, 2},
        {"SELECT CAST(concat('x', id) AS INT) FROM range(1)", "CAST_INVALID_INPUT", "22018", "'x0'",
         7, 0},
        {"SELECT raise_error('by hand') FROM range(3)", "USER_RAISED_EXCEPTION", "P0001", "by hand",
         -1, 0},
        {"SELECT * FROM no_such", "TABLE_OR_VIEW_NOT_FOUND", "42P01", "`no_such`", 14, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct spark_fault *fault;
        struct err err = {0};

        assert_int_equal(spark_session_query(*state,
                                             &(struct spark_relation){.query = cases[i].query},
                                             NULL, &err),
                         -1);
        fault = spark_session_fault(*state);
        assert_int_equal(err.code, ERR_SQL);
        assert_string_equal(fault->error_class, cases[i].error_class);
        assert_string_equal(fault->sql_state, cases[i].sql_state);
        assert_non_null(strstr(err.text, cases[i].message));
        assert_null(strchr(err.text, '\n'));
        assert_int_equal(fault->start, cases[i].start);
        assert_int_equal(fault->line, cases[i].line);
        assert_false(fault->is_lost);
    }
}

static void *interrupt_soon(void *ctx)
{
    usleep(1500000);
    spark_session_interrupt(ctx);
    return NULL;
}

static void an_interrupt_ends_the_query_and_the_session_goes_on(void **state)
{
    struct err err = {0};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, *state), 0);
    assert_int_equal(spark_session_query(*state, &(struct spark_relation){.query = SLOW_QUERY},
                                         NULL, &err),
                     -1);
    pthread_join(thread, NULL);
    assert_int_equal(err.code, ERR_STOPPED);
    assert_int_equal(look(*state, &(struct spark_relation){.query = "SELECT 1"}).rows, 1);
}

static int refuse_rows(void *ctx, const struct spark_rows *rows, struct err *err)
{
    (void)ctx;
    return err_set(err, ERR_LIMIT, "%lld rows are enough", (long long)rows->count);
}

static void who_takes_the_rows_may_end_the_query(void **state)
{
    struct err err = {0};

    assert_int_equal(
        spark_session_query(*state, &(struct spark_relation){.query = "SELECT * FROM range(7)"},
                            &(struct spark_handlers){.on_rows = refuse_rows}, &err),
        -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(look(*state, &(struct spark_relation){.query = "SELECT 1"}).rows, 1);
}

static void a_wrong_token_is_told(void **state)
{
    AUTO(spark_session) session = {0};
    struct err err = {0};
    char *remote = mem_str(getenv("RIACHO_SPARK"));

    (void)state;
    strchr(remote, ';')[1] = 'x'; /* the parameter is no longer called token */
    assert_int_equal(spark_session_open(&session, &(struct spark_conf){.remote = remote}, &err),
                     -1);
    assert_int_equal(err.code, ERR_REMOTE);
    assert_string_equal(err.hint, "Look at the token in the server's address.");
    assert_null(strstr(err.text, "sesame"));
    free(remote);
}

static void a_server_that_is_not_there_is_told_at_once(void **state)
{
    AUTO(spark_session) session = {0};
    struct err err = {0};

    (void)state;
    assert_int_equal(spark_session_open(&session,
                                        &(struct spark_conf){.remote = "sc://127.0.0.1:1"}, &err),
                     -1);
    assert_int_equal(err.code, ERR_NET);
    assert_true(err.retriable);
}

static void no_row_is_lost_or_doubled_when_connections_break(void **state)
{
    struct seen seen =
        look(*state, &(struct spark_relation){
                         .query = "SELECT id, repeat('x', 40) FROM range(0, 200000, 1, 4)"});

    assert_int_equal(seen.rows, 200000);
}

/* ---- streaming queries (spark_query.h) ---- */

#define STREAM_WAIT_MS 60000

/* A stream of one row each tenth of a second through `sql`, into a folder of its own. */
static void start_stream(struct spark_session *session, const char *name, const char *sql,
                         struct spark_query *ret_query)
{
    char dir[] = "/tmp/riacho-stream-XXXXXX";
    const struct spark_option rate = {"rowsPerSecond", "10"};
    const struct spark_relation rows = {.format = "rate",
                                        .is_streaming = true,
                                        .options = &rate,
                                        .option_count = 1};
    const struct spark_input input = {.name = "ticks", .relation = &rows};
    const struct spark_relation query = {.query = sql, .inputs = &input, .input_count = 1};
    struct err err = {0};

    assert_non_null(mkdtemp(dir));
    char *checkpoint = mem_fmt("file://%s/checkpoint", dir);
    char *path = mem_fmt("file://%s/out", dir);
    const struct spark_option options[] = {{"checkpointLocation", checkpoint}};

    if (spark_query_start(session,
                          &(struct spark_stream){.from = &query,
                                                 .name = name,
                                                 .format = "parquet",
                                                 .path = path,
                                                 .options = options,
                                                 .option_count = 1,
                                                 .interval = "100 milliseconds"},
                          ret_query, &err) < 0)
        fail_msg("%s", err.text);
    free(checkpoint);
    free(path);
}

static int count_progress(void *ctx, const char *json, struct err *err)
{
    int *count = ctx;

    (void)err;
    *count += strstr(json, "\"batchId\"") != NULL;
    return 0;
}

static void a_streaming_query_is_found_by_its_name_in_a_session_of_the_same_id(void **state)
{
    struct spark_session *session = *state;
    AUTO(spark_session) other = {0};
    AUTO(spark_query) query = {0};
    AUTO(spark_query) found = {0};
    const int64_t until_ms = clock_monotonic_ms() + STREAM_WAIT_MS;
    int batches = 0;
    struct err err = {0};

    start_stream(session, "a stream", "SELECT value FROM ticks", &query);
    assert_int_equal(spark_session_open(&other,
                                        &(struct spark_conf){.remote = getenv("RIACHO_SPARK"),
                                                             .session_id =
                                                                 spark_session_id(session)},
                                        &err),
                     0);
    assert_int_equal(spark_query_find(&other, "another stream", &found, &err), 0);
    assert_int_equal(spark_query_find(&other, "a stream", &found, &err), 1);
    while (batches == 0 && clock_monotonic_ms() < until_ms)
        assert_int_equal(spark_query_progress(&other, &found, true, count_progress, &batches, &err),
                         0);
    assert_int_equal(spark_query_runs(&other, &found, &err), 1);
    assert_int_equal(spark_query_stop(&other, &found, &err), 0);

    assert_string_equal(found.run_id, query.run_id);
    assert_true(batches > 0);
    assert_int_equal(spark_query_runs(session, &query, &err), 0);
}

static void a_streaming_query_that_fails_says_why(void **state)
{
    struct spark_session *session = *state;
    AUTO(spark_query) query = {0};
    const int64_t until_ms = clock_monotonic_ms() + STREAM_WAIT_MS;
    char *why = NULL;
    struct err err = {0};

    start_stream(session, "a faulty stream",
                 "SELECT CAST(raise_error('it is ' || value) AS STRING) AS v FROM ticks", &query);
    while (spark_query_runs(session, &query, &err) == 1 && clock_monotonic_ms() < until_ms)
        usleep(50000);

    assert_int_equal(spark_query_failure(session, &query, &why, &err), 1);
    assert_non_null(strstr(why, "it is "));
    free(why);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_come_as_arrow_with_their_count),
        TEST(columns_have_their_types_without_a_run),
        TEST(what_is_written_is_read_under_a_name),
        TEST(settings_are_of_the_session),
        TEST(a_plan_is_told_in_sparks_words),
        TEST(a_fault_has_a_class_a_state_and_a_place),
        TEST(an_interrupt_ends_the_query_and_the_session_goes_on),
        TEST(who_takes_the_rows_may_end_the_query),
        TEST(a_streaming_query_is_found_by_its_name_in_a_session_of_the_same_id),
        TEST(a_streaming_query_that_fails_says_why),
        cmocka_unit_test(a_wrong_token_is_told),
        cmocka_unit_test(a_server_that_is_not_there_is_told_at_once),
        cmocka_unit_test_setup_teardown(no_row_is_lost_or_doubled_when_connections_break,
                                        set_up_cut, tear_down),
    };

    if (getenv("RIACHO_SPARK") == NULL) {
        puts("spark_contract: RIACHO_SPARK names no server; pytest runs this with one");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
