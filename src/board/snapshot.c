/*
 * The place is read first: what comes true meanwhile is told again by the events that follow it.
 */
#include "board/snapshot.h"

#include "base/clock.h"
#include "base/str.h"
#include "db/live_file.h"
#include "db/messages.h"
#include "db/report.h"
#include "riacho.h"

#include <string.h>

#include "base/banned.h"

#define RUNS_SHOWN 20

/* ---- topics ---- */

static bool row_is(yyjson_mut_val *row, const struct board_group *of)
{
    return str_same(yyjson_mut_get_str(yyjson_mut_obj_get(row, "topic")), of->topic) &&
           str_same(yyjson_mut_get_str(yyjson_mut_obj_get(row, "group")), of->group);
}

static yyjson_mut_val *find_row(yyjson_mut_val *topics, const struct board_group *of)
{
    size_t i;
    size_t count;
    yyjson_mut_val *row;

    yyjson_mut_arr_foreach(topics, i, count, row) if (row_is(row, of)) return row;
    return NULL;
}

/* A group that has not begun yet lags by the whole topic, which the journal cannot know. */
static int add_idle_group(struct journal *journal, const struct board_group *of,
                          struct json_out *snapshot, struct err *err)
{
    yyjson_mut_val *topics = yyjson_mut_obj_get(yyjson_mut_doc_get_root(snapshot->doc), "topics");
    yyjson_mut_val *topic = find_row(topics, &(struct board_group){of->topic, NULL});
    int64_t lag;

    if (topic == NULL || find_row(topics, of))
        return 0;
    TRY(messages_lag(journal, of->group, of->topic, &lag, err));
    topic = yyjson_mut_val_mut_copy(snapshot->doc, topic);
    yyjson_mut_obj_put(topic, yyjson_mut_str(snapshot->doc, "group"),
                       yyjson_mut_strcpy(snapshot->doc, of->group));
    yyjson_mut_obj_put(topic, yyjson_mut_str(snapshot->doc, "lag"),
                       yyjson_mut_sint(snapshot->doc, lag));
    yyjson_mut_arr_append(topics, topic);
    return 0;
}

/* The row of a topic that nobody has read, if there are rows of its groups now. */
static void drop_groupless(const struct board_group *of, struct json_out *snapshot)
{
    yyjson_mut_val *topics = yyjson_mut_obj_get(yyjson_mut_doc_get_root(snapshot->doc), "topics");

    for (size_t i = yyjson_mut_arr_size(topics); i-- > 0;)
        if (row_is(yyjson_mut_arr_get(topics, i), &(struct board_group){of->topic, NULL}))
            yyjson_mut_arr_remove(topics, i);
}

/* ---- sums ---- */

static int64_t sum_of(yyjson_mut_val *rows, const char *key)
{
    int64_t sum = 0;
    size_t i;
    size_t count;
    yyjson_mut_val *row;

    yyjson_mut_arr_foreach(rows, i, count, row) sum +=
        yyjson_mut_get_sint(yyjson_mut_obj_get(row, key));
    return sum;
}

static void put_totals(struct json_out *snapshot)
{
    static const char *const lists[][2] = {{"landed", "resources"},
                                           {"adjusted", "tables"},
                                           {"exported", "exported"}};
    static const char *const keys[] = {"files", "rows", "bytes"};
    yyjson_mut_val *root = yyjson_mut_doc_get_root(snapshot->doc);
    yyjson_mut_val *totals = yyjson_mut_obj_add_obj(snapshot->doc, root, "totals");

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        yyjson_mut_val *stage = yyjson_mut_obj_add_obj(snapshot->doc, totals, lists[i][0]);

        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            yyjson_mut_obj_add_int(snapshot->doc, stage, keys[k],
                                   sum_of(yyjson_mut_obj_get(root, lists[i][1]), keys[k]));
    }
}

/* ---- live figures ---- */

struct live_reading {
    struct json_out *snapshot;
    yyjson_mut_val *processes;
    yyjson_mut_val *extract; /* of the process that extracts; NULL: none does */
    yyjson_mut_val *growing;
    yyjson_mut_val *rate_budget;
    yyjson_mut_val *transform;
    yyjson_mut_val *exports;
};

static yyjson_mut_val *copy_member(const struct live_reading *reading, yyjson_val *of,
                                   const char *key)
{
    return yyjson_val_mut_copy(reading->snapshot->doc, yyjson_obj_get(of, key));
}

