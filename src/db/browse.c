/*
 * Pages of lists. A statement is a literal (db/lite.h), so each way to ask that an index serves is written out.
 */
#include "db/browse.h"

#include "base/clock.h"
#include "base/str.h"
#include "db/browse_rows.h"
#include "db/report_rows.h"

#include <stdlib.h>

#include "base/banned.h"

#define MOST_RELATED 500 /* origins, outputs, files of a run */

/* ---- files ---- */

#define BEFORE_AND_SEARCH                                                                          \
    " AND seq < ?3 AND (?5 IS NULL OR instr(lower(path || ' ' || id), lower(?5)))"                 \
    " ORDER BY seq DESC LIMIT ?4"

static const char *files_sql(const struct browse_files *which)
{
    if (!which->with_removed && which->stage && which->subject)
        return FILE_ROWS "WHERE removed IS NULL AND stage = ?1 AND subject = ?2" BEFORE_AND_SEARCH;
    if (!which->with_removed && which->stage)
        return FILE_ROWS "WHERE removed IS NULL AND stage = ?1 AND ?2 IS NULL" BEFORE_AND_SEARCH;
    if (!which->with_removed)
        return FILE_ROWS "WHERE removed IS NULL AND ?1 IS NULL AND (?2 IS NULL OR"
                         " subject = ?2)" BEFORE_AND_SEARCH;
    return FILE_ROWS "WHERE (?1 IS NULL OR stage = ?1) AND (?2 IS NULL OR"
                     " subject = ?2)" BEFORE_AND_SEARCH;
}

/* The key that the next page begins with, if this one is full. */
static void put_next(struct json_out *page, const char *list, const char *key, int64_t most)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(page->doc);
    yyjson_mut_val *rows = yyjson_mut_obj_get(root, list);
    yyjson_mut_val *last = yyjson_mut_arr_get_last(rows);

    if (last && (int64_t)yyjson_mut_arr_size(rows) == most)
        yyjson_mut_obj_add_int(page->doc, root, "next",
                               yyjson_mut_get_sint(yyjson_mut_obj_get(last, key)));
    else
        yyjson_mut_obj_add_null(page->doc, root, "next");
}

static int put_total(struct journal *journal, struct json_out *page,
                     const struct browse_files *which, struct err *err)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(page->doc);

    if (which->search || which->with_removed) {
        yyjson_mut_obj_add_null(page->doc, root, "total");
        return 0;
    }
    return report_put_members(journal, page->doc, root,
                              "SELECT coalesce(sum(files), 0) AS total FROM totals"
                              " WHERE (?1 IS NULL OR stage = ?1) AND (?2 IS NULL OR subject = ?2)",
                              BIND(lite_text(which->stage), lite_text(which->subject)), err);
}

int browse_files(struct journal *journal, const struct browse_files *which,
                 struct json_out *ret_page, struct err *err)
{
    AUTO(json_out) made = {0};
    yyjson_mut_val *root = json_out_open(&made);
    AUTO(lite_txn) moment = {0};

    TRY(lite_begin_read(&moment, &journal->lite, err));
    TRY(report_put_list(journal, made.doc, root, "files", files_sql(which),
                        BIND(lite_text(which->stage), lite_text(which->subject),
                             lite_int(which->before), lite_int(which->most),
                             lite_text(which->search)),
                        err));
    TRY(put_total(journal, &made, which, err));
    put_next(&made, "files", "seq", which->most);
    json_out_take(&made, ret_page);
    return 0;
}

