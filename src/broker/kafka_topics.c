/*
 * Looking for topics and making them, by Kafka's admin requests.
 */
#include "broker/kafka_topics.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/stop.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define PAUSE_MS 200    /* before the server is asked again */
#define SLICE_MS 250    /* of waiting for an answer */
#define SPREAD_MS 30000 /* until every server of the cluster knows of a topic that was made */
#define FOR_EVER "-1"   /* of retention.ms */

/* ---- looking ---- */

static int no_answer(struct kafka_client *client, struct err *err)
{
    const char *brokers = client->conf->brokers;

    if (stop_asked())
        return err_set(err, ERR_STOPPED, "stopped while waiting for Kafka at \"%s\"", brokers);
    if (kafka_client_trouble(client, err)) /* the reason is known */
        return err_wrap(err, "\"%s\"", brokers);
    kafka_err(client, err, RD_KAFKA_RESP_ERR__TIMED_OUT, "no answer", "Kafka");
    return err_wrap(err, "\"%s\"", brokers);
}

static int read_topic(struct kafka_client *client, const struct rd_kafka_metadata_topic *topic,
                      int *ret_partitions, struct err *err)
{
    char *doing;

    if (topic->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
        topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        topic->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC) {
        *ret_partitions = topic->err ? 0 : topic->partition_cnt;
        return 0;
    }
    doing = mem_fmt("could not look at the topic \"%s\"", topic->topic);
    kafka_err(client, err, topic->err, NULL, doing);
    free(doing);
    return -1;
}

/* A consumer's callbacks are served by who polls it. */
static void serve(struct kafka_client *client)
{
    if (rd_kafka_type(client->rk) == RD_KAFKA_PRODUCER)
        rd_kafka_poll(client->rk, 0);
}

/* Whether something was told that no waiting mends. */
static bool is_refused(struct kafka_client *client)
{
    struct err trouble = {0};

    return kafka_client_trouble(client, &trouble) == 1 && !trouble.retriable;
}

/* In short slices, since librdkafka waits for a server without looking at anything else. */
static int ask_metadata(struct kafka_client *client, const char *name,
                        const struct rd_kafka_metadata **ret_metadata, struct err *err)
{
    const int64_t began_ms = clock_monotonic_ms();
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client->rk, name, NULL);
    rd_kafka_resp_err_t code;

    do {
        code = rd_kafka_metadata(client->rk, 0, topic, ret_metadata, SLICE_MS);
        if (code)
            kafka_client_revive(client);
        serve(client);
    } while (code && clock_monotonic_ms() - began_ms < KAFKA_ANSWER_MS && !is_refused(client) &&
             !kafka_client_is_down(client, began_ms) && !stop_asked());
    rd_kafka_topic_destroy(topic);
    if (code)
        return no_answer(client, err);
    kafka_client_forget_trouble(client);
    return 0;
}

int kafka_topics_look(struct kafka_client *client, const char *const *topics, size_t count,
                      int *ret_partitions, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct rd_kafka_metadata *metadata;
        int got = 0;

        TRY(ask_metadata(client, topics[i], &metadata, err));
        ret_partitions[i] = 0;
        if (metadata->topic_cnt == 1)
            got = read_topic(client, &metadata->topics[0], &ret_partitions[i], err);
        rd_kafka_metadata_destroy(metadata);
        TRY(got);
    }
    return 0;
}

static bool is_unknown(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

int kafka_topics_offsets(struct kafka_client *client, rd_kafka_topic_partition_list_t *list,
                         int64_t which, struct err *err)
{
    rd_kafka_resp_err_t code;

    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = which;
    code = rd_kafka_offsets_for_times(client->rk, list, KAFKA_ANSWER_MS);
    for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        code = list->elems[i].err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    kafka_client_revive(client);
    kafka_err(client, err, code, NULL, "could not ask for the offsets of the topic");
    if (is_unknown(code)) { /* whether it is gone is not told by this */
        err->code = ERR_NET;
        err->retriable = true;
    }
    return -1;
}

/* ---- making ---- */

static rd_kafka_NewTopic_t *new_topic(struct kafka_client *client, const char *name,
                                      struct err *err)
{
    const struct broker_conf *conf = client->conf;
    char why[256] = "";
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(name, (int)conf->partitions,
                              conf->replication > 0 ? (int)conf->replication : -1, why, sizeof why);

    if (topic == NULL) {
        err_set(err, ERR_USAGE, "could not make the topic \"%s\": %s", name, why);
        return NULL;
    }
    rd_kafka_NewTopic_set_config(topic, "retention.ms", FOR_EVER);
    rd_kafka_NewTopic_set_config(topic, "retention.bytes", FOR_EVER);
    rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "delete");
    return topic;
}

/* Another process may have made it at the same time. */
static int read_made(struct kafka_client *client, rd_kafka_event_t *event, const char *name,
                     bool *ret_made, struct err *err)
{
    const rd_kafka_topic_result_t **results;
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const char *said = rd_kafka_event_error_string(event);
    size_t count = 0;
    char *doing;

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        if (count == 1) {
            code = rd_kafka_topic_result_error(results[0]);
            said = rd_kafka_topic_result_error_string(results[0]);
        }
    }
    *ret_made = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (*ret_made || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return 0;
    doing = mem_fmt("could not make the topic \"%s\"", name);
    kafka_err(client, err, code, said, doing);
    free(doing);
    return -1;
}