static void take_process(struct live_reading *reading, yyjson_val *live)
{
    static const char *const keys[] = {"process", "pid", "command", "started"};
    yyjson_mut_doc *doc = reading->snapshot->doc;
    yyjson_mut_val *row = yyjson_mut_arr_add_obj(doc, reading->processes);

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        yyjson_mut_obj_add(row, yyjson_mut_str(doc, keys[i]), copy_member(reading, live, keys[i]));
}

/* Several processes may transform: their figures are summed; it runs if one of them runs. */
static void add_consumer(struct live_reading *reading, yyjson_mut_val *sum, yyjson_mut_val *other)
{
    yyjson_mut_doc *doc = reading->snapshot->doc;
    yyjson_mut_obj_iter iter = yyjson_mut_obj_iter_with(other);
    yyjson_mut_val *key;

    while ((key = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        const char *name = yyjson_mut_get_str(key);
        yyjson_mut_val *value = yyjson_mut_obj_iter_get_val(key);
        yyjson_mut_val *before = yyjson_mut_obj_get(sum, name);

        if (yyjson_mut_is_int(value) && !str_same(name, "lag"))
            yyjson_mut_set_sint(before, yyjson_mut_get_sint(before) + yyjson_mut_get_sint(value));
        else if (yyjson_mut_is_real(value))
            yyjson_mut_set_real(before, yyjson_mut_get_num(before) + yyjson_mut_get_num(value));
        else if (str_same(name, "state") && str_same(yyjson_mut_get_str(value), "running"))
            yyjson_mut_obj_put(sum, yyjson_mut_str(doc, "state"), yyjson_mut_str(doc, "running"));
    }
}

static void take_consumer(struct live_reading *reading, yyjson_mut_val **sum, yyjson_mut_val *found)
{
    if (found && *sum)
        add_consumer(reading, *sum, found);
    else if (found)
        *sum = found;
}

static void take_exports(struct live_reading *reading, yyjson_mut_val *found)
{
    size_t i;
    size_t count;
    yyjson_mut_val *export;

    if (reading->exports == NULL) {
        reading->exports = found;
        return;
    }
    yyjson_mut_arr_foreach(found, i, count, export)
        add_consumer(reading, yyjson_mut_arr_get(reading->exports, i), export);
}

/* The first that really extracts counts: another may just find the lock taken. */
static void take_extract(struct live_reading *reading, yyjson_val *live)
{
    if (yyjson_obj_get(live, "extract") == NULL || reading->extract)
        return;
    reading->extract = copy_member(reading, live, "extract");
    reading->growing = copy_member(reading, live, "growing");
    reading->rate_budget = copy_member(reading, live, "rate_budget");
}

static int take_live(void *ctx, const char *text, size_t size, struct err *err)
{
    struct live_reading *reading = ctx;
    AUTO(json) json = {0};
    yyjson_val *live;

    if (json_parse(&json, text, size, err) < 0)
        return 0; /* of another version of this program, perhaps */
    live = json_root(&json);
    take_process(reading, live);
    take_extract(reading, live);
    take_consumer(reading, &reading->transform, copy_member(reading, live, "transform"));
    take_exports(reading, copy_member(reading, live, "exports"));
    return 0;
}

/* ---- where nobody works ---- */

static void put_zeros(yyjson_mut_doc *doc, yyjson_mut_val *to, const char *const *keys,
                      size_t count)
{
    yyjson_mut_obj_add_null(doc, to, "state");
    for (size_t i = 0; i < count; i++)
        yyjson_mut_obj_add_int(doc, to, keys[i], 0);
}

static void put_idle_consumer(yyjson_mut_doc *doc, yyjson_mut_val *to, const char *name)
{
    static const char *const keys[] = {"references", "files", "rows",      "bytes",
                                       "dead",       "lag",   "rows_per_s"};

    yyjson_mut_obj_add_strcpy(doc, to, "name", name);
    put_zeros(doc, to, keys, sizeof keys / sizeof *keys);
}

static void put_idle_extract(yyjson_mut_doc *doc, yyjson_mut_val *to, const char *resource)
{
    static const char *const keys[] = {
        "in_flight",   "requests",   "retries",        "pages",        "records",     "bytes",
        "wire_bytes",  "rows",       "files",          "landed_bytes", "skipped",     "queue_bytes",
        "queue_limit", "waiting_ms", "requests_per_s", "rows_per_s",   "bytes_per_s",
    };

    yyjson_mut_obj_add_strcpy(doc, to, "resource", resource);
    yyjson_mut_obj_add_null(doc, to, "run");
    put_zeros(doc, to, keys, sizeof keys / sizeof *keys);
}

static yyjson_mut_val *idle_extracts(const struct board_setup *setup, yyjson_mut_doc *doc)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);

    for (size_t i = 0; i < setup->resource_count; i++)
        put_idle_extract(doc, yyjson_mut_arr_add_obj(doc, list), setup->resources[i]);
    return list;
}

