/*
 * The outbox: what a step publishes waits there for a broker outside of the state, and leaves when it is
 * confirmed.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "db/outbox.h"
#include "db/prune.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

static void land(struct open_world *scene, int first, int last)
{
    struct err err = {0};

    if (world_land(&scene->world, &scene->journal, "a", first, last, &err) != 1)
        fail_msg("%s", err.text);
}

static void bury(struct open_world *scene, const char *id, const char *value, size_t size)
{
    AUTO(step) step = {0};
    struct err err = {0};

    step_open(&step);
    step_add_dead(&step, &(struct step_dead){.group = "transform",
                                             .topic = WORLD_LANDED,
                                             .id = id,
                                             .partition = 2,
                                             .offset = 7,
                                             .error = "torn",
                                             .attempts = 3,
                                             .value = value,
                                             .value_size = size});
    DONE(step_commit(&step, &scene->journal, NULL, &err));
}

/* What waits after that number, as "1 a-1,2 a-2". */
static void expect_waiting(struct open_world *scene, int64_t after, size_t most,
                           const char *expected)
{
    struct outbox_entry entries[8] = {0};
    AUTO(buf) text = {0};
    struct err err = {0};
    const int got = outbox_peek(&scene->journal, after, most, entries, &err);

    DONE(got);
    for (int i = 0; i < got; i++) {
        buf_printf(&text, "%s%d %s", i > 0 ? "," : "", (int)entries[i].seq, entries[i].message.id);
        outbox_entry_close(&entries[i]);
    }
    assert_string_equal(buf_text(&text), expected);
}

static void what_a_step_publishes_waits_in_its_order(void **state)
{
    struct open_world *scene = *state;

    land(scene, 1, 2);
    land(scene, 3, 3);

    expect_waiting(scene, 0, 8, "1 a-1,2 a-2,3 a-3");
    expect_waiting(scene, 0, 2, "1 a-1,2 a-2");
    expect_waiting(scene, 2, 8, "3 a-3");
    expect_waiting(scene, 3, 8, "");
}

static void an_entry_is_the_event_of_its_file(void **state)
{
    struct open_world *scene = *state;
    struct outbox_entry entry = {0};
    AUTO(ref) ref = {0};
    struct err err = {0};

    land(scene, 1, 1);
    assert_int_equal(outbox_peek(&scene->journal, 0, 1, &entry, &err), 1);

    assert_string_equal(entry.message.topic, WORLD_LANDED);
    assert_null(entry.message.headers);
    DONE(ref_read(entry.message.value, entry.message.value_size, &ref, &err));
    assert_string_equal(ref.id, "a-1");
    outbox_entry_close(&entry);
}

static void a_dead_letter_waits_too_under_the_key_of_its_message(void **state)
{
    static const char value[] = "no\0json\xff";
    struct open_world *scene = *state;
    struct outbox_entry entry = {0};
    AUTO(json) headers = {0};
    struct err err = {0};

    bury(scene, "a-9", value, sizeof value - 1);
    assert_int_equal(outbox_peek(&scene->journal, 0, 1, &entry, &err), 1);

    assert_string_equal(entry.message.topic, WORLD_DEAD);
    assert_string_equal(entry.message.id, "a-9");
    assert_int_equal(entry.message.value_size, sizeof value - 1);
    assert_memory_equal(entry.message.value, value, sizeof value - 1);
    DONE(json_parse(&headers, entry.message.headers, strlen(entry.message.headers), &err));
    assert_string_equal(json_str(json_root(&headers), "x-original-topic"), WORLD_LANDED);
    assert_int_equal(json_int(json_root(&headers), "x-original-partition", -1), 2);
    assert_int_equal(json_int(json_root(&headers), "x-original-offset", -1), 7);
    assert_string_equal(json_str(json_root(&headers), "x-error"), "torn");
    assert_int_equal(json_int(json_root(&headers), "x-attempts", -1), 3);
    assert_string_equal(json_str(json_root(&headers), "x-group"), "transform");
    outbox_entry_close(&entry);
}

static void what_is_confirmed_leaves_in_any_order(void **state)
{
    struct open_world *scene = *state;
    struct err err = {0};

    land(scene, 1, 3);
    DONE(outbox_sent(&scene->journal, (int64_t[]){3, 2}, 2, &err));
    expect_waiting(scene, 0, 8, "1 a-1");
    assert_int_equal(outbox_is_sent(&scene->journal, 3, &err), 0);

    DONE(outbox_sent(&scene->journal, (int64_t[]){1, 2, 77}, 3, &err));
    expect_waiting(scene, 0, 8, "");
    assert_int_equal(outbox_is_sent(&scene->journal, 3, &err), 1);
}

