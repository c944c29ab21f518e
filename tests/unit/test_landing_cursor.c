/*
 * Incremental landing: which records are new, and what each commit says of the cursor.
 */
#include "landing_bed.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_set_up, bed_tear_down)

static void set_cursor(struct bed *bed, const char *path, const char *start)
{
    static char name[] = "id";
    static char *const key[] = {name};

    bed->run.cursor_path = path;
    bed->run.start_value = start;
    bed->run.primary_key = key;
    bed->run.primary_keys = 1;
}

static void records_below_the_start_value_are_skipped(void **state)
{
    struct bed *bed = *state;

    set_cursor(bed, "at.ms", "10");
    bed_open(bed);
    bed_page(bed, 1,
             "{\"id\": 1, \"at\": {\"ms\": 9}}, {\"id\": 2, \"at\": {\"ms\": 10}},"
             "{\"id\": 3, \"at\": {\"ms\": 12}}, {\"id\": 4, \"at\": {\"ms\": -3.5}}");
    bed_page(bed, 2, "{\"id\": 5, \"at\": {\"ms\": 1}}");
    bed_finish(bed);

    bed_assert_text(bed,
                    "SELECT string_agg(concat(id, '.', _riacho_index), ' ' ORDER BY id) "
                    "FROM landed",
                    "2.1 3.2");
    assert_string_equal(bed->commits[0].cursor, "12");
    assert_string_equal(bed->files[0].cursor_from, "10");
    assert_string_equal(bed->files[0].cursor_to, "12");
    assert_int_equal(atomic_load(&bed->stats.skipped), 3);
    assert_int_equal(bed->files[0].last_page, 1);
    assert_int_equal(bed->commits[0].page, 2);
}

static void records_known_at_the_boundary_are_skipped_by_the_next_run(void **state)
{
    struct bed *bed = *state;

    set_cursor(bed, "at", NULL);
    bed_open(bed);
    bed_page(bed, 1, "{\"id\": 1, \"at\": 5}, {\"id\": 2, \"at\": 7}, {\"id\": 3, \"at\": 7.0}");
    bed_finish(bed);
    set_cursor(bed, "at", bed->commits[0].cursor);
    bed->run.start_boundary = bed->commits[0].boundary;
    bed_open(bed);
    bed_page(bed, 1, "{\"id\": 3, \"at\": 7}, {\"id\": 4, \"at\": 7}, {\"id\": 2, \"at\": 7}");
    bed_finish(bed);
    set_cursor(bed, "at", bed->commits[1].cursor);
    bed->run.start_boundary = bed->commits[1].boundary;
    bed_open(bed);
    bed_page(bed, 1, "{\"id\": 3, \"at\": 7}, {\"id\": 4, \"at\": 7}, {\"id\": 2, \"at\": 7}");
    bed_finish(bed);

    bed_assert_text(bed, "SELECT string_agg(id, ' ' ORDER BY id) FROM landed", "1 2 3 4");
    assert_string_equal(bed->commits[2].cursor, bed->commits[1].cursor);
    assert_string_equal(bed->commits[2].boundary, bed->commits[1].boundary);
    assert_int_equal(bed->commits[2].files, 0);
}

/* Lands [1 at `first`, 2 at `later`, 3 at `earlier`] in the run after the one that saw 1. */
static void assert_order(struct bed *bed, const char *first, const char *later, const char *earlier)
{
    char *one = mem_fmt("{\"id\": \"1\", \"at\": \"%s\"}", first);
    char *all = mem_fmt("%s, {\"id\": \"2\", \"at\": \"%s\"}, {\"id\": \"3\", \"at\": \"%s\"}", one,
                        later, earlier);
    char *cursor = mem_fmt("\"%s\"", later);
    const size_t commits = bed->commit_count;

    set_cursor(bed, "at", NULL);
    bed->run.start_boundary = NULL;
    bed_open(bed);
    bed_page(bed, 1, one);
    bed_finish(bed);
    set_cursor(bed, "at", bed->commits[commits].cursor);
    bed->run.start_boundary = bed->commits[commits].boundary;
    bed_open(bed);
    bed_page(bed, 1, all);
    bed_finish(bed);

    assert_int_equal(bed->files[bed->file_count - 1].rows, 1);
    assert_string_equal(bed->commits[commits + 1].cursor, cursor);
    free(cursor);
    free(all);
    free(one);
}

static void texts_that_are_times_are_compared_as_times(void **state)
{
    struct bed *bed = *state;

    assert_order(bed, "2024-05-02T01:00:00Z", "2024-05-02T01:00:00.5Z",
                 "2024-05-02T01:30:00+02:00");
    assert_order(bed, "2024-05-02T01:00:00Z", "2024-05-01T23:30:00-05:00", "2024-05-02");
    assert_order(bed, "2024-05-02 01:00", "2024-05-02T01:00:01", "2024-05-02T00:59:59.999Z");
}