static int put_relatives(struct journal *journal, struct json_out *file, int64_t seq,
                         struct err *err)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(file->doc);

    TRY(report_put_list(journal, file->doc, root, "origins",
                        "SELECT o.origin AS id, f.seq, f.stage, f.subject, f.root, f.path, f.bytes,"
                        " f.rows, f.time AS \"time:time\", f.run, f.request, f.first_page,"
                        " f.last_page, f.sha256, f.schema,"
                        " f.removed IS NOT NULL AS \"removed:bool\""
                        " FROM origins o LEFT JOIN files f ON f.id = o.origin WHERE o.file = ?"
                        " ORDER BY o.origin LIMIT ?",
                        BIND(lite_int(seq), lite_int(MOST_RELATED)), err));
    return report_put_list(journal, file->doc, root, "made",
                           FILE_ROWS "WHERE seq IN (SELECT o.file FROM origins o JOIN files f"
                                     " ON f.id = o.origin WHERE f.seq = ?) ORDER BY seq LIMIT ?",
                           BIND(lite_int(seq), lite_int(MOST_RELATED)), err);
}

int browse_file(struct journal *journal, int64_t seq, struct json_out *ret_file, struct err *err)
{
    AUTO(json_out) made = {0};
    yyjson_mut_val *root = json_out_open(&made);
    AUTO(lite_txn) moment = {0};
    int got;

    TRY(lite_begin_read(&moment, &journal->lite, err));
    got = report_put_members(journal, made.doc, root, FILE_ROWS "WHERE seq = ?",
                             BIND(lite_int(seq)), err);
    if (got <= 0)
        return got;
    TRY(put_relatives(journal, &made, seq, err));
    json_out_take(&made, ret_file);
    return 1;
}

int browse_place_of(struct journal *journal, int64_t seq, char **ret_root, char **ret_path,
                    struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got =
        lite_first(&journal->lite, "SELECT root, path FROM files WHERE seq = ? AND removed IS NULL",
                   BIND(lite_int(seq)), &rows, err);

    if (got == 1) {
        *ret_root = lite_col_copy(&rows, 0);
        *ret_path = lite_col_copy(&rows, 1);
    }
    return got;
}

/* ---- runs ---- */

static const char *runs_sql(const char *resource)
{
    if (resource)
        return RUN_ROWS "WHERE resource = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3";
    return RUN_ROWS "WHERE ?1 IS NULL AND number < ?2 ORDER BY number DESC LIMIT ?3";
}

int browse_runs(struct journal *journal, const char *resource, int64_t before, int64_t most,
                struct json_out *ret_page, struct err *err)
{
    AUTO(json_out) made = {0};
    yyjson_mut_val *root = json_out_open(&made);

    TRY(report_put_list(journal, made.doc, root, "runs", runs_sql(resource),
                        BIND(lite_text(resource), lite_int(before), lite_int(most)), err));
    report_correct_runs(journal, made.doc, yyjson_mut_obj_get(root, "runs"));
    put_next(&made, "runs", "number", most);
    json_out_take(&made, ret_page);
    return 0;
}

/* The list of one run becomes the run. */
static void lift_only(struct json_out *made, yyjson_mut_val *root)
{
    yyjson_mut_val *list = yyjson_mut_obj_remove_key(root, "runs");

    yyjson_mut_doc_set_root(made->doc, yyjson_mut_arr_get_first(list));
}

/* A run's files are those whose names begin with its name: an index finds them. */
static int put_run_files(struct journal *journal, struct json_out *made, struct err *err)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(made->doc);
    const char *run = yyjson_mut_get_str(yyjson_mut_obj_get(root, "run"));

    return report_put_list(journal, made->doc, root, "files",
                           FILE_ROWS "WHERE id >= ?1 || '-' AND id < ?1 || '.' AND run = ?1"
                                     " ORDER BY id LIMIT ?2",
                           BIND(lite_text(run), lite_int(MOST_RELATED)), err);
}

int browse_run(struct journal *journal, int64_t number, struct json_out *ret_run, struct err *err)
{
    AUTO(json_out) made = {0};
    yyjson_mut_val *root = json_out_open(&made);
    AUTO(lite_txn) moment = {0};

    TRY(lite_begin_read(&moment, &journal->lite, err));
    TRY(report_put_list(journal, made.doc, root, "runs", RUN_ROWS "WHERE number = ?",
                        BIND(lite_int(number)), err));
    report_correct_runs(journal, made.doc, yyjson_mut_obj_get(root, "runs"));
    if (yyjson_mut_arr_size(yyjson_mut_obj_get(root, "runs")) == 0)
        return 0;
    lift_only(&made, root);
    TRY(put_run_files(journal, &made, err));
    json_out_take(&made, ret_run);
    return 1;
}

