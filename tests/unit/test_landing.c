/*
 * The landing's promises: what is committed together, where files end, what a failure leaves.
 */
#include "landing_bed.h"

#include "base/fs.h"
#include "base/mem.h"

#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_set_up, bed_tear_down)

/* "<one>, <one>, …": `count` records {"id": from …}. */
static char *ids(int64_t from, int64_t count)
{
    AUTO(buf) text = {0};

    for (int64_t i = from; i < from + count; i++)
        buf_printf(&text, "%s{\"id\": %" PRId64 "}", i > from ? ", " : "", i);
    return buf_take(&text);
}

static void page_of_ids(struct bed *bed, int64_t page, int64_t from, int64_t count)
{
    char *records = ids(from, count);

    bed_page(bed, page, records);
    free(records);
}

static void assert_ids(struct bed *bed, int64_t count)
{
    assert_int_equal(bed_number(bed, "SELECT count(*) FROM landed"), count);
    assert_int_equal(bed_number(bed, "SELECT count(DISTINCT id) FROM landed"), count);
    assert_int_equal(bed_number(bed, "SELECT max(id) FROM landed"), count - 1);
    assert_int_equal(bed_temp_files(bed), 0);
}

/* ---- where files end ---- */

static void pages_land_in_one_file_that_is_committed_at_the_end(void **state)
{
    struct bed *bed = *state;

    bed_open(bed);
    page_of_ids(bed, 1, 0, 3);
    page_of_ids(bed, 2, 3, 2);
    bed_finish(bed);

    assert_ids(bed, 5);
    assert_int_equal(bed->file_count, 1);
    assert_int_equal(bed->commit_count, 1);
    assert_int_equal(bed->commits[0].page, 2);
    assert_string_equal(bed->commits[0].position, "{\"next\":3}");
    assert_string_equal(bed->commits[0].url, "http://api/1");
    assert_false(bed->commits[0].is_last);
    assert_int_equal(bed->files[0].first_page, 1);
    assert_int_equal(bed->files[0].last_page, 2);
    assert_int_equal(landing_committed_page(&bed->landing), 2);
}

static void every_row_carries_its_page_and_its_place_in_it(void **state)
{
    struct bed *bed = *state;

    bed_open(bed);
    page_of_ids(bed, 1, 0, 2);
    bed_batch(bed, 2, 0, "{\"id\": 10}, {\"id\": 11}");
    bed_batch(bed, 2, 2, "{\"id\": 12}");
    bed_end_page(bed, 2, true);
    bed_finish(bed);

    bed_assert_text(bed,
                    "SELECT string_agg(concat(id, ':', _riacho_page, '.', _riacho_index), ' ' "
                    "ORDER BY id) FROM landed",
                    "0:1.0 1:1.1 10:2.0 11:2.1 12:2.2");
    assert_true(bed->commits[0].is_last);
}

static void a_file_rolls_by_rows_at_a_page_end(void **state)
{
    struct bed *bed = *state;

    bed->conf.roll_rows = 100;
    bed_open(bed);
    for (int64_t page = 1; page <= 6; page++)
        page_of_ids(bed, page, (page - 1) * 60, 60);
    bed_finish(bed);

    assert_ids(bed, 360);
    assert_int_equal(bed->file_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(bed->files[i].rows, 120);
        assert_int_equal(bed->files[i].last_page, 2 * (int64_t)i + 2);
    }
    assert_int_equal(bed->commits[bed->commit_count - 1].page, 6);
    assert_string_equal(bed->files[2].url, "http://api/5");
}

static void a_file_is_committed_as_soon_as_it_ends(void **state)
{
    struct bed *bed = *state;

    bed->conf.roll_rows = 2;
    bed_open(bed);
    for (int64_t page = 1; page <= 3; page++) {
        page_of_ids(bed, page, (page - 1) * 2, 2);
        bed_wait_for_commits(bed, (size_t)page);
    }
    bed_finish(bed);

    assert_ids(bed, 6);
    assert_int_equal(bed->commit_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(bed->commits[i].page, (int64_t)i + 1);
    assert_string_equal(bed->commits[2].url, "http://api/3");
}

static void a_file_rolls_by_bytes_at_a_page_end(void **state)
{
    struct bed *bed = *state;

    bed->conf.roll_bytes = 100;
    bed_open(bed);
    page_of_ids(bed, 1, 0, 20);
    page_of_ids(bed, 2, 20, 20);
    bed_finish(bed);

    assert_ids(bed, 40);
    assert_int_equal(bed->file_count, 2);
}

static void a_file_rolls_by_age_when_nothing_arrives(void **state)
{
    struct bed *bed = *state;

    bed->conf.roll_after_ms = 20;
    bed_open(bed);
    page_of_ids(bed, 1, 0, 3);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(landing_tick(&bed->landing, &bed->err), 0);
        usleep(1000);
    }
    bed_wait_for_commits(bed, 1);
    assert_int_equal(bed->commits[0].page, 1);
    page_of_ids(bed, 2, 3, 3);
    bed_finish(bed);

    assert_ids(bed, 6);
    assert_int_equal(bed->commit_count, 2);
}

