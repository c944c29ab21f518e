/*
 * How topics and groups stand, as JSON, by Kafka's admin requests.
 */
#include "base/mem.h"
#include "base/str.h"
#include "broker/kafka_client.h"
#include "broker/kafka_look.h"
#include "broker/kafka_topics.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

struct describing {
    struct kafka_client client;
    const struct broker_scope *scope;
    yyjson_mut_doc *doc;
};

/* Where one topic's partitions end and begin. */
struct extent {
    rd_kafka_topic_partition_list_t *first;
    rd_kafka_topic_partition_list_t *next;
};

static void extent_close(struct extent *extent)
{
    if (extent->first)
        rd_kafka_topic_partition_list_destroy(extent->first);
    if (extent->next)
        rd_kafka_topic_partition_list_destroy(extent->next);
    *extent = (struct extent){0};
}

static int measure(struct describing *d, const char *topic, int partitions,
                   struct extent *ret_extent, struct err *err)
{
    ret_extent->first = rd_kafka_topic_partition_list_new(partitions);
    rd_kafka_topic_partition_list_add_range(ret_extent->first, topic, 0, partitions - 1);
    ret_extent->next = rd_kafka_topic_partition_list_copy(ret_extent->first);
    TRY(kafka_topics_offsets(&d->client, ret_extent->first, RD_KAFKA_OFFSET_BEGINNING, err));
    return kafka_topics_offsets(&d->client, ret_extent->next, RD_KAFKA_OFFSET_END, err);
}

static void put_partitions(struct describing *d, const struct extent *extent, yyjson_mut_val *topic)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(d->doc, topic, "partitions");

    for (int i = 0; i < extent->next->cnt; i++) {
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(d->doc, list);

        yyjson_mut_obj_add_int(d->doc, item, "partition", i);
        yyjson_mut_obj_add_int(d->doc, item, "first", extent->first->elems[i].offset);
        yyjson_mut_obj_add_int(d->doc, item, "next", extent->next->elems[i].offset);
    }
}

/* ---- members ---- */

static void put_member(struct describing *d, const rd_kafka_MemberDescription_t *member,
                       const char *topic, yyjson_mut_val *list)
{
    const rd_kafka_topic_partition_list_t *has =
        rd_kafka_MemberAssignment_partitions(rd_kafka_MemberDescription_assignment(member));
    yyjson_mut_val *item = yyjson_mut_arr_add_obj(d->doc, list);
    const char *host = rd_kafka_MemberDescription_host(member);
    yyjson_mut_val *partitions;

    yyjson_mut_obj_add_strcpy(d->doc, item, "id", rd_kafka_MemberDescription_consumer_id(member));
    yyjson_mut_obj_add_strcpy(d->doc, item, "client", rd_kafka_MemberDescription_client_id(member));
    yyjson_mut_obj_add_strcpy(d->doc, item, "host", *host == '/' ? host + 1 : host);
    partitions = yyjson_mut_obj_add_arr(d->doc, item, "partitions");
    for (int i = 0; has && i < has->cnt; i++)
        if (str_same(has->elems[i].topic, topic))
            yyjson_mut_arr_add_int(d->doc, partitions, has->elems[i].partition);
}

static void put_members(struct describing *d, rd_kafka_event_t *event, const char *topic,
                        yyjson_mut_val *group)
{
    size_t count = 0;
    const rd_kafka_ConsumerGroupDescription_t **found =
        rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(
                                                          event),
                                                      &count);
    yyjson_mut_val *list;

    if (count != 1)
        return;
    yyjson_mut_obj_add_strcpy(d->doc, group, "state",
                              rd_kafka_consumer_group_state_name(
                                  rd_kafka_ConsumerGroupDescription_state(found[0])));
    list = yyjson_mut_obj_add_arr(d->doc, group, "members");
    for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(found[0]); i++)
        put_member(d, rd_kafka_ConsumerGroupDescription_member(found[0], i), topic, list);
}

static int describe_members(struct describing *d, const char *name, const char *topic,
                            yyjson_mut_val *group, struct err *err)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(d->client.rk);
    rd_kafka_event_t *event;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;

    rd_kafka_DescribeConsumerGroups(d->client.rk, &name, 1, NULL, queue);
    event = kafka_client_wait(&d->client, queue, KAFKA_ANSWER_MS);
    if (event)
        code = rd_kafka_event_error(event);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        put_members(d, event, topic, group);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    return code ? kafka_err(&d->client, err, code, NULL, "could not ask for the group's members")
                : 0;
}

/* ---- offsets ---- */

static void put_offsets(struct describing *d, rd_kafka_topic_partition_list_t *committed,
                        const struct extent *extent, yyjson_mut_val *group)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(d->doc, group, "offsets");
    int64_t lag = 0;

    for (int i = 0; i < extent->next->cnt; i++) {
        const rd_kafka_topic_partition_t *at =
            rd_kafka_topic_partition_list_find(committed, extent->next->elems[i].topic, i);
        const bool is_known = at && at->offset >= 0;
        const int64_t from = is_known ? at->offset : extent->first->elems[i].offset;

        if (extent->next->elems[i].offset > from)
            lag += extent->next->elems[i].offset - from;
        if (is_known) {
            yyjson_mut_val *item = yyjson_mut_arr_add_obj(d->doc, list);

            yyjson_mut_obj_add_int(d->doc, item, "partition", i);
            yyjson_mut_obj_add_int(d->doc, item, "offset", at->offset);
        }
    }
    yyjson_mut_obj_add_int(d->doc, group, "lag", lag);
}

