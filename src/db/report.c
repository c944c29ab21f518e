/*
 * Reports: each is some queries, the rows of which become lists of objects (db/report_rows.h).
 */
#include "db/report.h"

#include "base/clock.h"
#include "db/report_rows.h"

#include "base/banned.h"

/* ---- status ---- */

static int put_runs(struct journal *journal, yyjson_mut_doc *doc, yyjson_mut_val *root,
                    int64_t runs, struct err *err)
{
    TRY(report_put_list(
        journal, doc, root, "runs",
        "SELECT printf('%s-%s-%06d', resource, (SELECT value FROM meta WHERE key = 'epoch'),"
        " number) AS run, resource, number, nullif(resumes, 0) AS resumes, status, process,"
        " started AS \"started:time\", ended AS \"ended:time\", first_page, last_page, why,"
        " error, counts AS \"counts:json\" FROM runs ORDER BY number DESC LIMIT ?",
        BIND(lite_int(runs)), err));
    report_correct_runs(journal, doc, yyjson_mut_obj_get(root, "runs"));
    return 0;
}

static int put_resources(struct journal *journal, yyjson_mut_doc *doc, yyjson_mut_val *root,
                         struct err *err)
{
    return report_put_list(
        journal, doc, root, "resources",
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
    return report_put_list(
        journal, doc, root, "topics",
        "SELECT t.name AS topic, t.next AS messages, g.grp AS \"group\","
        " t.next - g.next + (SELECT count(*) FROM claims c WHERE c.grp = g.no) AS lag,"
        " (SELECT count(*) FROM claims c WHERE c.grp = g.no AND c.until > ?) AS claimed"
        " FROM topics t LEFT JOIN groups g ON g.topic = t.no ORDER BY t.no, g.grp",
        BIND(lite_int(clock_wall_ms())), err);
}

static int put_outputs(struct journal *journal, yyjson_mut_doc *doc, yyjson_mut_val *root,
                       struct err *err)
{
    TRY(report_put_list(journal, doc, root, "tables",
                        "SELECT subject AS name, files, rows, bytes,"
                        " (SELECT count(*) FROM columns WHERE tbl = subject) AS columns"
                        " FROM totals WHERE stage = 'transform' ORDER BY subject",
                        BIND_NOTHING, err));
    return report_put_list(
        journal, doc, root, "exports",
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
    TRY(report_put_members(journal, made.doc, root,
                           "SELECT max(value) FILTER (WHERE key = 'pipeline') AS pipeline,"
                           " max(value) FILTER (WHERE key = 'epoch') AS epoch,"
                           " max(value) FILTER (WHERE key = 'broker') AS broker,"
                           " (SELECT user_version FROM pragma_user_version) AS format,"
                           " max(value) FILTER (WHERE key = 'created') AS created FROM meta",
                           BIND_NOTHING, err));
    TRY(put_runs(journal, made.doc, root, runs, err));
    TRY(put_resources(journal, made.doc, root, err));
    TRY(put_topics(journal, made.doc, root, err));
    TRY(put_outputs(journal, made.doc, root, err));
    TRY(report_put_members(journal, made.doc, root,
                           "SELECT count(*) AS dead FROM dead WHERE state = 'open'", BIND_NOTHING,
                           err));
    json_out_take(&made, ret_report);
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
        return report_put_list(journal, doc, root, "files",
                               FILE_MEMBERS " AND seq > ?2 AND subject = ?4 ORDER BY seq LIMIT ?3",
                               BIND(lite_text(stage), lite_int(after), lite_int(most),
                                    lite_text(subject)),
                               err);
    return report_put_list(journal, doc, root, "files",
                           FILE_MEMBERS " AND seq > ?2 ORDER BY seq LIMIT ?3",
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

        TRY(report_put_list(
            journal, doc, file, "origins",
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
    json_out_take(&made, ret_report);
    return 0;
}

/* ---- dead letters and state ---- */

int report_dead(struct journal *journal, struct json_out *ret_report, struct err *err)
{
    AUTO(json_out) made = {0};
    yyjson_mut_val *root = json_out_open(&made);

    TRY(report_put_list(
        journal, made.doc, root, "dead",
        "SELECT id, grp AS \"group\", topic, partition, offset, error, attempts,"
        " time AS \"time:time\", value AS \"value:json\" FROM dead WHERE state = 'open'"
        " ORDER BY no",
        BIND_NOTHING, err));
    json_out_take(&made, ret_report);
    return 0;
}

int report_state(struct journal *journal, struct json_out *ret_report, struct err *err)
{
    AUTO(json_out) made = {0};
    yyjson_mut_val *root = json_out_open(&made);
    AUTO(lite_txn) moment = {0};

    TRY(lite_begin_read(&moment, &journal->lite, err));
    TRY(report_put_list(
        journal, made.doc, root, "resources",
        "SELECT name, cursor AS \"cursor:json\", boundary AS \"boundary:json\","
        " position AS \"position:json\", next_page, start_value AS \"start_value:json\","
        " run AS last_run FROM resources ORDER BY name",
        BIND_NOTHING, err));
    TRY(report_put_list(
        journal, made.doc, root, "schemas",
        "SELECT resource, seq, fingerprint, time AS \"time:time\", doc AS \"schema:json\""
        " FROM schemas ORDER BY resource, seq",
        BIND_NOTHING, err));
    TRY(report_put_list(journal, made.doc, root, "columns",
                        "SELECT tbl AS \"table\", name, type FROM columns ORDER BY tbl, place",
                        BIND_NOTHING, err));
    json_out_take(&made, ret_report);
    return 0;
}
