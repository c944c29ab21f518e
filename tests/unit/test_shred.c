/*
 * What JSON becomes in the files: the types that PRODUCT.md promises, and for documents made at
 * random that nothing is lost, rounded or doubled.
 */
#include "landing_bed.h"

#include "base/json.h"
#include "base/mem.h"
#include "landing/json_text.h"
#include "landing/keys.h"
#include "landing/number.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include <cmocka.h>

#include "base/banned.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_set_up, bed_tear_down)

static void land(struct bed *bed, const char *records)
{
    bed_open(bed);
    bed_page(bed, 1, records);
    bed_finish(bed);
    assert_int_equal(bed->file_count, 1);
}

static void assert_type(struct bed *bed, const char *records, const char *type)
{
    AUTO(buf) declared = {0};
    char *sql;

    land(bed, records);
    sql = mem_fmt("SELECT column_type FROM (DESCRIBE FROM '%s') WHERE column_name = 'x'",
                  bed->files[0].path);
    bed_assert_text(bed, sql, type);
    schema_put_sql_type(schema_field(&bed->files[0].schema, "x", 1, false), &declared);
    assert_string_equal(buf_text(&declared), type);
    free(sql);
}

/* ---- one promise each ---- */

static void numbers_keep_every_digit(void **state)
{
    assert_type(*state, "{\"x\": 1}, {\"x\": 3.141592653589793238}, {\"x\": 1e400}", "VARCHAR");
    bed_assert_text(*state, "SELECT string_agg(x, ' ' ORDER BY _riacho_index) FROM landed",
                    "1 3.141592653589793238 1e400");
}

static void int_and_double_meet_as_double(void **state)
{
    assert_type(*state, "{\"x\": 9007199254740992}, {\"x\": 0.1}, {\"x\": null}", "DOUBLE");
    bed_assert_text(*state, "SELECT string_agg(x, ' ' ORDER BY _riacho_index) FROM landed",
                    "9007199254740992.0 0.1");
}

static void an_int_that_a_double_would_change_makes_text_of_both(void **state)
{
    assert_type(*state, "{\"x\": 0.5}, {\"x\": 9007199254740993}", "VARCHAR");
    bed_assert_text(*state, "SELECT string_agg(x, ' ' ORDER BY _riacho_index) FROM landed",
                    "0.5 9007199254740993");
}

static void beyond_int64_comes_uint64_then_text(void **state)
{
    assert_type(*state, "{\"x\": 0}, {\"x\": 18446744073709551615}", "UBIGINT");
}

static void a_negative_and_a_uint64_make_text(void **state)
{
    assert_type(*state, "{\"x\": -1}, {\"x\": 18446744073709551615}", "VARCHAR");
}

static void a_conflict_becomes_json(void **state)
{
    assert_type(*state, "{\"x\": \"a\\u0000\\\"\"}, {\"x\": 1.50}, {\"x\": {\"b\": [1, null]}}",
                "JSON");
    bed_assert_text(*state, "SELECT string_agg(x::TEXT, ' ' ORDER BY _riacho_index) FROM landed",
                    "\"a\\u0000\\\"\" 1.50 {\"b\":[1,null]}");
}

static void lists_nest_and_their_items_widen(void **state)
{
    assert_type(*state, "{\"x\": []}, {\"x\": [[], [1, null], null]}, {\"x\": [[0.5]]}",
                "DOUBLE[][]");
    bed_assert_text(*state, "SELECT list(x ORDER BY _riacho_index)::TEXT FROM landed",
                    "[[], [[], [1.0, NULL], NULL], [[0.5]]]");
}

static void structs_with_missing_members_have_nulls_all_the_way_down(void **state)
{
    struct bed *bed = *state;

    land(bed, "{\"x\": {\"a\": {\"b\": 1}, \"c\": [2]}}, {}, {\"x\": {\"c\": null}}");
    bed_assert_text(bed, "SELECT list(x ORDER BY _riacho_index)::TEXT FROM landed",
                    "[{'a': {'b': 1}, 'c': [2]}, NULL, {'a': NULL, 'c': NULL}]");
}

static void only_null_is_an_integer_column_of_nulls(void **state)
{
    assert_type(*state, "{\"x\": null}, {\"x\": null}", "INTEGER");
    assert_int_equal(bed_number(*state, "SELECT count(*) - count(x) FROM landed"), 2);
}

