/*
 * Whichever write or fsync fails, also of DuckDB's: the landing says so, commits nothing that is not
 * whole, and leaves no file behind.
 */
#include "fault.h"
#include "landing_bed.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/banned.h"

/* Two files of one column; false if it failed. */
static bool land(struct bed *bed)
{
    bool landed;

    bed_open(bed);
    landed = landing_batch(&bed->landing, bed_make_batch(1, 0, "{\"a\": 1}, {\"a\": 2}"),
                           &bed->err) == 0 &&
             landing_page(&bed->landing, &(struct page){.number = 1}, &bed->err) == 0 &&
             landing_roll(&bed->landing, &bed->err) == 0 &&
             landing_batch(&bed->landing, bed_make_batch(2, 0, "{\"a\": 3}"), &bed->err) == 0 &&
             landing_page(&bed->landing, &(struct page){.number = 2}, &bed->err) == 0;
    landed = landing_finish(&bed->landing, &bed->err) == 0 && landed;
    landing_close(&bed->landing);
    return landed;
}

static void assert_whole_files(struct bed *bed)
{
    for (size_t i = 0; i < bed->file_count; i++)
        assert_int_equal(bed->files[i].rows, i == 0 ? 2 : 1);
    if (bed->file_count > 0)
        assert_int_equal(bed_number(bed, "SELECT sum(a) FROM landed"),
                         bed->file_count == 1 ? 3 : 6);
}

/* The same in the files of one haul, as all of it is there before the landing looks. */
static bool land_at_once(struct bed *bed)
{
    bool landed;

    bed->conf.roll_rows = 1;
    bed_open(bed);
    landed = landing_batch(&bed->landing, bed_make_batch(1, 0, "{\"a\": 3}"), &bed->err) == 0 &&
             landing_page(&bed->landing, &(struct page){.number = 1}, &bed->err) == 0 &&
             landing_batch(&bed->landing, bed_make_batch(2, 0, "{\"a\": 3}"), &bed->err) == 0 &&
             landing_page(&bed->landing, &(struct page){.number = 2}, &bed->err) == 0;
    landed = landing_finish(&bed->landing, &bed->err) == 0 && landed;
    landing_close(&bed->landing);
    return landed;
}

static void assert_small_files(struct bed *bed)
{
    if (bed->file_count > 0)
        assert_int_equal(bed_number(bed, "SELECT sum(a) FROM landed"), 3 * bed->file_count);
}

/* Fails the first, the second, … call. */
static void fail_each_call(bool (*how)(struct bed *bed), void (*check)(struct bed *bed))
{
    for (int nth = 1;; nth++) {
        void *opened = NULL;
        struct bed *bed;
        bool landed;

        bed_set_up(&opened);
        bed = opened;
        fault_arm_error(nth, ENOSPC, false);
        landed = how(bed);
        fault_disarm();
        if (!fault_fired()) { /* every call has had its turn */
            assert_true(landed);
            assert_int_equal(bed->file_count, 2);
            assert_int_equal(bed_temp_files(bed), 0);
            bed_tear_down(&opened);
            return;
        }
        /* An empty file of DuckDB's that cannot be removed goes with the folder in the end. */
        assert_int_equal(bed_temp_files(bed), landed ? 1 : 0);
        assert_int_equal(bed->err.code, landed ? ERR_NONE : ERR_IO);
        check(bed);
        bed_tear_down(&opened);
    }
}

static void a_failed_write_or_fsync_leaves_no_file_behind(void **state)
{
    (void)state;
    fail_each_call(land, assert_whole_files);
}

static void of_small_files_written_together_none_is_left_behind_either(void **state)
{
    (void)state;
    fail_each_call(land_at_once, assert_small_files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_write_or_fsync_leaves_no_file_behind),
        cmocka_unit_test(of_small_files_written_together_none_is_left_behind_either),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
