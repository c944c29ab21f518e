/* Backoff stays within its bounds, and Retry-After is read in all its forms. */
#include "base/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void attempts_end_when_all_were_made(void **state)
{
    struct retry retry = {.attempts = 3, .max_delay_ms = 10};
    int64_t wait_ms = -1;

    (void)state;
    assert_true(retry_again(&retry, -1, &wait_ms));
    assert_true(retry_again(&retry, -1, &wait_ms));
    assert_false(retry_again(&retry, -1, &wait_ms));
    retry_reset(&retry);
    assert_true(retry_again(&retry, -1, &wait_ms));
}

static void waits_grow_twofold_up_to_the_maximum_and_differ(void **state)
{
    int64_t longest[6] = {0};

    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct retry retry = {.attempts = 7, .max_delay_ms = 5000};

        for (int i = 0; i < 6; i++) {
            int64_t wait_ms = -1;

            assert_true(retry_again(&retry, -1, &wait_ms));
            assert_in_range(wait_ms, 0, 5000);
            if (wait_ms > longest[i])
                longest[i] = wait_ms;
        }
    }
    assert_in_range(longest[0], 900, 1000);
    assert_in_range(longest[1], 1800, 2000);
    assert_in_range(longest[2], 3600, 4000);
    assert_in_range(longest[5], 4500, 5000);
}

static void a_server_may_lengthen_the_wait_but_not_past_the_maximum(void **state)
{
    struct retry retry = {.attempts = 1000, .max_delay_ms = 8000};
    int64_t wait_ms = 0;
    int64_t longest = 0;

    (void)state;
    assert_true(retry_again(&retry, 7000, &wait_ms));
    assert_int_equal(wait_ms, 7000);
    assert_true(retry_again(&retry, INT64_MAX, &wait_ms));
    assert_int_equal(wait_ms, 8000);
    for (int i = 0; i < 100; i++) {
        assert_true(retry_again(&retry, 0, &wait_ms));
        longest = wait_ms > longest ? wait_ms : longest;
    }
    assert_in_range(longest, 2000, 8000); /* "Retry-After: 0" still waits the backoff */
}

static void retry_after_is_seconds_or_a_date(void **state)
{
    const int64_t now = 784111777000 - 30000; /* half a minute before the date below */

    (void)state;
    assert_int_equal(retry_after_ms("120", now), 120000);
    assert_int_equal(retry_after_ms(" 0 ", now), 0);
    assert_int_equal(retry_after_ms("99999999999999999999", now), INT64_MAX);
    assert_int_equal(retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", now), 30000);
    assert_int_equal(retry_after_ms("Sunday, 06-Nov-94 08:49:37 GMT", now), 30000);
    assert_int_equal(retry_after_ms("Sun Nov  6 08:49:37 1994", now), 30000);
    assert_int_equal(retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", now + 60000), 0);
    assert_int_equal(retry_after_ms("soon", now), -1);
    assert_int_equal(retry_after_ms("12 minutes", now), -1);
    assert_int_equal(retry_after_ms("-5", now), -1);
    assert_int_equal(retry_after_ms("", now), -1);
    assert_int_equal(retry_after_ms(NULL, now), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempts_end_when_all_were_made),
        cmocka_unit_test(waits_grow_twofold_up_to_the_maximum_and_differ),
        cmocka_unit_test(a_server_may_lengthen_the_wait_but_not_past_the_maximum),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
    };

    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