static void numbers_are_never_given_twice(void **state)
{
    struct open_world *scene = *state;
    int64_t last = -1;
    int64_t count = -1;
    struct err err = {0};

    DONE(outbox_last(&scene->journal, &last, &err));
    assert_int_equal(last, 0);
    assert_int_equal(outbox_is_sent(&scene->journal, 0, &err), 1);
    land(scene, 1, 2);
    DONE(outbox_sent(&scene->journal, (int64_t[]){1, 2}, 2, &err));
    DONE(outbox_last(&scene->journal, &last, &err));
    assert_int_equal(last, 2);

    land(scene, 3, 3);
    expect_waiting(scene, 0, 8, "3 a-3");
    DONE(outbox_count(&scene->journal, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(outbox_is_sent(&scene->journal, 2, &err), 1);
    assert_int_equal(outbox_is_sent(&scene->journal, 3, &err), 0);
}

static void what_waits_survives_a_restart(void **state)
{
    struct open_world *scene = *state;
    struct err err = {0};

    land(scene, 1, 2);
    journal_close(&scene->journal);
    assert_int_equal(world_journal(&scene->world, &scene->journal, &err), 1);

    expect_waiting(scene, 0, 8, "1 a-1,2 a-2");
}

static void nobody_hears_of_a_file_that_is_gone(void **state)
{
    struct open_world *scene = *state;
    char *path = fs_join(scene->world.landing, "quakes/a-1.parquet");
    AUTO(step) step = {0};
    struct err err = {0};

    land(scene, 1, 2);
    step_open(&step);
    step_add_removed(&step, "a-1", path);
    assert_int_equal(step_commit(&step, &scene->journal, NULL, &err), 1);

    expect_waiting(scene, 0, 8, "2 a-2");
    free(path);
}

static void pruning_takes_what_is_confirmed_and_nothing_else(void **state)
{
    struct open_world *scene = *state;
    struct pruned pruned = {0};
    struct err err = {0};

    land(scene, 1, 3);
    DONE(outbox_sent(&scene->journal, (int64_t[]){1, 3}, 2, &err));
    DONE(prune_history(&scene->journal, clock_wall_ms() + 1, false, &pruned, &err));

    assert_int_equal(pruned.messages, 2);
    expect_waiting(scene, 0, 8, "2 a-2");
}

static void a_topic_that_was_lost_is_sent_again(void **state)
{
    struct open_world *scene = *state;
    char *path = fs_join(scene->world.landing, "quakes/a-2.parquet");
    AUTO(step) step = {0};
    int64_t count = -1;
    struct err err = {0};

    land(scene, 1, 4);
    DONE(outbox_sent(&scene->journal, (int64_t[]){1, 2, 3}, 3, &err));
    step_open(&step);
    step_add_removed(&step, "a-2", path);
    assert_int_equal(step_commit(&step, &scene->journal, NULL, &err), 1);
    DONE(outbox_meet_topic(&scene->journal, WORLD_LANDED, NULL, true, &count, &err));

    assert_int_equal(count, 2);
    expect_waiting(scene, 0, 8, "4 a-4,5 a-1,6 a-3");
    DONE(outbox_meet_topic(&scene->journal, WORLD_DEAD, NULL, true, &count, &err));
    assert_int_equal(count, 0);
    free(path);
}

static void a_topic_is_known_by_its_id(void **state)
{
    static const struct {
        const char *id;
        int64_t again;
    } meetings[] = {{"one", 0}, {"one", 0}, {NULL, 0}, {"two", 2}, {"two", 0}};
    struct open_world *scene = *state;
    struct err err = {0};

    for (size_t i = 0; i < sizeof meetings / sizeof *meetings; i++) {
        int64_t count = -1;

        DONE(outbox_meet_topic(&scene->journal, WORLD_LANDED, meetings[i].id, false, &count, &err));
        assert_int_equal(count, meetings[i].again);
        if (i == 0) {
            land(scene, 1, 2);
            DONE(outbox_sent(&scene->journal, (int64_t[]){1, 2}, 2, &err));
        }
    }
    expect_waiting(scene, 0, 8, "3 a-1,4 a-2");
}

static void a_state_that_is_its_own_broker_has_nothing_to_send(void **state)
{
    struct open_world *scene = *state;
    int64_t last = -1;
    struct err err = {0};

    land(scene, 1, 3);
    bury(scene, "a-1", "x", 1);

    expect_waiting(scene, 0, 8, "");
    DONE(outbox_last(&scene->journal, &last, &err));
    assert_int_equal(last, 0);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, open_world_set_up_kafka, open_world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_step_publishes_waits_in_its_order),
        TEST(an_entry_is_the_event_of_its_file),
        TEST(a_dead_letter_waits_too_under_the_key_of_its_message),
        TEST(what_is_confirmed_leaves_in_any_order),
        TEST(numbers_are_never_given_twice),
        TEST(what_waits_survives_a_restart),
        TEST(nobody_hears_of_a_file_that_is_gone),
        TEST(pruning_takes_what_is_confirmed_and_nothing_else),
        TEST(a_topic_that_was_lost_is_sent_again),
        TEST(a_topic_is_known_by_its_id),
        cmocka_unit_test_setup_teardown(a_state_that_is_its_own_broker_has_nothing_to_send,
                                        open_world_set_up, open_world_tear_down),
    };

    return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
