/*
 * Up to where a partition is worked off.
 */
#include "broker/kafka_track.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/banned.h"

#define NOTHING (-1)

/* The offset to store of the partition, or NOTHING. */
static int64_t moved(struct track *track, size_t at)
{
    int64_t next;

    return track_moved(&track->partitions[at], &next) == 1 ? next : NOTHING;
}

static void take(struct track *track, int64_t first, int64_t last)
{
    for (int64_t offset = first; offset <= last; offset++)
        assert_true(track_take(track, 0, offset));
}

static void the_offset_moves_over_what_is_done_without_gaps(void **state)
{
    struct track track = {0};

    (void)state;
    track_add(&track, 0);
    take(&track, 5, 8);
    track_done(&track, 0, 6, 0);
    track_done(&track, 0, 8, 0);
    track_advance(&track, 1);
    assert_int_equal(moved(&track, 0), NOTHING);

    track_done(&track, 0, 5, 0);
    track_advance(&track, 1);
    assert_int_equal(moved(&track, 0), 7);
    assert_int_equal(moved(&track, 0), NOTHING);
    track_done(&track, 0, 7, 0);
    track_advance(&track, 1);
    assert_int_equal(moved(&track, 0), 9);
    track_close(&track);
}

static void it_waits_for_the_references_that_existed_then(void **state)
{
    struct track track = {0};

    (void)state;
    track_add(&track, 0);
    take(&track, 0, 1);
    track_done(&track, 0, 0, 10);
    track_done(&track, 0, 1, 12);
    assert_true(track_is_waiting(&track));
    track_advance(&track, 10);
    assert_int_equal(moved(&track, 0), NOTHING);

    track_advance(&track, 12);
    assert_int_equal(moved(&track, 0), 1);
    track_advance(&track, 13);
    assert_int_equal(moved(&track, 0), 2);
    assert_false(track_is_waiting(&track));
    track_close(&track);
}

static void a_partition_that_went_is_forgotten(void **state)
{
    struct track track = {0};

    (void)state;
    track_add(&track, 0);
    track_add(&track, 3);
    take(&track, 0, 1);
    track_remove(&track, 0);
    assert_false(track_has(&track, 0));
    assert_true(track_has(&track, 3));
    track_done(&track, 0, 0, 0);
    assert_false(track_take(&track, 0, 2));

    track_add(&track, 0);
    take(&track, 0, 0);
    track_advance(&track, 1);
    assert_int_equal(moved(&track, 1), NOTHING);
    track_close(&track);
}

static void what_came_before_does_not_come_again(void **state)
{
    struct track track = {0};

    (void)state;
    track_add(&track, 0);
    take(&track, 4, 5);
    assert_false(track_take(&track, 0, 5));
    track_done(&track, 0, 4, 0);
    track_advance(&track, 1);

    assert_false(track_take(&track, 0, 4));
    assert_true(track_take(&track, 0, 6));
    track_close(&track);
}

/* A transaction's marker has an offset and is no message. */
static void gaps_at_the_end_are_passed_over_when_all_before_is_done(void **state)
{
    struct track track = {0};

    (void)state;
    track_add(&track, 0);
    take(&track, 0, 0);
    track_end(&track, 0, 2);
    track_advance(&track, 1);
    assert_int_equal(moved(&track, 0), NOTHING);

    track_done(&track, 0, 0, 0);
    track_advance(&track, 1);
    assert_int_equal(moved(&track, 0), 2);
    track_close(&track);
}

static void nothing_is_told_of_a_partition_that_is_empty(void **state)
{
    struct track track = {0};

    (void)state;
    track_add(&track, 0);
    track_advance(&track, 1);
    assert_int_equal(moved(&track, 0), NOTHING);
    track_end(&track, 0, 0);
    track_advance(&track, 1);

    assert_int_equal(moved(&track, 0), NOTHING);
    track_close(&track);
}

static void many_messages_keep_their_order(void **state)
{
    struct track track = {0};

    (void)state;
    track_add(&track, 0);
    for (int64_t offset = 0; offset < 5000; offset++) {
        take(&track, offset, offset);
        if (offset >= 100)
            track_done(&track, 0, offset - 100, 0);
        track_advance(&track, 1);
    }

    assert_int_equal(moved(&track, 0), 4900);
    track_close(&track);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_offset_moves_over_what_is_done_without_gaps),
        cmocka_unit_test(it_waits_for_the_references_that_existed_then),
        cmocka_unit_test(a_partition_that_went_is_forgotten),
        cmocka_unit_test(what_came_before_does_not_come_again),
        cmocka_unit_test(gaps_at_the_end_are_passed_over_when_all_before_is_done),
        cmocka_unit_test(nothing_is_told_of_a_partition_that_is_empty),
        cmocka_unit_test(many_messages_keep_their_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