static void texts_come_through_byte_for_byte(void **state)
{
    struct bed *bed = *state;

    land(bed, "{\"x\": \"\\ud83d\\ude00 é\\u0000\\u2028 \xf0\x9f\x98\x80\"}, {\"x\": \"\"},"
              "{\"x\": \"twelve bytes\"}, {\"x\": \"thirteen byte\"}");
    bed_assert_text(bed, "SELECT string_agg(hex(x), ' ' ORDER BY _riacho_index) FROM landed",
                    "F09F988020C3A900E280A820F09F9880  7477656C7665206279746573 "
                    "746869727465656E2062797465");
}

static void of_a_key_given_twice_the_last_counts_completely(void **state)
{
    struct bed *bed = *state;

    land(bed,
         "{\"a\": {\"b\": \"old\", \"c\": [9, 9]}, \"x\": 1, \"a\": {\"d\": 2}},"
         "{\"x\": [\"misfit\"], \"a\": {\"c\": [{\"z\": 1}], \"c\": [1], \"d\": 3}, \"x\": 4},"
         "{\"x\": 5, \"x\": null, \"a\": null, \"a\": {\"b\": \"t\", \"b\": null, \"c\": []}}");
    bed_assert_text(bed, "SELECT list({a: a, x: x} ORDER BY _riacho_index)::TEXT FROM landed",
                    "[{'a': {'d': 2, 'c': NULL, 'b': NULL}, 'x': 1}, "
                    "{'a': {'d': 3, 'c': [1], 'b': NULL}, 'x': 4}, "
                    "{'a': {'d': NULL, 'c': [], 'b': NULL}, 'x': NULL}]");
    assert_int_equal(atomic_load(&bed->stats.duplicate_keys), 5);
}

static void a_list_that_a_later_key_replaces_leaves_nothing_behind(void **state)
{
    struct bed *bed = *state;

    land(bed, "{\"x\": [\"one that is long enough to be kept apart\", \"two\"], \"x\": [\"3\"]},"
              "{\"x\": [\"four\", {\"no\": \"text\"}, \"five\"], \"x\": [\"6\"]}");
    bed_assert_text(bed, "SELECT list(x ORDER BY _riacho_index)::TEXT FROM landed", "[[3], [6]]");
    assert_int_equal(schema_items(&bed->files[0].schema.fields[0])->kind, KIND_TEXT);
}

static void keys_that_differ_in_case_have_columns_of_their_own(void **state)
{
    struct bed *bed = *state;

    land(bed, "{\"a\": 1, \"A\": 2, \"\": 3, \"_riacho_page\": 4, \"s\": {\"K\": 5, \"k\": 6}}");
    bed_assert_text(bed,
                    "SELECT concat_ws(' ', a, A_2, _empty, _riacho_page_2, s.K, s.k_2) "
                    "FROM landed",
                    "1 2 3 4 5 6");
}

static void records_that_are_no_objects_have_a_column_of_their_own(void **state)
{
    struct bed *bed = *state;

    land(bed, "{\"value\": \"own\"}, 7, null, 8.5");
    bed_assert_text(bed,
                    "SELECT list([value, value_2::TEXT] ORDER BY _riacho_index)::TEXT "
                    "FROM landed",
                    "[[own, NULL], [NULL, 7.0], [NULL, NULL], [NULL, 8.5]]");
}

static void nest(struct buf *to, int levels, const char *open, char close)
{
    buf_puts(to, to->size ? ", {\"x\": " : "{\"x\": ");
    for (int i = 0; i < levels; i++)
        buf_puts(to, open);
    buf_puts(to, "1");
    for (int i = 0; i < levels; i++)
        buf_putc(to, close);
    buf_putc(to, '}');
}

static void lists_that_nest_too_deep_become_json_at_that_depth(void **state)
{
    struct bed *bed = *state;
    AUTO(buf) records = {0};

    nest(&records, SCHEMA_MOST_LISTS + 1, "[", ']');
    nest(&records, SCHEMA_MOST_LISTS + 2, "[", ']');
    nest(&records, 100000, "[", ']');
    land(bed, buf_text(&records));
    bed_assert_text(bed, "SELECT list(length(to_json(x)) ORDER BY _riacho_index)::TEXT FROM landed",
                    "[27, 29, 200001]");
}

static void objects_that_nest_too_deep_become_json_at_that_depth(void **state)
{
    struct bed *bed = *state;
    AUTO(buf) records = {0};

    nest(&records, SCHEMA_MOST_DEPTH + 1, "{\"a\":", '}');
    nest(&records, 100000, "{\"a\":", '}');
    land(bed, buf_text(&records));
    bed_assert_text(bed, "SELECT list(length(to_json(x)) ORDER BY _riacho_index)::TEXT FROM landed",
                    "[391, 600001]");
}

