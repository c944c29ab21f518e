/*
 * Unread references change the broker, and back: each is handed out once more, none is lost, whenever the process
 * dies in between.
 */
#include "base/mem.h"
#include "base/str.h"
#include "db/dead.h"
#include "db/move.h"
#include "db/outbox.h"
#include "fault.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/banned.h"

#define MOST 16

static const struct move_reader readers[] = {{"transform", WORLD_LANDED},
                                             {"export:csv", WORLD_ADJUSTED}};

static void open_state(const struct world *world, struct journal *journal)
{
    struct err err = {0};

    DONE(journal_open(journal, world->state, "quakes", NULL, JOURNAL_EXISTING, &err));
}

static void consume(struct journal *journal, const char *group, const char *topic, const char *id)
{
    AUTO(step) step = {0};
    struct err err = {0};

    step_open(&step);
    step_add_consumed(&step, &(struct step_consumed){.group = group, .topic = topic, .id = id});
    assert_int_equal(step_commit(&step, journal, NULL, &err), 1);
}

static void bury(struct journal *journal, const char *id)
{
    AUTO(step) step = {0};
    struct err err = {0};

    step_open(&step);
    step_add_dead(&step, &(struct step_dead){.group = "transform",
                                             .topic = WORLD_LANDED,
                                             .id = id,
                                             .error = "torn",
                                             .attempts = 3,
                                             .value = "{}",
                                             .value_size = 2});
    assert_int_equal(step_commit(&step, journal, NULL, &err), 1);
}

/* Landed a-1 to a-6; a-1 is worked off, a-2 and a-3 are in hand, a-3 dies there, a-5's file is gone. */
static void set_scene(const struct world *world)
{
    struct message messages[3] = {0};
    AUTO(journal) journal = {0};
    AUTO(step) step = {0};
    char *path = fs_join(world->landing, "quakes/a-5.parquet");
    struct err err = {0};

    DONE(world_journal(world, &journal, &err));
    DONE(world_land(world, &journal, "a", 1, 6, &err));
    assert_int_equal(messages_claim(&journal, "transform", WORLD_LANDED, 60000, 3, messages, &err),
                     3);
    for (int i = 0; i < 3; i++)
        message_close(&messages[i]);
    consume(&journal, "transform", WORLD_LANDED, "a-1");
    bury(&journal, "a-3");
    step_open(&step);
    step_add_removed(&step, "a-5", path);
    assert_int_equal(step_commit(&step, &journal, NULL, &err), 1);
    free(path);
}

static int set_up(void **state)
{
    world_set_up(state);
    set_scene(*state);
    return 0;
}

static void move(struct journal *journal)
{
    int64_t count = 0;
    struct err err = {0};

    DONE(move_away(journal, readers, 2, &count, &err));
    assert_int_equal(count, 4);
}

/* What waits to be sent, in order: "a-2 a-4". */
static void expect_outbox(struct journal *journal, const char *expected)
{
    struct outbox_entry entries[MOST] = {0};
    AUTO(buf) text = {0};
    struct err err = {0};
    const int got = outbox_peek(journal, 0, MOST, entries, &err);

    DONE(got);
    for (int i = 0; i < got; i++) {
        buf_printf(&text, "%s%s%s", i > 0 ? " " : "",
                   str_same(entries[i].message.topic, WORLD_DEAD) ? "dead:" : "",
                   entries[i].message.id);
        outbox_entry_close(&entries[i]);
    }
    assert_string_equal(buf_text(&text), expected);
}

static void what_is_unread_goes_and_nothing_else(void **state)
{
    const struct world *world = *state;
    AUTO(journal) journal = {0};
    struct err err = {0};

    open_state(world, &journal);
    move(&journal);

    expect_outbox(&journal, "a-2 a-4 a-6 dead:a-3");
    assert_int_equal(journal_check_broker(&journal, "kafka", &err), 0);
    assert_int_equal(messages_is_consumed(&journal, "transform", "a-1", &err), 1);
}

static void a_group_that_has_not_begun_gets_all_of_it(void **state)
{
    static const struct move_reader late = {"late", WORLD_LANDED};
    const struct world *world = *state;
    AUTO(journal) journal = {0};
    int64_t count = 0;
    struct err err = {0};

    open_state(world, &journal);
    DONE(move_away(&journal, &late, 1, &count, &err));
    expect_outbox(&journal, "a-1 a-2 a-3 a-4 a-6 dead:a-3");
}

/* A child that dies at its nth change of a file while it moves. Returns whether it came so far. */
static bool dies_at(const struct world *world, int nth)
{
    const pid_t child = fork();
    int status;

    if (child == 0) {
        struct journal journal = {0};
        int64_t count;
        struct err err = {0};

        open_state(world, &journal);
        fault_arm_signal(nth, SIGKILL);
        _exit(move_away(&journal, readers, 2, &count, &err) != 0);
    }
    waitpid(child, &status, 0);
    if (WIFEXITED(status))
        assert_int_equal(WEXITSTATUS(status), 0);
    return WIFSIGNALED(status);
}

