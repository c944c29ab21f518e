/*
 * riacho status and riacho files: what the journal knows, for people and for programs.
 */
#include "base/str.h"
#include "cmd/cmd_look.h"
#include "cmd/server_report.h"
#include "cmd/show.h"
#include "db/messages.h"
#include "db/report.h"
#include "river/export.h"
#include "river/river.h"
#include "river/stream_record.h"
#include "river/transform.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define RUNS_SHOWN 5
#define FILES_SHOWN 200

const struct cmd_option files_options[] = {
    {"stage", 0, "extract|transform|export", "Files of that stage; of transform if not given."},
    {"of", 0, "NAME", "Only of this resource or table."},
    {"all", 0, NULL, "All of them, not just the last 200."},
    {NULL, 0, NULL, NULL},
};

struct section {
    const char *title;
    const char *key;
    const struct show_column *columns;
};

static const struct show_column run_columns[] = {
    {"run", "number", SHOW_COUNT},
    {"resource", "resource", SHOW_TEXT},
    {"status", "status", SHOW_TEXT},
    {"started", "started", SHOW_TEXT},
    {"ended", "ended", SHOW_TEXT},
    {"pages to", "last_page", SHOW_COUNT},
    {"why it ended", "why", SHOW_TEXT},
    {"error", "error", SHOW_TEXT},
    {NULL, NULL, SHOW_TEXT},
};

static const struct show_column resource_columns[] = {
    {"resource", "name", SHOW_TEXT}, {"files", "files", SHOW_COUNT},
    {"rows", "rows", SHOW_COUNT},    {"bytes", "bytes", SHOW_BYTES},
    {"cursor", "cursor", SHOW_JSON}, {"unfinished", "unfinished", SHOW_JSON},
    {NULL, NULL, SHOW_TEXT},
};

static const struct show_column topic_columns[] = {
    {"topic", "topic", SHOW_TEXT}, {"messages", "messages", SHOW_COUNT},
    {"group", "group", SHOW_TEXT}, {"lag", "lag", SHOW_COUNT},
    {NULL, NULL, SHOW_TEXT},
};

/* Of a broker that is a server. */
static const struct show_column server_topic_columns[] = {
    {"topic", "topic", SHOW_TEXT},
    {"partitions", "partitions", SHOW_COUNT},
    {"messages", "messages", SHOW_COUNT},
    {"group", "group", SHOW_TEXT},
    {"lag", "lag", SHOW_COUNT},
    {"members", "members", SHOW_COUNT},
    {NULL, NULL, SHOW_TEXT},
};

static const struct show_column member_columns[] = {
    {"group", "group", SHOW_TEXT}, {"member", "client", SHOW_TEXT},
    {"host", "host", SHOW_TEXT},   {"reads partitions", "partitions", SHOW_JSON},
    {NULL, NULL, SHOW_TEXT},
};

static const struct show_column table_columns[] = {
    {"table", "name", SHOW_TEXT},       {"files", "files", SHOW_COUNT},
    {"rows", "rows", SHOW_COUNT},       {"bytes", "bytes", SHOW_BYTES},
    {"columns", "columns", SHOW_COUNT}, {NULL, NULL, SHOW_TEXT},
};

static const struct show_column export_columns[] = {
    {"export", "name", SHOW_TEXT}, {"table", "table", SHOW_TEXT},  {"files", "files", SHOW_COUNT},
    {"rows", "rows", SHOW_COUNT},  {"bytes", "bytes", SHOW_BYTES}, {NULL, NULL, SHOW_TEXT},
};

static const struct show_column stream_columns[] = {
    {"table", "table", SHOW_TEXT},
    {"query", "status", SHOW_TEXT},
    {"id", "query_id", SHOW_TEXT},
    {"batches", "batches", SHOW_COUNT},
    {"rows read", "rows", SHOW_COUNT},
    {"rows/s", "rows_per_s", SHOW_COUNT},
    {"last batch", "last_progress", SHOW_TEXT},
    {"error", "error", SHOW_TEXT},
    {NULL, NULL, SHOW_TEXT},
};

static const struct section sections[] = {
    {"Last runs", "runs", run_columns},     {"Landed", "resources", resource_columns},
    {"Topics", "topics", topic_columns},    {"Consumers", "members", member_columns},
    {"Tables", "tables", table_columns},    {"Streaming queries", "streams", stream_columns},
    {"Exports", "exports", export_columns},
};