static void a_roll_that_is_asked_for_commits_what_has_ended(void **state)
{
    struct bed *bed = *state;

    bed_open(bed);
    page_of_ids(bed, 1, 0, 3);
    assert_int_equal(landing_roll(&bed->landing, &bed->err), 0);
    assert_int_equal(landing_roll(&bed->landing, &bed->err), 0);
    bed_batch(bed, 2, 0, "{\"id\": 3}");
    bed_wait_for_commits(bed, 1);
    assert_int_equal(bed->commits[0].page, 1);
    assert_int_equal(landing_roll(&bed->landing, &bed->err), 0);
    bed_end_page(bed, 2, true);
    bed_finish(bed);

    assert_ids(bed, 4);
    assert_int_equal(bed->commit_count, 2);
}

static void a_page_larger_than_a_roll_lands_in_files_committed_together(void **state)
{
    struct bed *bed = *state;

    bed->conf.roll_rows = 100000;
    bed_open(bed);
    page_of_ids(bed, 1, 0, 1);
    for (int64_t i = 0; i < 300; i++) {
        char *records = ids(1 + i * 1000, 1000);

        bed_batch(bed, 2, i * 1000, records);
        free(records);
    }
    bed_end_page(bed, 2, false);
    bed_finish(bed);

    assert_ids(bed, 300001);
    assert_int_equal(bed->commit_count, 1);
    assert_int_equal(bed->file_count, 3);
    assert_int_equal(bed->files[0].rows, 100001);
    assert_int_equal(bed->files[1].rows, 100000);
    assert_int_equal(bed->commits[0].page, 2);
    assert_int_equal(bed_number(bed, "SELECT count(DISTINCT _riacho_index) FROM landed"), 300000);
}

/* A roll that is smaller than what the source hands over at once was once passed over. */
static void a_batch_larger_than_a_roll_is_cut(void **state)
{
    struct bed *bed = *state;

    bed->conf.roll_rows = 2;
    bed_open(bed);
    bed_page(bed, 1,
             "{\"id\": 0, \"t\": \"],[\\\",\"} , {\"id\": 1, \"l\": [1, [2, {}]]},\n{\"id\": 2},"
             "{\"id\": 3},{\"id\": 4}");
    bed_finish(bed);

    assert_ids(bed, 5);
    assert_int_equal(bed->commit_count, 1);
    assert_int_equal(bed->file_count, 3);
    assert_int_equal(bed_number(bed, "SELECT count(*) FROM landed WHERE _riacho_index = id"), 5);
}

static void the_last_page_is_committed_as_such_also_when_it_rolls(void **state)
{
    struct bed *bed = *state;

    bed->conf.roll_rows = 3;
    bed_open(bed);
    bed_batch(bed, 1, 0, "{\"id\": 0}, {\"id\": 1}, {\"id\": 2}");
    bed_end_page(bed, 1, true);
    bed_finish(bed);

    assert_int_equal(bed->commit_count, 1);
    assert_true(bed->commits[0].is_last);
}

/* ---- small files, written together ---- */

/* Each file has the rows of its own pages and no others. */
static void assert_files_apart(struct bed *bed)
{
    for (size_t i = 0; i < bed->file_count; i++) {
        const struct bed_file *file = &bed->files[i];
        char *sql =
            mem_fmt("SELECT concat(count(*), ' ', min(_riacho_page), ' ', max(_riacho_page), "
                    "' ', count(DISTINCT _riacho_index)) FROM '%s'",
                    file->path);
        char *expected =
            mem_fmt("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, file->rows, file->first_page,
                    file->last_page, file->rows / (file->last_page - file->first_page + 1));

        bed_assert_text(bed, sql, expected);
        free(expected);
        free(sql);
    }
}

