/*
 * Stages as threads: what ends following, and what happens to a stage that gets no thread. The stages are stand-ins.
 */
#include "base/clock.h"
#include "base/fs.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/stop.h"
#include "fault_threads.h"
#include "river/export.h"
#include "river/extract.h"
#include "river/flow.h"
#include "river/transform.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

#define MOST_MS 10000

/* ---- stand-ins ---- */

static atomic_bool is_stopped;

void stop_on_signals(void)
{
}

bool stop_asked(void)
{
    return is_stopped;
}

int stop_signal(void)
{
    return 0;
}

int stop_fd(void)
{
    return -1;
}

void stop_ask(void)
{
    is_stopped = true;
}

bool stop_wait_ms(int ms)
{
    (void)ms;
    return is_stopped;
}

static int passes;
static struct err first_pass; /* how it fails; code 0: not at all */

int extract_all(struct river *river, struct err *err)
{
    (void)river;
    if (++passes > 1)
        stop_ask();
    if (passes > 1 || first_pass.code == ERR_NONE)
        return 0;
    *err = first_pass;
    return -1;
}

/* As a consumer does: until nothing more comes, or a stop is asked. */
static int wait_for(const atomic_bool *done)
{
    const int64_t began_ms = clock_monotonic_ms();

    while (!*done && !is_stopped) {
        if (clock_monotonic_ms() - began_ms > MOST_MS)
            abort();
        usleep(1000);
    }
    return 0;
}

int transform_all(struct river *river, bool follow, const atomic_bool *extract_done,
                  struct err *err)
{
    (void)river, (void)follow, (void)err;
    return wait_for(extract_done);
}

int export_one(struct river *river, size_t index, bool follow, const atomic_bool *transform_done,
               struct err *err)
{
    (void)river, (void)index, (void)follow, (void)err;
    return wait_for(transform_done);
}

char *export_group_of(const struct export_conf *conf)
{
    return mem_str(conf->name);
}

/* ---- the scene ---- */

struct scene {
    struct world world;
    struct river river;
};

static int set_up(void **state)
{
    struct scene *scene = mem_alloc(sizeof *scene);
    struct err err = {0};
    char *path;
    char *text;
    int opened;

    world_open(&scene->world);
    path = fs_join(scene->world.dir, "p.yaml");
    text = mem_fmt("name: quakes\n"
                   "source:\n"
                   "  client:\n    base_url: http://127.0.0.1:1\n"
                   "  resources: [quakes]\n"
                   "exports: [{name: csv, type: csv, dir: %s/csv}]\n"
                   "state: %s\n",
                   scene->world.dir, scene->world.state);
    opened = fs_write(path, text, strlen(text), 0600, &err);
    if (opened == 0)
        opened = river_open(&scene->river, path, RIVER_WORK, &err);
    free(text);
    free(path);
    scene->river.conf.every_ms = 1;
    is_stopped = false;
    passes = 0;
    first_pass = (struct err){0};
    *state = scene;
    return opened;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    fault_refuse_thread(0);
    river_close(&scene->river);
    world_close(&scene->world);
    free(scene);
    return 0;
}

/* ---- following ---- */

static void a_busy_state_does_not_end_following(void **state)
{
    struct scene *scene = *state;
    struct err err = {0};

    err_set(&first_pass, ERR_LOCKED, "database is locked");
    first_pass.retriable = true;
    DONE(flow_run(&scene->river, FLOW_ALL, &(struct flow_how){.follow = true}, &err));
    assert_int_equal(passes, 2);
}

static void another_extractor_ends_following(void **state)
{
    struct scene *scene = *state;
    struct err err = {0};

    err_set(&first_pass, ERR_LOCKED, "the process 7 is the extractor already");
    assert_int_equal(flow_run(&scene->river, FLOW_ALL, &(struct flow_how){.follow = true}, &err),
                     -1);
    assert_string_equal(err.text, "the process 7 is the extractor already");
    assert_int_equal(passes, 1);
}

/* ---- threads ---- */

static void a_stage_that_gets_no_thread_is_a_failure(void **state)
{
    struct scene *scene = *state;

    for (int nth = 1; nth <= 3; nth++)
        for (int follow = 0; follow < 2; follow++) {
            struct err err = {0};

            is_stopped = false;
            passes = 0;
            fault_refuse_thread(nth);
            assert_int_equal(flow_run(&scene->river, FLOW_ALL, &(struct flow_how){.follow = follow},
                                      &err),
                             -1);
            assert_true(was_refused);
            assert_int_equal(err.code, ERR_IO);
            assert_non_null(strstr(err.text, "could not start a thread"));
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_busy_state_does_not_end_following),
        TEST(another_extractor_ends_following),
        TEST(a_stage_that_gets_no_thread_is_a_failure),
    };

    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
