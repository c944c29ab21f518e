/*
 * What Kafka's errors mean for the relay and for a consumer, code by code, over librdkafka's mock cluster: all that
 * waiting mends is waited out, all else is told; nothing leaves the outbox that no server has confirmed, and no
 * message is passed over.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "broker/broker.h"
#include "db/outbox.h"
#include "db/step.h"
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

/* Kafka's numbers of its requests. */
#define PRODUCE 0
#define FETCH 1
#define LIST_OFFSETS 2
#define OFFSET_COMMIT 8
#define OFFSET_FETCH 9
#define FIND_COORDINATOR 10
#define JOIN_GROUP 11
#define HEARTBEAT 12
#define SYNC_GROUP 14
#define INIT_PRODUCER_ID 22

#define REFERENCES 5
#define PATIENCE_MS 30000 /* within which what passes has passed */

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

/* All of that kind do: who is not let in is not let in at the second try either. */
static void push_for_ever(struct scene *scene, int api, rd_kafka_resp_err_t code)
{
    for (int i = 0; i < 100; i++)
        push(scene, api, code);
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
        RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_UNKNOWN, /* a full disk */
        RD_KAFKA_RESP_ERR_INVALID_MSG,
        RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED,
        RD_KAFKA_RESP_ERR_NOT_CONTROLLER,
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
        RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING,
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
        RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR,
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

/* ---- the consumer ---- */

static void open_consumer(struct scene *scene, const char *group, struct broker *broker)
{
    struct err err = {0};

    if (broker_open(broker, &broker_kafka, &scene->mock.conf, &scene->journal, group, WORLD_LANDED,
                    &err) < 0)
        fail_msg("%s", err.text);
}

/* Publishes five more. */
static void publish(struct scene *scene, const char *prefix)
{
    struct err err = {0};

    land(scene, prefix);
    if (relay(scene, &err) < 0)
        fail_msg("%s", err.text);
}

static void work_off(struct scene *scene, struct broker *broker, const char *group,
                     struct message *message_taken)
{
    AUTO(step) step = {0};
    struct err err = {0};
    const int known = messages_is_consumed(&scene->journal, group, message_taken->id, &err);

    step_open(&step);
    step_add_consumed(&step, &(struct step_consumed){.group = group,
                                                     .topic = WORLD_LANDED,
                                                     .id = message_taken->id,
                                                     .offset = message_taken->offset});
    if (known < 0 || (known == 0 && step_commit(&step, &scene->journal, NULL, &err) < 0) ||
        broker_commit(broker, message_taken, &err) < 0)
        fail_msg("%s", err.text);
    message_close(message_taken);
}

/* Works off what comes until nothing is left to do; returns how many came, -1 a fault was told. */
static int drain(struct scene *scene, struct broker *broker, const char *group, struct err *err)
{
    const int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    int64_t lag = -1;
    int count = 0;

    while (lag != 0 && clock_monotonic_ms() < until_ms) {
        struct message message = {0};
        const int got = broker_fetch(broker, 1, 50, &message, err);

        TRY(got);
        if (got == 1)
            work_off(scene, broker, group, &message);
        count += got;
        if (got == 0)
            TRY(broker_lag(broker, &lag, err));
    }
    return lag == 0 ? count : err_set(err, ERR_NET, "%d messages came, and not all", count);
}

static void expect_drained(struct scene *scene, struct broker *broker, const char *group, int least,
                           rd_kafka_resp_err_t code)
{
    struct err err = {0};
    const int count = drain(scene, broker, group, &err);

    if (count < least)
        fail_msg("%s: %d came: %s", rd_kafka_err2name(code), count, err.text);
}

static void a_group_is_joined_through_faults_that_pass(void **state)
{
    struct scene *scene = *state;
    AUTO(broker) broker = {0};

    publish(scene, "a");
    push(scene, FIND_COORDINATOR, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE);
    push(scene, JOIN_GROUP, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
    push(scene, JOIN_GROUP, RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
    push(scene, SYNC_GROUP, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS);
    push(scene, SYNC_GROUP, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
    push(scene, OFFSET_FETCH, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
    push(scene, OFFSET_FETCH, RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
    push(scene, OFFSET_FETCH, RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT);
    push(scene, LIST_OFFSETS, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    push(scene, LIST_OFFSETS, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
    open_consumer(scene, "g", &broker);

    expect_drained(scene, &broker, "g", REFERENCES, RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* Each code meets a consumer that is at work. */
static void expect_passed(struct scene *scene, int api, const rd_kafka_resp_err_t *codes,
                          size_t count)
{
    AUTO(broker) broker = {0};

    open_consumer(scene, "g", &broker);
    for (size_t i = 0; i < count; i++) {
        char prefix[2] = {(char)('a' + (int)i), '\0'};

        push(scene, api, codes[i]);
        publish(scene, prefix);
        expect_drained(scene, &broker, "g", REFERENCES, codes[i]);
    }
}

static void a_fault_of_fetching_that_passes_is_waited_out(void **state)
{
    static const rd_kafka_resp_err_t codes[] = {
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
        RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
        RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
        RD_KAFKA_RESP_ERR_UNKNOWN,
        RD_KAFKA_RESP_ERR__TRANSPORT,
    };

    expect_passed(*state, FETCH, codes, sizeof codes / sizeof *codes);
}

static void a_fault_of_committing_that_passes_loses_no_offset(void **state)
{
    static const rd_kafka_resp_err_t codes[] = {
        RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        RD_KAFKA_RESP_ERR__TRANSPORT,
    };

    expect_passed(*state, OFFSET_COMMIT, codes, sizeof codes / sizeof *codes);
}

static void a_member_that_was_left_out_joins_again(void **state)
{
    static const rd_kafka_resp_err_t codes[] = {
        RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
        RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
        RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
    };

    expect_passed(*state, HEARTBEAT, codes, sizeof codes / sizeof *codes);
}

/* Waits until all have come. */
static void fetch_all(struct broker *broker, struct message *ret_messages)
{
    const int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    int count = 0;

    while (count < REFERENCES && clock_monotonic_ms() < until_ms) {
        struct err err = {0};
        const int got =
            broker_fetch(broker, (size_t)(REFERENCES - count), 50, ret_messages + count, &err);

        if (got < 0)
            fail_msg("%s", err.text);
        count += got;
    }
    assert_int_equal(count, REFERENCES);
}

/* The partition goes and comes back while all of it is in hand, so it is handed out a second time. */
static void what_is_worked_off_counts_also_if_it_came_again_meanwhile(void **state)
{
    struct scene *scene = *state;
    struct message held[REFERENCES] = {0};
    struct message again[REFERENCES] = {0};
    AUTO(broker) broker = {0};
    struct err err = {0};

    publish(scene, "a");
    open_consumer(scene, "g", &broker);
    fetch_all(&broker, held);
    push(scene, HEARTBEAT, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
    fetch_all(&broker, again);

    for (int i = 0; i < REFERENCES; i++) {
        assert_int_equal(again[i].offset, held[i].offset);
        message_close(&again[i]);
        work_off(scene, &broker, "g", &held[i]);
    }
    assert_int_equal(drain(scene, &broker, "g", &err), 0);
}

static void what_is_not_allowed_is_told_by_fetch(void **state)
{
    static const struct {
        int api;
        rd_kafka_resp_err_t code;
    } faults[] = {
        {FIND_COORDINATOR, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED},
        {JOIN_GROUP, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED},
        {OFFSET_FETCH, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED},
        {FETCH, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED},
    };
    struct scene *scene = *state;

    publish(scene, "a");
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const char group[] = {'g', (char)('0' + (int)i), '\0'};
        AUTO(broker) broker = {0};
        struct err err = {0};

        push_for_ever(scene, faults[i].api, faults[i].code);
        open_consumer(scene, group, &broker);
        if (drain(scene, &broker, group, &err) >= 0)
            fail_msg("%s of request %d was not told", rd_kafka_err2name(faults[i].code),
                     faults[i].api);
        rd_kafka_mock_clear_request_errors(scene->mock.cluster, (int16_t)faults[i].api);
        assert_int_equal(err.code, ERR_REMOTE);
        assert_false(err.retriable);
        assert_non_null(strstr(err.hint, "ACL"));
    }
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
        TEST(a_group_is_joined_through_faults_that_pass),
        TEST(a_fault_of_fetching_that_passes_is_waited_out),
        TEST(a_fault_of_committing_that_passes_loses_no_offset),
        TEST(a_member_that_was_left_out_joins_again),
        TEST(what_is_worked_off_counts_also_if_it_came_again_meanwhile),
        TEST(what_is_not_allowed_is_told_by_fetch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
