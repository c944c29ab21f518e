/*
 * Number literals keep every digit, or say that they would not.
 */
#include "landing/number.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

static struct number read_text(const char *text)
{
    struct number number;

    memset(&number, 0xff, sizeof number); /* all of it is to be set */
    number_read(text, strlen(text), &number);
    return number;
}

static void assert_kind(const char *text, enum kind kind)
{
    const struct number number = read_text(text);

    if (number.kind != kind)
        fail_msg("%s is of kind %d, not %d", text, (int)number.kind, (int)kind);
}

static void integers_take_the_narrowest_type_that_holds_them(void **state)
{
    (void)state;
    assert_int_equal(read_text("9223372036854775807").i, INT64_MAX);
    assert_int_equal(read_text("-9223372036854775808").i, INT64_MIN);
    assert_true(read_text("18446744073709551615").u == UINT64_MAX);
    assert_kind("-9223372036854775808", KIND_INT);
    assert_kind("9223372036854775808", KIND_UINT);
    assert_kind("18446744073709551615", KIND_UINT);
    assert_kind("18446744073709551616", KIND_NUMBER);
    assert_kind("-9223372036854775809", KIND_NUMBER);
    assert_kind("123456789012345678901234567890", KIND_NUMBER);
}

static void integers_say_what_a_double_or_a_uint_could_not_hold(void **state)
{
    (void)state;
    assert_false(read_text("9007199254740992").is_big);
    assert_true(read_text("9007199254740993").is_big);
    assert_true(read_text("-9007199254740993").is_big);
    assert_true(read_text("-1").is_negative);
    assert_false(read_text("-0").is_negative);
    assert_kind("-0", KIND_INT);
}

static void a_decimal_fits_if_the_double_prints_back_its_digits(void **state)
{
    static const char *const fit[] = {
        "0.1",
        "1.0",
        "1.10",
        "0.0",
        "-0.0",
        "0e5",
        "1E5",
        "1e+5",
        "123e-2",
        "0.30000000000000004",
        "-116.79716670000001",
        "5e-324",
        "1.7976931348623157e308",
        "2.2250738585072014e-308",
        "0.10000000000000000000",
        "1000000000000000000000000000000.0",
        "0.1000000000000000055511151231257827021181583404541015625",
        "9007199254740992.0",
    };
    static const char *const change[] = {
        "3.141592653589793238",
        "1e400",
        "1e-400",
        "1e99999999999",
        "9007199254740993.0",
        "12345678901234567890.0",
        "1.000000000000000000000000000001",
        "1.7976931348623159e308",
        "0.12345678901234567890",
    };

    (void)state;
    for (size_t i = 0; i < sizeof fit / sizeof *fit; i++)
        assert_kind(fit[i], KIND_DOUBLE);
    for (size_t i = 0; i < sizeof change / sizeof *change; i++)
        assert_kind(change[i], KIND_NUMBER);
}

static void doubles_are_the_nearest(void **state)
{
    char text[64];

    (void)state;
    srand(7);
    for (int i = 0; i < 20000; i++) {
        const double value = ldexp((double)rand() / RAND_MAX - 0.5, rand() % 200 - 100);

        snprintf(text, sizeof text, "%.17g", value);
        if (strpbrk(text, ".e") == NULL)
            continue;
        if (read_text(text).kind != KIND_DOUBLE || read_text(text).d != value)
            fail_msg("%s", text);
    }
    assert_true(signbit(read_text("-0.0").d));
}

/* Most literals are short, and are read by a way of their own. */
static void short_literals_are_read_as_long_ones_are(void **state)
{
    char text[64], longer[128];

    (void)state;
    srand(11);
    for (int i = 0; i < 100000; i++) {
        const long long whole = (((long long)rand() << 31) | rand()) >> (rand() % 62);
        const int places = rand() % 16;
        struct number brief, full;

        snprintf(text, sizeof text, "%s%lld.%0*d", rand() % 2 ? "-" : "", whole, places + 1,
                 rand() % 1000);
        snprintf(longer, sizeof longer, "%se0", text);
        brief = read_text(text);
        full = read_text(longer);
        if (brief.kind != full.kind || brief.is_big || brief.is_negative ||
            (brief.kind == KIND_DOUBLE && memcmp(&brief.d, &full.d, sizeof brief.d) != 0))
            fail_msg("%s", text);
    }
}

static void short_integers_are_what_the_c_library_reads(void **state)
{
    char text[32];

    (void)state;
    srand(13);
    for (int i = 0; i < 100000; i++) {
        const long long value = (((long long)rand() << 32) | rand()) >> (rand() % 63);
        const long long wanted = rand() % 2 ? -value : value;
        struct number got;

        snprintf(text, sizeof text, "%lld", wanted);
        got = read_text(text);
        if (got.kind != KIND_INT || got.i != wanted || got.is_negative != (wanted < 0) ||
            got.is_big != (value > 9007199254740992))
            fail_msg("%s", text);
    }
}

static int compare(const char *a, const char *b)
{
    const int apart = number_compare(a, strlen(a), b, strlen(b));

    return (apart > 0) - (apart < 0);
}

static void numbers_compare_by_value_whatever_their_length(void **state)
{
    static const char *const rising[] = {
        "-1e400",
        "-100.5",
        "-100",
        "-0.001",
        "0",
        "1e-400",
        "0.0009",
        "0.001",
        "99.99999999999999999",
        "100",
        "100.00000000000000000001",
        "18446744073709551616",
        "1e20",
        "1e400",
        "1.1e400",
    };
    const int count = (int)(sizeof rising / sizeof *rising);

    (void)state;
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++)
            assert_int_equal(compare(rising[i], rising[j]), (i > j) - (i < j));
    assert_int_equal(compare("1e2", "100.0"), 0);
    assert_int_equal(compare("-0", "0.00"), 0);
    assert_int_equal(compare("0.00120", "12E-4"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_take_the_narrowest_type_that_holds_them),
        cmocka_unit_test(integers_say_what_a_double_or_a_uint_could_not_hold),
        cmocka_unit_test(a_decimal_fits_if_the_double_prints_back_its_digits),
        cmocka_unit_test(doubles_are_the_nearest),
        cmocka_unit_test(short_literals_are_read_as_long_ones_are),
        cmocka_unit_test(short_integers_are_what_the_c_library_reads),
        cmocka_unit_test(numbers_compare_by_value_whatever_their_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
