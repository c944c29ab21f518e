/*
 * Records as JSON in the state's notes.
 */
#include "river/stream_record.h"

#include "base/mem.h"
#include "base/str.h"
#include "db/notes.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define RECORD "stream "
#define SESSION "streams' session"

void stream_record_close(struct stream_record *record)
{
    free(record->table);
    free(record->status);
    free(record->error);
    free(record->query_id);
    free(record->run_id);
    free(record->schema);
    free(record->definition);
    free(record->last_progress);
    *record = (struct stream_record){0};
}

/* ---- to and from the state ---- */

static void read_record(yyjson_val *from, struct stream_record *record)
{
    record->status = mem_str(json_str(from, "status"));
    record->error = mem_str(json_str(from, "error"));
    record->query_id = mem_str(json_str(from, "query_id"));
    record->run_id = mem_str(json_str(from, "run_id"));
    record->schema = mem_str(json_str(from, "schema"));
    record->definition = mem_str(json_str(from, "definition"));
    record->last_progress = mem_str(json_str(from, "last_progress"));
    record->interval_ms = json_int(from, "interval_ms", 0);
    record->is_drained = json_bool(from, "is_drained", true);
    record->batches = json_int(from, "batches", 0);
    record->rows = json_int(from, "rows", 0);
    record->last_batch = json_int(from, "last_batch", -1);
    record->rows_per_s = json_int(from, "rows_per_s", 0);
}

int stream_record_get(struct journal *journal, const char *table, struct stream_record *ret_record,
                      struct err *err)
{
    struct stream_record made = {.table = mem_str(table), .is_drained = true, .last_batch = -1};
    AUTO(json) json = {0};
    char *key = mem_fmt(RECORD "%s", table);
    char *text = NULL;
    int got = note_get(journal, key, &text, err);

    free(key);
    if (got == 1 && json_parse(&json, text, strlen(text), err) < 0)
        got = -1;
    free(text);
    if (got < 0) {
        stream_record_close(&made);
        return -1;
    }
    if (got == 1)
        read_record(json_root(&json), &made);
    *ret_record = made;
    return got;
}

static void add_text(struct json_out *out, yyjson_mut_val *to, const char *key, const char *text)
{
    if (text)
        yyjson_mut_obj_add_strcpy(out->doc, to, key, text);
}

static void write_record(const struct stream_record *record, struct json_out *out,
                         yyjson_mut_val *to)
{
    add_text(out, to, "table", record->table);
    add_text(out, to, "status", record->status);
    add_text(out, to, "error", record->error);
    add_text(out, to, "query_id", record->query_id);
    add_text(out, to, "run_id", record->run_id);
    add_text(out, to, "schema", record->schema);
    add_text(out, to, "definition", record->definition);
    yyjson_mut_obj_add_int(out->doc, to, "interval_ms", record->interval_ms);
    yyjson_mut_obj_add_bool(out->doc, to, "is_drained", record->is_drained);
    yyjson_mut_obj_add_int(out->doc, to, "batches", record->batches);
    yyjson_mut_obj_add_int(out->doc, to, "rows", record->rows);
    yyjson_mut_obj_add_int(out->doc, to, "last_batch", record->last_batch);
    yyjson_mut_obj_add_int(out->doc, to, "rows_per_s", record->rows_per_s);
    add_text(out, to, "last_progress", record->last_progress);
}

int stream_record_put(struct journal *journal, const struct stream_record *record, struct err *err)
{
    AUTO(json_out) out = {0};
    AUTO(buf) text = {0};
    char *key = mem_fmt(RECORD "%s", record->table);
    int put;

    write_record(record, &out, json_out_open(&out));
    json_out_write(&out, &text);
    put = note_put(journal, key, buf_text(&text), err);
    free(key);
    return put;
}

int stream_session_get(struct journal *journal, char **ret_id, struct err *err)
{
    return note_get(journal, SESSION, ret_id, err);
}

int stream_session_put(struct journal *journal, const char *id, struct err *err)
{
    return note_put(journal, SESSION, id, err);
}

/* ---- progress, as StreamingQueryProgress.json of Spark ---- */

struct progress_seen {
    struct json json;
    int64_t batch;
    int64_t rows;
};

static void progress_seen_close(struct progress_seen *seen)
{
    json_close(&seen->json);
}

static bool read_progress(const char *text, struct progress_seen *seen)
{
    struct err ignored = {0};
    yyjson_val *sources;
    size_t index;
    size_t count;
    yyjson_val *source;

    if (json_parse(&seen->json, text, strlen(text), &ignored) < 0)
        return false;
    sources = yyjson_obj_get(json_root(&seen->json), "sources");
    seen->batch = json_int(json_root(&seen->json), "batchId", -1);
    yyjson_arr_foreach(sources, index, count, source) seen->rows +=
        json_int(source, "numInputRows", 0);
    return true;
}

int64_t stream_record_distance(const struct stream_record *record, const char *progress)
{
    AUTO(progress_seen) seen = {0};

    return read_progress(progress, &seen) ? seen.batch - record->last_batch : 0;
}

int64_t stream_record_add(struct stream_record *record, const char *progress)
{
    AUTO(progress_seen) seen = {0};
    yyjson_val *source;

    if (!read_progress(progress, &seen) || seen.batch <= record->last_batch || seen.rows == 0)
        return 0;
    source = yyjson_arr_get_first(yyjson_obj_get(json_root(&seen.json), "sources"));
    record->last_batch = seen.batch;
    record->batches++;
    record->rows += seen.rows;
    record->rows_per_s = (int64_t)yyjson_get_num(yyjson_obj_get(source, "processedRowsPerSecond"));
    mem_replace(&record->last_progress, json_str(json_root(&seen.json), "timestamp"));
    return seen.rows;
}

/* ---- report ---- */

struct reporting {
    struct json_out *report;
    yyjson_mut_val *list;
};

static int add_record(void *ctx, const char *key, const char *text, struct err *err)
{
    struct reporting *reporting = ctx;
    AUTO(json) json = {0};

    (void)key;
    TRY(json_parse(&json, text, strlen(text), err));
    yyjson_mut_arr_append(reporting->list,
                          yyjson_val_mut_copy(reporting->report->doc, json_root(&json)));
    return 0;
}

int stream_records_report(struct journal *journal, struct json_out *report, struct err *err)
{
    struct reporting reporting = {.report = report, .list = yyjson_mut_arr(report->doc)};

    TRY(note_each(journal, RECORD, &reporting, add_record, err));
    if (yyjson_mut_arr_size(reporting.list) > 0)
        yyjson_mut_obj_add_val(report->doc, yyjson_mut_doc_get_root(report->doc), "streams",
                               reporting.list);
    return 0;
}
