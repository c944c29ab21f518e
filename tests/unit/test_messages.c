/*
 * Messages: each group is handed each message, and no two consumers of a group have one at a time.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "db/messages.h"
#include "world.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

#define LONG_MS 60000

/* Puts messages "m-<n>" straight into the topic: these tests are not about files. */
static void put_messages(struct journal *journal, int count)
{
    struct err err = {0};
    AUTO(lite_txn) txn = {0};

    DONE(lite_begin(&txn, &journal->lite, &err));
    DONE(lite_run(&journal->lite,
                  "INSERT INTO topics(no, name, next) VALUES (1, '" WORLD_LANDED "', ?1)"
                  " ON CONFLICT(name) DO UPDATE SET next = next + ?1",
                  BIND(lite_int(count)), &err));
    DONE(lite_run(&journal->lite,
                  "WITH RECURSIVE n(i) AS (SELECT (SELECT next FROM topics) - ?1 UNION ALL"
                  " SELECT i + 1 FROM n WHERE i + 1 < (SELECT next FROM topics))"
                  " INSERT INTO messages(topic, offset, id, time, value)"
                  " SELECT 1, i, 'm-' || i, 0, CAST('value ' || i AS BLOB) FROM n",
                  BIND(lite_int(count)), &err));
    DONE(lite_commit(&txn, &err));
}

/* Claims, and writes the offsets as text: "0 1 2". */
static void claim(struct journal *journal, const char *group, int64_t lease_ms, size_t most,
                  const char *expected)
{
    struct message *messages = mem_alloc(most * sizeof *messages);
    AUTO(buf) text = {0};
    struct err err = {0};
    const int got = messages_claim(journal, group, WORLD_LANDED, lease_ms, most, messages, &err);

    DONE(got);
    for (int i = 0; i < got; i++) {
        char value[32];

        buf_printf(&text, i > 0 ? " %d" : "%d", (int)messages[i].offset);
        snprintf(value, sizeof value, "value %d", (int)messages[i].offset);
        assert_string_equal(messages[i].value, value);
        message_close(&messages[i]);
    }
    assert_string_equal(buf_text(&text), expected);
    free(messages);
}

static int consume(struct journal *journal, const char *group, const char *id, struct err *err)
{
    AUTO(step) step = {0};

    step_open(&step);
    step_add_consumed(&step,
                      &(struct step_consumed){.group = group, .topic = WORLD_LANDED, .id = id});
    return step_commit(&step, journal, NULL, err);
}

static int64_t lag_of(struct journal *journal, const char *group)
{
    int64_t lag = -1;
    struct err err = {0};

    DONE(messages_lag(journal, group, WORLD_LANDED, &lag, &err));
    return lag;
}

static void a_topic_that_is_not_there_has_nothing(void **state)
{
    struct open_world *scene = *state;

    claim(&scene->journal, "g", LONG_MS, 4, "");
    assert_int_equal(lag_of(&scene->journal, "g"), 0);
}

static void the_oldest_come_first_and_each_once(void **state)
{
    struct open_world *scene = *state;

    put_messages(&scene->journal, 5);
    claim(&scene->journal, "g", LONG_MS, 2, "0 1");
    claim(&scene->journal, "g", LONG_MS, 2, "2 3");
    claim(&scene->journal, "g", LONG_MS, 2, "4");
    claim(&scene->journal, "g", LONG_MS, 2, "");
    put_messages(&scene->journal, 1);
    claim(&scene->journal, "g", LONG_MS, 2, "5");
}

static void each_group_is_handed_all(void **state)
{
    struct open_world *scene = *state;

    put_messages(&scene->journal, 3);
    claim(&scene->journal, "g", LONG_MS, 9, "0 1 2");
    claim(&scene->journal, "h", LONG_MS, 9, "0 1 2");
}

static void what_is_given_back_comes_again_first(void **state)
{
    struct open_world *scene = *state;
    const struct message second = {.topic = mem_str(WORLD_LANDED), .offset = 1};
    struct err err = {0};

    put_messages(&scene->journal, 5);
    claim(&scene->journal, "g", LONG_MS, 3, "0 1 2");
    DONE(messages_release(&scene->journal, "g", &second, &err));
    claim(&scene->journal, "g", LONG_MS, 2, "1 3");
    free(second.topic);
}

