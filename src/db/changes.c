/*
 * What is new since somebody looked. Places in the journal only grow: files, dead letters and schemas by
 * their numbers, what was closed or removed by its time (told again if it is of the same millisecond), and runs
 * from the oldest that goes on.
 */
#include "db/browse.h"
#include "db/browse_rows.h"
#include "db/report_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

#define MOST_OTHERS 10000

void place_write(const struct place *place, char ret_text[PLACE_TEXT])
{
    snprintf(ret_text, PLACE_TEXT,
             "%s.%" PRId64 ".%" PRId64 ".%" PRId64 ".%" PRId64 ".%" PRId64 ".%" PRId64,
             place->epoch, place->files, place->runs, place->dead, place->closed_ms, place->schemas,
             place->removed_ms);
}

bool place_read(const char *text, struct place *ret_place)
{
    struct place read = {0};
    char rest;

    if (sscanf(text,
               "%7[0-9a-f].%18" SCNd64 ".%18" SCNd64 ".%18" SCNd64 ".%18" SCNd64 ".%18" SCNd64
               ".%18" SCNd64 "%c",
               read.epoch, &read.files, &read.runs, &read.dead, &read.closed_ms, &read.schemas,
               &read.removed_ms, &rest) != 7)
        return false;
    *ret_place = read;
    return true;
}

static int read_place(struct journal *journal, struct place *ret_place, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    struct place now = {0};

    TRY(lite_first(&journal->lite,
                   "SELECT (SELECT coalesce(max(seq), 0) FROM files),"
                   " coalesce((SELECT min(number) - 1 FROM runs WHERE status = 'running'),"
                   "  (SELECT max(number) FROM runs), 0),"
                   " (SELECT coalesce(max(no), 0) FROM dead),"
                   " (SELECT coalesce(max(closed), 0) FROM dead WHERE closed IS NOT NULL),"
                   " (SELECT coalesce(max(rowid), 0) FROM schemas),"
                   " (SELECT coalesce(max(removed), 0) FROM files WHERE removed IS NOT NULL)",
                   BIND_NOTHING, &rows, err));
    memcpy(now.epoch, journal->epoch, sizeof now.epoch);
    now.files = lite_col_int(&rows, 0);
    now.runs = lite_col_int(&rows, 1);
    now.dead = lite_col_int(&rows, 2);
    now.closed_ms = lite_col_int(&rows, 3);
    now.schemas = lite_col_int(&rows, 4);
    now.removed_ms = lite_col_int(&rows, 5);
    *ret_place = now;
    return 0;
}

int place_now(struct journal *journal, struct place *ret_place, struct err *err)
{
    AUTO(lite_txn) moment = {0};

    TRY(lite_begin_read(&moment, &journal->lite, err));
    return read_place(journal, ret_place, err);
}

/* The only member of each row, in place of the row. */
static void flatten(struct json_out *made, const char *list, const char *key)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(made->doc);
    yyjson_mut_val *rows = yyjson_mut_obj_remove_key(root, list);
    yyjson_mut_val *flat = yyjson_mut_obj_add_arr(made->doc, root, list);
    yyjson_mut_val *row;

    while ((row = yyjson_mut_arr_remove_first(rows)) != NULL)
        yyjson_mut_arr_append(flat, yyjson_mut_obj_remove_key(row, key));
}

static int put_others(struct journal *journal, struct json_out *made, const struct place *since,
                      struct err *err)
{
    yyjson_mut_doc *doc = made->doc;
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    const struct lite_value most = lite_int(MOST_OTHERS);

    TRY(report_put_list(journal, doc, root, "runs",
                        RUN_ROWS "WHERE number > ? ORDER BY number LIMIT ?",
                        BIND(lite_int(since->runs), most), err));
    report_correct_runs(journal, doc, yyjson_mut_obj_get(root, "runs"));
    TRY(report_put_list(journal, doc, root, "dead", DEAD_ROWS "WHERE no > ? ORDER BY no LIMIT ?",
                        BIND(lite_int(since->dead), most), err));
    TRY(report_put_list(journal, doc, root, "closed",
                        "SELECT no FROM dead WHERE closed >= ? AND closed IS NOT NULL"
                        " ORDER BY no LIMIT ?",
                        BIND(lite_int(since->closed_ms + (since->closed_ms == 0)), most), err));
    TRY(report_put_members(journal, doc, root,
                           "SELECT count(*) AS open FROM dead WHERE state = 'open'", BIND_NOTHING,
                           err));
    TRY(report_put_list(journal, doc, root, "schemas",
                        "SELECT resource, seq, fingerprint, time AS \"time:time\","
                        " doc AS \"schema:json\" FROM schemas WHERE rowid > ? ORDER BY rowid"
                        " LIMIT ?",
                        BIND(lite_int(since->schemas), most), err));
    return report_put_list(journal, doc, root, "removed",
                           "SELECT seq FROM files WHERE removed >= ? AND removed IS NOT NULL"
                           " ORDER BY seq LIMIT ?",
                           BIND(lite_int(since->removed_ms + (since->removed_ms == 0)), most), err);
}

/* How far the files went: not further than those that were told. */
static int64_t last_file(const struct json_out *made, int64_t otherwise)
{
    yyjson_mut_val *files = yyjson_mut_obj_get(yyjson_mut_doc_get_root(made->doc), "files");
    yyjson_mut_val *last = yyjson_mut_arr_get_last(files);

    return last ? yyjson_mut_get_sint(yyjson_mut_obj_get(last, "seq")) : otherwise;
}

int changes_since(struct journal *journal, struct place *place, int64_t most_files,
                  struct json_out *ret_changes, struct err *err)
{
    AUTO(json_out) made = {0};
    yyjson_mut_val *root = json_out_open(&made);
    AUTO(lite_txn) moment = {0};
    struct place now;

    TRY(lite_begin_read(&moment, &journal->lite, err));
    TRY(read_place(journal, &now, err));
    TRY(report_put_list(journal, made.doc, root, "files",
                        FILE_ROWS "WHERE seq > ? ORDER BY seq LIMIT ?",
                        BIND(lite_int(place->files), lite_int(most_files)), err));
    TRY(put_others(journal, &made, place, err));
    flatten(&made, "closed", "no");
    flatten(&made, "removed", "seq");
    now.files = last_file(&made, place->files);
    *place = now;
    json_out_take(&made, ret_changes);
    return 0;
}
