/* YAML becomes a tree with places; variables are replaced after parsing; what is wrong is told. */
#include "base/conf.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Parses a text that must be right. The caller closes the tree. */
static struct conf_node parse(const char *text)
{
    struct conf_node root = {0};
    AUTO(faults) faults = {0};

    assert_int_equal(conf_parse(&root, text, strlen(text), &faults), 0);
    if (faults.count > 0)
        print_message("%s: %s\n", text, faults.items[0].text);
    assert_int_equal(faults.errors, 0);
    return root;
}

/* The first fault's line and column, and that its text holds `expected`. */
static void assert_fault(const char *text, int line, int column, const char *expected)
{
    AUTO(conf_node) root = {0};
    AUTO(faults) faults = {0};

    (void)!conf_parse(&root, text, strlen(text), &faults);
    assert_true(faults.errors > 0);
    if (strstr(faults.items[0].text, expected) == NULL)
        print_message("expected \"%s\" in \"%s\"\n", expected, faults.items[0].text);
    assert_non_null(strstr(faults.items[0].text, expected));
    assert_int_equal(faults.items[0].line, line);
    assert_int_equal(faults.items[0].column, column);
}

static void assert_json(const char *yaml, const char *json)
{
    AUTO(conf_node) root = parse(yaml);
    AUTO(buf) text = {0};

    conf_put_json(&root, &text);
    assert_string_equal(buf_text(&text), json);
}