/* ---- dead letters ---- */

static const char *dead_sql(bool is_open)
{
    if (is_open)
        return DEAD_ROWS "WHERE state = 'open' AND no > ? ORDER BY no LIMIT ?";
    return DEAD_ROWS "WHERE state <> 'open' AND no > ? ORDER BY no LIMIT ?";
}

int browse_dead(struct journal *journal, bool is_open, int64_t after, int64_t most,
                struct json_out *ret_page, struct err *err)
{
    AUTO(json_out) made = {0};
    yyjson_mut_val *root = json_out_open(&made);
    AUTO(lite_txn) moment = {0};

    TRY(lite_begin_read(&moment, &journal->lite, err));
    TRY(report_put_list(journal, made.doc, root, "dead", dead_sql(is_open),
                        BIND(lite_int(after), lite_int(most)), err));
    TRY(report_put_members(journal, made.doc, root,
                           "SELECT count(*) AS open FROM dead WHERE state = 'open'", BIND_NOTHING,
                           err));
    put_next(&made, "dead", "no", most);
    json_out_take(&made, ret_page);
    return 0;
}

/* ---- schemas ---- */

/* Puts under each of the owners the rows that it has, found by its name. */
static int put_owned(struct journal *journal, struct json_out *made, const char *owners,
                     const char *list, const char *sql, struct err *err)
{
    yyjson_mut_val *all = yyjson_mut_obj_get(yyjson_mut_doc_get_root(made->doc), owners);
    yyjson_mut_val *owner;
    size_t i;
    size_t count;

    yyjson_mut_arr_foreach(all, i, count, owner)
    {
        const char *name = yyjson_mut_get_str(yyjson_mut_obj_get(owner, "name"));

        TRY(report_put_list(journal, made->doc, owner, list, sql, BIND(lite_text(name)), err));
    }
    return 0;
}

int browse_schemas(struct journal *journal, struct json_out *ret_page, struct err *err)
{
    AUTO(json_out) made = {0};
    yyjson_mut_val *root = json_out_open(&made);
    AUTO(lite_txn) moment = {0};

    TRY(lite_begin_read(&moment, &journal->lite, err));
    TRY(report_put_list(journal, made.doc, root, "resources",
                        "SELECT DISTINCT resource AS name FROM schemas ORDER BY resource",
                        BIND_NOTHING, err));
    TRY(report_put_list(journal, made.doc, root, "tables",
                        "SELECT DISTINCT tbl AS name FROM columns ORDER BY tbl", BIND_NOTHING,
                        err));
    TRY(put_owned(journal, &made, "resources", "schemas",
                  "SELECT seq, fingerprint, time AS \"time:time\", doc AS \"schema:json\""
                  " FROM schemas WHERE resource = ? ORDER BY seq",
                  err));
    TRY(put_owned(journal, &made, "tables", "columns",
                  "SELECT name, type FROM columns WHERE tbl = ? ORDER BY place", err));
    json_out_take(&made, ret_page);
    return 0;
}

int browse_tables(struct journal *journal, struct json_out *ret_page, struct err *err)
{
    AUTO(json_out) made = {0};
    yyjson_mut_val *root = json_out_open(&made);

    TRY(report_put_list(
        journal, made.doc, root, "tables",
        "SELECT iif(stage = 'transform', 'table', 'resource') AS kind,"
        " subject AS name, sum(files) AS files, sum(rows) AS rows,"
        " sum(bytes) AS bytes FROM totals WHERE stage IN ('extract', 'transform')"
        " GROUP BY stage, subject HAVING sum(files) > 0 ORDER BY stage DESC, subject",
        BIND_NOTHING, err));
    json_out_take(&made, ret_page);
    return 0;
}

/* ---- throughput ---- */