static yyjson_mut_val *idle_exports(const struct board_setup *setup, yyjson_mut_doc *doc)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);

    for (size_t i = 0; i < setup->export_count; i++)
        put_idle_consumer(doc, yyjson_mut_arr_add_obj(doc, list), setup->exports[i]);
    return list;
}

static yyjson_mut_val *idle_transform(yyjson_mut_doc *doc)
{
    yyjson_mut_val *transform = yyjson_mut_obj(doc);

    put_idle_consumer(doc, transform, "transform");
    return transform;
}

/* ---- each resource's place in its pages ---- */

static void put_cursors(struct json_out *snapshot, yyjson_mut_val *extracts)
{
    static const char *const keys[] = {"cursor", "next_page", "unfinished"};
    yyjson_mut_doc *doc = snapshot->doc;
    yyjson_mut_val *resources = yyjson_mut_obj_get(yyjson_mut_doc_get_root(doc), "resources");
    size_t i;
    size_t count;
    yyjson_mut_val *extract;

    yyjson_mut_arr_foreach(extracts, i, count, extract)
    {
        yyjson_mut_val *resource =
            json_out_named(resources, yyjson_mut_get_str(yyjson_mut_obj_get(extract, "resource")));

        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            yyjson_mut_val *value =
                yyjson_mut_val_mut_copy(doc, yyjson_mut_obj_get(resource, keys[k]));

            yyjson_mut_obj_add(extract, yyjson_mut_str(doc, keys[k]),
                               value ? value : yyjson_mut_null(doc));
        }
    }
}

static int put_live(const struct board_setup *setup, const struct journal *journal,
                    struct json_out *snapshot, struct err *err)
{
    yyjson_mut_doc *doc = snapshot->doc;
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    struct live_reading live = {.snapshot = snapshot,
                                .processes = yyjson_mut_obj_add_arr(doc, root, "processes")};

    TRY(live_files_each(journal, &live, take_live, err));
    if (live.extract == NULL)
        live.extract = idle_extracts(setup, doc);
    put_cursors(snapshot, live.extract);
    yyjson_mut_obj_add_bool(doc, root, "live", yyjson_mut_arr_size(live.processes) > 0);
    yyjson_mut_obj_add_val(doc, root, "extract", live.extract);
    yyjson_mut_obj_add_val(doc, root, "growing",
                           live.growing ? live.growing : yyjson_mut_null(doc));
    yyjson_mut_obj_add_val(doc, root, "rate_budget",
                           live.rate_budget ? live.rate_budget : yyjson_mut_null(doc));
    yyjson_mut_obj_add_val(doc, root, "transform",
                           live.transform ? live.transform : idle_transform(doc));
    yyjson_mut_obj_add_val(doc, root, "exports",
                           live.exports ? live.exports : idle_exports(setup, doc));
    return 0;
}

/* ---- the whole ---- */

static void put_head(const struct board_setup *setup, const struct place *place,
                     struct json_out *snapshot)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(snapshot->doc);
    char id[PLACE_TEXT];
    char now[CLOCK_TEXT];

    place_write(place, id);
    yyjson_mut_obj_add_strcpy(snapshot->doc, root, "id", id);
    yyjson_mut_obj_add_strcpy(snapshot->doc, root, "now", clock_iso8601(clock_wall_ms(), now));
    yyjson_mut_obj_add_strcpy(snapshot->doc, root, "engine", setup->engine);
    yyjson_mut_obj_add_str(snapshot->doc, root, "version", RIACHO_VERSION);
    /* "exports" is what works on them; what they made has another name here. */
    yyjson_mut_obj_rename_key(snapshot->doc, root, "exports", "exported");
}

int snapshot_make(const struct board_setup *setup, struct journal *journal,
                  struct json_out *ret_snapshot, struct err *err)
{
    AUTO(json_out) made = {0};
    struct place place;

    TRY(place_now(journal, &place, err));
    TRY(report_status(journal, RUNS_SHOWN, &made, err));
    put_head(setup, &place, &made);
    for (size_t i = 0; i < setup->group_count; i++)
        TRY(add_idle_group(journal, &setup->groups[i], &made, err));
    for (size_t i = 0; i < setup->group_count; i++)
        drop_groupless(&setup->groups[i], &made);
    put_totals(&made);
    TRY(put_live(setup, journal, &made, err));
    json_out_take(&made, ret_snapshot);
    return 0;
}