static void texts_of_digits_are_compared_as_numbers(void **state)
{
    struct bed *bed = *state;

    assert_order(bed, "9", "10", "8");
    assert_order(bed, "099", "100", "98");
    assert_order(bed, "18446744073709551616", "18446744073709551617", "2");
}

static void other_texts_are_compared_by_their_bytes(void **state)
{
    struct bed *bed = *state;

    assert_order(bed, "b", "ba", "aaaa");
    assert_order(bed, "v9", "v91", "v10");
    assert_order(bed, "2024-W18", "2024-W19", "2024-13-40");
}

static void equal_times_in_other_words_are_told_apart_by_their_records(void **state)
{
    struct bed *bed = *state;

    set_cursor(bed, "at", NULL);
    bed_open(bed);
    bed_page(bed, 1, "{\"id\": 1, \"at\": \"2024-05-02T01:00:00Z\"}");
    bed_finish(bed);
    set_cursor(bed, "at", bed->commits[0].cursor);
    bed->run.start_boundary = bed->commits[0].boundary;
    bed_open(bed);
    bed_page(bed, 1,
             "{\"id\": 1, \"at\": \"2024-05-02T01:00:00.000Z\"},"
             "{\"id\": 2, \"at\": \"2024-05-02T03:00:00+02:00\"},"
             "{\"id\": 3, \"at\": \"2024-05-02T01:00:00.0000001Z\"}");
    bed_finish(bed);

    bed_assert_text(bed, "SELECT string_agg(id, ' ' ORDER BY id) FROM landed", "1 2 3");
}

static void a_record_without_primary_key_is_known_by_all_of_it(void **state)
{
    struct bed *bed = *state;

    bed->run.cursor_path = "at";
    bed_open(bed);
    bed_page(bed, 1, "{\"at\": \"2026-01-01\", \"v\": 1}");
    bed_finish(bed);
    bed->run.start_value = bed->commits[0].cursor;
    bed->run.start_boundary = bed->commits[0].boundary;
    bed_open(bed);
    bed_page(bed, 1, "{\"at\": \"2026-01-01\", \"v\": 1}, {\"at\": \"2026-01-01\", \"v\": 2}");
    bed_finish(bed);

    bed_assert_text(bed, "SELECT list(v ORDER BY v)::TEXT FROM landed", "[1, 2]");
}

static void each_commit_has_the_cursor_of_its_own_pages(void **state)
{
    struct bed *bed = *state;

    set_cursor(bed, "at", NULL);
    bed->conf.roll_rows = 1;
    bed_open(bed);
    bed_page(bed, 1, "{\"id\": 1, \"at\": \"b\"}");
    bed_wait_for_commits(bed, 1);
    bed_page(bed, 2, "{\"id\": 2, \"at\": \"a\"}");
    bed_wait_for_commits(bed, 2);
    bed_page(bed, 3, "{\"id\": 3, \"at\": \"c\"}");
    bed_wait_for_commits(bed, 3);
    bed_page(bed, 4, "{\"id\": 4, \"at\": \"c\"}");
    bed_finish(bed);

    assert_int_equal(bed->commit_count, 4);
    assert_string_equal(bed->commits[0].cursor, "\"b\"");
    assert_string_equal(bed->commits[1].cursor, "\"b\"");
    assert_string_equal(bed->commits[2].cursor, "\"c\"");
    assert_string_equal(bed->commits[0].boundary, bed->commits[1].boundary);
    assert_int_equal(strlen(bed->commits[2].boundary), 20);
    assert_int_equal(strlen(bed->commits[3].boundary), 39);
    assert_string_equal(bed->files[1].cursor_to, "\"a\"");
}

static void small_files_have_the_cursors_of_their_own_rows(void **state)
{
    struct bed *bed = *state;

    set_cursor(bed, "at", "10");
    bed->conf.roll_rows = 2;
    bed_open(bed);
    bed_page(bed, 1, "{\"id\": 1, \"at\": 12}, {\"id\": 2, \"at\": 11}");
    bed_page(bed, 2, "{\"id\": 3, \"at\": 9}, {\"id\": 4, \"at\": 8}");
    bed_page(bed, 3, "{\"id\": 5, \"at\": 14}, {\"id\": 6, \"at\": 7}");
    bed_page(bed, 4, "{\"id\": 7, \"at\": 13}, {\"id\": 8, \"at\": 14}");
    bed_finish(bed);

    bed_assert_text(bed, "SELECT string_agg(id, ' ' ORDER BY id) FROM landed", "1 2 5 7 8");
    assert_int_equal(bed->file_count, 3);
    assert_string_equal(bed->files[0].cursor_from, "11");
    assert_string_equal(bed->files[0].cursor_to, "12");
    assert_string_equal(bed->files[1].cursor_to, "14");
    assert_int_equal(bed->files[1].rows, 1);
    assert_int_equal(bed->files[1].first_page, 3);
    assert_string_equal(bed->files[2].cursor_from, "13");
    assert_string_equal(bed->commits[bed->commit_count - 1].cursor, "14");
    assert_int_equal(strlen(bed->commits[bed->commit_count - 1].boundary), 39);
    assert_int_equal(bed->stats.skipped, 3);
    assert_int_equal(bed_temp_files(bed), 0);
}