static void small_files_that_have_arrived_keep_their_own_rows(void **state)
{
    struct bed *bed = *state;

    bed->conf.roll_rows = 6;
    bed_open(bed);
    for (int64_t page = 1; page <= 200; page++)
        page_of_ids(bed, page, (page - 1) * 3, 3);
    bed_finish(bed);

    assert_ids(bed, 600);
    assert_int_equal(bed->file_count, 100);
    assert_true(bed->commit_count < 100);
    assert_files_apart(bed);
    for (size_t i = 0; i < 100; i++) {
        char *url = mem_fmt("http://api/%zu", 2 * i + 1);

        assert_int_equal(bed->files[i].first_page, 2 * (int64_t)i + 1);
        assert_string_equal(bed->files[i].url, url);
        free(url);
    }
}

static void a_page_of_many_small_files_is_committed_whole(void **state)
{
    struct bed *bed = *state;

    bed->conf.roll_rows = 5;
    bed_open(bed);
    for (int64_t page = 1; page <= 4; page++)
        page_of_ids(bed, page, (page - 1) * 1000, 1000);
    bed_finish(bed);

    assert_ids(bed, 4000);
    assert_int_equal(bed->file_count, 800);
    assert_int_equal(bed_number(bed, "SELECT count(*) FROM landed WHERE "
                                     "(_riacho_page - 1) * 1000 + _riacho_index = id"),
                     4000);
    for (size_t i = 0; i < 800; i++) {
        assert_int_equal(bed->files[i].rows, 5);
        assert_int_equal(bed->files[i].first_page, (int64_t)i / 200 + 1);
        assert_int_equal(bed->files[i].last_page, bed->files[i].first_page);
    }
    for (size_t i = 0; i < bed->commit_count; i++)
        assert_int_equal(bed->commits[i].files % 200, 0);
}

static void a_roll_that_is_asked_for_ends_small_files_too(void **state)
{
    struct bed *bed = *state;

    bed_open(bed);
    for (int64_t page = 1; page <= 3; page++) {
        page_of_ids(bed, page, page - 1, 1);
        assert_int_equal(landing_roll(&bed->landing, &bed->err), 0);
    }
    bed_finish(bed);

    assert_ids(bed, 3);
    assert_int_equal(bed->file_count, 3);
    assert_files_apart(bed);
}

static void files_of_more_rows_than_a_chunk_land_among_small_ones(void **state)
{
    static const int64_t sizes[] = {2, 2048, 2049, 3, 1, 5000, 2};
    struct bed *bed = *state;
    int64_t at = 0;

    bed_open(bed);
    for (size_t i = 0; i < 7; i++) {
        for (int64_t done = 0; done < sizes[i]; done += 1000) {
            const int64_t some = sizes[i] - done < 1000 ? sizes[i] - done : 1000;
            char *records = ids(at, some);

            bed_batch(bed, (int64_t)i + 1, done, records);
            free(records);
            at += some;
        }
        bed_end_page(bed, (int64_t)i + 1, false);
        assert_int_equal(landing_roll(&bed->landing, &bed->err), 0);
    }
    bed_finish(bed);

    assert_ids(bed, at);
    assert_int_equal(bed->file_count, 7);
    assert_files_apart(bed);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(bed->files[i].rows, sizes[i]);
}

/* ---- pages without rows ---- */

static void empty_pages_move_the_position_without_files(void **state)
{
    struct bed *bed = *state;

    bed_open(bed);
    bed_page(bed, 1, "");
    bed_page(bed, 2, "");
    bed_end_page(bed, 3, true);
    bed_finish(bed);

    assert_int_equal(bed->commit_count, 1);
    assert_int_equal(bed->commits[0].page, 3);
    assert_int_equal(bed->commits[0].files, 0);
    assert_true(bed->commits[0].is_last);
    assert_string_equal(bed->commits[0].url, "http://api/1");
}

static void empty_pages_between_others_leave_no_trace(void **state)
{
    struct bed *bed = *state;

    bed->conf.roll_rows = 2;
    bed_open(bed);
    bed_page(bed, 1, "");
    page_of_ids(bed, 2, 0, 2);
    bed_wait_for_commits(bed, 1);
    bed_page(bed, 3, "");
    page_of_ids(bed, 4, 2, 2);
    bed_wait_for_commits(bed, 2);
    bed_page(bed, 5, "");
    assert_int_equal(landing_roll(&bed->landing, &bed->err), 0);
    bed_wait_for_commits(bed, 3);
    bed_finish(bed);

    assert_ids(bed, 4);
    assert_int_equal(bed->file_count, 2);
    assert_int_equal(bed->commit_count, 3);
    assert_int_equal(bed->commits[2].page, 5);
    assert_int_equal(bed->commits[2].files, 0);
}

