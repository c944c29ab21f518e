/*
 * Reports: the rows of a query become a list of objects, whose members are named as its columns are.
 * A name may say what kind of value it is: "started:time", "counts:json", "removed:bool".
 */
#include "db/report.h"

#include "base/clock.h"
#include "base/str.h"
#include "db/recover.h"

#include <string.h>

#include "base/banned.h"

/* ---- rows to JSON ---- */

static yyjson_mut_val *time_value(yyjson_mut_doc *doc, int64_t ms)
{
    char text[CLOCK_TEXT];

    return yyjson_mut_strcpy(doc, clock_iso8601(ms, text));
}

static yyjson_mut_val *text_value(yyjson_mut_doc *doc, const struct lite_rows *rows, int column)
{
    return yyjson_mut_strncpy(doc, lite_col_text(rows, column), lite_col_size(rows, column));
}

/* JSON that we stored; what is none after all is shown as text. */
static yyjson_mut_val *json_value(yyjson_mut_doc *doc, const struct lite_rows *rows, int column)
{
    AUTO(json) json = {0};
    struct err ignored = {0};

    if (json_parse(&json, lite_col_text(rows, column), lite_col_size(rows, column), &ignored) < 0)
        return text_value(doc, rows, column);
    return yyjson_val_mut_copy(doc, json_root(&json));
}

static yyjson_mut_val *value_of(yyjson_mut_doc *doc, const struct lite_rows *rows, int column,
                                const char *kind)
{
    if (lite_col_is_null(rows, column))
        return yyjson_mut_null(doc);
    if (str_same(kind, ":time"))
        return time_value(doc, lite_col_int(rows, column));
    if (str_same(kind, ":json"))
        return json_value(doc, rows, column);
    if (str_same(kind, ":bool"))
        return yyjson_mut_bool(doc, lite_col_int(rows, column) != 0);
    switch (lite_col_kind(rows, column)) {
    case LITE_INT:
        return yyjson_mut_sint(doc, lite_col_int(rows, column));
    case LITE_REAL:
        return yyjson_mut_real(doc, lite_col_real(rows, column));
    default:
        return text_value(doc, rows, column);
    }
}

static void put_row(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct lite_rows *rows)
{
    for (int i = 0; i < lite_col_count(rows); i++) {
        const char *name = lite_col_name(rows, i);
        const char *kind = strchr(name, ':');
        const size_t size = kind ? (size_t)(kind - name) : strlen(name);

        yyjson_mut_obj_add(object, yyjson_mut_strncpy(doc, name, size),
                           value_of(doc, rows, i, kind));
    }
}

/* Adds the list `name` to `into`. */
static int put_list(struct journal *journal, yyjson_mut_doc *doc, yyjson_mut_val *into,
                    const char *name, const char *sql, const struct lite_value *values,
                    struct err *err)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, into, name);
    AUTO(lite_rows) rows = {0};
    int got;

    TRY(lite_query(&journal->lite, sql, values, &rows, err));
    while ((got = lite_next(&rows, err)) > 0)
        put_row(doc, yyjson_mut_arr_add_obj(doc, list), &rows);
    return got;
}

/* Adds the members of the only row to `into`. */
static int put_members(struct journal *journal, yyjson_mut_doc *doc, yyjson_mut_val *into,
                       const char *sql, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got = lite_first(&journal->lite, sql, BIND_NOTHING, &rows, err);

    if (got == 1)
        put_row(doc, into, &rows);
    return got < 0 ? -1 : 0;
}

static void hand_over(struct json_out *made, struct json_out *ret_report)
{
    json_out_close(ret_report);
    *ret_report = *made;
    made->doc = NULL;
}

/* ---- status ---- */

/* A run whose process is gone, and that nobody has recovered yet. */
static void correct_runs(struct journal *journal, yyjson_mut_doc *doc, yyjson_mut_val *runs)
{
    yyjson_mut_val *run;
    size_t i;
    size_t count;

    yyjson_mut_arr_foreach(runs, i, count, run)
    {
        const char *status = yyjson_mut_get_str(yyjson_mut_obj_get(run, "status"));
        yyjson_mut_val *process = yyjson_mut_obj_remove_key(run, "process");

        if (str_same(status, "running") &&
            !str_same(yyjson_mut_get_str(process), journal->process) &&
            !journal_is_alive(journal, yyjson_mut_get_str(process)))
            yyjson_mut_obj_put(run, yyjson_mut_str(doc, "status"), yyjson_mut_str(doc, "killed"));
    }
}