static void a_resumed_run_goes_on_from_its_own_cursor(void **state)
{
    struct bed *bed = *state;

    set_cursor(bed, "at", "1");
    bed->run.cursor = "18446744073709551615";
    bed->run.boundary = "[\"00000000000000ff\"]";
    bed->run.start_page = 7;
    bed_open(bed);
    assert_int_equal(landing_committed_page(&bed->landing), 6);
    bed_page(bed, 7, "{\"id\": 1, \"at\": 18446744073709551614}");
    assert_int_equal(landing_roll(&bed->landing, &bed->err), 0);
    bed_page(bed, 8, "{\"id\": 1, \"at\": 18446744073709551616.5}");
    bed_finish(bed);

    assert_string_equal(bed->commits[0].cursor, "18446744073709551615");
    assert_string_equal(bed->commits[0].boundary, "[\"00000000000000ff\"]");
    assert_string_equal(bed->commits[1].cursor, "18446744073709551616.5");
}

static void a_missing_cursor_is_an_error_unless_it_is_said_otherwise(void **state)
{
    struct bed *bed = *state;
    const char *records = "{\"id\": 1, \"at\": 5}, {\"id\": 2, \"at\": null}, {\"id\": 3}";

    set_cursor(bed, "at", NULL);
    bed->run.cursor_missing = "include";
    bed_open(bed);
    bed_page(bed, 1, records);
    bed_finish(bed);
    assert_int_equal(bed_number(bed, "SELECT count(*) FROM landed"), 3);
    bed->run.cursor_missing = "exclude";
    bed_open(bed);
    bed_page(bed, 1, records);
    bed_finish(bed);
    assert_int_equal(bed_number(bed, "SELECT count(*) FROM landed"), 4);
    bed->run.cursor_missing = "raise";
    bed_open(bed);
    bed_page(bed, 4, records);

    bed_assert_failed(bed, landing_finish(&bed->landing, &bed->err), ERR_DATA,
                      "page 4, http://api/4, record 1: the cursor \"at\" is missing or null");
    assert_int_equal(bed->commit_count, 2);
}

static void a_cursor_of_another_type_than_the_start_value_is_an_error(void **state)
{
    struct bed *bed = *state;

    set_cursor(bed, "at", "\"2026\"");
    bed_open(bed);
    bed_page(bed, 1, "{\"id\": 1, \"at\": 5}");

    bed_assert_failed(bed, landing_finish(&bed->landing, &bed->err), ERR_DATA,
                      "is a number, but the start value is a text");
}

static void a_page_of_which_all_is_skipped_still_moves_the_position(void **state)
{
    struct bed *bed = *state;

    set_cursor(bed, "at", "10");
    bed_open(bed);
    bed_page(bed, 1, "{\"id\": 1, \"at\": 1}");
    bed_page(bed, 2, "{\"id\": 1, \"at\": 2}");
    bed_finish(bed);

    assert_int_equal(bed->commit_count, 1);
    assert_int_equal(bed->commits[0].page, 2);
    assert_int_equal(bed->commits[0].files, 0);
    assert_string_equal(bed->commits[0].cursor, "10");
    assert_int_equal(bed_temp_files(bed), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_below_the_start_value_are_skipped),
        TEST(records_known_at_the_boundary_are_skipped_by_the_next_run),
        TEST(texts_that_are_times_are_compared_as_times),
        TEST(texts_of_digits_are_compared_as_numbers),
        TEST(other_texts_are_compared_by_their_bytes),
        TEST(equal_times_in_other_words_are_told_apart_by_their_records),
        TEST(a_record_without_primary_key_is_known_by_all_of_it),
        TEST(each_commit_has_the_cursor_of_its_own_pages),
        TEST(small_files_have_the_cursors_of_their_own_rows),
        TEST(a_resumed_run_goes_on_from_its_own_cursor),
        TEST(a_missing_cursor_is_an_error_unless_it_is_said_otherwise),
        TEST(a_cursor_of_another_type_than_the_start_value_is_an_error),
        TEST(a_page_of_which_all_is_skipped_still_moves_the_position),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