static void a_run_without_pages_commits_nothing(void **state)
{
    struct bed *bed = *state;

    bed_open(bed);
    bed_finish(bed);

    assert_int_equal(bed->commit_count, 0);
    assert_int_equal(landing_committed_page(&bed->landing), 0);
}

/* ---- types that drift ---- */

static void a_misfit_at_any_place_loses_and_doubles_nothing(void **state)
{
    struct bed *bed = *state;
    const int count = 12;

    for (int misfit = 0; misfit < count; misfit++) {
        bed->run.start_page = 1 + misfit * count;
        bed_open(bed);
        for (int i = 0; i < count; i++) {
            char *record = mem_fmt(i == misfit ? "{\"id\": \"%d\", \"new\": 1}" : "{\"id\": %d}",
                                   misfit * count + i);

            bed_batch(bed, 1 + misfit * count + i, 0, record);
            /* So that the schema of the first file is fixed before the misfit comes. */
            usleep(i == 0 ? 150000 : 0);
            bed_end_page(bed, 1 + misfit * count + i, false);
            free(record);
        }
        bed_finish(bed);
    }

    assert_int_equal(bed_number(bed, "SELECT count(*) FROM landed"), count * count);
    assert_int_equal(bed_number(bed, "SELECT count(DISTINCT trim(id::TEXT, '\"')) FROM landed"),
                     count * count);
    assert_int_equal(bed_number(bed, "SELECT count(new) FROM landed"), count);
    assert_int_equal(bed->commit_count, count);
    assert_int_equal(bed_temp_files(bed), 0);
}

/* Waits until DuckDB took what was put, so that what comes next finds the schema fixed. */
static void let_it_take(struct bed *bed)
{
    for (int i = 0; i < 5000 && atomic_load(&bed->stats.rows) == 0; i++)
        usleep(1000);
    assert_true(atomic_load(&bed->stats.rows) > 0);
}

static void a_drift_within_a_page_makes_two_files_of_one_commit(void **state)
{
    struct bed *bed = *state;

    bed_open(bed);
    bed_batch(bed, 1, 0, "{\"id\": 0}, {\"id\": 1}");
    let_it_take(bed);
    bed_batch(bed, 1, 2, "{\"id\": 2.5}, {\"id\": 3, \"late\": [1]}");
    bed_end_page(bed, 1, false);
    bed_finish(bed);

    assert_int_equal(bed->file_count, 2);
    assert_int_equal(bed->commit_count, 1);
    assert_int_equal(bed->files[0].schema.fields[0].kind, KIND_INT);
    assert_int_equal(bed->files[1].schema.fields[0].kind, KIND_DOUBLE);
    assert_int_equal(bed->files[1].schema.field_count, 2);
    bed_assert_text(bed, "SELECT list(id ORDER BY id)::TEXT FROM landed", "[0.0, 1.0, 2.5, 3.0]");
}

static void a_roll_is_not_forgotten_when_a_batch_is_put_aside(void **state)
{
    struct bed *bed = *state;

    bed_open(bed);
    bed_batch(bed, 1, 0, "{\"id\": 0}");
    let_it_take(bed);
    bed_batch(bed, 1, 1, "{\"id\": \"x\"}");
    bed_end_page(bed, 1, false);
    assert_int_equal(landing_roll(&bed->landing, &bed->err), 0);
    bed_wait_for_commits(bed, 1);

    assert_int_equal(bed->commits[0].files, 2);
    bed_finish(bed);
}

static void records_before_the_one_that_does_not_fit_are_written_once(void **state)
{
    struct bed *bed = *state;

    bed_open(bed);
    bed_batch(bed, 1, 0, "{\"id\": 0}, {\"id\": 1}");
    let_it_take(bed);
    bed_batch(bed, 1, 2, "{\"id\": 2}, {\"id\": 3}, {\"id\": \"x\"}");
    bed_end_page(bed, 1, true);
    bed_finish(bed);

    assert_int_equal(bed->file_count, 2);
    bed_assert_text(bed, "SELECT string_agg(id, ' ' ORDER BY _riacho_index) FROM landed",
                    "0 1 2 3 \"x\"");
}

static void null_first_and_a_number_later_widen_the_column(void **state)
{
    struct bed *bed = *state;

    bed_open(bed);
    bed_batch(bed, 1, 0, "{\"n\": null, \"l\": [], \"o\": {}}");
    let_it_take(bed);
    bed_batch(bed, 1, 1, "{\"n\": 7, \"l\": [1.5], \"o\": {\"a\": 1}}");
    bed_end_page(bed, 1, false);
    bed_finish(bed);

    assert_int_equal(bed->files[0].schema.fields[0].kind, KIND_NULL);
    assert_int_equal(bed->files[1].schema.fields[0].kind, KIND_INT);
    assert_int_equal(bed->files[1].schema.fields[1].fields[0].kind, KIND_DOUBLE);
    assert_int_equal(bed->files[1].schema.fields[2].kind, KIND_JSON);
    bed_assert_text(bed, "SELECT list(o ORDER BY _riacho_index)::TEXT FROM landed",
                    "[{}, {\"a\":1}]");
}