static int make_topic(struct kafka_client *client, const char *name, bool *ret_made,
                      struct err *err)
{
    rd_kafka_NewTopic_t *topic = new_topic(client, name, err);
    rd_kafka_queue_t *queue;
    rd_kafka_AdminOptions_t *options;
    rd_kafka_event_t *event;
    char ignored[64];
    int got;

    if (topic == NULL)
        return -1;
    queue = rd_kafka_queue_new(client->rk);
    options = rd_kafka_AdminOptions_new(client->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_operation_timeout(options, SPREAD_MS, ignored, sizeof ignored);
    rd_kafka_CreateTopics(client->rk, &topic, 1, options, queue);
    event = kafka_client_wait(client, queue, SPREAD_MS + KAFKA_ANSWER_MS);
    got = event ? read_made(client, event, name, ret_made, err) : no_answer(client, err);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    if (got == 0 && *ret_made)
        log_info("made the topic \"%s\" with %d partitions", name, (int)client->conf->partitions);
    return got;
}

/* ---- preparing ---- */

struct wanted {
    const char *const *names;
    size_t count;
    int *partitions; /* 0: it is missing */
    bool *made;
};

/* 1 all are there, 0 some were just made. */
static int look_and_make(struct kafka_client *client, struct wanted *wanted, struct err *err)
{
    int are_there = 1;

    TRY(kafka_topics_look(client, wanted->names, wanted->count, wanted->partitions, err));
    kafka_say_back(client->conf);
    for (size_t i = 0; i < wanted->count; i++) {
        bool made = false;

        if (wanted->partitions[i] > 0)
            continue;
        if (!client->conf->create_topics)
            return kafka_err_no_topic(client, err, wanted->names[i]);
        TRY(make_topic(client, wanted->names[i], &made, err));
        wanted->made[i] = wanted->made[i] || made;
        are_there = 0;
    }
    return are_there;
}

static int prepare(struct kafka_client *client, struct wanted *wanted, int wait_ms, struct err *err)
{
    const int64_t until_ms = clock_monotonic_ms() + wait_ms;
    int64_t spread_ms = clock_monotonic_ms() + SPREAD_MS;

    for (;;) {
        const int got = look_and_make(client, wanted, err);

        if (got < 0) /* a server that was away spreads nothing meanwhile */
            spread_ms = clock_monotonic_ms() + SPREAD_MS;
        if (got > 0 || (got < 0 && !err->retriable))
            return got < 0 ? -1 : 0;
        if (got < 0 && wait_ms != BROKER_FOR_EVER && clock_monotonic_ms() >= until_ms)
            return -1;
        if (got == 0 && clock_monotonic_ms() >= spread_ms)
            return err_set(err, ERR_REMOTE, "topics were made on \"%s\", but do not appear",
                           client->conf->brokers);
        if (got < 0)
            kafka_say_away(client->conf, err->text);
        if (stop_wait_ms(PAUSE_MS))
            return err_set(err, ERR_STOPPED, "stopped while waiting for Kafka at \"%s\"",
                           client->conf->brokers);
    }
}

static void read_ids(rd_kafka_event_t *event, const struct wanted *wanted,
                     char (*ret_ids)[BROKER_ID])
{
    const rd_kafka_TopicDescription_t **found;
    size_t count = 0;

    found =
        rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event), &count);
    for (size_t i = 0; i < wanted->count; i++)
        for (size_t j = 0; j < count; j++) {
            const rd_kafka_Uuid_t *id = rd_kafka_TopicDescription_topic_id(found[j]);

            if (id && str_same(rd_kafka_TopicDescription_name(found[j]), wanted->names[i]) &&
                !rd_kafka_error_code(rd_kafka_TopicDescription_error(found[j])))
                snprintf(ret_ids[i], BROKER_ID, "%s", rd_kafka_Uuid_base64str(id));
        }
}

/* Servers before 2.8 have none. */
static void find_ids(struct kafka_client *client, const struct wanted *wanted,
                     char (*ret_ids)[BROKER_ID])
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client->rk);
    const char **names = mem_alloc(wanted->count * sizeof *names);
    rd_kafka_TopicCollection_t *topics;
    rd_kafka_event_t *event;

    for (size_t i = 0; i < wanted->count; i++)
        names[i] = wanted->names[i];
    topics = rd_kafka_TopicCollection_of_topic_names(names, wanted->count);
    rd_kafka_DescribeTopics(client->rk, topics, NULL, queue);
    event = kafka_client_wait(client, queue, KAFKA_ANSWER_MS);
    if (event && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR)
        read_ids(event, wanted, ret_ids);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_TopicCollection_destroy(topics);
    rd_kafka_queue_destroy(queue);
    free(names);
}

int kafka_prepare(const struct broker_conf *conf, const char *const *topics, size_t count,
                  int wait_ms, bool *ret_made, char (*ret_ids)[BROKER_ID], struct err *err)
{
    const struct kafka_client_make make = {.type = RD_KAFKA_PRODUCER};
    AUTO(kafka_client) client = {0};
    struct wanted wanted = {.names = topics, .count = count};
    int got;

    TRY(kafka_client_open(&client, conf, &make, err));
    wanted.partitions = mem_alloc(count * sizeof *wanted.partitions);
    wanted.made = mem_alloc(count * sizeof *wanted.made);
    got = prepare(&client, &wanted, wait_ms, err);
    for (size_t i = 0; got == 0 && ret_made && i < count; i++)
        ret_made[i] = wanted.made[i];
    if (got == 0 && ret_ids)
        find_ids(&client, &wanted, ret_ids);
    free(wanted.partitions);
    free(wanted.made);
    return got;
}