static int put_runs(struct journal *journal, yyjson_mut_doc *doc, yyjson_mut_val *root,
                    int64_t runs, struct err *err)
{
    TRY(put_list(
        journal, doc, root, "runs",
        "SELECT printf('%s-%s-%06d', resource, (SELECT value FROM meta WHERE key = 'epoch'),"
        " number) AS run, resource, number, nullif(resumes, 0) AS resumes, status, process,"
        " started AS \"started:time\", ended AS \"ended:time\", first_page, last_page, why,"
        " error, counts AS \"counts:json\" FROM runs ORDER BY number DESC LIMIT ?",
        BIND(lite_int(runs)), err));
    correct_runs(journal, doc, yyjson_mut_obj_get(root, "runs"));
    return 0;
}

static int put_resources(struct journal *journal, yyjson_mut_doc *doc, yyjson_mut_val *root,
                         struct err *err)
{
    return put_list(journal, doc, root, "resources",
                    "SELECT n.name, coalesce(t.files, 0) AS files, coalesce(t.rows, 0) AS rows,"
                    " coalesce(t.bytes, 0) AS bytes, r.cursor AS \"cursor:json\", r.next_page,"
                    " r.position IS NOT NULL AS \"unfinished:bool\" FROM"
                    " (SELECT name FROM resources UNION SELECT subject FROM totals"
                    "  WHERE stage = 'extract') n"
                    " LEFT JOIN resources r ON r.name = n.name"
                    " LEFT JOIN totals t ON t.stage = 'extract' AND t.subject = n.name"
                    " ORDER BY n.name",
                    BIND_NOTHING, err);
}

static int put_topics(struct journal *journal, yyjson_mut_doc *doc, yyjson_mut_val *root,
                      struct err *err)
{
    return put_list(journal, doc, root, "topics",
                    "SELECT t.name AS topic, t.next AS messages, g.grp AS \"group\","
                    " t.next - g.next + (SELECT count(*) FROM claims c WHERE c.grp = g.no) AS lag,"
                    " (SELECT count(*) FROM claims c WHERE c.grp = g.no AND c.until > ?) AS claimed"
                    " FROM topics t LEFT JOIN groups g ON g.topic = t.no ORDER BY t.no, g.grp",
                    BIND(lite_int(clock_wall_ms())), err);
}

static int put_outputs(struct journal *journal, yyjson_mut_doc *doc, yyjson_mut_val *root,
                       struct err *err)
{
    TRY(put_list(journal, doc, root, "tables",
                 "SELECT subject AS name, files, rows, bytes,"
                 " (SELECT count(*) FROM columns WHERE tbl = subject) AS columns"
                 " FROM totals WHERE stage = 'transform' ORDER BY subject",
                 BIND_NOTHING, err));
    return put_list(journal, doc, root, "exports",
                    "SELECT root AS name, subject AS \"table\", files, rows, bytes FROM totals"
                    " WHERE stage = 'export' ORDER BY root, subject",
                    BIND_NOTHING, err);
}

int report_status(struct journal *journal, int64_t runs, struct json_out *ret_report,
                  struct err *err)
{
    AUTO(json_out) made = {0};
    yyjson_mut_val *root = json_out_open(&made);
    AUTO(lite_txn) moment = {0};

    TRY(lite_begin_read(&moment, &journal->lite, err));
    TRY(put_members(journal, made.doc, root,
                    "SELECT max(value) FILTER (WHERE key = 'pipeline') AS pipeline,"
                    " max(value) FILTER (WHERE key = 'epoch') AS epoch,"
                    " max(value) FILTER (WHERE key = 'broker') AS broker,"
                    " (SELECT user_version FROM pragma_user_version) AS format,"
                    " max(value) FILTER (WHERE key = 'created') AS created FROM meta",
                    err));
    TRY(put_runs(journal, made.doc, root, runs, err));
    TRY(put_resources(journal, made.doc, root, err));
    TRY(put_topics(journal, made.doc, root, err));
    TRY(put_outputs(journal, made.doc, root, err));
    TRY(put_members(journal, made.doc, root,
                    "SELECT count(*) AS dead FROM dead WHERE state = 'open'", err));
    hand_over(&made, ret_report);
    return 0;
}