static void the_history_of_the_resource_is_the_least_a_file_has(void **state)
{
    struct bed *bed = *state;
    AUTO(schema) history = {.kind = KIND_STRUCT};

    schema_merge_scalar(schema_field(&history, "id", 2, true), KIND_DOUBLE, false, false);
    schema_merge_scalar(schema_field(&history, "old", 3, true), KIND_TEXT, false, false);
    bed->run.schema = &history;
    bed_open(bed);
    page_of_ids(bed, 1, 0, 1);
    bed_finish(bed);

    assert_true(schema_same(&bed->files[0].schema, &history));
    bed_assert_text(bed, "SELECT concat(id, old IS NULL) FROM landed", "0.0true");
}

static void the_file_names_its_schema_and_what_it_was_told(void **state)
{
    struct bed *bed = *state;
    char fingerprint[17];
    char *sql, *expected;

    bed->run.metadata = "run: 'it''s 1'";
    bed_open(bed);
    page_of_ids(bed, 1, 0, 1);
    bed_finish(bed);
    schema_fingerprint(&bed->files[0].schema, fingerprint);
    sql = mem_fmt("SELECT string_agg(concat(decode(key), '=', decode(value)), ' ' ORDER BY key) "
                  "FROM parquet_kv_metadata('%s') WHERE decode(key) IN ('run', 'schema')",
                  bed->files[0].path);

    assert_string_equal(bed->files[0].fingerprint, fingerprint);
    expected = mem_fmt("run=it's 1 schema=%s", fingerprint);
    bed_assert_text(bed, sql, expected);
    free(expected);
    free(sql);
}

/* ---- failures ---- */

static void invalid_json_fails_with_its_place_and_leaves_what_was_committed(void **state)
{
    struct bed *bed = *state;
    int done;

    bed_open(bed);
    page_of_ids(bed, 1, 0, 3);
    assert_int_equal(landing_roll(&bed->landing, &bed->err), 0);
    page_of_ids(bed, 2, 3, 3);
    bed_batch(bed, 3, 0, "{\"id\": 01}");
    done = landing_finish(&bed->landing, &bed->err);

    assert_int_equal(landing_bad_page(&bed->landing), 3);
    assert_int_equal(landing_committed_page(&bed->landing), 1);
    bed_assert_failed(bed, done, ERR_DATA, "page 3, http://api/3: invalid JSON at byte 17");
    assert_ids(bed, 3);
    assert_int_equal(atomic_load(&bed->stats.rows), 3);
}

static void records_that_cannot_be_told_apart_are_refused(void **state)
{
    struct bed *bed = *state;
    struct batch *batch = bed_make_batch(1, 0, "1, 2");

    batch->records = 1;
    bed_open(bed);
    assert_int_equal(landing_batch(&bed->landing, batch, &bed->err), 0);
    bed_end_page(bed, 1, true);

    bed_assert_failed(bed, landing_finish(&bed->landing, &bed->err), ERR_DATA, "invalid JSON");
}

static void the_source_is_told_of_a_failure_at_its_next_call(void **state)
{
    struct bed *bed = *state;
    int done = 0;

    bed_open(bed);
    bed_batch(bed, 1, 0, "{]");
    for (int i = 0; i < 10000 && done == 0; i++) {
        usleep(1000);
        done = landing_tick(&bed->landing, &bed->err);
    }

    assert_int_equal(done, -1);
    assert_int_equal(landing_page(&bed->landing, &(struct page){.number = 1}, &bed->err), -1);
    assert_int_equal(landing_roll(&bed->landing, &bed->err), -1);
    assert_int_equal(landing_batch(&bed->landing, bed_make_batch(1, 1, "1"), &bed->err), -1);
    bed_assert_failed(bed, -1, ERR_DATA, "page 1");
}

static void an_abandoned_page_leaves_what_ended_before_it(void **state)
{
    struct bed *bed = *state;

    bed_open(bed);
    page_of_ids(bed, 1, 0, 3);
    assert_int_equal(landing_abandon_page(&bed->landing, &bed->err), 0);

    assert_ids(bed, 3);
    assert_int_equal(landing_committed_page(&bed->landing), 1);
}