static void a_lease_ends_unless_it_is_kept(void **state)
{
    struct open_world *scene = *state;
    struct err err = {0};

    put_messages(&scene->journal, 2);
    claim(&scene->journal, "g", 30, 1, "0");
    claim(&scene->journal, "h", 30, 1, "0");
    DONE(messages_keep(&scene->journal, "h", LONG_MS, &err));
    usleep(40000);

    claim(&scene->journal, "g", LONG_MS, 9, "0 1");
    claim(&scene->journal, "h", LONG_MS, 9, "1");
}

static void a_lease_that_another_took_over_is_not_given_back(void **state)
{
    struct open_world *scene = *state;
    AUTO(journal) other = {0};
    const struct message first = {.topic = mem_str(WORLD_LANDED), .offset = 0};
    struct err err = {0};

    assert_int_equal(world_journal(&scene->world, &other, &err), 1);
    put_messages(&scene->journal, 1);
    claim(&scene->journal, "g", 1, 1, "0");
    usleep(3000);
    claim(&other, "g", LONG_MS, 1, "0");

    DONE(messages_release(&scene->journal, "g", &first, &err));
    DONE(messages_keep(&scene->journal, "g", 0, &err));
    claim(&scene->journal, "g", LONG_MS, 1, "");
    free(first.topic);
}

static void the_lag_counts_what_is_not_worked_off(void **state)
{
    struct open_world *scene = *state;
    struct err err = {0};

    put_messages(&scene->journal, 5);
    assert_int_equal(lag_of(&scene->journal, "g"), 5);
    claim(&scene->journal, "g", LONG_MS, 3, "0 1 2");
    assert_int_equal(lag_of(&scene->journal, "g"), 5);
    assert_int_equal(consume(&scene->journal, "g", "m-1", &err), 1);
    assert_int_equal(lag_of(&scene->journal, "g"), 4);
    assert_int_equal(consume(&scene->journal, "g", "m-0", &err), 1);
    assert_int_equal(consume(&scene->journal, "g", "m-2", &err), 1);
    assert_int_equal(lag_of(&scene->journal, "g"), 2);
    claim(&scene->journal, "g", LONG_MS, 9, "3 4");
}

static void what_was_worked_off_without_a_claim_is_passed_over(void **state)
{
    struct open_world *scene = *state;
    struct err err = {0};

    put_messages(&scene->journal, 4);
    assert_int_equal(consume(&scene->journal, "g", "m-1", &err), 1);
    assert_int_equal(consume(&scene->journal, "g", "m-3", &err), 1);
    claim(&scene->journal, "g", LONG_MS, 9, "0 2");
    assert_int_equal(lag_of(&scene->journal, "g"), 2);
}

static void a_new_group_begins_with_the_oldest_that_is_kept(void **state)
{
    struct open_world *scene = *state;
    struct err err = {0};

    put_messages(&scene->journal, 4);
    DONE(lite_script(&scene->journal.lite, "DELETE FROM messages WHERE offset < 2", &err));
    assert_int_equal(lag_of(&scene->journal, "g"), 2);
    claim(&scene->journal, "g", LONG_MS, 9, "2 3");
    assert_int_equal(lag_of(&scene->journal, "g"), 2);
}

static void the_leases_of_a_process_that_died_are_free_at_once(void **state)
{
    struct open_world *scene = *state;
    pid_t child;
    int status;

    put_messages(&scene->journal, 3);
    child = fork();
    if (child == 0) {
        struct journal journal = {0};
        struct message messages[2] = {0};
        struct err err = {0};
        const bool claimed =
            world_journal(&scene->world, &journal, &err) == 1 &&
            messages_claim(&journal, "g", WORLD_LANDED, LONG_MS, 2, messages, &err) == 2;

        _exit(claimed ? 0 : 1);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);

    claim(&scene->journal, "g", LONG_MS, 1, "2");
    usleep(110000);
    claim(&scene->journal, "g", LONG_MS, 9, "0 1");
}

/* ---- many at once ---- */

#define CONSUMERS 4
#define MESSAGES 2000

