/*
 * Schemas widen as PRODUCT.md's «Types at the landing» says, keep their names, and survive as text.
 */
#include "db/schema.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

static struct schema *add(struct schema *to, const char *key, enum kind kind)
{
    struct schema *field = schema_field(to, key, key ? strlen(key) : 0, true);

    if (kind == KIND_STRUCT || kind == KIND_LIST)
        schema_become(field, kind);
    else
        schema_merge_scalar(field, kind, false, false);
    return field;
}

static struct schema root_with(const char *key, enum kind kind)
{
    struct schema root = {.kind = KIND_STRUCT};

    add(&root, key, kind);
    return root;
}

static void assert_sql(const struct schema *schema, const char *expected)
{
    AUTO(buf) sql = {0};

    schema_put_sql_type(schema, &sql);
    assert_string_equal(buf_text(&sql), expected);
}

static enum kind meet(enum kind a, enum kind b)
{
    AUTO(schema) one = root_with("x", a);
    AUTO(schema) other = root_with("x", b);

    schema_merge(&one, &other);
    return one.fields[0].kind;
}

static void null_never_fixes_a_type(void **state)
{
    (void)state;
    for (enum kind kind = KIND_NULL; kind <= KIND_LIST; kind++) {
        const enum kind settled = kind == KIND_STRUCT ? KIND_JSON : kind;

        assert_int_equal(meet(KIND_NULL, kind), settled);
        assert_int_equal(meet(kind, KIND_NULL), settled);
    }
}

static void numbers_meet_without_losing_a_digit(void **state)
{
    (void)state;
    assert_int_equal(meet(KIND_INT, KIND_DOUBLE), KIND_DOUBLE);
    assert_int_equal(meet(KIND_INT, KIND_UINT), KIND_UINT);
    assert_int_equal(meet(KIND_UINT, KIND_DOUBLE), KIND_NUMBER);
    assert_int_equal(meet(KIND_DOUBLE, KIND_NUMBER), KIND_NUMBER);
    assert_int_equal(meet(KIND_NUMBER, KIND_INT), KIND_NUMBER);
}

static void an_int_beyond_2_53_meets_a_double_as_text(void **state)
{
    struct schema field = {.name = NULL};

    (void)state;
    schema_merge_scalar(&field, KIND_INT, true, false);
    schema_merge_scalar(&field, KIND_INT, false, false);
    schema_merge_scalar(&field, KIND_DOUBLE, false, false);

    assert_int_equal(field.kind, KIND_NUMBER);
}

static void a_negative_int_meets_a_uint_as_text(void **state)
{
    struct schema field = {.name = NULL};

    (void)state;
    schema_merge_scalar(&field, KIND_UINT, false, false);
    schema_merge_scalar(&field, KIND_INT, false, true);

    assert_int_equal(field.kind, KIND_NUMBER);
}

static void whatever_else_conflicts_becomes_json(void **state)
{
    (void)state;
    assert_int_equal(meet(KIND_BOOL, KIND_INT), KIND_JSON);
    assert_int_equal(meet(KIND_TEXT, KIND_INT), KIND_JSON);
    assert_int_equal(meet(KIND_TEXT, KIND_STRUCT), KIND_JSON);
    assert_int_equal(meet(KIND_STRUCT, KIND_LIST), KIND_JSON);
    assert_int_equal(meet(KIND_LIST, KIND_DOUBLE), KIND_JSON);
    assert_int_equal(meet(KIND_JSON, KIND_TEXT), KIND_JSON);
}

static void new_fields_come_after_the_old_at_every_depth(void **state)
{
    AUTO(schema) one = {.kind = KIND_STRUCT};
    AUTO(schema) other = {.kind = KIND_STRUCT};

    (void)state;
    add(&one, "id", KIND_INT);
    add(add(&one, "in", KIND_STRUCT), "a", KIND_INT);
    add(add(&other, "in", KIND_STRUCT), "b", KIND_TEXT);
    schema_merge_scalar(schema_items(add(&other, "list", KIND_LIST)), KIND_BOOL, false, false);
    add(&other, "id", KIND_DOUBLE);
    schema_merge(&one, &other);

    assert_sql(&one, "STRUCT(\"id\" DOUBLE, \"in\" STRUCT(\"a\" BIGINT, \"b\" VARCHAR), "
                     "\"list\" BOOLEAN[])");
}

