/*
 * What Kafka's errors mean for the relay, code by code, over librdkafka's mock cluster: all that waiting mends is
 * waited out and published, all else is told; nothing leaves the outbox that no server has confirmed.
 */
#include "base/mem.h"
#include "broker/broker.h"
#include "db/outbox.h"
#include "kafka_mock.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

#define PRODUCE 0
#define INIT_PRODUCER_ID 22
#define REFERENCES 5

struct scene {
    struct kafka_mock mock;
    struct world world;
    struct journal journal;
};

static int set_up(void **state)
{
    struct scene *scene = mem_alloc(sizeof *scene);
    struct err err = {0};

    kafka_mock_open(&scene->mock, 1);
    kafka_mock_topic(&scene->mock, WORLD_LANDED, 1);
    world_open(&scene->world);
    scene->world.broker = "kafka";
    *state = scene;
    return world_journal(&scene->world, &scene->journal, &err) == 1 ? 0 : -1;
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

static void land(struct scene *scene, const char *prefix)
{
    struct err err = {0};

    if (world_land(&scene->world, &scene->journal, prefix, 1, REFERENCES, &err) < 0)
        fail_msg("%s", err.text);
}

static int relay(struct scene *scene, struct err *err)
{
    const atomic_bool finish = true;

    return broker_relay(&broker_kafka, &scene->mock.conf, &scene->journal, &finish, err);
}

static int64_t waiting(struct scene *scene)
{
    struct err err = {0};
    int64_t count = -1;

    if (outbox_count(&scene->journal, &count, &err) < 0)
        fail_msg("%s", err.text);
    return count;
}

/* Ids are "a-1" to "a-5", "b-1", … */
struct seen {
    int times[26][REFERENCES + 1];
};

static int see(void *ctx, const struct message *message, struct err *err)
{
    struct seen *seen = ctx;

    (void)err;
    seen->times[message->id[0] - 'a'][message->id[2] - '0']++;
    return 0;
}

/* All of the first so many prefixes are in the topic, some perhaps twice. */
static void expect_published(struct scene *scene, size_t prefixes)
{
    struct seen seen = {0};
    struct err err = {0};

    if (broker_read(&broker_kafka, &scene->mock.conf, WORLD_LANDED, NULL, 0, &seen, see, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < prefixes; i++)
        for (int n = 1; n <= REFERENCES; n++)
            assert_true(seen.times[i][n] >= 1);
}

/* The next request of that kind fails so. */
static void push(struct scene *scene, int api, rd_kafka_resp_err_t code)
{
    rd_kafka_mock_push_request_errors(scene->mock.cluster, (int16_t)api, 1, code);
}

/* ---- what waiting mends ---- */

static void a_fault_that_passes_is_waited_out(void **state)
{
    static const rd_kafka_resp_err_t codes[] = {
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
        RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
        RD_KAFKA_RESP_ERR_UNKNOWN, /* a full disk */
        RD_KAFKA_RESP_ERR_INVALID_MSG,
        RD_KAFKA_RESP_ERR__TRANSPORT, /* the connection breaks: nobody knows whether it got there */
    };
    struct scene *scene = *state;

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char prefix[2] = {(char)('a' + (int)i), '\0'};
        struct err err = {0};

        land(scene, prefix);
        push(scene, PRODUCE, codes[i]);
        if (relay(scene, &err) < 0)
            fail_msg("%s: %s", rd_kafka_err2name(codes[i]), err.text);
        assert_int_equal(waiting(scene), 0);
    }
    expect_published(scene, sizeof codes / sizeof *codes);
}

static void a_producer_that_is_dead_for_ever_is_made_anew(void **state)
{
    static const rd_kafka_resp_err_t codes[] = {
        RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
        RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
        RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
    };
    struct scene *scene = *state;

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char prefix[2] = {(char)('a' + (int)i), '\0'};
        struct err err = {0};

        land(scene, prefix);
        push(scene, PRODUCE, codes[i]);
        if (relay(scene, &err) < 0)
            fail_msg("%s: %s", rd_kafka_err2name(codes[i]), err.text);
        assert_int_equal(waiting(scene), 0);
    }
    expect_published(scene, sizeof codes / sizeof *codes);
}

static void servers_that_are_down_are_waited_for(void **state)
{
    struct scene *scene = *state;
    struct err err = {0};

    land(scene, "a");
    push(scene, INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE);
    rd_kafka_mock_broker_set_down(scene->mock.cluster, 1);
    rd_kafka_mock_broker_set_down(scene->mock.cluster, 2);
    rd_kafka_mock_partition_set_leader(scene->mock.cluster, WORLD_LANDED, 0, 3);
    if (relay(scene, &err) < 0)
        fail_msg("%s", err.text);

    assert_int_equal(waiting(scene), 0);
    rd_kafka_mock_broker_set_up(scene->mock.cluster, 1);
    rd_kafka_mock_broker_set_up(scene->mock.cluster, 2);
    expect_published(scene, 1);
}

/* ---- what it does not mend ---- */

static void a_fault_that_stays_is_told_and_nothing_is_lost(void **state)
{
    static const rd_kafka_resp_err_t codes[] = {
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
    };
    struct scene *scene = *state;

    land(scene, "a");
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct err err = {0};

        push(scene, PRODUCE, codes[i]);
        assert_int_equal(relay(scene, &err), -1);
        assert_int_equal(err.code, ERR_REMOTE);
        assert_false(err.retriable);
        assert_non_null(strstr(err.text, WORLD_LANDED));
        assert_true(waiting(scene) > 0);
    }
    rd_kafka_mock_clear_request_errors(scene->mock.cluster, PRODUCE);
    {
        struct err err = {0};

        if (relay(scene, &err) < 0)
            fail_msg("%s", err.text);
    }
    assert_int_equal(waiting(scene), 0);
    expect_published(scene, 1);
}

/* ---- a server that is not there ---- */

static void nobody_is_reached_and_that_is_told_with_the_address(void **state)
{
    const char *const topics[] = {WORLD_LANDED};
    char brokers[] = "127.0.0.1:1";
    const struct broker_conf conf = {.type = BROKER_KAFKA, .brokers = brokers};
    struct err err = {0};

    (void)state;
    assert_int_equal(broker_prepare(&broker_kafka, &conf, topics, 1, 0, NULL, NULL, &err), -1);
    assert_int_equal(err.code, ERR_NET);
    assert_true(err.retriable);
    assert_non_null(strstr(err.text, "127.0.0.1:1"));
    assert_true(err.hint[0] != '\0');
}

static void a_missing_topic_is_told_with_what_to_run(void **state)
{
    struct scene *scene = *state;
    const char *const topics[] = {WORLD_LANDED, "quakes.elsewhere"};
    struct err err = {0};

    scene->mock.conf.create_topics = false;
    rd_kafka_mock_topic_set_error(scene->mock.cluster, "quakes.elsewhere",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(broker_prepare(&broker_kafka, &scene->mock.conf, topics, 2, 0, NULL, NULL,
                                    &err),
                     -1);
    assert_int_equal(err.code, ERR_REMOTE);
    assert_non_null(strstr(err.text, "\"quakes.elsewhere\" does not exist"));
    assert_non_null(strstr(err.hint, "kafka-topics.sh"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_fault_that_passes_is_waited_out),
        TEST(a_producer_that_is_dead_for_ever_is_made_anew),
        TEST(servers_that_are_down_are_waited_for),
        TEST(a_fault_that_stays_is_told_and_nothing_is_lost),
        TEST(nobody_is_reached_and_that_is_told_with_the_address),
        TEST(a_missing_topic_is_told_with_what_to_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
