/*
 * The promises of broker.h, kept by every backend in the list below.
 *
 * A backend is added by a row: its table, whether it needs a server (librdkafka's mock cluster serves here;
 * the real ones are in tests/kafka/), and how patient one must be with it.
 */
#include "base/mem.h"
#include "base/str.h"
#include "broker/broker.h"
#include "kafka_mock.h"
#include "world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

#define PARTITIONS 4
#define LOOKS 40 /* at a topic, in the time of patience */
#define QUIET_MS                                                                                   \
    1000 /* in which a message that is not to come would have come, beside one that did */

struct backend {
    const struct broker_ops *ops;
    bool has_server;
    int patience_ms; /* within which a message that is there has come */
};

static const struct backend backends[] = {
    {.ops = &broker_local, .patience_ms = 1000},
    {.ops = &broker_kafka, .has_server = true, .patience_ms = 20000},
};

struct scene {
    const struct backend *backend;
    struct kafka_mock mock;
    struct broker_conf conf; /* local's, or borrowed of the mock cluster */
    struct world world;
    struct journal journal;
};

static const struct backend *tested;

static int set_up(void **state)
{
    struct scene *scene = mem_alloc(sizeof *scene);
    struct err err = {0};

    scene->backend = tested;
    if (tested->has_server) {
        kafka_mock_open(&scene->mock, PARTITIONS);
        kafka_mock_topic(&scene->mock, WORLD_LANDED, PARTITIONS);
        scene->conf = scene->mock.conf;
    }
    world_open(&scene->world);
    scene->world.broker = tested->ops->name;
    if (world_journal(&scene->world, &scene->journal, &err) != 1)
        return -1;
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    journal_close(&scene->journal);
    world_close(&scene->world);
    kafka_mock_close(&scene->mock);
    free(scene);
    return 0;
}

static void open_broker(struct scene *scene, struct journal *journal, const char *group,
                        struct broker *broker)
{
    struct err err = {0};

    DONE(
        broker_open(broker, scene->backend->ops, &scene->conf, journal, group, WORLD_LANDED, &err));
}

/* Brings what steps have committed to where consumers fetch. */
static int carry(const struct scene *scene, struct journal *journal, struct err *err)
{
    const atomic_bool finish = true;

    return broker_relay(scene->backend->ops, &scene->conf, journal, &finish, err);
}

static void publish(struct scene *scene, const char *prefix, int first, int last)
{
    struct err err = {0};

    DONE(world_land(&scene->world, &scene->journal, prefix, first, last, &err));
    DONE(carry(scene, &scene->journal, &err));
}

/* Fetches until `most` have come or patience is over. Returns how many. */
static int fetch(struct scene *scene, struct broker *broker, int most, struct message *ret_messages)
{
    int count = 0;

    for (int i = 0; i < LOOKS && count < most; i++) {
        struct err err = {0};
        const int got =
            broker_fetch(broker, (size_t)(most - count), scene->backend->patience_ms / LOOKS,
                         ret_messages + count, &err);

        DONE(got);
        count += got;
    }
    return count;
}

static void work_off(struct journal *journal, struct broker *broker, const char *group,
                     const struct message *message)
{
    AUTO(step) step = {0};
    struct err err = {0};

    step_open(&step);
    step_add_consumed(&step, &(struct step_consumed){.group = group,
                                                     .topic = message->topic,
                                                     .id = message->id,
                                                     .offset = message->offset});
    DONE(step_commit(&step, journal, NULL, &err));
    DONE(broker_commit(broker, message, &err));
}

static void close_all(struct message *messages, int count)
{
    for (int i = 0; i < count; i++)
        message_close(&messages[i]);
}

/* ---- the promises ---- */

static void a_backend_says_what_it_is(void **state)
{
    const struct scene *scene = *state;
    const struct broker_ops *ops = scene->backend->ops;

    assert_non_null(ops->name);
    assert_non_null(ops->summary);
    assert_true(ops->open && ops->fetch && ops->keep && ops->commit && ops->release && ops->lag &&
                ops->close);
}

static void a_committed_reference_reaches_every_group(void **state)
{
    struct scene *scene = *state;
    const char *const groups[] = {"transform", "export:csv"};

    publish(scene, "a", 1, 3);
    for (size_t i = 0; i < 2; i++) {
        AUTO(broker) broker = {0};
        struct message messages[3] = {0};
        int seen = 0;

        open_broker(scene, &scene->journal, groups[i], &broker);
        assert_int_equal(fetch(scene, &broker, 3, messages), 3);
        for (int n = 0; n < 3; n++) {
            seen |= 1 << (messages[n].id[2] - '0');
            assert_string_equal(messages[n].topic, WORLD_LANDED);
        }
        assert_int_equal(seen, 1 << 1 | 1 << 2 | 1 << 3);
        close_all(messages, 3);
    }
}