static void plain_scalars_are_those_of_the_core_schema(void **state)
{
    static const struct {
        const char *text;
        enum conf_kind kind;
    } scalars[] = {
        {"", CONF_NULL},         {"~", CONF_NULL},     {"null", CONF_NULL},
        {"NULL", CONF_NULL},     {"nULL", CONF_TEXT},  {"true", CONF_BOOL},
        {"False", CONF_BOOL},    {"yes", CONF_TEXT},   {"no", CONF_TEXT},
        {"on", CONF_TEXT},       {"off", CONF_TEXT},   {"y", CONF_TEXT},
        {"0", CONF_INT},         {"-12", CONF_INT},    {"+7", CONF_INT},
        {"007", CONF_INT},       {"0o17", CONF_INT},   {"0x1F", CONF_INT},
        {"0o18", CONF_TEXT},     {"0x", CONF_TEXT},    {"-0x1", CONF_TEXT},
        {"1_000", CONF_TEXT},    {"1:30", CONF_TEXT},  {"1.5", CONF_FLOAT},
        {".5", CONF_FLOAT},      {"5.", CONF_FLOAT},   {"1e3", CONF_FLOAT},
        {"-1.5E-3", CONF_FLOAT}, {".inf", CONF_FLOAT}, {"-.INF", CONF_FLOAT},
        {".nan", CONF_FLOAT},    {"1e", CONF_TEXT},    {".", CONF_TEXT},
        {"-", CONF_TEXT},        {"+.", CONF_TEXT},    {"2018-01-01", CONF_TEXT},
        {"1.2.3", CONF_TEXT},    {"inf", CONF_TEXT},   {"0b1", CONF_TEXT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++) {
        if (conf_resolve(scalars[i].text) != scalars[i].kind)
            print_message("%s\n", scalars[i].text);
        assert_int_equal(conf_resolve(scalars[i].text), scalars[i].kind);
    }
}

static void ints_are_read_in_all_bases_and_refused_beyond_int64(void **state)
{
    int64_t value = 0;

    (void)state;
    assert_int_equal(conf_int("0x7f", &value), 1);
    assert_int_equal(value, 127);
    assert_int_equal(conf_int("0o17", &value), 1);
    assert_int_equal(value, 15);
    assert_int_equal(conf_int("-9223372036854775808", &value), 1);
    assert_true(value == INT64_MIN);
    assert_int_equal(conf_int("9223372036854775808", &value), 0);
    assert_int_equal(conf_int("0xffffffffffffffff", &value), 0);
}

static void every_node_knows_its_line_and_column(void **state)
{
    AUTO(conf_node) root = parse("a: 1\n# words\nb:\n  - x\n  - {c: \"ção\", d: 2}\n");
    const struct conf_node *found;

    (void)state;
    found = conf_find(&root, "b[1].d");
    assert_string_equal(found->text, "2");
    assert_int_equal(found->line, 5);
    assert_int_equal(found->column, 19); /* counted in characters, as editors do */
    assert_int_equal(conf_key(&root, "b")->line, 3);
}

static void what_is_not_there_is_found_at_the_deepest_place_on_the_way(void **state)
{
    AUTO(conf_node) root = parse("a: {b: [1, 2]}\n");

    (void)state;
    assert_ptr_equal(conf_find(&root, "a.b[7].c"), conf_find(&root, "a.b"));
    assert_ptr_equal(conf_find(&root, "x.y"), &root);
    assert_ptr_equal(conf_find(&root, "a[0]"), conf_get(&root, "a"));
}

static void aliases_stand_for_copies_at_their_own_place(void **state)
{
    AUTO(conf_node) root = parse("a: &x {k: 1}\nb: *x\n");

    (void)state;
    assert_string_equal(conf_find(&root, "b.k")->text, "1");
    assert_int_equal(conf_get(&root, "b")->line, 2);
}

static void trees_become_json(void **state)
{
    (void)state;
    assert_json("{a: 1, b: [x, null, true, 'yes'], c: {}}",
                "{\"a\":1,\"b\":[\"x\",null,true,\"yes\"],\"c\":{}}");
    assert_json("[0x10, +3, 007, 123456789012345678901234567890, -0]",
                "[16,3,7,123456789012345678901234567890,0]");
    assert_json("[1.50, .5, 5., 1e3, -2.25, 01.5]", "[1.50,0.5,5,1e3,-2.25,1.5]");
    assert_json("a: |\n  one\n  \"two\"\n", "{\"a\":\"one\\n\\\"two\\\"\\n\"}");
}

static void variables_are_replaced_in_values_and_keys_and_lists(void **state)
{
    (void)state;
    setenv("RIACHO_T1", "one", 1);
    setenv("RIACHO_T2", "", 1);
    unsetenv("RIACHO_T3");

    assert_json("a: ${RIACHO_T1}/x", "{\"a\":\"one/x\"}");
    assert_json("${RIACHO_T1}: [\"${RIACHO_T1}\", '${RIACHO_T1}${RIACHO_T1}']",
                "{\"one\":[\"one\",\"oneone\"]}");
    assert_json("a: ${RIACHO_T3:-https://x.y}", "{\"a\":\"https://x.y\"}");
    assert_json("a: ${RIACHO_T2:-empty counts as not set}", "{\"a\":\"empty counts as not set\"}");
    assert_json("a: x${RIACHO_T2}y", "{\"a\":\"xy\"}");
    assert_json("a: ${RIACHO_T3:-${RIACHO_T1}}", "{\"a\":\"one\"}");
    assert_json("a: '${RIACHO_T3:-{\"k\":1}}'", "{\"a\":\"{\\\"k\\\":1}\"}");
}

static void a_plain_value_of_a_variable_is_resolved_and_an_empty_one_is_a_text(void **state)
{
    (void)state;
    setenv("RIACHO_T1", "7", 1);
    unsetenv("RIACHO_T3");
    assert_json("- ${RIACHO_T3:-5}", "[5]");
    assert_json("a: ${RIACHO_T1}", "{\"a\":7}");
    assert_json("a: '${RIACHO_T1}'", "{\"a\":\"7\"}");
    assert_json("a: ${RIACHO_T3:-}", "{\"a\":\"\"}");
}

static void a_value_cannot_change_the_structure(void **state)
{
    (void)state;
    setenv("RIACHO_T1", "x\nb: 2 # {\"'", 1);
    assert_json("a: ${RIACHO_T1}", "{\"a\":\"x\\nb: 2 # {\\\"'\"}");
    setenv("RIACHO_T1", "${RIACHO_T1}", 1);
    assert_json("a: ${RIACHO_T1}", "{\"a\":\"${RIACHO_T1}\"}");
}

static void dollars_that_begin_no_variable_are_themselves(void **state)
{
    (void)state;
    assert_json("[$, $.a, $$, 'a$b', \"$${X}\", \"$$${X}\"]",
                "[\"$\",\"$.a\",\"$$\",\"a$b\",\"${X}\",\"$${X}\"]");
}

static void only_values_of_variables_without_a_default_may_be_secret(void **state)
{
    AUTO(conf_node) root = {0};

    (void)state;
    setenv("RIACHO_T1", "hidden", 1);
    unsetenv("RIACHO_T3");
    root = parse("[a, '${RIACHO_T1}', '${RIACHO_T1:-}', '${RIACHO_T1:-x}', '${RIACHO_T3:-x}',"
                 " '${RIACHO_T3:-${RIACHO_T1}}']");
    assert_false(conf_may_be_secret(&root.items[0]));
    assert_true(conf_may_be_secret(&root.items[1]));
    assert_true(conf_may_be_secret(&root.items[2]));
    assert_false(conf_may_be_secret(&root.items[3]));
    assert_false(conf_may_be_secret(&root.items[4]));
    assert_true(conf_may_be_secret(&root.items[5]));
    assert_true(root.items[4].has_variable);
}

static void faults_of_variables_name_them_and_their_place(void **state)
{
    (void)state;
    unsetenv("RIACHO_T3");
    assert_fault("a: 1\nb: ${RIACHO_T3}\n", 2, 4, "variable \"RIACHO_T3\" is not set");
    assert_fault("a: ${RIACHO_T3", 1, 4, "expected ${NAME}");
    assert_fault("a: ${}", 1, 4, "expected ${NAME}");
    assert_fault("a: ${1A}", 1, 4, "expected ${NAME}");
    assert_fault("a: ${A-b}", 1, 4, "expected ${NAME}");
}

static void all_missing_variables_are_told_with_their_keys(void **state)
{
    static const char text[] = "a: ${RIACHO_T3}\nb: [1, '${RIACHO_T4}']\n";
    AUTO(conf_node) root = {0};
    AUTO(faults) faults = {0};

    (void)state;
    unsetenv("RIACHO_T3");
    unsetenv("RIACHO_T4");
    assert_int_equal(conf_parse(&root, text, strlen(text), &faults), 0);
    assert_int_equal(faults.errors, 2);
    assert_string_equal(faults.items[0].key, "a");
    assert_string_equal(faults.items[1].key, "b[1]");
    assert_true(conf_get(&root, "a")->is_faulty);
}

static void faults_of_syntax_have_places_and_likely_causes(void **state)
{
    (void)state;
    assert_fault("a: [1, 2\nb: 3\n", 2, 2, "YAML syntax");
    assert_fault("a:\n\tb: 1\n", 2, 1, "tab");
    assert_fault("a: {b: ${X}}\n", 1, 9, "must be in quotes");
    assert_fault("a: \xff\n", 1, 4, "UTF-8");
    assert_fault("a: b: c\n", 1, 5, "mapping values are not allowed");
    assert_fault("a: \"x\\0y\"\n", 1, 4, "NUL");
    assert_fault("a: *x\n", 1, 4, "no anchor");
    assert_fault("a: &x [*x]\n", 1, 8, "no anchor");
    assert_fault("<<: {a: 1}\n", 1, 1, "merge key");
    assert_fault("{a: 1, [b]: 2}\n", 1, 8, "must be a text");
    assert_fault("a: !env X\n", 1, 4, "tag");
    assert_fault("a: !!int x\n", 1, 4, "tag");
    assert_fault("a: 1\nb: 2\na: 3\n", 3, 1, "given twice, first in line 1");
    assert_fault("a: 1\n---\nb: 2\n", 2, 1, "second document");
    assert_fault("", 1, 1, "empty");
}

static void tags_of_the_core_schema_are_understood(void **state)
{
    (void)state;
    assert_json("[!!str 1, !!int 2, !!float 1.5, !!bool true, !!null ~, !!map {}, !!seq []]",
                "[\"1\",2,1.5,true,null,{},[]]");
}

static void what_grows_has_a_ceiling(void **state)
{
    AUTO(buf) deep = {0};
    AUTO(buf) bomb = {0};
    AUTO(buf) large = {0};

    (void)state;
    for (int i = 0; i < 70; i++)
        buf_puts(&deep, "[");
    assert_fault(buf_text(&deep), 1, 65, "64 deep");

    buf_puts(&bomb, "a0: &a0 [x]\n");
    for (int i = 1; i < 12; i++)
        buf_printf(&bomb, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1, i - 1);
    assert_fault(buf_text(&bomb), 9, 15, "100,000 values");

    for (int i = 0; i < CONF_MOST_BYTES; i++)
        buf_putc(&large, ' ');
    buf_puts(&large, "a: 1");
    assert_fault(buf_text(&large), 0, 0, "larger than 1 MiB");
}

/* Bytes at random, and a real file cut and changed at random: whatever comes, it must not crash. */
static void damaged_files_do_no_harm(void **state)
{
    static const char file[] =
        "name: x\nsource: &s\n  client: {base_url: \"${A:-http://x}\", h: [1, 2.5, ~]}\n"
        "  r:\n    - a\n    - *s\n    - 'q''q'\n    - |\n      text\n    - >-\n      t\n"
        "? k\n: !!str v\n";
    static const char spice[] = "{}[]:,&*!|>'\"%@`#?-\n\t ${}\\\x00\xff\xc3";
    unsigned seed = 7;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char text[sizeof file];
        AUTO(conf_node) root = {0};
        AUTO(faults) faults = {0};
        size_t size = (size_t)rand_r(&seed) % sizeof file;

        memcpy(text, file, sizeof file);
        for (int i = rand_r(&seed) % 6; i > 0 && size > 0; i--)
            text[(size_t)rand_r(&seed) % size] = spice[(size_t)rand_r(&seed) % (sizeof spice - 1)];
        if (conf_parse(&root, text, size, &faults) < 0)
            assert_true(faults.errors > 0);
    }
}