/* Claims until nothing is left; gives some back, lets some leases end; works the rest off. */
static int consume_all(const struct world *world, unsigned seed)
{
    struct journal journal = {0};
    struct err err = {0};
    int idle = 0;

    if (world_journal(world, &journal, &err) != 1)
        return 1;
    while (idle < 40) {
        struct message messages[16] = {0};
        const int got = messages_claim(&journal, "g", WORLD_LANDED,
                                       rand_r(&seed) % 8 == 0 ? 1 : LONG_MS, 16, messages, &err);
        AUTO(step) step = {0};

        if (got < 0)
            return 2;
        idle = got == 0 ? idle + 1 : 0;
        step_open(&step);
        for (int i = 0; i < got; i++) {
            if (rand_r(&seed) % 10 > 0)
                step_add_consumed(&step, &(struct step_consumed){.group = "g",
                                                                 .topic = WORLD_LANDED,
                                                                 .id = messages[i].id});
            else if (messages_release(&journal, "g", &messages[i], &err) < 0)
                return 3;
        }
        if (step_commit(&step, &journal, NULL, &err) < 0 && err.code != ERR_LOCKED)
            return 4;
        if (err.code == ERR_LOCKED)
            for (int i = 0; i < got; i++)
                if (messages_release(&journal, "g", &messages[i], &err) < 0)
                    return 5;
        err.code = ERR_NONE;
        for (int i = 0; i < got; i++)
            message_close(&messages[i]);
        if (got == 0)
            usleep(2000);
    }
    journal_close(&journal);
    return 0;
}

static void several_processes_work_off_each_message_once(void **state)
{
    struct open_world *scene = *state;
    pid_t children[CONSUMERS];

    put_messages(&scene->journal, MESSAGES);
    for (unsigned i = 0; i < CONSUMERS; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(consume_all(&scene->world, i + 1));
    }
    for (unsigned i = 0; i < CONSUMERS; i++) {
        int status;

        waitpid(children[i], &status, 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(world_number(&scene->world, "SELECT count(*) FROM consumed"), MESSAGES);
    assert_int_equal(world_number(&scene->world, "SELECT count(*) FROM claims"), 0);
    assert_int_equal(lag_of(&scene->journal, "g"), 0);
}

struct thread {
    struct journal journal;
    int taken[MESSAGES];
    int failed;
};

static void *claim_some(void *ctx)
{
    struct thread *thread = ctx;

    for (int i = 0; i < 300; i++) {
        struct message message = {0};
        struct err err = {0};
        const int got =
            messages_claim(&thread->journal, "g", WORLD_LANDED, LONG_MS, 1, &message, &err);

        if (got == 1)
            thread->taken[message.offset]++;
        thread->failed += got < 0;
        message_close(&message);
    }
    return NULL;
}

static void threads_share_a_state_by_connections_of_their_own(void **state)
{
    struct open_world *scene = *state;
    struct thread *threads = mem_alloc(3 * sizeof *threads);
    pthread_t ids[3];
    struct err err = {0};

    put_messages(&scene->journal, MESSAGES);
    for (int i = 0; i < 3; i++) {
        DONE(journal_share(&scene->journal, &threads[i].journal, &err));
        pthread_create(&ids[i], NULL, claim_some, &threads[i]);
    }
    for (int i = 0; i < 3; i++)
        pthread_join(ids[i], NULL);
    for (int n = 0; n < MESSAGES; n++)
        assert_int_equal(threads[0].taken[n] + threads[1].taken[n] + threads[2].taken[n], n < 900);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(threads[i].failed, 0);
        journal_close(&threads[i].journal);
    }
    free(threads);
}

static void claiming_in_batches_is_fast(void **state)
{
    struct open_world *scene = *state;
    const int count = 20000;
    const int64_t began_ms = clock_monotonic_ms();
    int claimed = 0;
    int64_t took_ms;

    put_messages(&scene->journal, count);
    while (claimed < count) {
        struct message messages[64] = {0};
        struct err err = {0};
        const int got =
            messages_claim(&scene->journal, "g", WORLD_LANDED, LONG_MS, 64, messages, &err);

        assert_true(got > 0);
        for (int i = 0; i < got; i++)
            message_close(&messages[i]);
        claimed += got;
    }
    took_ms = clock_monotonic_ms() - began_ms + 1;
    print_message("           %d messages put and claimed in %d ms: %d/s\n", count, (int)took_ms,
                  (int)(count * 1000L / took_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world_set_up, open_world_tear_down)
        TEST(a_topic_that_is_not_there_has_nothing),
        TEST(the_oldest_come_first_and_each_once),
        TEST(each_group_is_handed_all),
        TEST(what_is_given_back_comes_again_first),
        TEST(a_lease_ends_unless_it_is_kept),
        TEST(a_lease_that_another_took_over_is_not_given_back),
        TEST(the_lag_counts_what_is_not_worked_off),
        TEST(what_was_worked_off_without_a_claim_is_passed_over),
        TEST(a_new_group_begins_with_the_oldest_that_is_kept),
        TEST(the_leases_of_a_process_that_died_are_free_at_once),
        TEST(several_processes_work_off_each_message_once),
        TEST(threads_share_a_state_by_connections_of_their_own),
        TEST(claiming_in_batches_is_fast),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