static void the_value_is_the_reference_byte_by_byte(void **state)
{
    struct scene *scene = *state;
    AUTO(broker) broker = {0};
    AUTO(ref) ref = {0};
    AUTO(buf) again = {0};
    struct message message = {0};
    struct err err = {0};

    publish(scene, "a", 1, 1);
    open_broker(scene, &scene->journal, "g", &broker);
    assert_int_equal(fetch(scene, &broker, 1, &message), 1);

    DONE(ref_read(message.value, message.value_size, &ref, &err));
    ref_write(&ref, &again);
    assert_int_equal(message.value_size, again.size);
    assert_memory_equal(message.value, again.data, again.size);
    assert_string_equal(message.id, ref.id);
    message_close(&message);
}

static void one_that_was_not_worked_off_comes_again(void **state)
{
    struct scene *scene = *state;
    struct message message = {0};

    publish(scene, "a", 1, 1);
    for (int i = 0; i < 3; i++) {
        AUTO(broker) broker = {0};

        open_broker(scene, &scene->journal, "g", &broker);
        assert_int_equal(fetch(scene, &broker, 1, &message), 1);
        assert_string_equal(message.id, "a-1");
        message_close(&message);
    }
}

static void one_that_was_worked_off_does_not_come_again(void **state)
{
    struct scene *scene = *state;
    struct message messages[2] = {0};

    publish(scene, "a", 1, 2);
    for (int i = 0; i < 2; i++) {
        AUTO(broker) broker = {0};

        open_broker(scene, &scene->journal, "g", &broker);
        assert_int_equal(fetch(scene, &broker, 1, &messages[i]), 1);
        work_off(&scene->journal, &broker, "g", &messages[i]);
    }
    assert_string_not_equal(messages[0].id, messages[1].id);
    close_all(messages, 2);
    {
        AUTO(broker) broker = {0};
        struct err err = {0};

        open_broker(scene, &scene->journal, "g", &broker);
        publish(scene, "b", 1, 1);
        assert_int_equal(fetch(scene, &broker, 1, messages), 1);
        assert_string_equal(messages[0].id, "b-1");
        assert_int_equal(broker_fetch(&broker, 2, QUIET_MS, messages + 1, &err), 0);
        message_close(&messages[0]);
    }
}

static void one_that_is_given_back_comes_again(void **state)
{
    struct scene *scene = *state;
    AUTO(broker) broker = {0};
    struct message message = {0};
    struct err err = {0};

    publish(scene, "a", 1, 1);
    open_broker(scene, &scene->journal, "g", &broker);
    assert_int_equal(fetch(scene, &broker, 1, &message), 1);
    DONE(broker_keep(&broker, &err));
    DONE(broker_release(&broker, &message, &err));
    message_close(&message);

    assert_int_equal(fetch(scene, &broker, 1, &message), 1);
    assert_string_equal(message.id, "a-1");
    message_close(&message);
}

/* Until a server has shared out what there is among its group. */
static void let_join(struct scene *scene, struct broker *first, struct broker *second)
{
    struct message message;
    struct err err = {0};

    for (int i = 0; scene->backend->has_server && i < 20; i++) {
        assert_int_equal(broker_fetch(first, 1, 100, &message, &err), 0);
        assert_int_equal(broker_fetch(second, 1, 100, &message, &err), 0);
    }
}

static int fetch_both(struct scene *scene, struct broker *first, struct broker *second, int most,
                      struct message *ret_messages)
{
    const int wait_ms = scene->backend->patience_ms / LOOKS / 2;
    struct err err = {0};
    int got = broker_fetch(first, (size_t)(most > 3 ? 3 : most), wait_ms, ret_messages, &err);
    int more = 0;

    DONE(got);
    if (got < most)
        more = broker_fetch(second, (size_t)(most - got), wait_ms, ret_messages + got, &err);
    DONE(more);
    return got + more;
}

static void two_consumers_of_a_group_share_the_messages(void **state)
{
    struct scene *scene = *state;
    AUTO(journal) other = {0};
    AUTO(broker) first = {0};
    AUTO(broker) second = {0};
    struct message messages[6] = {0};
    int got = 0;
    struct err err = {0};

    assert_int_equal(world_journal(&scene->world, &other, &err), 1);
    open_broker(scene, &scene->journal, "g", &first);
    open_broker(scene, &other, "g", &second);
    let_join(scene, &first, &second);
    publish(scene, "a", 1, 6);
    for (int i = 0; i < LOOKS && got < 6; i++)
        got += fetch_both(scene, &first, &second, 6 - got, messages + got);

    assert_int_equal(got, 6);
    for (int i = 0; i < 6; i++)
        for (int n = 0; n < i; n++)
            assert_string_not_equal(messages[i].id, messages[n].id);
    close_all(messages, 6);
}

