/*
 * References as text: what is written is read back, what is none is refused.
 */
#include "base/mem.h"
#include "base/str.h"
#include "riacho.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

#define SHA "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static const char whole[] =
    "{\"specversion\":\"1.0\",\"id\":\"quakes-3fa9c1-000012-0001-0\",\"source\":\"/riacho/quakes\","
    "\"type\":\"io.riacho.file.landed\",\"subject\":\"quakes\",\"time\":\"2026-11-22T09:00:00Z\","
    "\"datacontenttype\":\"application/json\",\"data\":{\"root\":\"landing\",\"path\":\"quakes/"
    "a.parquet\","
    "\"format\":\"parquet\",\"bytes\":1234567,\"rows\":50000,\"sha256\":\"" SHA "\","
    "\"schema\":\"00ff00ff00ff00ff\",\"pages\":{\"first\":1,\"last\":50},"
    "\"cursor\":{\"from\":1517443200000,\"to\":\"2026\"},\"run\":\"quakes-3fa9c1-000012\","
    "\"replaces\":\"old\",\"origin\":[\"x\",\"y\"]}}";

static const char folder[] =
    "{\"specversion\":\"1.0\",\"id\":\"a.t\",\"source\":\"/riacho/"
    "q\",\"type\":\"io.riacho.file.adjusted\","
    "\"subject\":\"t\",\"time\":\"2026-11-22T09:00:00Z\",\"datacontenttype\":\"application/json\","
    "\"data\":{\"root\":\"adjusted\",\"path\":\"t/"
    "a.parquet\",\"format\":\"parquet\",\"bytes\":30,\"rows\":3,"
    "\"origin\":[\"a\"],\"files\":[{\"path\":\"part-0.parquet\",\"bytes\":10,\"rows\":1,\"sha256\":"
    "\"" SHA "\"},"
    "{\"path\":\"part-1.parquet\",\"bytes\":20,\"rows\":2,\"sha256\":\"" SHA "\"}]}}";

static void a_reference_is_written_as_it_was_read(void **state)
{
    static const char *const texts[] = {whole, folder};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        AUTO(ref) ref = {0};
        AUTO(ref) copy = {0};
        AUTO(buf) text = {0};
        struct err err = {0};

        assert_int_equal(ref_read(texts[i], strlen(texts[i]), &ref, &err), 0);
        ref_copy(&ref, &copy);
        ref_close(&ref);
        ref_write(&copy, &text);

        assert_string_equal(buf_text(&text), texts[i]);
    }
}

static void its_members_are_read(void **state)
{
    AUTO(ref) ref = {0};
    struct err err = {0};

    (void)state;
    assert_int_equal(ref_read(whole, strlen(whole), &ref, &err), 0);

    assert_string_equal(ref.id, "quakes-3fa9c1-000012-0001-0");
    assert_string_equal(ref.type, REF_LANDED);
    assert_int_equal(ref.bytes, 1234567);
    assert_int_equal(ref.rows, 50000);
    assert_int_equal(ref.first_page, 1);
    assert_int_equal(ref.last_page, 50);
    assert_string_equal(ref.cursor_from, "1517443200000");
    assert_string_equal(ref.cursor_to, "\"2026\"");
    assert_int_equal(ref.origins, 2);
    assert_string_equal(ref.origin[1], "y");
    assert_string_equal(ref.replaces, "old");
}

/* The text with the first occurrence of `what` replaced. The caller frees. */
static char *changed(const char *text, const char *what, const char *by)
{
    const char *at = strstr(text, what);

    assert_non_null(at);
    return mem_fmt("%.*s%s%s", (int)(at - text), text, by, at + strlen(what));
}