static void maps_are_changed_and_laid_on_one_another(void **state)
{
    AUTO(conf_node) base = parse("{a: 1, b: {x: 1}, c: 3}");
    AUTO(conf_node) over = parse("{b: {y: 2}, d: 4}");
    AUTO(conf_node) merged = {0};
    AUTO(buf) text = {0};
    struct conf_node item;

    (void)state;
    conf_merge(&base, &over, &merged);
    item = conf_make_text(&over, "five");
    conf_set(&merged, "a", &item);
    item = conf_make_map(&over);
    conf_set(&merged, "e", &item);
    conf_remove(&merged, "c");
    conf_remove(&merged, "nothing");
    conf_put_json(&merged, &text);
    assert_string_equal(buf_text(&text), "{\"a\":\"five\",\"b\":{\"y\":2},\"d\":4,\"e\":{}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars_are_those_of_the_core_schema),
        cmocka_unit_test(ints_are_read_in_all_bases_and_refused_beyond_int64),
        cmocka_unit_test(every_node_knows_its_line_and_column),
        cmocka_unit_test(what_is_not_there_is_found_at_the_deepest_place_on_the_way),
        cmocka_unit_test(aliases_stand_for_copies_at_their_own_place),
        cmocka_unit_test(trees_become_json),
        cmocka_unit_test(variables_are_replaced_in_values_and_keys_and_lists),
        cmocka_unit_test(a_plain_value_of_a_variable_is_resolved_and_an_empty_one_is_a_text),
        cmocka_unit_test(a_value_cannot_change_the_structure),
        cmocka_unit_test(dollars_that_begin_no_variable_are_themselves),
        cmocka_unit_test(only_values_of_variables_without_a_default_may_be_secret),
        cmocka_unit_test(faults_of_variables_name_them_and_their_place),
        cmocka_unit_test(all_missing_variables_are_told_with_their_keys),
        cmocka_unit_test(faults_of_syntax_have_places_and_likely_causes),
        cmocka_unit_test(tags_of_the_core_schema_are_understood),
        cmocka_unit_test(what_grows_has_a_ceiling),
        cmocka_unit_test(damaged_files_do_no_harm),
        cmocka_unit_test(maps_are_changed_and_laid_on_one_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