/* A server's client has threads, and under the thread sanitizer a fork of a process with threads starts none. */
static bool may_fork(const struct scene *scene)
{
#ifdef __SANITIZE_THREAD__
    return !scene->backend->has_server;
#else
    (void)scene;
    return true;
#endif
}

static void the_messages_of_a_consumer_that_was_killed_come_again(void **state)
{
    struct scene *scene = *state;
    AUTO(broker) broker = {0};
    struct message messages[2] = {0};
    pid_t child;
    int status;

    if (!may_fork(scene))
        skip();
    publish(scene, "a", 1, 2);
    child = fork();
    if (child == 0) {
        struct journal journal = {0};
        struct broker taking = {0};
        struct err err = {0};

        if (world_journal(&scene->world, &journal, &err) == 1 &&
            broker_open(&taking, scene->backend->ops, &scene->conf, &journal, "g", WORLD_LANDED,
                        &err) == 0 &&
            fetch(scene, &taking, 2, messages) == 2)
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));

    open_broker(scene, &scene->journal, "g", &broker);
    assert_int_equal(fetch(scene, &broker, 2, messages), 2);
    close_all(messages, 2);
}

static void the_lag_is_what_is_left_to_do(void **state)
{
    struct scene *scene = *state;
    AUTO(broker) broker = {0};
    struct message messages[3] = {0};
    int64_t lag = -1;
    struct err err = {0};

    publish(scene, "a", 1, 3);
    open_broker(scene, &scene->journal, "g", &broker);
    DONE(broker_lag(&broker, &lag, &err));
    assert_int_equal(lag, 3);
    assert_int_equal(fetch(scene, &broker, 3, messages), 3);
    for (int i = 0; i < 3; i++) {
        work_off(&scene->journal, &broker, "g", &messages[i]);
        DONE(broker_lag(&broker, &lag, &err));
        assert_int_equal(lag, 2 - i);
    }
    close_all(messages, 3);
}

static void fetch_waits_until_something_comes(void **state)
{
    struct scene *scene = *state;
    AUTO(broker) broker = {0};
    struct message message = {0};
    pid_t child;
    int status;
    struct err err = {0};

    if (!may_fork(scene))
        skip();
    publish(scene, "a", 1, 1);
    open_broker(scene, &scene->journal, "g", &broker);
    assert_int_equal(fetch(scene, &broker, 1, &message), 1);
    work_off(&scene->journal, &broker, "g", &message);
    message_close(&message);
    assert_int_equal(broker_fetch(&broker, 1, 20, &message, &err), 0);
    child = fork();
    if (child == 0) {
        struct journal journal = {0};
        struct err child_err = {0};

        usleep(100000);
        _exit(world_journal(&scene->world, &journal, &child_err) == 1 &&
                      world_land(&scene->world, &journal, "b", 1, 1, &child_err) == 1 &&
                      carry(scene, &journal, &child_err) == 0
                  ? 0
                  : 1);
    }

    assert_int_equal(broker_fetch(&broker, 1, 10 * scene->backend->patience_ms, &message, &err), 1);
    assert_string_equal(message.id, "b-1");
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    message_close(&message);
}

static void a_closed_broker_may_be_closed_again(void **state)
{
    struct scene *scene = *state;
    struct broker broker = {0};

    broker_close(&broker);
    open_broker(scene, &scene->journal, "g", &broker);
    broker_close(&broker);
    broker_close(&broker);
    assert_null(broker.ops);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_backend_says_what_it_is),
        TEST(a_committed_reference_reaches_every_group),
        TEST(the_value_is_the_reference_byte_by_byte),
        TEST(one_that_was_not_worked_off_comes_again),
        TEST(one_that_was_worked_off_does_not_come_again),
        TEST(one_that_is_given_back_comes_again),
        TEST(two_consumers_of_a_group_share_the_messages),
        TEST(the_messages_of_a_consumer_that_was_killed_come_again),
        TEST(the_lag_is_what_is_left_to_do),
        TEST(fetch_waits_until_something_comes),
        TEST(a_closed_broker_may_be_closed_again),
    };
    int failed = 0;

    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        tested = &backends[i];
        failed += cmocka_run_group_tests_name(tested->ops->name, tests, NULL, NULL);
    }
    return failed;
}
