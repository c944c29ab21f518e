/*
 * The server's topics, groups and members as rows.
 */
#include "cmd/server_report.h"

#include "db/outbox.h"
#include "river/readers.h"

#include "base/banned.h"

static void put(struct json_out *report, yyjson_mut_val *object, const char *key,
                yyjson_mut_val *value)
{
    yyjson_mut_obj_put(object, yyjson_mut_str(report->doc, key), value);
}

/* ---- rows ---- */

static int64_t count_messages(yyjson_mut_val *topic)
{
    int64_t messages = 0;
    yyjson_mut_val *partition;
    size_t i;
    size_t count;

    yyjson_mut_arr_foreach(yyjson_mut_obj_get(topic, "partitions"), i, count, partition) messages +=
        yyjson_mut_get_sint(yyjson_mut_obj_get(partition, "next")) -
        yyjson_mut_get_sint(yyjson_mut_obj_get(partition, "first"));
    return messages;
}

static yyjson_mut_val *add_row(struct json_out *report, yyjson_mut_val *rows, yyjson_mut_val *topic)
{
    yyjson_mut_val *row = yyjson_mut_arr_add_obj(report->doc, rows);
    yyjson_mut_val *partitions = yyjson_mut_obj_get(topic, "partitions");

    put(report, row, "topic",
        yyjson_mut_val_mut_copy(report->doc, yyjson_mut_obj_get(topic, "topic")));
    if (partitions) {
        put(report, row, "partitions",
            yyjson_mut_sint(report->doc, (int64_t)yyjson_mut_arr_size(partitions)));
        put(report, row, "messages", yyjson_mut_sint(report->doc, count_messages(topic)));
    }
    return row;
}

static void add_members(struct json_out *report, yyjson_mut_val *rows, yyjson_mut_val *group)
{
    yyjson_mut_val *member;
    size_t i;
    size_t count;

    yyjson_mut_arr_foreach(yyjson_mut_obj_get(group, "members"), i, count, member)
    {
        yyjson_mut_val *row = yyjson_mut_val_mut_copy(report->doc, member);

        put(report, row, "group",
            yyjson_mut_val_mut_copy(report->doc, yyjson_mut_obj_get(group, "group")));
        yyjson_mut_arr_append(rows, row);
    }
}

static void add_group(struct json_out *report, yyjson_mut_val *row, yyjson_mut_val *group)
{
    static const char *const same[] = {"group", "lag", "state"};

    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (yyjson_mut_obj_get(group, same[i]))
            put(report, row, same[i],
                yyjson_mut_val_mut_copy(report->doc, yyjson_mut_obj_get(group, same[i])));
    put(report, row, "members",
        yyjson_mut_sint(report->doc,
                        (int64_t)yyjson_mut_arr_size(yyjson_mut_obj_get(group, "members"))));
}

static void add_topic(struct json_out *report, yyjson_mut_val *rows, yyjson_mut_val *members,
                      yyjson_mut_val *topic)
{
    yyjson_mut_val *groups = yyjson_mut_obj_get(topic, "groups");
    yyjson_mut_val *group;
    size_t i;
    size_t count;

    if (yyjson_mut_arr_size(groups) == 0)
        add_row(report, rows, topic);
    yyjson_mut_arr_foreach(groups, i, count, group)
    {
        add_group(report, add_row(report, rows, topic), group);
        add_members(report, members, group);
    }
}

static void add_topics(struct json_out *report, yyjson_mut_val *server)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(report->doc);
    yyjson_mut_val *rows = yyjson_mut_arr(report->doc);
    yyjson_mut_val *members = yyjson_mut_arr(report->doc);
    yyjson_mut_val *topic;
    size_t i;
    size_t count;

    yyjson_mut_arr_foreach(yyjson_mut_obj_get(server, "topics"), i, count, topic)
        add_topic(report, rows, members, topic);
    put(report, root, "topics", rows);
    put(report, root, "members", members);
}

/* ---- asking ---- */

static void ask(struct river *river, struct json_out *report, yyjson_mut_val *server)
{
    struct readers readers = {0};
    struct err err = {0};

    readers_open(&readers, river);
    if (readers_describe(&readers, river, report, server, &err) < 0) {
        yyjson_mut_obj_clear(server);
        put(report, server, "error", yyjson_mut_strcpy(report->doc, err.text));
        put(report, server, "hint", yyjson_mut_strcpy(report->doc, err.hint));
    } else {
        add_topics(report, server);
    }
    readers_close(&readers);
}

int server_report_add(struct river *river, struct json_out *report, struct err *err)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(report->doc);
    yyjson_mut_val *server;
    int64_t waiting = 0;

    if (river->broker_ops->describe == NULL)
        return 0;
    TRY(outbox_count(&river->journal, &waiting, err));
    put(report, root, "outbox", yyjson_mut_sint(report->doc, waiting));
    server = yyjson_mut_obj(report->doc);
    put(report, root, river->broker_ops->name, server);
    ask(river, report, server);
    return 0;
}