static void an_object_with_too_many_keys_becomes_json(void **state)
{
    struct bed *bed = *state;
    AUTO(buf) records = {0};

    buf_puts(&records, "{\"id\": 1, \"x\": {");
    for (int i = 0; i <= SCHEMA_MOST_KEYS; i++)
        buf_printf(&records, "%s\"k%d\": %d", i ? ", " : "", i, i);
    buf_puts(&records, "}}, {\"id\": 2, \"x\": {\"k7\": 0}}");
    land(bed, buf_text(&records));
    bed_assert_text(bed, "SELECT string_agg(x->>'k7', ' ' ORDER BY id) FROM landed", "7 0");
}

static void a_record_with_too_many_keys_is_one_json_column(void **state)
{
    struct bed *bed = *state;
    AUTO(buf) records = {0};

    buf_puts(&records, "{\"id\": 1}, {");
    for (int i = 0; i <= SCHEMA_MOST_KEYS; i++)
        buf_printf(&records, "%s\"k%d\": %d", i ? ", " : "", i, i);
    buf_puts(&records, "}");
    land(bed, buf_text(&records));
    assert_true(schema_is_one_json(&bed->files[0].schema));
    bed_assert_text(bed,
                    "SELECT concat(any_value(value->>'id'), any_value(value->>'k1000')) "
                    "FROM landed",
                    "11000");
}

/* ---- documents made at random ---- */

static unsigned random_state;

static unsigned pick(unsigned below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % below;
}

static void put_number(struct buf *to)
{
    switch (pick(8)) {
    case 0:
        buf_printf(to, "%u.%u", pick(100), pick(1000));
        break;
    case 1:
        buf_printf(to, "-%u.%06u%06u%06u", pick(200), pick(1000000), pick(1000000), pick(1000000));
        break;
    case 2:
        buf_printf(to, "%u%09u%09u", pick(30) + 1, pick(1000000000), pick(1000000000));
        break;
    case 3:
        buf_printf(to, "%ue%d", pick(9) + 1, (int)pick(700) - 350);
        break;
    default:
        buf_printf(to, "%d", (int)pick(2000) - 100);
    }
}

static void put_text(struct buf *to)
{
    static const char *const parts[] = {
        "a", "bcd", "\\n", "\\\"", "\\u0000", "é", "\\ud83d\\ude00", "漢", "\\\\", "0123456789"};

    buf_putc(to, '"');
    for (unsigned i = pick(5); i > 0; i--)
        buf_puts(to, parts[pick(sizeof parts / sizeof *parts)]);
    buf_putc(to, '"');
}

/* A value whose type mostly follows from `shape`, so that columns mostly agree. */
static void put_value(struct buf *to, unsigned shape, int depth)
{
    const unsigned kind = pick(25) == 0 ? pick(8) : shape % 8;

    if (pick(8) == 0)
        buf_puts(to, "null");
    else if (kind < 2)
        put_text(to);
    else if (kind == 2)
        buf_puts(to, pick(2) ? "true" : "false");
    else if (kind == 3)
        buf_printf(to, "%u", pick(1000));
    else if (kind < 6 || depth > 3)
        put_number(to);
    else if (kind == 6) {
        buf_putc(to, '[');
        for (unsigned i = pick(4), first = 1; i > 0; i--, first = 0) {
            buf_puts(to, first ? "" : ", ");
            put_value(to, shape / 8, depth + 1);
        }
        buf_putc(to, ']');
    } else {
        buf_putc(to, '{');
        for (unsigned i = pick(5), first = 1; i > 0; i--, first = 0) {
            const unsigned key = pick(4);

            buf_printf(to, "%s\"%s\": ", first ? "" : ", ",
                       (const char *const[]){"a", "A", "", "k\\u0000"}[key]);
            put_value(to, shape / 8 + key * 3, depth + 1);
        }
        buf_putc(to, '}');
    }
}

static void put_record(struct buf *to, unsigned seed, int drift)
{
    if (pick(200) == 0) {
        put_value(to, seed, 0);
        return;
    }
    buf_putc(to, '{');
    for (unsigned i = 0, put = 0; i < 6; i++)
        if (pick(10) > 0) {
            buf_printf(to, "%s\"f%u\": ", put++ ? ", " : "", pick(60) == 0 ? pick(6) : i);
            put_value(to, seed * (i + 3) + (pick(100) < (unsigned)drift ? pick(99) : 0), 0);
        }
    buf_putc(to, '}');
}

/* ---- compared with a reading of the same text by yyjson ---- */