/* ---- files ---- */

#define FILE_MEMBERS                                                                               \
    "SELECT seq, id, subject, root, path, bytes, rows, time AS \"time:time\", run, request,"       \
    " first_page, last_page FROM files WHERE removed IS NULL AND stage = ?1"

static int put_files(struct journal *journal, yyjson_mut_doc *doc, yyjson_mut_val *root,
                     const char *stage, const char *subject, int64_t after, int64_t most,
                     struct err *err)
{
    if (subject)
        return put_list(journal, doc, root, "files",
                        FILE_MEMBERS " AND seq > ?2 AND subject = ?4 ORDER BY seq LIMIT ?3",
                        BIND(lite_text(stage), lite_int(after), lite_int(most), lite_text(subject)),
                        err);
    return put_list(journal, doc, root, "files", FILE_MEMBERS " AND seq > ?2 ORDER BY seq LIMIT ?3",
                    BIND(lite_text(stage), lite_int(after), lite_int(most)), err);
}

/* An origin that was landed elsewhere has only its id. */
static int put_origins(struct journal *journal, yyjson_mut_doc *doc, yyjson_mut_val *files,
                       struct err *err)
{
    yyjson_mut_val *file;
    size_t i;
    size_t count;

    yyjson_mut_arr_foreach(files, i, count, file)
    {
        const int64_t seq = yyjson_mut_get_sint(yyjson_mut_obj_get(file, "seq"));

        TRY(put_list(journal, doc, file, "origins",
                     "SELECT o.origin AS id, f.subject, f.path, f.rows, f.first_page, f.last_page,"
                     " f.request, f.run, f.time AS \"time:time\","
                     " f.removed IS NOT NULL AS \"removed:bool\""
                     " FROM origins o LEFT JOIN files f ON f.id = o.origin WHERE o.file = ?"
                     " ORDER BY o.origin",
                     BIND(lite_int(seq)), err));
    }
    return 0;
}

int report_files(struct journal *journal, const char *stage, const char *subject, int64_t after,
                 int64_t most, struct json_out *ret_report, struct err *err)
{
    AUTO(json_out) made = {0};
    yyjson_mut_val *root = json_out_open(&made);
    AUTO(lite_txn) moment = {0};

    TRY(lite_begin_read(&moment, &journal->lite, err));
    TRY(put_files(journal, made.doc, root, stage, subject, after, most, err));
    TRY(put_origins(journal, made.doc, yyjson_mut_obj_get(root, "files"), err));
    hand_over(&made, ret_report);
    return 0;
}

/* ---- dead letters and state ---- */

int report_dead(struct journal *journal, struct json_out *ret_report, struct err *err)
{
    AUTO(json_out) made = {0};
    yyjson_mut_val *root = json_out_open(&made);

    TRY(put_list(journal, made.doc, root, "dead",
                 "SELECT id, grp AS \"group\", topic, partition, offset, error, attempts,"
                 " time AS \"time:time\", value AS \"value:json\" FROM dead WHERE state = 'open'"
                 " ORDER BY no",
                 BIND_NOTHING, err));
    hand_over(&made, ret_report);
    return 0;
}

int report_state(struct journal *journal, struct json_out *ret_report, struct err *err)
{
    AUTO(json_out) made = {0};
    yyjson_mut_val *root = json_out_open(&made);
    AUTO(lite_txn) moment = {0};

    TRY(lite_begin_read(&moment, &journal->lite, err));
    TRY(put_list(journal, made.doc, root, "resources",
                 "SELECT name, cursor AS \"cursor:json\", boundary AS \"boundary:json\","
                 " position AS \"position:json\", next_page, start_value AS \"start_value:json\","
                 " run AS last_run FROM resources ORDER BY name",
                 BIND_NOTHING, err));
    TRY(put_list(journal, made.doc, root, "schemas",
                 "SELECT resource, seq, fingerprint, time AS \"time:time\", doc AS \"schema:json\""
                 " FROM schemas ORDER BY resource, seq",
                 BIND_NOTHING, err));
    TRY(put_list(journal, made.doc, root, "columns",
                 "SELECT tbl AS \"table\", name, type FROM columns ORDER BY tbl, place",
                 BIND_NOTHING, err));
    hand_over(&made, ret_report);
    return 0;
}
