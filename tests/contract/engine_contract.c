/*
 * The promises of engine.h, run on every engine: conversions, default rules, the user's SQL, types that are
 * fixed, faults of the data and of the surroundings.
 */
#include "base/mem.h"
#include "base/str.h"
#include "lab.h"

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

/* DuckDB; or, where RIACHO_SPARK is the address of a server, Spark (tests/spark/test_spark_engine.py). */
static const struct engine_ops *backend;

static int set_up(void **state)
{
    struct lab *lab = mem_alloc(sizeof *lab);

    lab_open(lab, backend);
    *state = lab;
    return 0;
}

static int tear_down(void **state)
{
    lab_close(*state);
    free(*state);
    return 0;
}

/* ---- what the pipeline file says ---- */

#define MOST_COLUMNS 16

static char *literal(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* A table of columns, or of SQL, with what a run wants of it. */
struct table {
    struct table_conf conf;
    struct column_conf columns[MOST_COLUMNS];
    const struct table_conf *items[1];
    struct engine_tables tables;
};

static void table_open(struct table *table)
{
    *table = (struct table){.conf = {.name = literal("t"), .from = literal("quakes")}};
    table->conf.columns = table->columns;
    table->items[0] = &table->conf;
    table->tables =
        (struct engine_tables){.resource = "quakes", .tables = table->items, .table_count = 1};
}

static struct column_conf *add(struct table *table, const char *name, const char *path,
                               enum column_type type)
{
    struct column_conf *column = &table->columns[table->conf.column_count++];

    *column = (struct column_conf){.name = literal(name), .path = literal(path), .type = type};
    return column;
}

static void use_sql(struct table *table, const char *sql)
{
    table->conf.columns = NULL;
    table->conf.sql_duckdb = literal(sql);
    table->conf.sql_spark = literal(sql);
}

static const struct engine_tables by_default = {.resource = "quakes"};

/* ---- helpers ---- */

static void pass(struct lab *lab, const struct engine_tables *tables, const char *records)
{
    struct err err = {0};

    if (lab_pass(lab, tables, records, &err) < 0)
        fail_msg("%s", err.text);
}

static void assert_in(const char *text, const char *part)
{
    if (strcasestr(text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void assert_no_files_left(const struct lab *lab)
{
    struct err err = {0};

    assert_int_equal(rmdir(lab->temp_dir), 0);
    assert_int_equal(fs_make_dirs(lab->temp_dir, 0777, &err), 0);
}

static void assert_refused(struct lab *lab, const struct engine_tables *tables, const char *records,
                           const char *part)
{
    struct err err = {0};

    assert_int_equal(lab_pass(lab, tables, records, &err), -1);
    assert_in(err.text, part);
    assert_int_equal(err.code, ERR_DATA);
    assert_no_files_left(lab);
}

/* A list of values, as JSON in single quotes. */
#define VALUES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void put_records(struct buf *to, const char *const *values)
{
    buf_putc(to, '[');
    for (size_t i = 0; values[i]; i++)
        buf_printf(to, "%s{'v':%s}", i ? "," : "", values[i]);
    buf_putc(to, ']');
}

/* What becomes of the values, each in a record of its own, as a column `v` of that type. */
static void expect_values(struct lab *lab, enum column_type type, const char *const *values,
                          const char *expected)
{
    struct table table;
    AUTO(buf) records = {0};

    table_open(&table);
    add(&table, "v", "v", type)->on_error = ON_ERROR_NULL;
    table.columns[0].precision = 10;
    table.columns[0].scale = 2;
    put_records(&records, values);
    pass(lab, &table.tables, records.data);
    lab_expect(lab, "SELECT string_agg(coalesce(v::VARCHAR, '-'), ' ') FROM @t", expected);
    lab_close(lab);
    lab_open(lab, backend);
}

/* ---- conversions ---- */

static void texts_convert_to_integers_only_if_they_are_whole(void **state)
{
    expect_values(*state, COLUMN_BIGINT,
                  VALUES("'12'", "' 12 '", "'+5'", "'-7'", "'12.0'", "'1.5'", "'1e3'", "'1_000'",
                         "'0x10'", "''", "'abc'", "null", "'9223372036854775807'",
                         "'9223372036854775808'", "'007'"),
                  "12 12 5 -7 12 - - - - - - - 9223372036854775807 - 7\n");
}

static void numbers_convert_to_integers_only_if_they_are_whole(void **state)
{
    expect_values(*state, COLUMN_BIGINT, VALUES("1", "-2.0", "2.5", "1e300"), "1 -2 - -\n");
    expect_values(*state, COLUMN_BIGINT, VALUES("18446744073709551615", "3"), "- 3\n");
    expect_values(*state, COLUMN_BIGINT, VALUES("true", "false"), "- -\n");
    expect_values(*state, COLUMN_BIGINT, VALUES("{'a':1}", "[1]", "4", "'5'"), "- - 4 5\n");
    expect_values(*state, COLUMN_BIGINT, VALUES("{'a':1}"), "-\n");
    expect_values(*state, COLUMN_BIGINT, VALUES("[1,2]"), "-\n");
}

static void texts_convert_to_doubles_if_they_are_finite_numbers(void **state)
{
    expect_values(*state, COLUMN_DOUBLE,
                  VALUES("'1.5'", "'.5'", "'5.'", "'1e3'", "' -2 '", "'nan'", "'inf'", "'1e400'",
                         "'1_0.5'", "'1,5'", "'1.5d'", "''"),
                  "1.5 0.5 5.0 1000.0 -2.0 - - - - - - -\n");
    expect_values(*state, COLUMN_DOUBLE, VALUES("1", "2.5", "'x'", "true"), "1.0 2.5 - -\n");
    expect_values(*state, COLUMN_DOUBLE, VALUES("18446744073709551615", "0"),
                  "1.8446744073709552e+19 0.0\n");
    expect_values(*state, COLUMN_DOUBLE, VALUES("true"), "-\n");
}

static void decimals_lose_no_digit(void **state)
{
    expect_values(*state, COLUMN_DECIMAL,
                  VALUES("'1.5'", "'1.500'", "'1.505'", "'-0.01'", "'.5'", "'12345678'",
                         "'123456789'", "'x'"),
                  "1.50 1.50 - -0.01 0.50 12345678.00 - -\n");
    expect_values(*state, COLUMN_DECIMAL, VALUES("0.1", "19.99", "19.999", "1e20"),
                  "0.10 19.99 - -\n");
    expect_values(*state, COLUMN_DECIMAL, VALUES("7", "-8", "123456789012"), "7.00 -8.00 -\n");
}

static void booleans_are_true_and_false_and_one_and_zero(void **state)
{
    expect_values(*state, COLUMN_BOOLEAN,
                  VALUES("'true'", "'FALSE'", "' True '", "'1'", "'0'", "'yes'", "'t'", "''",
                         "'2'"),
                  "true false true true false - - - -\n");
    expect_values(*state, COLUMN_BOOLEAN, VALUES("true", "false", "null"), "true false -\n");
    expect_values(*state, COLUMN_BOOLEAN, VALUES("1", "0", "2"), "true false -\n");
    expect_values(*state, COLUMN_BOOLEAN, VALUES("true", "1", "'false'", "[]"),
                  "true true false -\n");
}

static void anything_converts_to_text(void **state)
{
    expect_values(*state, COLUMN_TEXT, VALUES("' a '", "''", "'\\ud83d\\ude00'"),
                  " a   \xf0\x9f\x98\x80\n");
    expect_values(*state, COLUMN_TEXT, VALUES("1", "-2"), "1 -2\n");
    expect_values(*state, COLUMN_TEXT, VALUES("1.5", "2"), "1.5 2.0\n");
    expect_values(*state, COLUMN_TEXT, VALUES("true"), "true\n");
    expect_values(*state, COLUMN_TEXT, VALUES("{'a':[1,null],'b':'x'}"),
                  "{\"a\":[1,null],\"b\":\"x\"}\n");
    expect_values(*state, COLUMN_TEXT, VALUES("'x'", "5", "{'a':1}", "null"), "x 5 {\"a\":1} -\n");
    expect_values(*state, COLUMN_TEXT, VALUES("123456789012345678901234567890"),
                  "123456789012345678901234567890\n");
}

static void anything_converts_to_json(void **state)
{
    expect_values(*state, COLUMN_JSON, VALUES("'a\\'b'", "null"), "\"a\\\"b\" -\n");
    expect_values(*state, COLUMN_JSON, VALUES("1"), "1\n");
    expect_values(*state, COLUMN_JSON, VALUES("true"), "true\n");
    expect_values(*state, COLUMN_JSON, VALUES("{'a':[1,2]}"), "{\"a\":[1,2]}\n");
    expect_values(*state, COLUMN_JSON, VALUES("'x'", "5", "[1]"), "\"x\" 5 [1]\n");
}

static void texts_convert_to_dates(void **state)
{
    expect_values(*state, COLUMN_DATE,
                  VALUES("'2020-02-29'", "'2021-02-29'", "'2020-01-01T23:30:00-03:00'",
                         "'20200101'", "'01/02/2020'", "''", "'2020-1-1'"),
                  "2020-02-29 - 2020-01-02 - - - -\n");
}

static void texts_convert_to_instants_in_utc(void **state)
{
    expect_values(*state, COLUMN_TIMESTAMP,
                  VALUES("'2020-01-01T10:00:00Z'", "'2020-01-01 10:00:00'", "'2020-01-01T10:00'",
                         "'2020-01-01'"),
                  "2020-01-01 10:00:00+00 2020-01-01 10:00:00+00 2020-01-01 10:00:00+00 "
                  "2020-01-01 00:00:00+00\n");
    expect_values(*state, COLUMN_TIMESTAMP,
                  VALUES("'2020-01-01T10:00:00.123456789+02:00'", "'2020-01-01T10:00:00-03'",
                         "'2020-01-01T10:00:00+0530'", "'2020-01-01 10:00:00 +0000'",
                         "'2020-01-01 10:00:00 UTC'", "'2020-01-01t10:00:00z'"),
                  "2020-01-01 08:00:00.123456+00 2020-01-01 13:00:00+00 2020-01-01 04:30:00+00 "
                  "2020-01-01 10:00:00+00 2020-01-01 10:00:00+00 2020-01-01 10:00:00+00\n");
    expect_values(*state, COLUMN_TIMESTAMP,
                  VALUES("'2020-01-01T10:00Z'", "'2020-01-01T10:00-03:00'",
                         "'2020-01-01T25:00:00Z'", "'2020-01-01T10:00:61Z'", "'now'",
                         "'2020-01-01T10:00:00 America/New_York'", "'1517443200000'", "'infinity'",
                         "'epoch'"),
                  "2020-01-01 10:00:00+00 2020-01-01 13:00:00+00 - - - - - - -\n");
}

static void expect_moments(struct lab *lab, enum column_unit unit, const char *const *values,
                           const char *expected)
{
    struct table table;
    AUTO(buf) records = {0};

    table_open(&table);
    add(&table, "v", "v", COLUMN_TIMESTAMP)->on_error = ON_ERROR_NULL;
    table.columns[0].unit = unit;
    add(&table, "d", "v", COLUMN_DATE)->on_error = ON_ERROR_NULL;
    table.columns[1].unit = unit;
    put_records(&records, values);
    pass(lab, &table.tables, records.data);
    lab_expect(lab, "SELECT v, d FROM @t", expected);
    lab_close(lab);
    lab_open(lab, backend);
}

static void numbers_convert_to_instants_by_their_unit(void **state)
{
    expect_moments(*state, UNIT_S, VALUES("1517443200", "-1", "999999999999999"),
                   "2018-02-01 00:00:00+00|2018-02-01\n1969-12-31 23:59:59+00|1969-12-31\n"
                   "NULL|NULL\n");
    expect_moments(
        *state, UNIT_S, VALUES("1517443200.123456", "0.5"),
        "2018-02-01 00:00:00.123456+00|2018-02-01\n1970-01-01 00:00:00.5+00|1970-01-01\n");
    expect_moments(*state, UNIT_MS, VALUES("1517443200123"),
                   "2018-02-01 00:00:00.123+00|2018-02-01\n");
    expect_moments(*state, UNIT_MS, VALUES("1517443200123.456"),
                   "2018-02-01 00:00:00.123456+00|2018-02-01\n");
    expect_moments(*state, UNIT_US, VALUES("1517443200123456"),
                   "2018-02-01 00:00:00.123456+00|2018-02-01\n");
    expect_moments(*state, UNIT_NS, VALUES("1517443200123456789", "-1"),
                   "2018-02-01 00:00:00.123456+00|2018-02-01\n"
                   "1969-12-31 23:59:59.999999+00|1969-12-31\n");
    expect_moments(*state, UNIT_MS, VALUES("'1517443200123'", "'2018-02-01'", "'1.5e3'", "'x'"),
                   "2018-02-01 00:00:00.123+00|2018-02-01\n2018-02-01 00:00:00+00|2018-02-01\n"
                   "1970-01-01 00:00:01.5+00|1970-01-01\nNULL|NULL\n");
    expect_moments(*state, UNIT_MS, VALUES("1517443200123", "'2018-02-01'", "true"),
                   "2018-02-01 00:00:00.123+00|2018-02-01\n2018-02-01 00:00:00+00|2018-02-01\n"
                   "NULL|NULL\n");
}

static void the_types_are_those_that_were_asked_for_also_without_rows(void **state)
{
    struct lab *lab = *state;
    struct table table;

    table_open(&table);
    add(&table, "a", "v", COLUMN_BOOLEAN);
    add(&table, "b", "v", COLUMN_BIGINT);
    add(&table, "c", "v", COLUMN_DOUBLE);
    *add(&table, "d", "v", COLUMN_DECIMAL) = (struct column_conf){.name = literal("d"),
                                                                  .path = literal("v"),
                                                                  .type = COLUMN_DECIMAL,
                                                                  .precision = 5,
                                                                  .scale = 1};
    add(&table, "e", "v", COLUMN_TEXT);
    add(&table, "f", "v", COLUMN_DATE);
    add(&table, "g", "no.such[2].thing", COLUMN_TIMESTAMP);
    add(&table, "h", "v", COLUMN_JSON);
    pass(lab, &table.tables, "[]");

    lab_expect_columns(lab, "t",
                       "a|BOOLEAN\nb|BIGINT\nc|DOUBLE\nd|DECIMAL(5,1)\ne|VARCHAR\nf|DATE\n"
                       "g|TIMESTAMP WITH TIME ZONE\nh|VARCHAR\n");
    lab_expect(lab, "SELECT count(*) FROM @t", "0\n");
}

static void a_path_that_leads_nowhere_gives_nulls_of_the_type(void **state)
{
    struct lab *lab = *state;
    struct table table;

    table_open(&table);
    add(&table, "id", "id", COLUMN_AS_LANDED);
    add(&table, "x", "no.such", COLUMN_DOUBLE);
    add(&table, "y", "id.deeper", COLUMN_TEXT);
    add(&table, "z", "never", COLUMN_AS_LANDED);
    pass(lab, &table.tables, "[{'id':1}]");

    lab_expect(lab, "SELECT * FROM @t", "1|NULL|NULL\n");
    lab_expect_columns(lab, "t", "id|BIGINT\nx|DOUBLE\ny|VARCHAR\n");
}

static void paths_lead_by_the_keys_of_the_api_into_objects_lists_and_json(void **state)
{
    struct lab *lab = *state;
    struct table table;

    table_open(&table);
    add(&table, "a", "o.x", COLUMN_AS_LANDED);
    add(&table, "b", "o.l[1].n", COLUMN_AS_LANDED);
    add(&table, "c", "$.o['odd key']", COLUMN_AS_LANDED);
    add(&table, "d", "j.deep[0].x", COLUMN_TEXT);
    add(&table, "e", "j.deep", COLUMN_JSON);
    add(&table, "f", "o.l[7].n", COLUMN_BIGINT);
    add(&table, "g", "A", COLUMN_AS_LANDED);
    add(&table, "h", "a", COLUMN_AS_LANDED);
    add(&table, "i", "j.deep[0].x", COLUMN_AS_LANDED);
    pass(lab, &table.tables,
         "[{'o':{'x':1,'l':[{'n':5},{'n':6}],'odd key':true},'j':1,'a':'lower','A':'upper'},"
         "{'j':{'deep':[{'x':'y'}]}}]");

    lab_expect(lab, "SELECT a, b, c, d, e, f, h, i FROM @t",
               "1|6|true|NULL|NULL|NULL|lower|NULL\n"
               "NULL|NULL|NULL|y|[{\"x\":\"y\"}]|NULL|NULL|\"y\"\n");
}

static void a_whole_record_can_be_had_as_json(void **state)
{
    struct lab *lab = *state;
    struct table table;

    table_open(&table);
    add(&table, "all", "$", COLUMN_JSON);
    add(&table, "page", "_riacho_page", COLUMN_AS_LANDED);
    add(&table, "n", "_riacho_index", COLUMN_BIGINT);
    pass(lab, &table.tables, "[{'a':1,'b':{'c':'x'}}]");

    lab_expect(lab, "SELECT * FROM @t", "{\"a\":1,\"b\":{\"c\":\"x\"}}|1|0\n");
}

static void records_that_are_no_objects_are_the_column_value(void **state)
{
    struct lab *lab = *state;
    struct table table;

    table_open(&table);
    add(&table, "v", "value", COLUMN_TEXT);
    pass(lab, &table.tables, "['x','y']");
    lab_expect(lab, "SELECT v FROM @t", "x\ny\n");
    pass(lab, &by_default, "['z']");
    lab_expect(lab, "SELECT value FROM @quakes", "z\n");

    pass(lab, &table.tables, "[1,'w']");
    lab_expect(lab, "SELECT v FROM @t ORDER BY v", "1\nw\nx\ny\n");
}

static void texts_are_cleaned_as_the_column_says(void **state)
{
    struct lab *lab = *state;
    struct table table;

    table_open(&table);
    add(&table, "plain", "s", COLUMN_TEXT);
    add(&table, "trimmed", "s", COLUMN_TEXT)->trim = true;
    *add(&table, "nulled", "s", COLUMN_TEXT) = (struct column_conf){.name = literal("nulled"),
                                                                    .path = literal("s"),
                                                                    .type = COLUMN_TEXT,
                                                                    .trim = true,
                                                                    .empty_as_null = true,
                                                                    .upper = true};
    add(&table, "empty", "s", COLUMN_AS_LANDED)->empty_as_null = true;
    add(&table, "low", "s", COLUMN_AS_LANDED)->lower = true;
    add(&table, "number", "s", COLUMN_DOUBLE)->on_error = ON_ERROR_NULL;
    pass(lab, &table.tables, "[{'s':'\\u00a0\\t\\u00c9a\\n'},{'s':'  '},{'s':''},{'s':null}]");

    lab_expect(lab,
               "SELECT plain = chr(160) || chr(9) || '\u00c9a' || chr(10), trimmed, nulled, "
               "empty IS NULL, low = lower(plain), number FROM @t",
               "true|\u00c9a|\u00c9A|false|true|NULL\nfalse||NULL|false|true|NULL\n"
               "false||NULL|true|true|NULL\nNULL|NULL|NULL|true|NULL|NULL\n");
}

/* Whatever a text begins and ends with; DEL is a control character, and no blank. */
static void blanks_go_from_either_end_and_from_nowhere_else(void **state)
{
    struct lab *lab = *state;
    struct table table;

    table_open(&table);
    add(&table, "id", "id", COLUMN_BIGINT);
    add(&table, "s", "s", COLUMN_TEXT)->trim = true;
    pass(lab, &table.tables,
         "[{'id':1,'s':'a b'},{'id':2,'s':' "
         "a'},{'id':3,'s':'a\\u3000'},{'id':4,'s':'\\ufeff\\u00e9'},"
         "{'id':5,'s':'\\u00e9a\\u0085'},{'id':6,'s':'~'},{'id':7,'s':'!\\n'},{'id':8,'s':'\\u007f "
         "'},"
         "{'id':9,'s':'\\u00e9 a'},{'id':10,'s':'a\\u00e9'}]");

    lab_expect(lab, "SELECT id, replace(s, chr(127), 'DEL') FROM @t ORDER BY id",
               "1|a b\n2|a\n3|a\n4|\u00e9\n5|\u00e9a\n6|~\n7|!\n8|DEL\n9|\u00e9 a\n10|a\u00e9\n");
}

static void defaults_stand_in_for_null(void **state)
{
    struct lab *lab = *state;
    struct table table;

    table_open(&table);
    add(&table, "a", "v", COLUMN_BIGINT)->default_json = literal("7");
    add(&table, "b", "s", COLUMN_TEXT)->default_json = literal("\"it's\"");
    add(&table, "c", "never", COLUMN_BOOLEAN)->default_json = literal("true");
    add(&table, "d", "never", COLUMN_AS_LANDED)->default_json = literal("\"none\"");
    add(&table, "e", "v", COLUMN_DATE)->default_json = literal("\"2020-01-01\"");
    table.columns[4].on_error = ON_ERROR_NULL;
    add(&table, "f", "never", COLUMN_JSON)->default_json = literal("\"x\"");
    pass(lab, &table.tables, "[{'v':1,'s':null},{'v':null,'s':'x'}]");

    lab_expect(lab, "SELECT * FROM @t",
               "1|it's|true|none|2020-01-01|\"x\"\n7|x|true|none|2020-01-01|\"x\"\n");
}

static void a_value_that_does_not_convert_is_named_with_its_row(void **state)
{
    struct lab *lab = *state;
    struct table table;
    struct lab_file file;
    struct engine_job job;
    struct err err = {0};

    table_open(&table);
    add(&table, "magnitude", "mag", COLUMN_DOUBLE);
    lab_land(lab, "[{'mag':'1.5'},{'mag':null},{'mag':'2'},{'mag':'abc'}]", 2, &file);
    job = lab_job(lab, &file);

    assert_int_equal(engine_run(&lab->engine, &table.tables, &job, 1, &lab->journal, &err), 0);

    assert_true(job.failed);
    assert_null(job.outputs);
    assert_string_equal(job.err.text, "table \"t\": column \"magnitude\": \"abc\" is not a double "
                                      "(page 2, index 1)");
    assert_no_files_left(lab);
    engine_job_close(&job);
    lab_file_close(&file);
}

static void each_type_refuses_in_its_own_words(void **state)
{
    static const struct {
        enum column_type type;
        const char *value;
        const char *part;
    } cases[] = {
        {COLUMN_BIGINT, "'1.5'", "\"1.5\" is not a bigint (page 1, index 0)"},
        {COLUMN_BIGINT, "2.5", "2.5 is not a bigint"},
        {COLUMN_BIGINT, "{'a':1}", "{\"a\":1} is not a bigint"},
        {COLUMN_BOOLEAN, "'yes'", "\"yes\" is not a boolean"},
        {COLUMN_DECIMAL, "'1.234'", "\"1.234\" is not a decimal(10,2)"},
        {COLUMN_DATE, "'soon'", "\"soon\" is not a date"},
        {COLUMN_TIMESTAMP, "'2020-13-01'", "\"2020-13-01\" is not a timestamp"},
        {COLUMN_TIMESTAMP, "1517443200", "needs a unit (s, ms, us or ns) to be a timestamp"},
        {COLUMN_DOUBLE, "true", "true is not a double"},
        {COLUMN_DOUBLE, "''", "\"\" is not a double"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct table table;
        AUTO(buf) records = {0};

        table_open(&table);
        add(&table, "v", "v", cases[i].type);
        table.columns[0].precision = 10;
        table.columns[0].scale = 2;
        buf_printf(&records, "[{'v':%s}]", cases[i].value);
        assert_refused(*state, &table.tables, records.data, cases[i].part);
        lab_close(*state);
        lab_open(*state, backend);
    }
}

/* ---- where, distinct, order ---- */

static void where_sees_the_columns(void **state)
{
    struct lab *lab = *state;
    struct table table;

    table_open(&table);
    add(&table, "m", "mag", COLUMN_DOUBLE);
    add(&table, "unseen", "later", COLUMN_AS_LANDED);
    table.conf.where = literal("m >= 2 -- and no more\n AND unseen IS NULL");
    pass(lab, &table.tables, "[{'mag':1},{'mag':2},{'mag':null},{'mag':3}]");

    lab_expect(lab, "SELECT m FROM @t", "2.0\n3.0\n");
}

static void a_where_that_is_no_condition_fails_the_file(void **state)
{
    struct table table;

    table_open(&table);
    add(&table, "m", "mag", COLUMN_DOUBLE);
    table.conf.where = literal("no_such_column = 1");
    assert_refused(*state, &table.tables, "[{'mag':1}]", "no_such_column");
    table.conf.where = literal("m = = 1");
    lab_reopen_engine(*state, backend);
    assert_refused(*state, &table.tables, "[{'mag':1}]", "syntax error");
}

static char *distinct_id[] = {(char *)(uintptr_t) "id"};
static char *distinct_both[] = {(char *)(uintptr_t) "id", (char *)(uintptr_t) "k"};

static void of_rows_alike_the_last_is_kept_and_rows_without_a_key_all_are(void **state)
{
    struct lab *lab = *state;
    struct table table;

    table_open(&table);
    add(&table, "id", "id", COLUMN_BIGINT);
    add(&table, "k", "k", COLUMN_AS_LANDED);
    add(&table, "v", "v", COLUMN_TEXT);
    table.conf.distinct = distinct_id;
    table.conf.distinct_count = 1;
    pass(lab, &table.tables,
         "[{'id':'1','v':'a'},{'id':'2','v':'b'},{'id':null,'v':'c'},{'id':' 1 ','v':'d'},"
         "{'id':null,'v':'e'}]");
    lab_expect(lab, "SELECT id, v FROM @t", "2|b\nNULL|c\n1|d\nNULL|e\n");

    lab_close(lab);
    lab_open(lab, backend);
    table.conf.distinct = distinct_both;
    table.conf.distinct_count = 2;
    pass(lab, &table.tables,
         "[{'id':'1','k':'x','v':'a'},{'id':'1','k':'y','v':'b'},{'id':'1','k':null,'v':'c'},"
         "{'id':'1','k':'x','v':'d'},{'id':'1','k':null,'v':'e'}]");
    lab_expect(lab, "SELECT id, k, v FROM @t", "1|y|b\n1|NULL|c\n1|x|d\n1|NULL|e\n");
}

static void where_comes_before_distinct(void **state)
{
    struct lab *lab = *state;
    struct table table;

    table_open(&table);
    add(&table, "id", "id", COLUMN_BIGINT);
    add(&table, "v", "v", COLUMN_TEXT);
    table.conf.where = literal("v <> 'hidden'");
    table.conf.distinct = distinct_id;
    table.conf.distinct_count = 1;
    pass(lab, &table.tables, "[{'id':1,'v':'a'},{'id':1,'v':'b'},{'id':1,'v':'hidden'}]");

    lab_expect(lab, "SELECT id, v FROM @t", "1|b\n");
}

static void rows_come_in_the_order_of_the_api_whatever_the_file_has(void **state)
{
    struct lab *lab = *state;
    struct table table;
    struct lab_file file;
    struct engine_job jobs[2];
    struct err err = {0};
    static char *const key[] = {(char *)(uintptr_t) "id"};
    const struct engine_tables default_tables = {.resource = "quakes",
                                                 .primary_key = key,
                                                 .primary_keys = 1};

    table_open(&table);
    add(&table, "v", "v", COLUMN_BIGINT);
    lab_land(lab,
             "[{'v':0,'id':1},{'v':1,'id':2},{'v':2,'id':2},{'v':3,'id':3,'l':[{'x':1},{'x':2}]}]",
             2, &file);
    lab_rewrite(lab, &file, "SELECT * FROM landed ORDER BY v % 2, v DESC");
    jobs[0] = lab_job(lab, &file);
    jobs[1] = lab_job(lab, &file);
    assert_int_equal(engine_run(&lab->engine, &table.tables, &jobs[0], 1, &lab->journal, &err), 0);
    assert_int_equal(engine_run(&lab->engine, &default_tables, &jobs[1], 1, &lab->journal, &err),
                     0);
    lab_keep(lab, &jobs[0]);
    lab_keep(lab, &jobs[1]);

    lab_expect(lab, "SELECT v FROM @t", "0\n1\n2\n3\n");
    lab_expect(lab, "SELECT v FROM @quakes", "0\n2\n3\n");
    lab_expect(lab, "SELECT x FROM @quakes__l", "1\n2\n");
    engine_job_close(&jobs[0]);
    engine_job_close(&jobs[1]);
    lab_file_close(&file);
}

/* ---- the user's SQL ---- */

static void the_users_sql_reads_the_resource_by_its_name(void **state)
{
    struct lab *lab = *state;
    struct table table;

    table_open(&table);
    use_sql(&table,
            "-- first\nWITH quakes AS (SELECT v + 1 AS v, ';' AS s FROM quakes)\n"
            "SELECT v, s, count(*) AS n FROM quakes GROUP BY ALL ORDER BY v DESC; -- done\n;");
    pass(lab, &table.tables, "[{'v':1},{'v':2},{'v':2}]");

    lab_expect(lab, "SELECT * FROM @t", "3|;|2\n2|;|1\n");
    lab_expect_columns(lab, "t", "v|BIGINT\ns|VARCHAR\nn|BIGINT\n");
}

static void the_users_sql_sees_lineage_and_columns_that_come_later(void **state)
{
    struct lab *lab = *state;
    struct table table;
    struct lab_file first;
    struct lab_file second;
    struct engine_job job;
    struct err err = {0};

    table_open(&table);
    use_sql(&table, "SELECT _riacho_page + _riacho_index AS place, later, o.b AS b, "
                    "coalesce(never, 'none') AS never FROM quakes");
    lab_land(lab, "[{'o':{'a':1},'never':null}]", 1, &first);
    lab_land(lab, "[{'o':{'a':1,'b':true},'later':2.5}]", 1, &second);
    job = lab_job(lab, &first);
    assert_int_equal(engine_run(&lab->engine, &table.tables, &job, 1, &lab->journal, &err), 0);
    if (job.failed)
        fail_msg("%s", job.err.text);
    lab_keep(lab, &job);

    lab_expect(lab, "SELECT * FROM @t", "1|NULL|NULL|none\n");
    lab_expect_columns(lab, "t", "place|BIGINT\nlater|DOUBLE\nb|BOOLEAN\nnever|VARCHAR\n");
    engine_job_close(&job);
    lab_file_close(&first);
    lab_file_close(&second);
}

static void a_column_of_nulls_has_no_type_until_it_has_a_value(void **state)
{
    struct lab *lab = *state;
    struct table table;

    table_open(&table);
    use_sql(&table, "SELECT id, x FROM quakes");
    pass(lab, &table.tables, "[{'id':1,'x':null}]");
    lab_expect_columns(lab, "t", "id|BIGINT\n");
    pass(lab, &table.tables, "[{'id':2,'x':'now'}]");

    lab_expect(lab, "SELECT id, x FROM @t ORDER BY id", "1|NULL\n2|now\n");
}

static void the_users_types_are_made_those_that_every_reader_knows(void **state)
{
    struct lab *lab = *state;
    struct table table;

    table_open(&table);
    use_sql(&table, "SELECT 1::TINYINT AS a, sum(v) AS b, 1.5::FLOAT AS c, TIMESTAMP '2020-01-01 "
                    "10:00:00' AS d, "
                    "max(u) AS e, MAP {'k': 1} AS f, 'x'::ENUM ('x') AS g, [1::INTEGER] AS h, "
                    "{'a': 1::SMALLINT, 'j': '5'::JSON} AS i, INTERVAL 1 DAY AS j, "
                    "uuid '00000000-0000-0000-0000-000000000001' AS k FROM quakes");
    if (!str_same(backend->name, "duckdb"))
        skip();
    pass(lab, &table.tables, "[{'v':1,'u':18446744073709551615}]");

    lab_expect_columns(
        lab, "t",
        "a|BIGINT\nb|BIGINT\nc|DOUBLE\nd|TIMESTAMP WITH TIME ZONE\ne|DECIMAL(20,0)\n"
        "f|VARCHAR\ng|VARCHAR\nh|BIGINT[]\ni|STRUCT(a BIGINT, j VARCHAR)\nj|VARCHAR\n"
        "k|VARCHAR\n");
    lab_expect(lab, "SELECT d, e, f FROM @t",
               "2020-01-01 10:00:00+00|18446744073709551615|{\"k\":1}\n");
}

static void sql_that_is_not_one_select_is_a_fault_of_the_pipeline_file(void **state)
{
    static const char *const wrong[] = {
        "SELECT 1; SELECT 2",
        "SELECT 'open",
        "-- nothing",
        ";;",
    };
    struct lab *lab = *state;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct table table;
        struct err err = {0};

        table_open(&table);
        use_sql(&table, wrong[i]);
        assert_int_equal(lab_pass(lab, &table.tables, "[{'v':1}]", &err), -1);
        assert_int_equal(err.code, ERR_USAGE);
        lab_reopen_engine(lab, backend);
    }
}

static void sql_that_fails_on_a_file_fails_the_file(void **state)
{
    static const struct {
        const char *sql;
        const char *part;
    } wrong[] = {
        {"SELECT no_such_column FROM quakes", "no_such_column"},
        {"SELECT CAST(s AS BIGINT) AS n FROM quakes", "abc"},
        {"SELECT frm quakes WHERE", "syntax error"},
        {"SELECT 1) AS x, (SELECT 2", "syntax error"},
        {"INSERT INTO quakes VALUES (1)", "syntax error"},
        {"DROP TABLE quakes", "syntax error"},
        {"COPY quakes TO '/tmp/riacho-stolen'", "syntax error"},
        {"ATTACH '/tmp/riacho-stolen.db'", "syntax error"},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct table table;

        table_open(&table);
        use_sql(&table, wrong[i].sql);
        assert_refused(*state, &table.tables, "[{'s':'abc'}]", wrong[i].part);
        lab_reopen_engine(*state, backend);
    }
}

static void sql_reaches_no_file_outside_the_folders(void **state)
{
    static const char *const wrong[] = {
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('http://127.0.0.1:1/x.parquet')",
        "SELECT getenv('HOME') AS x",
    };

    if (!str_same(backend->name, "duckdb"))
        skip();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct table table;
        struct err err = {0};

        table_open(&table);
        use_sql(&table, wrong[i]);
        assert_int_equal(lab_pass(*state, &table.tables, "[{'s':'abc'}]", &err), -1);
        lab_reopen_engine(*state, backend);
    }
}

/* ---- default rules ---- */

static void by_default_names_are_snake_case_objects_flat_and_texts_trimmed(void **state)
{
    struct lab *lab = *state;

    pass(
        lab, &by_default,
        "[{'id':1,'magType':' ml ','São Paulo':'  ','a-b':1,'aB':2,'1h':true,'%':'x',"
        "'o':{'mag':1.5,'deep':{'x':null,'HTTPCode':2}},'never':null,'empty':{},'tags':['a',' b '],"
        "'m':[[1,2],[3]],'none':[]}]");

    lab_expect_columns(lab, "quakes",
                       "_riacho_id|VARCHAR\nid|BIGINT\nmag_type|VARCHAR\nsao_paulo|VARCHAR\n"
                       "a_b|BIGINT\na_b_2|BIGINT\n_1h|BOOLEAN\n_empty|VARCHAR\no__mag|DOUBLE\n"
                       "o__deep__http_code|BIGINT\nempty|VARCHAR\ntags|VARCHAR[]\nm|BIGINT[][]\n");
    lab_expect(lab, "SELECT * FROM @quakes",
               "quakes-abc123-000001-000001-000000|1|ml|NULL|1|2|true|x|1.5|2|{}|[a, ' b ']|"
               "[[1, 2], [3]]\n");
}

static void by_default_lists_of_objects_are_child_tables(void **state)
{
    struct lab *lab = *state;

    pass(lab, &by_default,
         "[{'id':1,'items':[{'n':' a ','subs':[{'x':1},{'x':2}]},null,{'n':'','o':{'z':true}}]},"
         "{'id':2,'items':null},{'id':3,'items':[]},{'id':4,'o':{'items':[{'y':5}]},'ll':[[{'q':1}]"
         "]}]");

    lab_expect(
        lab, "SELECT * FROM @quakes__items",
        "quakes-abc123-000001-000001-000000-000000|quakes-abc123-000001-000001-000000|0|a|NULL\n"
        "quakes-abc123-000001-000001-000000-000002|quakes-abc123-000001-000001-000000|2|NULL|"
        "true\n");
    lab_expect_columns(
        lab, "quakes__items",
        "_riacho_id|VARCHAR\n_parent_id|VARCHAR\n_index|BIGINT\nn|VARCHAR\no__z|BOOLEAN\n");
    lab_expect(lab, "SELECT _parent_id, _index, x FROM @quakes__items__subs",
               "quakes-abc123-000001-000001-000000-000000|0|1\n"
               "quakes-abc123-000001-000001-000000-000000|1|2\n");
    lab_expect(lab, "SELECT _parent_id, y FROM @quakes__o__items",
               "quakes-abc123-000001-000001-000003|5\n");
    lab_expect(lab, "SELECT id, ll FROM @quakes", "1|NULL\n2|NULL\n3|NULL\n4|[[{\"q\":1}]]\n");
}

static void by_default_the_last_of_a_primary_key_is_kept_with_its_children(void **state)
{
    struct lab *lab = *state;
    char *key[] = {literal("id"), literal("o.k")};
    struct engine_tables tables = {.resource = "quakes", .primary_key = key, .primary_keys = 2};

    pass(lab, &tables,
         "[{'id':1,'o':{'k':'x'},'v':'old','l':[{'n':1}]},{'id':1,'o':{'k':'y'},'v':'other'},"
         "{'id':1,'o':{'k':'x'},'v':'new','l':[{'n':2},{'n':3}]},{'id':1,'o':{'k':null},'v':'p'},"
         "{'id':1,'v':'q'}]");

    lab_expect(lab, "SELECT v FROM @quakes", "other\nnew\np\nq\n");
    lab_expect(lab, "SELECT n FROM @quakes__l", "2\n3\n");
}

static void by_default_a_file_without_rows_or_columns_gives_typed_tables(void **state)
{
    struct lab *lab = *state;

    pass(lab, &by_default, "[]");
    lab_expect_columns(lab, "quakes", "_riacho_id|VARCHAR\n");
    pass(lab, &by_default, "[{'id':1,'l':[{'x':1}]}]");
    pass(lab, &by_default, "[]");

    lab_expect(lab, "SELECT * FROM @quakes", "quakes-abc123-000001-000001-000000|1\n");
    lab_expect(lab, "SELECT x FROM @quakes__l", "1\n");
}

static void by_default_child_tables_keep_clear_of_other_resources(void **state)
{
    struct lab *lab = *state;
    const char *const others[] = {"quakes__items"};
    struct engine_tables tables = {.resource = "quakes", .others = others, .other_count = 1};

    pass(lab, &tables, "[{'items':[{'n':1}],'items-2':[{'m':2}]}]");

    lab_expect(lab, "SELECT n FROM @quakes__items_2", "1\n");
    lab_expect(lab, "SELECT m FROM @quakes__items_2_2", "2\n");
}

static void by_default_lineage_keeps_its_names(void **state)
{
    struct lab *lab = *state;

    pass(lab, &by_default, "[{'_riacho_id':5,'l':[{'_index':6,'_parentId':7}]}]");

    lab_expect(lab, "SELECT _riacho_id_2 FROM @quakes", "5\n");
    lab_expect(lab, "SELECT _index, _index_2, parent_id FROM @quakes__l", "0|6|7\n");
}

static void only_the_table_that_is_wanted_is_made(void **state)
{
    struct lab *lab = *state;
    struct engine_tables tables = {.resource = "quakes", .only = "quakes__l"};
    struct lab_file file;
    struct engine_job job;
    struct err err = {0};

    lab_land(lab, "[{'l':[{'x':1}]}]", 10, &file);
    job = lab_job(lab, &file);
    assert_int_equal(engine_run(&lab->engine, &tables, &job, 1, &lab->journal, &err), 0);

    assert_string_equal(job.outputs->table, "quakes__l");
    assert_null(job.outputs->next);
    lab_keep(lab, &job);
    engine_job_close(&job);
    lab_file_close(&file);
}

/* ---- types that drift ---- */

static void a_column_keeps_its_first_type_and_misfits_go_to_columns_of_their_own(void **state)
{
    struct lab *lab = *state;

    pass(lab, &by_default, "[{'id':1,'v':1}]");
    pass(lab, &by_default, "[{'id':2,'v':2.5},{'id':3,'v':3.0}]");
    pass(
        lab, &by_default,
        "[{'id':4,'v':'abc'},{'id':5,'v':5},{'id':6,'v':6.5},{'id':7,'v':'7'},{'id':8,'v':{'x':1}},"
        "{'id':9,'v':true},{'id':10,'v':null}]");

    lab_expect(
        lab, "SELECT id, v, v__v_double, v__v_text, v__v_json FROM @quakes ORDER BY id",
        "1|1|NULL|NULL|NULL\n2|NULL|2.5|NULL|NULL\n3|3|NULL|NULL|NULL\n"
        "4|NULL|NULL|abc|NULL\n5|5|NULL|NULL|NULL\n6|NULL|6.5|NULL|NULL\n7|7|NULL|NULL|NULL\n"
        "8|NULL|NULL|NULL|{\"x\":1}\n9|NULL|NULL|NULL|true\n10|NULL|NULL|NULL|NULL\n");
    lab_expect_columns(
        lab, "quakes",
        "_riacho_id|VARCHAR\nid|BIGINT\nv|BIGINT\nv__v_double|DOUBLE\nv__v_text|VARCHAR\n"
        "v__v_json|VARCHAR\n");
}

/* First one record lands alone, then the other with it; what the family of v holds then. */
static void expect_drift(struct lab *lab, const char *first, const char *second,
                         const char *expected)
{
    AUTO(buf) records = {0};

    buf_printf(&records, "[{'id':1,'v':%s}]", first);
    pass(lab, &by_default, records.data);
    buf_reset(&records);
    buf_printf(&records, "[{'id':2,'v':%s}]", second);
    pass(lab, &by_default, records.data);
    lab_expect(lab, "SELECT * EXCLUDE (_riacho_id) FROM @quakes ORDER BY id", expected);
    lab_close(lab);
    lab_open(lab, backend);
}

static void every_drift_loses_nothing(void **state)
{
    struct lab *lab = *state;

    expect_drift(lab, "1.5", "2", "1|1.5\n2|2.0\n");
    expect_drift(lab, "1.5", "9007199254740993", "1|1.5|NULL\n2|NULL|9007199254740993\n");
    expect_drift(lab, "1", "18446744073709551615", "1|1|NULL\n2|NULL|18446744073709551615\n");
    expect_drift(lab, "'x'", "5", "1|x\n2|5\n");
    expect_drift(lab, "'x'", "{'a':1}", "1|x\n2|{\"a\":1}\n");
    expect_drift(lab, "'x'", "['y']", "1|x\n2|[\"y\"]\n");
    expect_drift(lab, "true", "'x'", "1|true|NULL|NULL|NULL\n2|NULL|x|NULL|NULL\n");
    expect_drift(lab, "true", "false", "1|true\n2|false\n");
    expect_drift(lab, "{'a':1}", "'x'", "1|1|NULL\n2|NULL|\"x\"\n");
    expect_drift(lab, "[1]", "[2.5]", "1|[1]|NULL\n2|NULL|[2.5]\n");
    expect_drift(lab, "[1]", "[2.0,null]", "1|[1]|NULL\n2|[2, NULL]|NULL\n");
    expect_drift(lab, "['a']", "[1,'b']", "1|[a]\n2|[1, b]\n");
    expect_drift(lab, "[1]", "['b']", "1|[1]|NULL\n2|NULL|['\"b\"']\n");
    expect_drift(lab, "[1]", "'x'", "1|[1]|NULL|NULL|NULL\n2|NULL|x|NULL|NULL\n");
    expect_drift(lab, "null", "7", "1|NULL\n2|7\n");
    expect_drift(lab, "[1,'a']", "[2]", "1|[1, '\"a\"']\n2|[2]\n");
}

static void a_misfits_column_keeps_clear_of_a_column_of_that_name(void **state)
{
    struct lab *lab = *state;
    struct table table;

    table_open(&table);
    use_sql(&table, "SELECT id, v, 'mine' AS v__v_double FROM quakes");
    pass(lab, &table.tables, "[{'id':1,'v':1}]");
    pass(lab, &table.tables, "[{'id':2,'v':2.5}]");

    lab_expect(lab, "SELECT id, v, v__v_double, v__v_double_2 FROM @t ORDER BY id",
               "1|1|mine|NULL\n2|NULL|mine|2.5\n");
}

static void a_struct_that_grows_goes_on_as_json(void **state)
{
    struct lab *lab = *state;
    struct table table;

    table_open(&table);
    add(&table, "id", "id", COLUMN_AS_LANDED);
    add(&table, "o", "o", COLUMN_AS_LANDED);
    pass(lab, &table.tables, "[{'id':1,'o':{'a':1}}]");
    pass(lab, &table.tables, "[{'id':2,'o':{'a':2,'b':'x'}}]");

    lab_expect(lab, "SELECT id, o, o__v_json FROM @t ORDER BY id",
               "1|{'a': 1}|NULL\n2|NULL|{\"a\":2,\"b\":\"x\"}\n");
}

static void a_declared_type_that_changed_is_a_fault_of_the_pipeline_file(void **state)
{
    struct lab *lab = *state;
    struct table table;
    struct err err = {0};

    table_open(&table);
    add(&table, "v", "v", COLUMN_TEXT);
    pass(lab, &table.tables, "[{'v':1}]");
    table.columns[0].type = COLUMN_BIGINT;
    lab_reopen_engine(lab, backend);

    assert_int_equal(lab_pass(lab, &table.tables, "[{'v':1}]", &err), -1);
    assert_int_equal(err.code, ERR_USAGE);
    assert_in(err.hint, "--replay t");
}

/* ---- many jobs ---- */

#define MANY 40

static void assert_bytes(const char *path, const char *sha256, int64_t bytes)
{
    char found[FS_SHA256_TEXT];
    int64_t found_bytes;
    struct err err = {0};

    assert_int_equal(fs_sha256(path, found, &found_bytes, &err), 0);
    assert_string_equal(found, sha256);
    assert_int_equal(found_bytes, bytes);
}

/* The output is what it says of itself: a file, or a folder of parts. */
static void assert_is_whole(const struct engine_output *output)
{
    int64_t bytes = 0;
    int64_t rows = 0;

    if (output->file_count == 0) {
        assert_bytes(output->temp_path, output->sha256, output->bytes);
        return;
    }
    for (size_t i = 0; i < output->file_count; i++) {
        char *path = fs_join(output->temp_path, output->files[i].path);

        assert_bytes(path, output->files[i].sha256, output->files[i].bytes);
        bytes += output->files[i].bytes;
        rows += output->files[i].rows;
        free(path);
    }
    assert_int_equal(bytes, output->bytes);
    assert_int_equal(rows, output->rows);
}

static void a_faulty_file_fails_alone_among_many(void **state)
{
    struct lab *lab = *state;
    struct table table;
    struct lab_file files[MANY];
    struct engine_job jobs[MANY];
    struct err err = {0};

    table_open(&table);
    add(&table, "v", "v", COLUMN_BIGINT);
    for (int i = 0; i < MANY; i++)
        lab_land(lab, i == 13 ? "[{'v':'x'}]" : "[{'v':'1'},{'v':'2'}]", 10, &files[i]);
    for (int i = 0; i < MANY; i++)
        jobs[i] = lab_job(lab, &files[i]);
    jobs[20].failed = true; /* before the call: left alone */
    jobs[20].schema = NULL;

    if (engine_run(&lab->engine, &table.tables, jobs, MANY, &lab->journal, &err) < 0)
        fail_msg("%s", err.text);

    for (int i = 0; i < MANY; i++) {
        struct engine_output *output = jobs[i].outputs;

        assert_int_equal(jobs[i].failed, i == 13 || i == 20);
        if (!jobs[i].failed) {
            assert_int_equal(output->rows, 2);
            assert_is_whole(output);
        }
        lab_keep(lab, &jobs[i]);
        engine_job_close(&jobs[i]);
        lab_file_close(&files[i]);
    }
    assert_no_files_left(lab);
    lab_expect(lab, "SELECT count(*), sum(v) FROM @t", "76|114\n");
}

/* Files with children, without rows, shuffled, with duplicates, of two runs. */
static void land_many(struct lab *lab, struct lab_file *files)
{
    static const char *const records[] = {
        "[{'id':1,'v':' a ','l':[{'x':1},{'x':2}]},{'id':2,'v':'b'}]",
        "[]",
        "[{'id':1,'v':'old','l':[{'x':1}]},{'id':1,'v':'new','l':[{'x':2}]}]",
        "[{'id':3,'v':null},{'id':null,'v':'c'},{'id':null,'v':'c','l':[]}]",
    };

    for (int i = 0; i < MANY; i++) {
        lab_land(lab, records[i % 4], 10, &files[i]);
        if (i % 8 == 7)
            lab_rewrite(lab, &files[i], "SELECT * FROM landed ORDER BY _riacho_index DESC");
        if (i % 2) {
            free(files[i].ref.run);
            files[i].ref.run = mem_str("quakes-abc123-000002");
        }
    }
}

static void expect_same_outputs(const struct engine_job *a, const struct engine_job *b)
{
    const struct engine_output *other = b->outputs;

    for (const struct engine_output *output = a->outputs; output; output = output->next) {
        assert_non_null(other);
        assert_string_equal(output->table, other->table);
        assert_int_equal(output->rows, other->rows);
        assert_string_equal(output->sha256, other->sha256);
        assert_int_equal(output->file_count, other->file_count);
        other = other->next;
    }
    assert_null(other);
}

static void expect_same_alone_and_together(struct lab *lab, const struct engine_tables *tables)
{
    struct lab_file files[MANY];
    struct engine_job together[MANY];
    struct err err = {0};

    land_many(lab, files);
    for (int i = 0; i < MANY; i++) {
        if (i > 0) { /* one schema for all, so that they may go together */
            schema_close(&files[i].schema);
            schema_copy(&files[0].schema, &files[i].schema);
        }
        together[i] = lab_job(lab, &files[i]);
    }
    assert_int_equal(engine_run(&lab->engine, tables, together, MANY, &lab->journal, &err), 0);
    for (int i = 0; i < MANY; i++) {
        struct engine_job alone = lab_job(lab, &files[i]);

        if (backend == &engine_duckdb || i < 8) { /* a job takes Spark its time */
            assert_int_equal(engine_run(&lab->engine, tables, &alone, 1, &lab->journal, &err), 0);
            assert_false(alone.failed);
            expect_same_outputs(&alone, &together[i]);
        }
        lab_keep(lab, &together[i]);
        lab_keep(lab, &alone);
        engine_job_close(&alone);
        engine_job_close(&together[i]);
        lab_file_close(&files[i]);
    }
    assert_no_files_left(lab);
}

static void many_files_together_give_what_each_gives_alone(void **state)
{
    struct lab *lab = *state;
    char *key[] = {literal("id")};
    const struct engine_tables tables = {.resource = "quakes",
                                         .primary_key = key,
                                         .primary_keys = 1};
    struct table table;

    expect_same_alone_and_together(lab, &tables);
    lab_expect(lab, "SELECT v, count(*) FROM @quakes GROUP BY v ORDER BY v",
               "a|10\nb|10\nc|20\nnew|10\nNULL|10\n");
    lab_expect(lab, "SELECT x, _parent_id, count(*) FROM @quakes__l GROUP BY ALL ORDER BY ALL",
               "1|quakes-abc123-000001-000001-000000|10\n2|quakes-abc123-000001-000001-000000|10\n"
               "2|quakes-abc123-000001-000001-000001|10\n");

    lab_close(lab);
    lab_open(lab, backend);
    table_open(&table);
    add(&table, "v", "v", COLUMN_TEXT)->trim = true;
    add(&table, "id", "id", COLUMN_BIGINT);
    table.conf.where = literal("v IS NOT NULL");
    table.conf.distinct = distinct_id;
    table.conf.distinct_count = 1;
    expect_same_alone_and_together(lab, &table.tables);
    lab_expect(lab, "SELECT v, count(*) FROM @t GROUP BY v ORDER BY v",
               "a|10\nb|10\nc|20\nnew|10\n");
}

/* DuckDB's number of a row's file has a name that a record's member may have too. */
static void a_member_named_as_an_engine_names_files_is_a_member(void **state)
{
    struct lab *lab = *state;
    struct lab_file files[3];
    struct engine_job jobs[3];
    struct err err = {0};

    for (int i = 0; i < 3; i++) {
        lab_land(lab, "[{'id':1,'File_Index':2},{'id':2,'File_Index':0}]", 10, &files[i]);
        jobs[i] = lab_job(lab, &files[i]);
    }
    assert_int_equal(engine_run(&lab->engine, &by_default, jobs, 3, &lab->journal, &err), 0);

    for (int i = 0; i < 3; i++) {
        assert_false(jobs[i].failed);
        assert_int_equal(jobs[i].outputs->rows, 2);
        lab_keep(lab, &jobs[i]);
        engine_job_close(&jobs[i]);
        lab_file_close(&files[i]);
    }
    lab_expect(lab, "SELECT file_index, count(*) FROM @quakes GROUP BY 1 ORDER BY 1", "0|3\n2|3\n");
}

static void the_same_file_gives_the_same_bytes(void **state)
{
    struct lab *lab = *state;
    struct lab_file file;
    char sha256[FS_SHA256_TEXT] = "";
    struct err err = {0};

    lab_land(lab, "[{'id':1,'v':'x','l':[1,2]},{'id':2,'v':'y'}]", 10, &file);
    for (int i = 0; i < 3; i++) {
        struct engine_job job = lab_job(lab, &file);

        assert_int_equal(engine_run(&lab->engine, &by_default, &job, 1, &lab->journal, &err), 0);
        if (i > 0)
            assert_string_equal(job.outputs->sha256, sha256);
        memcpy(sha256, job.outputs->sha256, sizeof sha256);
        lab_keep(lab, &job);
        engine_job_close(&job);
        lab_reopen_engine(lab, backend);
    }
    lab_file_close(&file);
}

static void a_file_that_is_no_parquet_or_is_gone_fails_its_job(void **state)
{
    struct lab *lab = *state;
    struct lab_file file;
    struct engine_job job;
    struct err err = {0};

    lab_land(lab, "[{'id':1}]", 10, &file);
    job = lab_job(lab, &file);
    assert_int_equal(fs_write(file.path, "PAR1 nonsense PAR1", 18, 0666, &err), 0);
    assert_int_equal(engine_run(&lab->engine, &by_default, &job, 1, &lab->journal, &err), 0);
    assert_true(job.failed);
    job.failed = false;
    assert_int_equal(fs_remove_file(file.path, &err), 0);
    assert_int_equal(engine_run(&lab->engine, &by_default, &job, 1, &lab->journal, &err), 0);
    assert_true(job.failed);
    assert_no_files_left(lab);
    engine_job_close(&job);
    lab_file_close(&file);
}

static void a_temporary_folder_that_is_gone_fails_the_call(void **state)
{
    struct lab *lab = *state;
    struct lab_file file;
    struct engine_job job;
    struct err err = {0};

    if (!str_same(backend->name, "duckdb")) /* Spark makes the folders that it needs */
        skip();
    lab_land(lab, "[{'id':1}]", 10, &file);
    job = lab_job(lab, &file);
    assert_int_equal(rmdir(lab->temp_dir), 0);

    assert_int_equal(engine_run(&lab->engine, &by_default, &job, 1, &lab->journal, &err), -1);

    assert_int_equal(err.code, ERR_IO);
    assert_false(job.failed);
    engine_job_close(&job);
    lab_file_close(&file);
}

static void *interrupt_soon(void *arg)
{
    usleep(300 * 1000);
    engine_interrupt(arg);
    return NULL;
}

static void an_interrupt_ends_the_call_and_the_engine_goes_on(void **state)
{
    struct lab *lab = *state;
    struct table table;
    struct lab_file file;
    struct engine_job job;
    struct err err = {0};
    pthread_t thread;

    table_open(&table);
    use_sql(&table,
            "SELECT count(*) AS n FROM quakes, range(100000) a, range(100000) b, range(100) c "
            "WHERE a.range + b.range * c.range = -1");
    if (!str_same(backend->name, "duckdb"))
        skip();
    lab_land(lab, "[{'id':1}]", 10, &file);
    job = lab_job(lab, &file);
    pthread_create(&thread, NULL, interrupt_soon, &lab->engine);

    assert_int_equal(engine_run(&lab->engine, &table.tables, &job, 1, &lab->journal, &err), -1);

    pthread_join(thread, NULL);
    assert_int_equal(err.code, ERR_STOPPED);
    assert_false(job.failed);
    assert_no_files_left(lab);
    engine_job_close(&job);
    lab_file_close(&file);
    pass(lab, &by_default, "[{'id':1}]");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(texts_convert_to_integers_only_if_they_are_whole),
        TEST(numbers_convert_to_integers_only_if_they_are_whole),
        TEST(texts_convert_to_doubles_if_they_are_finite_numbers),
        TEST(decimals_lose_no_digit),
        TEST(booleans_are_true_and_false_and_one_and_zero),
        TEST(anything_converts_to_text),
        TEST(anything_converts_to_json),
        TEST(texts_convert_to_dates),
        TEST(texts_convert_to_instants_in_utc),
        TEST(numbers_convert_to_instants_by_their_unit),
        TEST(the_types_are_those_that_were_asked_for_also_without_rows),
        TEST(a_path_that_leads_nowhere_gives_nulls_of_the_type),
        TEST(paths_lead_by_the_keys_of_the_api_into_objects_lists_and_json),
        TEST(a_whole_record_can_be_had_as_json),
        TEST(records_that_are_no_objects_are_the_column_value),
        TEST(texts_are_cleaned_as_the_column_says),
        TEST(blanks_go_from_either_end_and_from_nowhere_else),
        TEST(defaults_stand_in_for_null),
        TEST(a_value_that_does_not_convert_is_named_with_its_row),
        TEST(each_type_refuses_in_its_own_words),
        TEST(where_sees_the_columns),
        TEST(a_where_that_is_no_condition_fails_the_file),
        TEST(of_rows_alike_the_last_is_kept_and_rows_without_a_key_all_are),
        TEST(where_comes_before_distinct),
        TEST(rows_come_in_the_order_of_the_api_whatever_the_file_has),
        TEST(the_users_sql_reads_the_resource_by_its_name),
        TEST(the_users_sql_sees_lineage_and_columns_that_come_later),
        TEST(a_column_of_nulls_has_no_type_until_it_has_a_value),
        TEST(the_users_types_are_made_those_that_every_reader_knows),
        TEST(sql_that_is_not_one_select_is_a_fault_of_the_pipeline_file),
        TEST(sql_that_fails_on_a_file_fails_the_file),
        TEST(sql_reaches_no_file_outside_the_folders),
        TEST(by_default_names_are_snake_case_objects_flat_and_texts_trimmed),
        TEST(by_default_lists_of_objects_are_child_tables),
        TEST(by_default_the_last_of_a_primary_key_is_kept_with_its_children),
        TEST(by_default_a_file_without_rows_or_columns_gives_typed_tables),
        TEST(by_default_child_tables_keep_clear_of_other_resources),
        TEST(by_default_lineage_keeps_its_names),
        TEST(only_the_table_that_is_wanted_is_made),
        TEST(a_column_keeps_its_first_type_and_misfits_go_to_columns_of_their_own),
        TEST(every_drift_loses_nothing),
        TEST(a_misfits_column_keeps_clear_of_a_column_of_that_name),
        TEST(a_struct_that_grows_goes_on_as_json),
        TEST(a_declared_type_that_changed_is_a_fault_of_the_pipeline_file),
        TEST(a_faulty_file_fails_alone_among_many),
        TEST(many_files_together_give_what_each_gives_alone),
        TEST(a_member_named_as_an_engine_names_files_is_a_member),
        TEST(the_same_file_gives_the_same_bytes),
        TEST(a_file_that_is_no_parquet_or_is_gone_fails_its_job),
        TEST(a_temporary_folder_that_is_gone_fails_the_call),
        TEST(an_interrupt_ends_the_call_and_the_engine_goes_on),
    };

    cmocka_set_test_filter(getenv("RIACHO_TEST"));
    backend = getenv("RIACHO_SPARK") ? &engine_spark : &engine_duckdb;
    return cmocka_run_group_tests_name(backend->name, tests, NULL, NULL);
}