/* The first file from that time on. Times grow with seq, so halving finds it without an index. */
static int find_first_since(struct lite *lite, int64_t since_ms, int64_t *ret_seq, struct err *err)
{
    int64_t low = 1;
    int64_t high = 0;

    TRY(lite_number(lite, "SELECT coalesce(max(seq), 0) + 1 FROM files", BIND_NOTHING, &high, err));
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        int64_t time_ms = INT64_MAX;

        TRY(lite_number(lite, "SELECT time FROM files WHERE seq >= ? ORDER BY seq LIMIT 1",
                        BIND(lite_int(middle)), &time_ms, err));
        if (time_ms < since_ms)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_seq = low;
    return 0;
}

static const char *const series_names[] = {"rows", "bytes", "files"};
#define SERIES (sizeof series_names / sizeof *series_names)

static void put_series(struct json_out *made, const char *name, const int64_t *sums,
                       int64_t buckets)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(made->doc);
    yyjson_mut_val *stage = yyjson_mut_obj_add_obj(made->doc, root, name);

    for (size_t which = 0; which < SERIES; which++)
        yyjson_mut_obj_add(stage, yyjson_mut_str(made->doc, series_names[which]),
                           yyjson_mut_arr_with_sint64(made->doc, sums + which * (size_t)buckets,
                                                      (size_t)buckets));
}

static int sum_stage(struct lite *lite, const char *stage, int64_t first_seq, int64_t from_ms,
                     int64_t step_ms, int64_t buckets, int64_t *sums, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    int got;

    TRY(lite_query(lite,
                   "SELECT (time - ?3) / ?4, sum(rows), sum(bytes), count(*) FROM files"
                   " WHERE stage = ?1 AND seq >= ?2 AND time >= ?3 AND removed IS NULL GROUP BY 1",
                   BIND(lite_text(stage), lite_int(first_seq), lite_int(from_ms),
                        lite_int(step_ms)),
                   &rows, err));
    while ((got = lite_next(&rows, err)) > 0) {
        const int64_t bucket = lite_col_int(&rows, 0);

        for (int which = 0; which < (int)SERIES && bucket < buckets; which++)
            sums[which * buckets + bucket] = lite_col_int(&rows, which + 1);
    }
    return got;
}

static int put_stage(struct journal *journal, struct json_out *made, const char *stage,
                     const char *name, const int64_t window[4], int64_t *sums, struct err *err)
{
    for (int64_t i = 0; i < (int64_t)SERIES * window[3]; i++)
        sums[i] = 0;
    TRY(sum_stage(&journal->lite, stage, window[0], window[1], window[2], window[3], sums, err));
    put_series(made, name, sums, window[3]);
    return 0;
}

int browse_throughput(struct journal *journal, int64_t step_ms, int64_t buckets,
                      struct json_out *ret_page, struct err *err)
{
    AUTO(json_out) made = {0};
    yyjson_mut_val *root = json_out_open(&made);
    AUTO(lite_txn) moment = {0};
    /* The newest bucket is the one that grows. */
    int64_t window[4] = {0, (clock_wall_ms() / step_ms + 1 - buckets) * step_ms, step_ms, buckets};
    int64_t *room = calloc((size_t)buckets * SERIES, sizeof *room);
    int done = 0;

    yyjson_mut_obj_add_int(made.doc, root, "from_ms", window[1]);
    yyjson_mut_obj_add_int(made.doc, root, "step_ms", step_ms);
    done = lite_begin_read(&moment, &journal->lite, err);
    if (done == 0)
        done = find_first_since(&journal->lite, window[1], &window[0], err);
    if (done == 0)
        done = put_stage(journal, &made, "extract", "landed", window, room, err);
    if (done == 0)
        done = put_stage(journal, &made, "transform", "adjusted", window, room, err);
    if (done == 0)
        done = put_stage(journal, &made, "export", "exported", window, room, err);
    free(room);
    TRY(done);
    json_out_take(&made, ret_page);
    return 0;
}