static void records_of_an_abandoned_page_never_land(void **state)
{
    struct bed *bed = *state;

    bed_open(bed);
    page_of_ids(bed, 1, 0, 3);
    assert_int_equal(landing_roll(&bed->landing, &bed->err), 0);
    bed_wait_for_commits(bed, 1);
    page_of_ids(bed, 2, 3, 3);
    bed_batch(bed, 3, 0, "{\"id\": 6}");
    for (int i = 0; i < 5000 && atomic_load(&bed->stats.rows) < 7; i++)
        usleep(1000);
    assert_int_equal(landing_abandon_page(&bed->landing, &bed->err), 0);

    assert_ids(bed, 3);
    assert_int_equal(bed->commit_count, 1);
    assert_int_equal(atomic_load(&bed->stats.rows), 3);
    assert_int_equal(atomic_load(&bed->stats.files), 1);
}

/* The sanitizers see whether batches are freed that the landing's thread is still parsing. */
static void a_page_may_be_abandoned_while_it_is_looked_at(void **state)
{
    struct bed *bed = *state;
    AUTO(buf) records = {0};

    for (int i = 0; i < 2000; i++)
        buf_printf(&records, "%s{\"id\": %d, \"text\": \"%0200d\", \"list\": [1, {\"a\": 5}]}",
                   i ? "," : "", i, i);
    for (int delay = 0; delay < 20; delay++) {
        bed_open(bed);
        for (int i = 0; i < 5; i++)
            bed_batch(bed, 1, i * 2000L, buf_text(&records));
        usleep((useconds_t)delay * 500);
        assert_int_equal(landing_abandon_page(&bed->landing, &bed->err), 0);
        landing_close(&bed->landing);
    }
    assert_int_equal(bed->commit_count, 0);
}

static void closing_throws_away_what_was_not_committed(void **state)
{
    struct bed *bed = *state;

    bed_open(bed);
    page_of_ids(bed, 1, 0, 3);
    let_it_take(bed);
    landing_close(&bed->landing);

    assert_int_equal(bed->commit_count, 0);
    assert_int_equal(bed_temp_files(bed), 0);
}

static void a_commit_that_fails_fails_the_landing(void **state)
{
    struct bed *bed = *state;
    int done;

    bed->refuses_commits = true;
    bed_open(bed);
    page_of_ids(bed, 1, 0, 3);
    done = landing_finish(&bed->landing, &bed->err);

    assert_int_equal(done, -1);
    assert_string_equal(bed->err.text, "the journal is full");
    assert_int_equal(landing_committed_page(&bed->landing), 0);
    /* The files are the receiver's, whose recovery sees to them. */
    assert_int_equal(bed_temp_files(bed), 1);
}

/* The first is held at its commit, while two more are written. */
static void land_three_behind_a_held_commit(struct bed *bed)
{
    bed->conf.roll_rows = 1;
    bed_open(bed);
    pthread_mutex_lock(&bed->gate);
    for (int64_t page = 1; page <= 3; page++) {
        page_of_ids(bed, page, page - 1, 1);
        for (int tries = 0; atomic_load(&bed->stats.files) < page && tries < 10000; tries++)
            usleep(1000);
        assert_int_equal(atomic_load(&bed->stats.files), page);
    }
    assert_int_equal(bed->commit_count, 0);
    assert_int_equal(landing_committed_page(&bed->landing), 0);
}