static bool is_same(yyjson_val *sent, yyjson_val *got, const struct schema *schema);

static bool is_same_number(yyjson_val *sent, yyjson_val *got, enum kind kind)
{
    const char *text = yyjson_get_raw(sent);

    if (kind == KIND_NUMBER)
        return yyjson_is_str(got) && strcmp(yyjson_get_str(got), text) == 0;
    if (!yyjson_is_raw(got) || kind < KIND_INT || kind > KIND_DOUBLE)
        return false;
    if (kind == KIND_DOUBLE)
        return strtod(text, NULL) == strtod(yyjson_get_raw(got), NULL);
    return number_compare(text, yyjson_get_len(sent), yyjson_get_raw(got), yyjson_get_len(got)) ==
           0;
}

static bool is_same_list(yyjson_val *sent, yyjson_val *got, const struct schema *items)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(sent), other = yyjson_arr_iter_with(got);
    yyjson_val *item;

    if (!yyjson_is_arr(got) || yyjson_arr_size(sent) != yyjson_arr_size(got))
        return false;
    while ((item = yyjson_arr_iter_next(&iter)))
        if (!is_same(item, yyjson_arr_iter_next(&other), items))
            return false;
    return true;
}

static bool is_same_object(yyjson_val *sent, yyjson_val *got, const struct schema *schema)
{
    yyjson_obj_iter iter = yyjson_obj_iter_with(sent);
    yyjson_val *key;

    while ((key = yyjson_obj_iter_next(&iter)))
        for (size_t i = 0, known = 0; known == 0; i++) {
            const struct schema *field = &schema->fields[i];

            if (i == schema->field_count)
                return false;
            known = field->key && key_same(key, field->key, field->key_size);
        }
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct schema *field = &schema->fields[i];
        yyjson_val *member = field->key ? keys_last(sent, field->key, field->key_size) : NULL;

        if (!is_same(member, keys_last(got, field->name, strlen(field->name)), field))
            return false;
    }
    return true;
}

/* A JSON column was read as text. */
static bool is_same_json(yyjson_val *sent, yyjson_val *got)
{
    AUTO(buf) text = {0};

    json_text_value(sent, &text);
    return yyjson_is_str(got) && strcmp(buf_text(&text), yyjson_get_str(got)) == 0;
}

static bool is_same(yyjson_val *sent, yyjson_val *got, const struct schema *schema)
{
    if (sent == NULL || yyjson_is_null(sent))
        return got == NULL || yyjson_is_null(got);
    if (got == NULL || yyjson_is_null(got))
        return false;
    if (schema->kind == KIND_JSON)
        return is_same_json(sent, got);
    switch (yyjson_get_type(sent)) {
    case YYJSON_TYPE_RAW:
        return is_same_number(sent, got, schema->kind);
    case YYJSON_TYPE_STR:
        return schema->kind == KIND_TEXT && yyjson_equals(sent, got);
    case YYJSON_TYPE_BOOL:
        return schema->kind == KIND_BOOL && yyjson_equals(sent, got);
    case YYJSON_TYPE_ARR:
        return schema->kind == KIND_LIST && is_same_list(sent, got, &schema->fields[0]);
    default:
        return schema->kind == KIND_STRUCT && is_same_object(sent, got, schema);
    }
}

static bool is_same_record(yyjson_val *sent, yyjson_val *row, const struct schema *schema)
{
    const struct schema *value = NULL;

    for (size_t i = 0; i < schema->field_count; i++)
        if (schema->fields[i].key == NULL)
            value = &schema->fields[i];
    if (yyjson_is_obj(sent) && !schema_is_one_json(schema))
        return is_same_object(sent, row, schema);
    return value && is_same(sent, keys_last(row, value->name, strlen(value->name)), value);
}

/*
 * All columns as one JSON text; JSON columns as texts within, for DuckDB would round their numbers.
 */
static void put_row_query(const struct bed_file *file, struct buf *sql)
{
    AUTO(buf) type = {0};

    buf_puts(sql, "SELECT to_json({_: 0");
    for (size_t i = 0; i < file->schema.field_count; i++) {
        buf_puts(sql, ", ");
        sql_put_name(sql, file->schema.fields[i].name);
        buf_puts(sql, ": CAST(");
        sql_put_name(sql, file->schema.fields[i].name);
        buf_puts(sql, " AS ");
        buf_reset(&type);
        schema_put_sql_type(&file->schema.fields[i], &type);
        for (char *json; (json = strstr(type.data, "JSON")); json += 4)
            memcpy(json, "TEXT", 4);
        buf_puts(sql, buf_text(&type));
        buf_putc(sql, ')');
    }
    buf_printf(sql, "}), _riacho_page, _riacho_index FROM '%s'", file->path);
}

