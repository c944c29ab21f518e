/*
 * Whichever write or fsync fails under a whole extraction: the passes after it, in the same process as those of
 * `run --follow`, land each record once.
 *
 * RIACHO_TORTURE=1 visits every call; without it every third, as each transaction makes more of them.
 */
#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"
#include "fault.h"
#include "fault_threads.h"
#include "landing_bed.h"
#include "river/extract.h"
#include "world.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

#define PAGES 3
#define PAGE_RECORDS 2

static int stride(void)
{
    return getenv("RIACHO_TORTURE") ? 1 : 3;
}

/* ---- in place of an API ---- */

static int one_page(const struct source_events *events, int64_t number, struct err *err)
{
    char *position = mem_fmt("%" PRId64, number + 1);
    const struct page page = {.number = number,
                              .records = PAGE_RECORDS,
                              .position = position,
                              .is_last = number == PAGES,
                              .why_last = number == PAGES ? "the last page" : NULL};
    int done = events->batch(events->ctx, bed_make_batch(number, 0, "{\"a\": 1}, {\"a\": 2}"), err);

    if (done == 0)
        done = events->page(events->ctx, &page, err);
    free(position);
    return done;
}

int source_run(const struct source_conf *conf, const struct resource_conf *resource,
               const struct source_start *start, const struct source_events *events,
               const struct rate_gate *gate, struct source_stats *stats, bool *ret_position_refused,
               struct err *err)
{
    (void)conf, (void)resource, (void)gate, (void)stats, (void)ret_position_refused;
    for (int64_t page = start->next_page; page <= PAGES; page++)
        TRY(one_page(events, page, err));
    return 0;
}

/* ---- the scene ---- */

struct scene {
    struct world world;
    struct river river;
};

static void scene_open(struct scene *scene, const char *resources)
{
    struct err err = {0};
    char *path;
    char *text;

    world_open(&scene->world);
    path = fs_join(scene->world.dir, "p.yaml");
    text = mem_fmt("name: quakes\n"
                   "source:\n"
                   "  client:\n    base_url: http://127.0.0.1:1\n"
                   "  resources: [%s]\n"
                   "landing: {dir: %s}\n"
                   "state: %s\n",
                   resources, scene->world.landing, scene->world.state);
    DONE(fs_write(path, text, strlen(text), 0600, &err));
    DONE(river_open(&scene->river, path, RIVER_WORK, &err));
    free(text);
    free(path);
}

static void scene_close(struct scene *scene)
{
    river_close(&scene->river);
    world_close(&scene->world);
}

static int64_t number_of(const struct scene *scene, const char *sql)
{
    return world_number(&scene->world, sql);
}

/* Every run that ended landed all records, and nobody else did. */
static void expect_each_record_once(const struct scene *scene, int nth)
{
    const int64_t ended = number_of(scene, "SELECT count(*) FROM runs WHERE status = 'ended'");
    const int64_t rows = number_of(scene, "SELECT sum(rows) FROM files");
    const int64_t files = number_of(scene, "SELECT count(*) FROM files");
    const int on_disk = world_count_files(scene->world.landing, ".parquet");

    if (ended < 1 || rows != ended * PAGES * PAGE_RECORDS || files != on_disk ||
        number_of(scene, "SELECT count(*) FROM intents") != 0)
        fail_msg("after a fault at call %d: %" PRId64 " runs ended, %" PRId64 " rows in %" PRId64
                 " files, %d on the disk",
                 nth, ended, rows, files, on_disk);
}

/* The fault is over. */
static void go_on_to_the_end(struct scene *scene)
{
    struct err err = {0};

    DONE(extract_all(&scene->river, &err));
}

/* False: all calls have had their turn. */
static bool fail_at(int nth, bool sticky)
{
    struct scene scene = {0};
    struct err err = {0};
    bool has_fired;
    int done;

    scene_open(&scene, "quakes");
    fault_arm_error(nth, ENOSPC, sticky);
    done = extract_all(&scene.river, &err);
    fault_disarm();
    has_fired = fault_fired();
    if (done < 0)
        go_on_to_the_end(&scene);
    expect_each_record_once(&scene, nth);
    scene_close(&scene);
    return has_fired;
}

static void after_a_failed_write_each_record_lands_once(void **state)
{
    (void)state;
    for (int nth = 1; fail_at(nth, false); nth += stride())
        ;
}

static void after_a_full_disk_each_record_lands_once(void **state)
{
    (void)state;
    for (int nth = 1; fail_at(nth, true); nth += stride())
        ;
}

/* False: a fault at that call leaves no step half done. */
static bool leave_a_step(struct scene *scene, int nth)
{
    struct err err = {0};

    fault_arm_error(nth, ENOSPC, true);
    assert_int_equal(extract_all(&scene->river, &err), -1);
    fault_disarm();
    return number_of(scene, "SELECT count(*) FROM intents") > 0 &&
           world_count_files(scene->world.landing, ".parquet") > 0;
}

/* Of a process that lives on, while another one extracts. */
static void a_step_that_a_newer_run_overtook_is_undone(void **state)
{
    struct scene scene = {0};
    AUTO(river) other = {0};
    bool is_left = false;
    struct err err = {0};

    (void)state;
    for (int nth = 1; !is_left; nth += stride()) {
        scene_close(&scene);
        scene_open(&scene, "quakes");
        is_left = leave_a_step(&scene, nth);
    }
    DONE(river_open(&other, scene.river.conf.path, RIVER_WORK, &err));
    DONE(extract_all(&other, &err));
    river_close(&other);
    go_on_to_the_end(&scene);

    assert_int_equal(number_of(&scene, "SELECT count(*) FROM runs WHERE status = 'ended'"), 2);
    expect_each_record_once(&scene, 0);
    scene_close(&scene);
}

/* Each thread in turn. False: all have had their turn. */
static bool refuse_thread(int nth)
{
    struct scene scene = {0};
    struct err err = {0};
    bool has_come;

    scene_open(&scene, "quakes, storms, floods");
    fault_refuse_thread(nth);
    if (extract_all(&scene.river, &err) < 0) {
        assert_non_null(strstr(err.text, "could not start"));
        fault_refuse_thread(0);
        go_on_to_the_end(&scene);
    }
    has_come = was_refused;
    fault_refuse_thread(0);
    expect_each_record_once(&scene, nth);
    scene_close(&scene);
    return has_come;
}

static void a_thread_that_cannot_be_started_loses_nothing(void **state)
{
    (void)state;
    for (int nth = 1; refuse_thread(nth); nth++)
        ;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_failed_write_each_record_lands_once),
        cmocka_unit_test(after_a_full_disk_each_record_lands_once),
        cmocka_unit_test(a_step_that_a_newer_run_overtook_is_undone),
        cmocka_unit_test(a_thread_that_cannot_be_started_loses_nothing),
    };

    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