static void files_are_written_while_a_commit_takes_long(void **state)
{
    struct bed *bed = *state;

    land_three_behind_a_held_commit(bed);
    pthread_mutex_unlock(&bed->gate);
    bed_finish(bed);

    assert_ids(bed, 3);
    assert_int_equal(bed->commit_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(bed->commits[i].page, (int64_t)i + 1);
}

static void after_a_commit_that_failed_none_is_made(void **state)
{
    struct bed *bed = *state;
    int done;

    land_three_behind_a_held_commit(bed);
    bed->refuses_commits = true;
    pthread_mutex_unlock(&bed->gate);
    done = landing_finish(&bed->landing, &bed->err);

    assert_int_equal(done, -1);
    assert_string_equal(bed->err.text, "the journal is full");
    assert_int_equal(bed->commit_count, 1);
    assert_int_equal(landing_committed_page(&bed->landing), 0);
    assert_int_equal(bed_temp_files(bed), 1);
    assert_int_equal(atomic_load(&bed->stats.files), 0);
    assert_int_equal(atomic_load(&bed->stats.rows), 0);
    assert_int_equal(atomic_load(&bed->stats.bytes), 0);
}

static void a_folder_that_is_not_there_is_a_fault_of_the_disk(void **state)
{
    struct bed *bed = *state;

    bed->run.temp_dir = "/nowhere";
    bed_open(bed);
    page_of_ids(bed, 1, 0, 3);

    bed_assert_failed(bed, landing_finish(&bed->landing, &bed->err), ERR_IO, "/nowhere");
    assert_int_equal(bed->commit_count, 0);
}

static void a_full_disk_leaves_nothing_behind(void **state)
{
    struct bed *bed = *state;
    struct rlimit before, small;
    int done;

    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 1000;
    signal(SIGXFSZ, SIG_IGN);
    bed_open(bed);
    setrlimit(RLIMIT_FSIZE, &small);
    page_of_ids(bed, 1, 0, 2000);
    done = landing_finish(&bed->landing, &bed->err);
    setrlimit(RLIMIT_FSIZE, &before);

    bed_assert_failed(bed, done, ERR_IO, "File too large");
    assert_int_equal(bed->commit_count, 0);
}

/* ---- several at once ---- */

struct lander {
    struct bed *bed;
    struct landing_stats stats;
    int number;
    pthread_t thread;
};

static void *land_many_pages(void *argument)
{
    struct lander *lander = argument;
    struct landing_run run = lander->bed->run;
    struct landing landing = {0};
    struct err err = {0};
    int done;

    run.stats = &lander->stats;
    done = landing_open(&landing, &lander->bed->duck, &lander->bed->conf, &run, &err);
    for (int64_t page = 1; done == 0 && page <= 40; page++) {
        char *records = ids(lander->number * 4000 + (page - 1) * 100, 100);

        done = landing_batch(&landing, bed_make_batch(page, 0, records), &err);
        free(records);
        if (done == 0)
            done = landing_page(&landing, &(struct page){.number = page, .position = "1"}, &err);
    }
    if (done == 0)
        done = landing_finish(&landing, &err);
    landing_close(&landing);
    return done == 0 ? NULL : lander;
}

static void several_landings_share_one_instance(void **state)
{
    struct bed *bed = *state;
    struct lander landers[6] = {0};

    bed->conf.roll_rows = 500;
    for (int i = 0; i < 6; i++) {
        landers[i].bed = bed;
        landers[i].number = i;
        assert_int_equal(pthread_create(&landers[i].thread, NULL, land_many_pages, &landers[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        void *failed = NULL;

        pthread_join(landers[i].thread, &failed);
        assert_null(failed);
    }

    assert_ids(bed, 24000);
}

static void the_queue_holds_the_source_back(void **state)
{
    struct bed *bed = *state;
    AUTO(buf) record = {0};
    int64_t most = 0;

    buf_puts(&record, "{\"x\": \"");
    for (int i = 0; i < 1 << 20; i++)
        buf_putc(&record, 'x');
    buf_puts(&record, "\"}");
    bed_open(bed);
    for (int64_t page = 1; page <= 40; page++) {
        const int64_t queued = atomic_load(&bed->stats.queued_bytes);

        most = queued > most ? queued : most;
        bed_page(bed, page, buf_text(&record));
    }
    bed_finish(bed);

    assert_true(most <= LANDING_QUEUE_BYTES);
    assert_int_equal(atomic_load(&bed->stats.queued_bytes), 0);
    assert_int_equal(bed_number(bed, "SELECT sum(length(x)) FROM landed"), (int64_t)40 << 20);
}

/* All is in the queue before the landing's thread begins: it waits for DuckDB, whose lock is the test's. */
static void a_page_behind_a_file_that_fails_while_it_is_ended_is_not_committed(void **state)
{
    struct bed *bed = *state;
    struct rlimit before, small;
    int done;

    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 1000;
    signal(SIGXFSZ, SIG_IGN);
    bed->conf.roll_rows = 2000;
    pthread_mutex_lock(&bed->duck.lock);
    bed_open(bed);
    page_of_ids(bed, 1, 0, 2000);
    bed_end_page(bed, 2, true);
    setrlimit(RLIMIT_FSIZE, &small);
    pthread_mutex_unlock(&bed->duck.lock);
    done = landing_finish(&bed->landing, &bed->err);
    setrlimit(RLIMIT_FSIZE, &before);

    bed_assert_failed(bed, done, ERR_IO, "File too large");
    assert_int_equal(bed->commit_count, 0);
    assert_int_equal(atomic_load(&bed->stats.rows), 0);
    assert_int_equal(atomic_load(&bed->stats.files), 0);
}

static void a_file_of_which_all_was_read_lands_though_the_next_is_bad(void **state)
{
    struct bed *bed = *state;
    AUTO(buf) large = {0}; /* so that the landing does not look beyond it before it begins */
    int done;

    buf_printf(&large, "{\"id\": 2000, \"text\": \"%0*d\"}", 3 << 20, 0);
    bed->conf.roll_rows = 2000;
    pthread_mutex_lock(&bed->duck.lock);
    bed_open(bed);
    page_of_ids(bed, 1, 0, 2000);
    bed_batch(bed, 2, 0, buf_text(&large));
    bed_end_page(bed, 2, false);
    bed_batch(bed, 3, 0, "{\"id\": 01}");
    pthread_mutex_unlock(&bed->duck.lock);
    done = landing_finish(&bed->landing, &bed->err);

    assert_int_equal(landing_bad_page(&bed->landing), 3);
    bed_assert_failed(bed, done, ERR_DATA, "page 3");
    assert_int_equal(bed->commit_count, 1);
    assert_ids(bed, 2000);
    assert_int_equal(atomic_load(&bed->stats.rows), 2000);
}

static void without_duckdb_a_landing_fails_and_says_so(void **state)
{
    struct bed *bed = *state;
    const char *const dirs[] = {"no text: \xff"};
    const struct duck_conf refused = {.locked = true, .allowed_dirs = dirs, .allowed_count = 1};

    duck_conn_close(&bed->conn);
    duck_soon_close(&bed->duck);
    duck_soon_begin(&bed->duck, &refused);
    for (int i = 0; i < 2; i++) {
        bed_open(bed);
        bed_assert_failed(bed, landing_finish(&bed->landing, &bed->err), ERR_SQL,
                          "could not open the landing of \"things\"");
    }
    assert_int_equal(bed->commit_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pages_land_in_one_file_that_is_committed_at_the_end),
        TEST(every_row_carries_its_page_and_its_place_in_it),
        TEST(a_file_rolls_by_rows_at_a_page_end),
        TEST(a_file_is_committed_as_soon_as_it_ends),
        TEST(a_file_rolls_by_bytes_at_a_page_end),
        TEST(a_file_rolls_by_age_when_nothing_arrives),
        TEST(a_roll_that_is_asked_for_commits_what_has_ended),
        TEST(a_page_larger_than_a_roll_lands_in_files_committed_together),
        TEST(a_batch_larger_than_a_roll_is_cut),
        TEST(the_last_page_is_committed_as_such_also_when_it_rolls),
        TEST(small_files_that_have_arrived_keep_their_own_rows),
        TEST(a_page_of_many_small_files_is_committed_whole),
        TEST(a_roll_that_is_asked_for_ends_small_files_too),
        TEST(files_of_more_rows_than_a_chunk_land_among_small_ones),
        TEST(empty_pages_move_the_position_without_files),
        TEST(empty_pages_between_others_leave_no_trace),
        TEST(a_run_without_pages_commits_nothing),
        TEST(a_misfit_at_any_place_loses_and_doubles_nothing),
        TEST(a_drift_within_a_page_makes_two_files_of_one_commit),
        TEST(a_roll_is_not_forgotten_when_a_batch_is_put_aside),
        TEST(records_before_the_one_that_does_not_fit_are_written_once),
        TEST(null_first_and_a_number_later_widen_the_column),
        TEST(the_history_of_the_resource_is_the_least_a_file_has),
        TEST(the_file_names_its_schema_and_what_it_was_told),
        TEST(invalid_json_fails_with_its_place_and_leaves_what_was_committed),
        TEST(records_that_cannot_be_told_apart_are_refused),
        TEST(the_source_is_told_of_a_failure_at_its_next_call),
        TEST(an_abandoned_page_leaves_what_ended_before_it),
        TEST(records_of_an_abandoned_page_never_land),
        TEST(a_page_may_be_abandoned_while_it_is_looked_at),
        TEST(closing_throws_away_what_was_not_committed),
        TEST(a_commit_that_fails_fails_the_landing),
        TEST(files_are_written_while_a_commit_takes_long),
        TEST(after_a_commit_that_failed_none_is_made),
        TEST(a_folder_that_is_not_there_is_a_fault_of_the_disk),
        TEST(a_full_disk_leaves_nothing_behind),
        TEST(a_page_behind_a_file_that_fails_while_it_is_ended_is_not_committed),
        TEST(a_file_of_which_all_was_read_lands_though_the_next_is_bad),
        TEST(without_duckdb_a_landing_fails_and_says_so),
        TEST(several_landings_share_one_instance),
        TEST(the_queue_holds_the_source_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