static void whenever_it_dies_it_has_moved_all_or_nothing(void **state)
{
    bool died = true;
    int unmoved = 0;

    (void)state;
    for (int nth = 1; died; nth++) {
        struct world world;

        world_open(&world);
        set_scene(&world);
        died = dies_at(&world, nth);
        {
            AUTO(journal) journal = {0};
            struct err err = {0};

            open_state(&world, &journal);
            if (journal_check_broker(&journal, "local", &err) == 0) {
                unmoved++;
                expect_outbox(&journal, "");
                move(&journal);
            }
            expect_outbox(&journal, "a-2 a-4 a-6 dead:a-3");
        }
        world_close(&world);
    }
    assert_true(unmoved > 0);
}

/* ---- home ---- */

static void empty_outbox(struct journal *journal)
{
    struct outbox_entry entries[MOST] = {0};
    struct err err = {0};
    const int got = outbox_peek(journal, 0, MOST, entries, &err);

    DONE(got);
    for (int i = 0; i < got; i++) {
        DONE(outbox_sent(journal, &entries[i].seq, 1, &err));
        outbox_entry_close(&entries[i]);
    }
}

static void bring(struct move_home *home, const char *id, const char *value, bool is_unread)
{
    static const char *const groups[] = {"transform"};
    const struct message message = {.topic = (char *)(uintptr_t)WORLD_LANDED,
                                    .id = (char *)(uintptr_t)id,
                                    .value = (char *)(uintptr_t)value,
                                    .value_size = strlen(value)};
    struct err err = {0};

    DONE(move_home_add(home, &message, groups, is_unread, &err));
}

static void expect_handed_out(struct journal *journal, const char *expected)
{
    struct message messages[MOST] = {0};
    AUTO(buf) text = {0};
    struct err err = {0};
    const int got = messages_claim(journal, "transform", WORLD_LANDED, 60000, MOST, messages, &err);

    DONE(got);
    for (int i = 0; i < got; i++) {
        buf_printf(&text, "%s%s", i > 0 ? " " : "", messages[i].id);
        message_close(&messages[i]);
    }
    assert_string_equal(buf_text(&text), expected);
}

static void what_is_unread_comes_home_once(void **state)
{
    const struct world *world = *state;
    AUTO(journal) journal = {0};
    AUTO(move_home) home = {0};
    int64_t lag = -1;
    struct err err = {0};

    open_state(world, &journal);
    move(&journal);
    empty_outbox(&journal);
    consume(&journal, "transform", WORLD_LANDED, "a-4");

    DONE(move_home_open(&home, &journal, &err));
    bring(&home, "a-2", "event", false); /* another host has read it */
    bring(&home, "a-4", "event", true);  /* read here, not yet told */
    bring(&home, "a-6", "event", true);
    bring(&home, "a-6", "event", true);
    bring(&home, "a-5", "event", true); /* its file is gone */
    bring(&home, "b-1", "of another host", true);
    bring(&home, "b-2", "of another host", false);
    DONE(move_home_commit(&home, readers, 2, &err));

    assert_int_equal(journal_check_broker(&journal, "local", &err), 0);
    DONE(messages_lag(&journal, "transform", WORLD_LANDED, &lag, &err));
    assert_int_equal(lag, 2);
    expect_handed_out(&journal, "a-6 b-1");
    expect_outbox(&journal, "");
    DONE(world_land(world, &journal, "c", 1, 1, &err));
    expect_handed_out(&journal, "c-1");
}

static void a_second_try_comes_home_as_its_message(void **state)
{
    const struct world *world = *state;
    AUTO(journal) journal = {0};
    AUTO(move_home) home = {0};
    int64_t count = 0;
    struct err err = {0};

    open_state(world, &journal);
    move(&journal);
    DONE(dead_retry(&journal, "a-3", &count, &err));
    empty_outbox(&journal);
    DONE(move_home_open(&home, &journal, &err));
    bring(&home, "a-3", "event", true);
    DONE(move_home_commit(&home, readers, 2, &err));

    expect_handed_out(&journal, "a-3");
}

static void what_is_not_committed_has_not_happened(void **state)
{
    const struct world *world = *state;
    AUTO(journal) journal = {0};
    AUTO(move_home) home = {0};
    struct err err = {0};

    open_state(world, &journal);
    move(&journal);
    assert_int_equal(move_home_open(&home, &journal, &err), -1);
    empty_outbox(&journal);
    DONE(move_home_open(&home, &journal, &err));
    bring(&home, "b-1", "of another host", true);
    move_home_close(&home);

    assert_int_equal(journal_check_broker(&journal, "kafka", &err), 0);
    assert_int_equal(world_number(world, "SELECT count(*) FROM messages WHERE id = 'b-1'"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_unread_goes_and_nothing_else),
        TEST(a_group_that_has_not_begun_gets_all_of_it),
        cmocka_unit_test(whenever_it_dies_it_has_moved_all_or_nothing),
        TEST(what_is_unread_comes_home_once),
        TEST(a_second_try_comes_home_as_its_message),
        TEST(what_is_not_committed_has_not_happened),
    };

    return cmocka_run_group_tests_name("move", tests, NULL, NULL);
}