static void names_are_unique_without_regard_to_case(void **state)
{
    AUTO(schema) root = {.kind = KIND_STRUCT};

    (void)state;
    assert_string_equal(add(&root, "Id", KIND_INT)->name, "Id");
    assert_string_equal(add(&root, "id", KIND_INT)->name, "id_2");
    assert_string_equal(add(&root, "ID", KIND_INT)->name, "ID_3");
    assert_string_equal(add(&root, "ID_2", KIND_INT)->name, "ID_2_2");
    assert_string_equal(add(&root, "É", KIND_INT)->name, "É");
    assert_string_equal(add(&root, "é", KIND_INT)->name, "é_2");
    assert_string_equal(add(&root, "", KIND_INT)->name, "_empty");
    assert_string_equal(add(&root, "_empty", KIND_INT)->name, "_empty_2");
    assert_string_equal(add(&root, "_riacho_page", KIND_INT)->name, "_riacho_page_2");
    assert_string_equal(add(&root, "id", KIND_INT)->name, "id_2");
}

static void keys_may_hold_any_byte(void **state)
{
    AUTO(schema) root = {.kind = KIND_STRUCT};
    const struct schema *first = schema_field(&root, "a\0b", 3, true);

    (void)state;
    assert_string_equal(first->name, "a_b");
    assert_string_equal(schema_field(&root, "a\0c", 3, true)->name, "a_c");
    assert_string_equal(schema_field(&root, "a_b", 3, true)->name, "a_b_2");
    assert_ptr_equal(schema_field(&root, "a\0b", 3, false), &root.fields[0]);
    assert_null(schema_field(&root, "a", 1, false));
}

static void a_key_named_value_and_records_that_are_no_objects_go_side_by_side(void **state)
{
    AUTO(schema) root = {.kind = KIND_STRUCT};

    (void)state;
    assert_string_equal(add(&root, "value", KIND_INT)->name, "value");
    assert_string_equal(add(&root, NULL, KIND_TEXT)->name, "value_2");
    assert_int_equal(root.field_count, 2);
    assert_int_equal(add(&root, NULL, KIND_TEXT)->kind, KIND_TEXT);
    assert_int_equal(root.field_count, 2);
}

static void an_object_without_members_becomes_json_only_when_settled(void **state)
{
    AUTO(schema) root = root_with("x", KIND_STRUCT);
    AUTO(schema) later = root_with("y", KIND_STRUCT);

    (void)state;
    add(&later.fields[0], "a", KIND_INT);
    schema_settle(&root);
    schema_merge(&root, &later);

    assert_sql(&root, "STRUCT(\"x\" JSON, \"y\" STRUCT(\"a\" BIGINT))");
}

static void add_many(struct schema *to, int from, int count)
{
    for (int i = from; i < from + count; i++) {
        char key[16];

        snprintf(key, sizeof key, "k%d", i);
        add(to, key, KIND_INT);
    }
}

static void an_object_with_too_many_keys_becomes_json(void **state)
{
    AUTO(schema) one = root_with("x", KIND_STRUCT);
    AUTO(schema) other = root_with("x", KIND_STRUCT);

    (void)state;
    add_many(&one.fields[0], 0, SCHEMA_MOST_KEYS);
    add_many(&other.fields[0], SCHEMA_MOST_KEYS, 1);
    assert_int_equal(one.fields[0].kind, KIND_STRUCT);
    schema_merge(&one, &other);

    assert_sql(&one, "STRUCT(\"x\" JSON)");
}

static void records_with_too_many_keys_become_one_json_column_for_good(void **state)
{
    AUTO(schema) root = {.kind = KIND_STRUCT};
    AUTO(schema) other = root_with("y", KIND_INT);

    (void)state;
    add_many(&root, 0, SCHEMA_MOST_KEYS + 1);
    schema_settle(&root);
    assert_true(schema_is_one_json(&root));
    schema_merge(&root, &other);
    schema_merge(&other, &root);

    assert_sql(&root, "STRUCT(\"value\" JSON)");
    assert_true(schema_same(&root, &other));
}

static void the_widest_objects_give_way_when_there_are_too_many_columns(void **state)
{
    AUTO(schema) root = root_with("id", KIND_INT);

    (void)state;
    add_many(add(&root, "a", KIND_STRUCT), 0, 400);
    add_many(add(&root, "b", KIND_STRUCT), 0, 500);
    add_many(add(&root, "c", KIND_STRUCT), 0, 300);
    schema_settle(&root);

    assert_int_equal(schema_field(&root, "a", 1, false)->kind, KIND_STRUCT);
    assert_int_equal(schema_field(&root, "b", 1, false)->kind, KIND_JSON);
    assert_int_equal(schema_field(&root, "c", 1, false)->kind, KIND_STRUCT);
}

