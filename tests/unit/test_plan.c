/*
 * The parts that tables are planned from: types and their words, names, the end of a user's statement,
 * templates, the SQL of plans. What the SQL does is for the engines' contract.
 */
#include "base/mem.h"
#include "engine/column_names.h"
#include "engine/hash_set.h"
#include "engine/table_plan.h"
#include "engine/user_sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

static char *literal(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void assert_in(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

/* ---- types ---- */

static void types_are_told_in_words_and_read_back(void **state)
{
    static const char *const words[] = {
        "BOOLEAN",
        "BIGINT",
        "DOUBLE",
        "DECIMAL(10,2)",
        "VARCHAR",
        "DATE",
        "JSON",
        "TIME",
        "BIGINT[]",
        "DECIMAL(5,1)[][]",
        "TIMESTAMP WITH TIME ZONE",
        "JSON[]",
        "BLOB",
        "STRUCT(\"a\" BIGINT)",
        "STRUCT(\"a\" BIGINT)[]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        AUTO(sql_type) type = {0};
        AUTO(buf) text = {0};

        sql_type_read(words[i], &type);
        sql_type_put(&type, &text);
        assert_string_equal(text.data, words[i]);
    }
}

static void a_misfits_column_is_called_after_its_type(void **state)
{
    static const struct {
        const char *words;
        const char *brief;
    } cases[] = {
        {"BIGINT", "bigint"},
        {"VARCHAR", "text"},
        {"DECIMAL(20,0)", "decimal_20_0"},
        {"TIMESTAMP WITH TIME ZONE", "timestamp"},
        {"DOUBLE[]", "list_double"},
        {"JSON[][]", "list_list_json"},
        {"TIME WITH TIME ZONE", "time_with_time_zone"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(sql_type) type = {0};
        AUTO(buf) brief = {0};

        sql_type_read(cases[i].words, &type);
        sql_type_put_short(&type, &brief);
        assert_string_equal(brief.data, cases[i].brief);
    }
}

static void schema_of(const char *text, struct schema *ret_schema)
{
    struct err err = {0};

    if (schema_read(text, strlen(text), ret_schema, &err) < 0)
        fail_msg("%s", err.text);
}

#define FIELD(name, kind) "{\"key\":\"" name "\",\"name\":\"" name "\",\"kind\":\"" kind "\"}"

static void nulls_have_no_type_and_are_left_out_of_structs(void **state)
{
    AUTO(schema) schema = {0};
    AUTO(sql_type) type = {0};
    AUTO(buf) words = {0};

    (void)state;
    schema_of("{\"fields\":[" FIELD("a", "uint") "," FIELD("b", "null") "," FIELD("c", "json") "]}",
              &schema);
    sql_type_of(&schema, &type);
    sql_type_put(&type, &words);
    assert_string_equal(words.data, "STRUCT(\"a\" DECIMAL(20,0), \"c\" JSON)");

    buf_reset(&words);
    sql_type_put_stored(&type, &words);
    assert_string_equal(words.data, "STRUCT(\"a\" DECIMAL(20,0), \"c\" VARCHAR)");
}

/* ---- names ---- */

static void keys_become_names(void **state)
{
    static const struct {
        const char *key;
        const char *name;
    } cases[] = {
        {"id", "id"},
        {"magType", "mag_type"},
        {"HTTPServer", "http_server"},
        {"a-b c.d", "a_b_c_d"},
        {"S\xc3\xa3o Paulo", "sao_paulo"},
        {"1h", "_1h"},
        {"%", "_empty"},
        {"_id", "_id"},
        {"a__b", "a_b"},
        {"a_", "a"},
        {"_", "_empty"},
        {"\xe6\x97\xa5\xe6\x9c\xac", "_empty"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name = column_name(cases[i].key);

        assert_string_equal(name, cases[i].name);
        free(name);
    }
}

static void names_that_are_taken_get_a_number(void **state)
{
    AUTO(column_names) names = {0};

    (void)state;
    assert_string_equal(column_names_take(&names, "a"), "a");
    assert_string_equal(column_names_take(&names, "a"), "a_2");
    assert_string_equal(column_names_take(&names, "A"), "A_3");
    assert_string_equal(column_names_take(&names, "a_2"), "a_2_2");
}

static void names_too_long_for_a_folder_end_in_a_hash(void **state)
{
    char key[301];
    char *one, *other;

    (void)state;
    memset(key, 'x', 300);
    key[300] = '\0';
    one = column_name_join("parent", key);
    key[299] = 'y';
    other = column_name_join("parent", key);

    assert_int_equal(strlen(one), 200);
    assert_string_not_equal(one, other);
    free(one);
    free(other);
}

/* ---- the user's statement ---- */

static void a_statement_ends_before_its_semicolon(void **state)
{
    static const struct {
        const char *text;
        const char *statement;
    } cases[] = {
        {"SELECT 1", "SELECT 1"},
        {"SELECT 1;", "SELECT 1"},
        {"SELECT 1 ; ; -- bye\n", "SELECT 1 "},
        {"SELECT ';' AS \";\" -- ; no\n, 2 /* ; /* ; */ ; */ + 1;",
         "SELECT ';' AS \";\" -- ; no\n, 2 /* ; /* ; */ ; */ + 1"},
        {"SELECT 'it''s;'", "SELECT 'it''s;'"},
        {"SELECT E'\\';'", "SELECT E'\\';'"},
        {"SELECT type';'", "SELECT type';'"},
        {"SELECT $$;$$ || $a$;$$;$a$", "SELECT $$;$$ || $a$;$$;$a$"},
        {"SELECT json ->> '$.a' -- x", "SELECT json ->> '$.a' -- x"},
        {"SELECT `a;b`", "SELECT `a;b`"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *statement = NULL;
        struct err err = {0};

        if (user_sql_read(cases[i].text, &statement, &err) < 0)
            fail_msg("%s: %s", cases[i].text, err.text);
        assert_string_equal(statement, cases[i].statement);
        free(statement);
    }
}

static void what_is_not_one_statement_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        " \n",
        ";",
        "-- nothing",
        "/* nothing */",
        "SELECT 1; SELECT 2",
        "SELECT 1;;x",
        "SELECT 'open",
        "SELECT \"open",
        "SELECT 1 /* open",
        "SELECT $$open",
        "/* /* */",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *statement = NULL;
        struct err err = {0};

        if (user_sql_read(texts[i], &statement, &err) == 0)
            fail_msg("\"%s\" was read as \"%s\"", texts[i], statement);
        assert_int_equal(err.code, ERR_USAGE);
    }
}

/* ---- templates ---- */

static void templates_are_filled_once(void **state)
{
    AUTO(buf) sql = {0};

    (void)state;
    SQL_FILL(&sql, "f($2, '$', $1, $2)", "a$2", "b");

    assert_string_equal(sql.data, "f(b, '$', a$2, b)");
}

static void stand_ins_are_replaced_and_a_filter_wraps_the_rows(void **state)
{
    static const char text[] =
        "(" TABLE_OPEN "SELECT " TABLE_RUN " FROM " TABLE_INPUT TABLE_CLOSE ")";
    AUTO(buf) all = {0};
    AUTO(buf) some = {0};

    (void)state;
    table_fill(text, &(struct table_parts){.input = "f", .run = "'r'"}, &all);
    table_fill(text, &(struct table_parts){.input = "f", .run = "'r'", .filter = "x = 1"}, &some);

    assert_string_equal(all.data, "(SELECT 'r' FROM f)");
    assert_string_equal(some.data,
                        "(SELECT * FROM (SELECT 'r' FROM f) AS riacho__all WHERE x = 1)");
}

/* ---- plans ---- */

static void identifiers_and_texts_of_the_api_are_always_quoted(void **state)
{
    AUTO(schema) schema = {0};
    AUTO(table_plans) plans = {0};
    struct column_conf column = {.name = literal("a\"; DROP"),
                                 .path = literal("o[\"x'--\"]"),
                                 .type = COLUMN_DOUBLE};
    struct table_conf table = {.name = literal("t"),
                               .from = literal("r"),
                               .columns = &column,
                               .column_count = 1};
    const struct table_conf *const tables[] = {&table};
    const struct engine_tables of = {.resource = "r", .tables = tables, .table_count = 1};
    struct err err = {0};

    (void)state;
    schema_of("{\"fields\":[{\"key\":\"o\",\"name\":\"o\",\"kind\":\"struct\",\"fields\":["
              "{\"key\":\"x'--\",\"name\":\"x'--\",\"kind\":\"text\"}]}]}",
              &schema);
    assert_int_equal(table_plans_make(&(struct table_request){.dialect = &dialect_duckdb,
                                                              .tables = &of,
                                                              .schema = &schema,
                                                              .known = &schema},
                                      &plans, &err),
                     0);

    assert_in(plans.items[0].relation, "struct_extract(\"o\", 'x''--')");
    assert_in(plans.items[0].relation, "AS \"a\"\"; DROP\"");
    assert_in(plans.items[0].relation, "'column \"a\"; DROP\": \"'");
}

static void a_table_without_sql_for_the_engine_is_refused(void **state)
{
    AUTO(schema) schema = {.kind = KIND_STRUCT};
    AUTO(table_plans) plans = {0};
    struct table_conf table = {.name = literal("t"),
                               .from = literal("r"),
                               .sql_spark = literal("SELECT 1")};
    const struct table_conf *const tables[] = {&table};
    const struct engine_tables of = {.resource = "r", .tables = tables, .table_count = 1};
    struct err err = {0};

    (void)state;
    assert_int_equal(table_plans_make(&(struct table_request){.dialect = &dialect_duckdb,
                                                              .tables = &of,
                                                              .schema = &schema,
                                                              .known = &schema},
                                      &plans, &err),
                     -1);
    assert_int_equal(err.code, ERR_USAGE);
    assert_string_equal(err.text, "table \"t\": there is no SQL for the engine \"duckdb\"");
}

/* ---- hashes that were seen ---- */

static void a_number_is_new_once(void **state)
{
    AUTO(hash_set) set = {0};

    (void)state;
    for (uint64_t i = 0; i < 100000; i++)
        assert_false(hash_set_add(&set, i * UINT64_C(0x9e3779b97f4a7c15)));
    for (uint64_t i = 0; i < 100000; i++)
        assert_true(hash_set_add(&set, i * UINT64_C(0x9e3779b97f4a7c15)));
    assert_false(hash_set_add(&set, 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_told_in_words_and_read_back),
        cmocka_unit_test(a_misfits_column_is_called_after_its_type),
        cmocka_unit_test(nulls_have_no_type_and_are_left_out_of_structs),
        cmocka_unit_test(keys_become_names),
        cmocka_unit_test(names_that_are_taken_get_a_number),
        cmocka_unit_test(names_too_long_for_a_folder_end_in_a_hash),
        cmocka_unit_test(a_statement_ends_before_its_semicolon),
        cmocka_unit_test(what_is_not_one_statement_is_refused),
        cmocka_unit_test(templates_are_filled_once),
        cmocka_unit_test(stand_ins_are_replaced_and_a_filter_wraps_the_rows),
        cmocka_unit_test(identifiers_and_texts_of_the_api_are_always_quoted),
        cmocka_unit_test(a_table_without_sql_for_the_engine_is_refused),
        cmocka_unit_test(a_number_is_new_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