/* What the server's part of the report adds in words. */
static void put_server(struct buf *to, yyjson_mut_val *root, const char *broker)
{
    yyjson_mut_val *error = yyjson_mut_obj_get(yyjson_mut_obj_get(root, broker), "error");
    const int64_t waiting = yyjson_mut_get_sint(yyjson_mut_obj_get(root, "outbox"));

    if (error)
        buf_printf(to, "\nThe broker could not be asked: %s\n", yyjson_mut_get_str(error));
    if (waiting > 0)
        buf_printf(to, "\n%" PRId64 " reference%s to be sent\n", waiting,
                   waiting == 1 ? " waits" : "s wait");
}

static void print_status(const struct river *river, yyjson_mut_val *root, const char *file)
{
    AUTO(buf) text = {0};
    const bool is_server = yyjson_mut_obj_get(root, "members") != NULL;
    const int64_t dead = yyjson_mut_get_sint(yyjson_mut_obj_get(root, "dead"));

    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        yyjson_mut_val *list = yyjson_mut_obj_get(root, sections[i].key);

        if (yyjson_mut_arr_size(list) == 0)
            continue;
        buf_printf(&text, "%s%s\n", text.size ? "\n" : "", sections[i].title);
        show_put(&text, list,
                 is_server && sections[i].columns == topic_columns ? server_topic_columns
                                                                   : sections[i].columns,
                 NULL);
    }
    put_server(&text, root, river->broker_ops->name);
    if (dead > 0)
        buf_printf(&text, "\n%" PRId64 " open dead letter%s: riacho dead list %s\n", dead,
                   str_plural(dead), file);
    fputs(buf_text(&text), stdout);
}

static void add_text(struct json_out *report, yyjson_mut_val *object, const char *key,
                     const char *text)
{
    if (text)
        yyjson_mut_obj_put(object, yyjson_mut_str(report->doc, key),
                           yyjson_mut_strcpy(report->doc, text));
}

static bool row_is(yyjson_mut_val *row, const char *topic, const char *group)
{
    return str_same(yyjson_mut_get_str(yyjson_mut_obj_get(row, "topic")), topic) &&
           str_same(yyjson_mut_get_str(yyjson_mut_obj_get(row, "group")), group);
}

/* The row of a topic and a group (NULL: the one of a topic that no group has read), or NULL. */
static yyjson_mut_val *find_row(yyjson_mut_val *topics, const char *topic, const char *group)
{
    size_t index;
    size_t count;
    yyjson_mut_val *row;

    yyjson_mut_arr_foreach(topics, index, count, row) if (row_is(row, topic, group)) return row;
    return NULL;
}

/* A group that has not begun yet lags by the whole topic, which the journal cannot know. */
static int add_lag(struct river *river, struct json_out *report, const char *topic,
                   const char *group, struct err *err)
{
    yyjson_mut_val *topics = yyjson_mut_obj_get(yyjson_mut_doc_get_root(report->doc), "topics");
    yyjson_mut_val *row = find_row(topics, topic, NULL);
    int64_t lag;

    if (row == NULL || find_row(topics, topic, group))
        return 0;
    TRY(messages_lag(&river->journal, group, topic, &lag, err));
    row = yyjson_mut_val_mut_copy(report->doc, row);
    add_text(report, row, "group", group);
    yyjson_mut_obj_put(row, yyjson_mut_str(report->doc, "lag"), yyjson_mut_sint(report->doc, lag));
    yyjson_mut_arr_append(topics, row);
    return 0;
}

/* The rows without a group have served. */
static void drop_groupless(struct json_out *report, const char *topic)
{
    yyjson_mut_val *topics = yyjson_mut_obj_get(yyjson_mut_doc_get_root(report->doc), "topics");

    for (size_t i = yyjson_mut_arr_size(topics); i-- > 0;)
        if (row_is(yyjson_mut_arr_get(topics, i), topic, NULL))
            yyjson_mut_arr_remove(topics, i);
}