static void what_lacks_what_it_must_have_is_refused(void **state)
{
    static const struct {
        const char *what;
        const char *by;
        const char *told;
    } cases[] = {
        {"\"specversion\":\"1.0\"", "\"specversion\":\"2.0\"", "\"2.0\""},
        {"\"specversion\":\"1.0\"", "\"specversions\":1", "no CloudEvent"},
        {"\"id\":", "\"ix\":", "\"id\""},
        {"\"id\":\"quakes", "\"id\":\"\\u0000", "\"id\""},
        {"\"id\":\"quakes", "\"id\":\"../quakes", "no name"},
        {"\"id\":\"quakes", "\"id\":\"a/quakes", "no name"},
        {"\"source\":", "\"sourc\":", "\"source\""},
        {"\"subject\":\"", "\"subject\":\"..", "no name"},
        {"io.riacho.file.landed", "io.riacho.file.other", "io.riacho.file.other"},
        {"\"subject\":", "\"x\":", "\"subject\""},
        {"\"time\":", "\"x\":", "\"time\""},
        {"\"data\":", "\"x\":", "\"data\""},
        {"\"root\":", "\"x\":", "\"root\""},
        {"\"path\":", "\"x\":", "\"path\""},
        {"\"path\":\"", "\"path\":\"/", "beneath its root"},
        {"\"path\":\"quakes", "\"path\":\"quakes/../..", "beneath its root"},
        {"\"format\":", "\"x\":", "\"format\""},
        {"\"bytes\":1234567", "\"bytes\":-1", "\"bytes\""},
        {"\"bytes\":1234567", "\"bytes\":18446744073709551615", "\"bytes\""},
        {"\"rows\":50000", "\"rows\":\"5\"", "\"rows\""},
        {SHA, "9F86", "\"sha256\""},
        {"\"sha256\":", "\"x\":", "neither"},
        {"[\"x\",\"y\"]", "[1]", "\"origin\""},
        {"}}", "}", "invalid JSON"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = changed(whole, cases[i].what, cases[i].by);
        AUTO(ref) ref = {0};
        struct err err = {0};

        assert_int_equal(ref_read(text, strlen(text), &ref, &err), -1);
        assert_int_equal(err.code, ERR_DATA);
        if (strstr(err.text, cases[i].told) == NULL)
            fail_msg("\"%s\" does not tell of %s", err.text, cases[i].told);
        assert_null(ref.id);
        free(text);
    }
}

static void members_that_are_not_known_are_passed_over(void **state)
{
    char *text = changed(whole, "\"root\":", "\"later\":{\"a\":[1]},\"root\":");
    AUTO(ref) ref = {0};
    struct err err = {0};

    (void)state;
    assert_int_equal(ref_read(text, strlen(text), &ref, &err), 0);
    free(text);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    AUTO(buf) path = {0};
    char *text;
    AUTO(ref) ref = {0};
    struct err err = {0};

    (void)state;
    for (int i = 0; i < 5000; i++)
        buf_putc(&path, 'a');
    text = changed(whole, "quakes/a.parquet", buf_text(&path));
    assert_int_equal(ref_read(text, strlen(text), &ref, &err), -1);
    assert_int_equal(err.code, ERR_DATA);
    free(text);
}

static void a_damaged_text_never_crashes(void **state)
{
    unsigned seed = 7;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        const char *text = i & 1 ? whole : folder;
        const size_t size = strlen(text) - (size_t)rand_r(&seed) % 20;
        char *copy = mem_strn(text, size);
        AUTO(ref) ref = {0};
        struct err err = {0};

        for (int n = rand_r(&seed) % 4; n >= 0; n--)
            copy[(size_t)rand_r(&seed) % size] = (char)rand_r(&seed);
        if (ref_read(copy, size, &ref, &err) < 0)
            assert_int_equal(err.code, ERR_DATA);
        else
            assert_non_null(ref.id);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reference_is_written_as_it_was_read),
        cmocka_unit_test(its_members_are_read),
        cmocka_unit_test(what_lacks_what_it_must_have_is_refused),
        cmocka_unit_test(members_that_are_not_known_are_passed_over),
        cmocka_unit_test(a_path_that_is_too_long_is_refused),
        cmocka_unit_test(a_damaged_text_never_crashes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