static int read_offsets(struct describing *d, rd_kafka_event_t *event, const struct extent *extent,
                        yyjson_mut_val *group, struct err *err)
{
    rd_kafka_resp_err_t code = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    const rd_kafka_group_result_t **found = NULL;
    size_t count = 0;

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        found = rd_kafka_ListConsumerGroupOffsets_result_groups(
            rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
    if (count == 1 && rd_kafka_group_result_error(found[0]))
        code = rd_kafka_error_code(rd_kafka_group_result_error(found[0]));
    if (code)
        return kafka_err(&d->client, err, code, NULL, "could not ask for the group's offsets");
    if (count == 1) {
        rd_kafka_topic_partition_list_t *committed =
            rd_kafka_topic_partition_list_copy(rd_kafka_group_result_partitions(found[0]));

        put_offsets(d, committed, extent, group);
        rd_kafka_topic_partition_list_destroy(committed);
    }
    return 0;
}

static int describe_offsets(struct describing *d, const char *name, const struct extent *extent,
                            yyjson_mut_val *group, struct err *err)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(d->client.rk);
    rd_kafka_topic_partition_list_t *wanted = rd_kafka_topic_partition_list_copy(extent->next);
    rd_kafka_ListConsumerGroupOffsets_t *request =
        rd_kafka_ListConsumerGroupOffsets_new(name, wanted);
    rd_kafka_event_t *event;
    int got;

    rd_kafka_ListConsumerGroupOffsets(d->client.rk, &request, 1, NULL, queue);
    event = kafka_client_wait(&d->client, queue, KAFKA_ANSWER_MS);
    got = read_offsets(d, event, extent, group, err);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    rd_kafka_topic_partition_list_destroy(wanted);
    rd_kafka_queue_destroy(queue);
    return got;
}

/* ---- topics ---- */

static int describe_groups(struct describing *d, const char *topic, const struct extent *extent,
                           yyjson_mut_val *object, struct err *err)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(d->doc, object, "groups");

    for (size_t i = 0; i < d->scope->reader_count; i++) {
        const struct broker_reader *reader = &d->scope->readers[i];
        yyjson_mut_val *group;
        char *name;
        int got;

        if (!str_same(reader->topic, topic))
            continue;
        group = yyjson_mut_arr_add_obj(d->doc, list);
        yyjson_mut_obj_add_strcpy(d->doc, group, "group", reader->group);
        name = mem_fmt("%s.%s", d->scope->pipeline, reader->group);
        got = describe_members(d, name, topic, group, err);
        if (got == 0)
            got = describe_offsets(d, name, extent, group, err);
        free(name);
        TRY(got);
    }
    return 0;
}

static int describe_topic(struct describing *d, const char *topic, yyjson_mut_val *list,
                          struct err *err)
{
    AUTO(extent) extent = {0};
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(d->doc, list);
    int partitions = 0;

    TRY(kafka_topics_look(&d->client, &topic, 1, &partitions, err));
    yyjson_mut_obj_add_strcpy(d->doc, object, "topic", topic);
    if (partitions == 0) {
        yyjson_mut_obj_add_str(d->doc, object, "error", "does not exist");
        return 0;
    }
    TRY(measure(d, topic, partitions, &extent, err));
    put_partitions(d, &extent, object);
    return describe_groups(d, topic, &extent, object, err);
}

static int describe_servers(struct describing *d, yyjson_mut_val *list, struct err *err)
{
    const struct rd_kafka_metadata *metadata;
    const rd_kafka_resp_err_t code =
        rd_kafka_metadata(d->client.rk, 0, NULL, &metadata, KAFKA_ANSWER_MS);

    if (code)
        return kafka_err(&d->client, err, code, NULL, "could not ask for the servers");
    for (int i = 0; i < metadata->broker_cnt; i++) {
        char *address = mem_fmt("%s:%d", metadata->brokers[i].host, metadata->brokers[i].port);

        yyjson_mut_arr_add_strcpy(d->doc, list, address);
        free(address);
    }
    rd_kafka_metadata_destroy(metadata);
    return 0;
}

static int describe(struct describing *d, yyjson_mut_val *object, struct err *err)
{
    yyjson_mut_val *servers = yyjson_mut_obj_add_arr(d->doc, object, "brokers");
    yyjson_mut_val *topics = yyjson_mut_obj_add_arr(d->doc, object, "topics");

    for (size_t i = 0; i < d->scope->topic_count; i++)
        TRY(describe_topic(d, d->scope->topics[i], topics, err));
    return describe_servers(d, servers, err);
}

int kafka_describe(const struct broker_conf *conf, const struct broker_scope *scope,
                   struct json_out *out, yyjson_mut_val *object, struct err *err)
{
    struct describing d = {.scope = scope, .doc = out->doc};
    int got;

    TRY(kafka_client_open(&d.client, conf, &(struct kafka_client_make){.type = RD_KAFKA_PRODUCER},
                          err));
    got = describe(&d, object, err);
    kafka_client_close(&d.client);
    return got;
}