static void a_schema_survives_as_text(void **state)
{
    AUTO(schema) root = root_with("q\"\xc3\xa9", KIND_TEXT);
    AUTO(schema) again = {0};
    AUTO(buf) text = {0};
    struct err err = {0};
    char one[17], other[17];

    (void)state;
    schema_field(&root, "a\0b", 3, true);
    schema_merge_scalar(add(&root, "n", KIND_NULL), KIND_INT, true, true);
    add(&root, NULL, KIND_UINT);
    add(&root, "l", KIND_LIST);
    schema_become(schema_items(schema_field(&root, "l", 1, false)), KIND_STRUCT);
    add(schema_items(schema_field(&root, "l", 1, false)), "x", KIND_NUMBER);
    schema_write(&root, &text);
    if (schema_read(text.data, text.size, &again, &err) < 0)
        fail_msg("%s", err.text);

    assert_true(schema_same(&root, &again));
    schema_fingerprint(&root, one);
    schema_fingerprint(&again, other);
    assert_string_equal(one, other);
    assert_int_equal(strlen(one), 16);
}

static void a_copy_grows_apart_from_its_original(void **state)
{
    AUTO(schema) root = {.kind = KIND_STRUCT};
    AUTO(schema) copy = {0};

    (void)state;
    add_many(&root, 0, 3);
    schema_copy(&root, &copy);
    add_many(&copy, 3, 6);

    assert_int_equal(root.field_count, 3);
    assert_int_equal(copy.field_count, 9);
    assert_false(schema_same(&root, &copy));
}

static void a_damaged_text_is_refused(void **state)
{
    static const char *const damaged[] = {
        "",
        "[]",
        "{}",
        "{\"fields\":1}",
        "{\"fields\":[1]}",
        "{\"fields\":[{\"key\":\"a\"}]}",
        "{\"fields\":[{\"key\":\"a\",\"name\":\"\",\"kind\":\"int\"}]}",
        "{\"fields\":[{\"key\":\"a\",\"name\":\"a\",\"kind\":\"odd\"}]}",
        "{\"fields\":[{\"key\":\"a\",\"name\":\"a\",\"kind\":\"list\"}]}",
        "{\"fields\":[{\"key\":1,\"name\":\"a\",\"kind\":\"int\"}]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        struct schema schema = {0};
        struct err err = {0};

        assert_int_equal(schema_read(damaged[i], strlen(damaged[i]), &schema, &err), -1);
        assert_int_equal(err.code, ERR_DATA);
        assert_null(schema.fields);
    }
}

static void a_text_that_nests_too_deep_is_refused(void **state)
{
    AUTO(buf) text = {0};
    AUTO(schema) schema = {0};
    struct err err = {0};

    (void)state;
    buf_puts(&text, "{\"fields\":[{\"key\":\"a\",\"name\":\"a\"");
    for (int i = 0; i < 100000; i++)
        buf_puts(&text, ",\"kind\":\"list\",\"items\":{\"x\":1");
    buf_puts(&text, ",\"kind\":\"int\"");
    for (int i = 0; i < 100000; i++)
        buf_putc(&text, '}');
    buf_puts(&text, "}]}");

    assert_int_equal(schema_read(text.data, text.size, &schema, &err), -1);
    assert_int_equal(err.code, ERR_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_never_fixes_a_type),
        cmocka_unit_test(numbers_meet_without_losing_a_digit),
        cmocka_unit_test(an_int_beyond_2_53_meets_a_double_as_text),
        cmocka_unit_test(a_negative_int_meets_a_uint_as_text),
        cmocka_unit_test(whatever_else_conflicts_becomes_json),
        cmocka_unit_test(new_fields_come_after_the_old_at_every_depth),
        cmocka_unit_test(names_are_unique_without_regard_to_case),
        cmocka_unit_test(keys_may_hold_any_byte),
        cmocka_unit_test(a_key_named_value_and_records_that_are_no_objects_go_side_by_side),
        cmocka_unit_test(an_object_without_members_becomes_json_only_when_settled),
        cmocka_unit_test(an_object_with_too_many_keys_becomes_json),
        cmocka_unit_test(records_with_too_many_keys_become_one_json_column_for_good),
        cmocka_unit_test(the_widest_objects_give_way_when_there_are_too_many_columns),
        cmocka_unit_test(a_schema_survives_as_text),
        cmocka_unit_test(a_copy_grows_apart_from_its_original),
        cmocka_unit_test(a_damaged_text_is_refused),
        cmocka_unit_test(a_text_that_nests_too_deep_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