static int add_idle_groups(struct river *river, struct json_out *report, struct err *err)
{
    TRY(add_lag(river, report, river->landed_topic, TRANSFORM_GROUP, err));
    drop_groupless(report, river->landed_topic);
    for (size_t i = 0; i < river->conf.export_count; i++) {
        char *group = export_group_of(&river->conf.exports[i]);
        const int added = add_lag(river, report, river->adjusted_topic, group, err);

        free(group);
        TRY(added);
    }
    if (river->conf.export_count > 0)
        drop_groupless(report, river->adjusted_topic);
    return 0;
}

int cmd_status(const struct cmd_line *line, struct err *err)
{
    AUTO(river) river = {0};
    AUTO(json_out) report = {0};

    TRY(river_open(&river, line->args[0], RIVER_LOOK, err));
    TRY(report_status(&river.journal, RUNS_SHOWN, &report, err));
    TRY(river.broker_ops->describe ? server_report_add(&river, &report, err)
                                   : add_idle_groups(&river, &report, err));
    TRY(stream_records_report(&river.journal, &report, err));
    if (line->json)
        show_json(&report);
    else
        print_status(&river, yyjson_mut_doc_get_root(report.doc), line->args[0]);
    return 0;
}

/* ---- files ---- */

static const struct show_column file_columns[] = {
    {"file", "path", SHOW_TEXT},
    {"rows", "rows", SHOW_COUNT},
    {"bytes", "bytes", SHOW_BYTES},
    {"pages", "pages", SHOW_TEXT},
    {"made from", "made_from", SHOW_TEXT},
    {"first request", "first_request", SHOW_TEXT},
    {NULL, NULL, SHOW_TEXT},
};

/* The lineage in one row: pages and request stand at the landing file, which may be the file itself. */
static void flatten_lineage(struct json_out *report, yyjson_mut_val *file)
{
    yyjson_mut_val *origins = yyjson_mut_obj_get(file, "origins");
    yyjson_mut_val *origin = yyjson_mut_arr_get_first(origins);
    yyjson_mut_val *from = origin ? origin : file;
    const int64_t first = yyjson_mut_get_sint(yyjson_mut_obj_get(from, "first_page"));
    const int64_t last = yyjson_mut_get_sint(yyjson_mut_obj_get(from, "last_page"));
    char pages[64];

    if (first == last)
        snprintf(pages, sizeof pages, "%" PRId64, first);
    else
        snprintf(pages, sizeof pages, "%" PRId64 "–%" PRId64, first, last);
    if (first > 0)
        add_text(report, file, "pages", pages);
    if (origin)
        add_text(report, file, "made_from", yyjson_mut_get_str(yyjson_mut_obj_get(origin, "path")));
    add_text(report, file, "first_request",
             yyjson_mut_get_str(yyjson_mut_obj_get(from, "request")));
}

static yyjson_mut_val *files_of(const struct json_out *report)
{
    return yyjson_mut_obj_get(yyjson_mut_doc_get_root(report->doc), "files");
}

static void print_files(struct json_out *report)
{
    yyjson_mut_val *files = files_of(report);
    AUTO(buf) text = {0};
    size_t index;
    size_t count;
    yyjson_mut_val *file;

    yyjson_mut_arr_foreach(files, index, count, file) flatten_lineage(report, file);
    show_put(&text, files, file_columns, "no files yet");
    fputs(buf_text(&text), stdout);
}

static bool is_stage(const char *stage)
{
    return str_same(stage, "extract") || str_same(stage, "transform") || str_same(stage, "export");
}

int cmd_files(const struct cmd_line *line, struct err *err)
{
    const char *given = cmd_value(line, "stage");
    const char *stage = given ? given : "transform";
    const char *of = cmd_value(line, "of");
    AUTO(river) river = {0};
    AUTO(json_out) report = {0};

    if (!is_stage(stage))
        return err_set(err, ERR_USAGE, "--stage is extract, transform or export, not \"%s\"",
                       stage);
    TRY(river_open(&river, line->args[0], RIVER_LOOK, err));
    TRY(report_files(&river.journal, stage, of, 0,
                     cmd_flag(line, "all") || line->json ? INT64_MAX : FILES_SHOWN, &report, err));
    if (of && yyjson_mut_arr_size(files_of(&report)) == 0)
        TRY(str_same(stage, "extract") ? pipeline_check_resource(&river.conf, of, err)
                                       : pipeline_check_table(&river.conf, of, err));
    if (line->json)
        show_json(&report);
    else
        print_files(&report);
    return 0;
}