static void check_row(const char *row_text, yyjson_val *record, const struct schema *schema)
{
    yyjson_doc *row = yyjson_read(row_text, strlen(row_text), YYJSON_READ_NUMBER_AS_RAW);

    assert_non_null(row);
    if (!is_same_record(record, yyjson_doc_get_root(row), schema)) {
        AUTO(buf) was = {0};

        json_text_value(record, &was);
        fail_msg("sent %s\nlanded %s", buf_text(&was), row_text);
    }
    yyjson_doc_free(row);
}

/* The rows of one file against what was sent; counts them in `seen`. */
static void check_file(struct bed *bed, const struct bed_file *file, yyjson_doc *const *sent,
                       int *seen, int page_size)
{
    AUTO(duck_result) result = {0};
    AUTO(buf) sql = {0};

    put_row_query(file, &sql);
    if (duck_query(&bed->conn, buf_text(&sql), &result, &bed->err) < 0)
        fail_msg("%s", bed->err.text);
    for (idx_t i = 0; i < duckdb_row_count(&result.result); i++) {
        char *text = duck_text(&result, 0, i);
        const int64_t page = duckdb_value_int64(&result.result, 1, i);
        const int64_t index = duckdb_value_int64(&result.result, 2, i);

        check_row(text, yyjson_arr_get(yyjson_doc_get_root(sent[page - 1]), (size_t)index),
                  &file->schema);
        seen[(page - 1) * page_size + index]++;
        duckdb_free(text);
    }
}

#define PAGES 12
#define PAGE_SIZE 200

static void land_random(struct bed *bed, unsigned seed, int drift)
{
    yyjson_doc *sent[PAGES];
    int seen[PAGES * PAGE_SIZE] = {0};

    bed_open(bed);
    for (int page = 1; page <= PAGES; page++) {
        AUTO(buf) records = {0};
        AUTO(buf) list = {0};

        for (int i = 0; i < PAGE_SIZE; i++) {
            buf_puts(&records, i ? ", " : "");
            put_record(&records, seed, drift);
        }
        buf_printf(&list, "[%s]", buf_text(&records));
        sent[page - 1] = yyjson_read(list.data, list.size, YYJSON_READ_NUMBER_AS_RAW);
        assert_non_null(sent[page - 1]);
        bed_page(bed, page, buf_text(&records));
    }
    bed_finish(bed);

    for (size_t i = 0; i < bed->file_count; i++)
        check_file(bed, &bed->files[i], sent, seen, PAGE_SIZE);
    for (int i = 0; i < PAGES * PAGE_SIZE; i++)
        assert_int_equal(seen[i], 1);
    for (int page = 0; page < PAGES; page++)
        yyjson_doc_free(sent[page]);
}

static void documents_at_random_land_as_they_were_sent(void **state)
{
    for (unsigned seed = 1; seed <= 12; seed++) {
        void *bed = NULL;

        random_state = seed;
        bed_set_up(&bed);
        ((struct bed *)bed)->conf.roll_rows = seed % 3 ? 1000000 : 300;
        land_random(bed, seed * 977, seed % 2 ? 0 : 3);
        bed_tear_down(&bed);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_keep_every_digit),
        TEST(int_and_double_meet_as_double),
        TEST(an_int_that_a_double_would_change_makes_text_of_both),
        TEST(beyond_int64_comes_uint64_then_text),
        TEST(a_negative_and_a_uint64_make_text),
        TEST(a_conflict_becomes_json),
        TEST(lists_nest_and_their_items_widen),
        TEST(structs_with_missing_members_have_nulls_all_the_way_down),
        TEST(only_null_is_an_integer_column_of_nulls),
        TEST(texts_come_through_byte_for_byte),
        TEST(of_a_key_given_twice_the_last_counts_completely),
        TEST(a_list_that_a_later_key_replaces_leaves_nothing_behind),
        TEST(keys_that_differ_in_case_have_columns_of_their_own),
        TEST(records_that_are_no_objects_have_a_column_of_their_own),
        TEST(lists_that_nest_too_deep_become_json_at_that_depth),
        TEST(objects_that_nest_too_deep_become_json_at_that_depth),
        TEST(an_object_with_too_many_keys_becomes_json),
        TEST(a_record_with_too_many_keys_is_one_json_column),
        cmocka_unit_test(documents_at_random_land_as_they_were_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
