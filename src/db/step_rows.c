/*
 * A step's rows: what becomes true with it, and what must not have happened meanwhile.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/dead.h"
#include "db/outbox.h"
#include "db/step_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* Does `what` for each entry of a list of the plan. */
#define EACH(plan, list, what)                                                                     \
    do {                                                                                           \
        yyjson_val *entry;                                                                         \
        size_t each_i;                                                                             \
        size_t each_count;                                                                         \
        yyjson_arr_foreach(yyjson_obj_get(plan, list), each_i, each_count, entry) TRY(what);       \
    } while (0)

int plan_read(struct json *ret_plan, const char *text, size_t size, struct err *err)
{
    yyjson_read_err why;
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text, size,
                                       YYJSON_READ_ALLOW_INVALID_UNICODE, NULL, &why);

    if (doc == NULL)
        return err_set(err, ERR_DATA, "a step in the state is damaged at byte %zu: %s", why.pos,
                       why.msg);
    json_close(ret_plan);
    ret_plan->doc = doc;
    return 0;
}

/* Whether a file of the plan has what its handling needs. */
static bool is_sound(yyjson_val *file)
{
    const char *event = json_str(file, "event");
    AUTO(json) doc = {0};
    struct err ignored = {0};

    return json_str(file, "temp") && json_str(file, "final") && json_str(file, "stage") && event &&
           plan_read(&doc, event, strlen(event), &ignored) == 0 &&
           json_str(json_root(&doc), "id") &&
           yyjson_is_obj(yyjson_obj_get(json_root(&doc), "data"));
}

bool plan_is_sound(yyjson_val *plan)
{
    yyjson_val *file;
    size_t i;
    size_t count;

    yyjson_arr_foreach(yyjson_obj_get(plan, "files"), i, count, file)
    {
        if (!is_sound(file))
            return false;
    }
    return yyjson_is_obj(plan);
}

static struct lite_value text_of(yyjson_val *entry, const char *key)
{
    yyjson_val *value = yyjson_obj_get(entry, key);

    return (struct lite_value){.kind = yyjson_is_str(value) ? LITE_TEXT : LITE_NULL,
                               .bytes = yyjson_get_str(value),
                               .size = yyjson_get_len(value)};
}

static struct lite_value int_of(yyjson_val *entry, const char *key)
{
    return lite_int(json_int(entry, key, 0));
}

/* ---- may it become true? ---- */

/* Stands in `pending` for the group when a file itself is about to go, for whoever works on it. */
#define NO_GROUP "''"

static int refuse_busy(const char *id, const char *what, struct err *err)
{
    err_set(err, ERR_LOCKED, "\"%s\" %s", id, what);
    err->retriable = true;
    return -1;
}

static int check_consumed(struct lite *lite, yyjson_val *entry, struct err *err)
{
    const struct lite_value *values = BIND(text_of(entry, "group"), text_of(entry, "id"));
    int64_t found;
    int got = lite_number(lite,
                          "SELECT 1 FROM consumed WHERE grp = ?1 AND id = ?2 UNION ALL"
                          " SELECT 1 FROM pending WHERE grp = ?1 AND id = ?2",
                          values, &found, err);

    TRY(got);
    if (got == 1)
        return refuse_busy(json_str(entry, "id"), "was worked off by another process meanwhile",
                           err);
    got = lite_number(lite,
                      "SELECT 1 FROM files WHERE id = ?1 AND removed IS NOT NULL UNION ALL"
                      " SELECT 1 FROM pending WHERE grp = " NO_GROUP " AND id = ?1",
                      BIND(text_of(entry, "id")), &found, err);
    return got == 1 ? refuse_busy(json_str(entry, "id"), "was replaced meanwhile", err) : got;
}

/* 1 nobody has begun a run of the resource since, 0 somebody has. */
static int is_current_run(struct lite *lite, yyjson_val *entry, struct err *err)
{
    int64_t found;

    return lite_number(lite, "SELECT 1 FROM resources WHERE name = ? AND run = ?",
                       BIND(text_of(entry, "resource"), int_of(entry, "number")), &found, err);
}

static int check_run(struct lite *lite, yyjson_val *entry, struct err *err)
{
    const int got = is_current_run(lite, entry, err);

    if (got != 0)
        return got;
    return err_set(err, ERR_LOCKED,
                   "the run %" PRId64 " of \"%s\" is no longer the current one: it was reset or "
                   "another one began",
                   json_int(entry, "number", 0), json_str(entry, "resource"));
}

static int compare_known(struct lite_rows *rows, const char *id, yyjson_val *data, struct err *err)
{
    if (str_same(lite_col_text(rows, 0), json_str(data, "sha256")) &&
        lite_col_int(rows, 1) == json_int(data, "bytes", -1))
        return 0;
    return err_set(err, ERR_DATA, "the reference \"%s\" names other bytes already", id);
}

/* Nobody may be about to end his work on the file that this one replaces: both would stand. */
static int check_replaced(struct lite *lite, yyjson_val *data, struct err *err)
{
    int64_t found;
    const int got = lite_number(lite, "SELECT 1 FROM pending WHERE id = ?",
                                BIND(text_of(data, "replaces")), &found, err);

    return got == 1 ? refuse_busy(json_str(data, "replaces"), "is being worked off just now", err)
                    : got;
}

static int check_file(struct lite *lite, yyjson_val *entry, struct err *err)
{
    const char *event = json_str(entry, "event");
    AUTO(json) doc = {0};
    AUTO(lite_rows) rows = {0};
    yyjson_val *data;
    int got;

    TRY(plan_read(&doc, event, strlen(event), err));
    data = yyjson_obj_get(json_root(&doc), "data");
    if (json_str(data, "replaces"))
        TRY(check_replaced(lite, data, err));
    got = lite_first(lite, "SELECT sha256, bytes FROM files WHERE id = ?",
                     BIND(text_of(json_root(&doc), "id")), &rows, err);
    return got == 1 ? compare_known(&rows, json_str(json_root(&doc), "id"), data, err) : got;
}

static int check_plan(struct lite *lite, yyjson_val *plan, struct err *err)
{
    EACH(plan, "consumed", check_consumed(lite, entry, err));
    EACH(plan, "dead", check_consumed(lite, entry, err));
    EACH(plan, "runs", check_run(lite, entry, err));
    EACH(plan, "files", check_file(lite, entry, err));
    return 0;
}

int plan_check(struct journal *journal, yyjson_val *plan, struct err *err)
{
    AUTO(lite_txn) moment = {0};

    TRY(lite_begin_read(&moment, &journal->lite, err));
    return check_plan(&journal->lite, plan, err);
}

int plan_is_current(struct journal *journal, yyjson_val *plan, struct err *err)
{
    yyjson_val *entry;
    size_t i;
    size_t count;

    yyjson_arr_foreach(yyjson_obj_get(plan, "runs"), i, count, entry)
    {
        const int got = is_current_run(&journal->lite, entry, err);

        if (got != 1)
            return got;
    }
    return 1;
}

/* ---- the INTENT ---- */

/* The group's place for a message: 1, or 0 if it is none that a group of ours was handed. */
static int find_claim(struct lite *lite, yyjson_val *entry, int64_t *ret_group, int64_t *ret_offset,
                      struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got =
        lite_first(lite,
                   "SELECT g.no, m.offset FROM topics t"
                   " JOIN groups g ON g.topic = t.no AND g.grp = ?"
                   " JOIN messages m ON m.topic = t.no AND m.id = ?"
                   " WHERE t.name = ?",
                   BIND(text_of(entry, "group"), text_of(entry, "id"), text_of(entry, "topic")),
                   &rows, err);

    if (got == 1) {
        *ret_group = lite_col_int(&rows, 0);
        *ret_offset = lite_col_int(&rows, 1);
    }
    return got;
}

static int reserve(struct journal *journal, yyjson_val *entry, int64_t intent, struct err *err)
{
    struct lite *lite = &journal->lite;
    int64_t group;
    int64_t offset;
    int got;

    TRY(lite_run(lite,
                 "INSERT INTO pending(grp, id, intent) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                 BIND(text_of(entry, "group"), text_of(entry, "id"), lite_int(intent)), err));
    got = find_claim(lite, entry, &group, &offset, err);
    if (got != 1)
        return got;
    return lite_run(
        lite, "UPDATE claims SET process = ?, until = ?, intent = ? WHERE grp = ? AND offset = ?",
        BIND(lite_text(journal->process), lite_int(INT64_MAX), lite_int(intent), lite_int(group),
             lite_int(offset)),
        err);
}

/* The file that this one replaces is nobody's to work on any more. */
static int reserve_replaced(struct lite *lite, yyjson_val *entry, int64_t intent, struct err *err)
{
    const char *event = json_str(entry, "event");
    AUTO(json) doc = {0};
    yyjson_val *data;

    TRY(plan_read(&doc, event, strlen(event), err));
    data = yyjson_obj_get(json_root(&doc), "data");
    if (json_str(data, "replaces") == NULL)
        return 0;
    return lite_run(lite,
                    "INSERT INTO pending(grp, id, intent) VALUES (" NO_GROUP
                    ", ?, ?) ON CONFLICT DO NOTHING",
                    BIND(text_of(data, "replaces"), lite_int(intent)), err);
}

int plan_put_intent(struct journal *journal, yyjson_val *plan, const char *text, size_t size,
                    int64_t *ret_intent, struct err *err)
{
    AUTO(lite_txn) txn = {0};
    int64_t intent;

    TRY(lite_begin(&txn, &journal->lite, err));
    TRY(check_plan(&journal->lite, plan, err));
    TRY(lite_run(&journal->lite, "INSERT INTO intents(process, time, doc) VALUES (?, ?, ?)",
                 BIND(lite_text(journal->process), lite_int(clock_wall_ms()),
                      lite_bytes(text, size)),
                 err));
    intent = lite_last_id(&journal->lite);
    EACH(plan, "files", reserve_replaced(&journal->lite, entry, intent, err));
    EACH(plan, "consumed", reserve(journal, entry, intent, err));
    EACH(plan, "dead", reserve(journal, entry, intent, err));
    TRY(lite_commit(&txn, err));
    *ret_intent = intent;
    return 0;
}

int plan_forget(struct journal *journal, int64_t intent, struct err *err)
{
    struct lite *lite = &journal->lite;
    AUTO(lite_txn) txn = {0};

    TRY(lite_begin(&txn, lite, err));
    TRY(lite_run(lite, "DELETE FROM intents WHERE seq = ?", BIND(lite_int(intent)), err));
    /* A message that no claim was there for was passed over meanwhile. */
    TRY(lite_run(lite,
                 "INSERT INTO claims(grp, offset, process, until, handed)"
                 " SELECT g.no, m.offset, NULL, 0, 0 FROM pending p"
                 " JOIN groups g ON g.grp = p.grp"
                 " JOIN messages m ON m.topic = g.topic AND m.id = p.id AND m.offset < g.next"
                 " WHERE p.intent = ?"
                 " ON CONFLICT(grp, offset) DO UPDATE SET process = NULL, until = 0, intent = NULL",
                 BIND(lite_int(intent)), err));
    TRY(lite_run(lite, "DELETE FROM pending WHERE intent = ?", BIND(lite_int(intent)), err));
    return lite_commit(&txn, err);
}

/* ---- messages ---- */

/* A message whose value is the event of the file of that id. */
static int put_reference(struct lite *lite, const char *topic, const char *id, int64_t now_ms,
                         struct err *err)
{
    const struct message message = {.topic = (char *)(uintptr_t)topic, .id = (char *)(uintptr_t)id};
    int64_t offset;
    const int known =
        lite_number(lite,
                    "SELECT 1 FROM topics t JOIN messages m ON m.topic = t.no AND m.id = ?"
                    " WHERE t.name = ?",
                    BIND(lite_text(id), lite_text(topic)), &offset, err);

    if (known != 0)
        return known < 0 ? -1 : 0;
    return outbox_publish(lite, &message, now_ms, err);
}

/* ---- files ---- */

static int add_to_totals(struct lite *lite, const char *stage, const char *root,
                         const char *subject, int64_t files, int64_t rows, int64_t bytes,
                         struct err *err)
{
    return lite_run(lite,
                    "INSERT INTO totals(stage, root, subject, files, rows, bytes)"
                    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                    " files = files + excluded.files, rows = rows + excluded.rows,"
                    " bytes = bytes + excluded.bytes",
                    BIND(lite_text(stage), lite_text(root), lite_text(subject), lite_int(files),
                         lite_int(rows), lite_int(bytes)),
                    err);
}

/* The file is no more; its id stays known. */
static int mark_removed(struct lite *lite, const char *id, const char *replaced_by, int64_t now_ms,
                        struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got = lite_first(lite,
                               "SELECT stage, root, subject, rows, bytes FROM files"
                               " WHERE id = ? AND removed IS NULL",
                               BIND(lite_text(id)), &rows, err);

    if (got != 1)
        return got;
    TRY(add_to_totals(lite, lite_col_text(&rows, 0), lite_col_text(&rows, 1),
                      lite_col_text(&rows, 2), -1, -lite_col_int(&rows, 3), -lite_col_int(&rows, 4),
                      err));
    TRY(outbox_drop_file(lite, id, err));
    return lite_run(lite, "UPDATE files SET removed = ?, replaced_by = ? WHERE id = ?",
                    BIND(lite_int(now_ms), lite_text(replaced_by), lite_text(id)), err);
}

/* 1 added, 0 it was known. */
static int insert_file(struct lite *lite, yyjson_val *entry, yyjson_val *event, int64_t now_ms,
                       struct err *err)
{
    yyjson_val *data = yyjson_obj_get(event, "data");
    yyjson_val *pages = yyjson_obj_get(data, "pages");

    TRY(lite_run(lite,
                 "INSERT INTO files(id, stage, subject, root, path, bytes, rows, sha256, schema,"
                 " first_page, last_page, run, request, time, event)"
                 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO NOTHING",
                 BIND(text_of(event, "id"), text_of(entry, "stage"), text_of(event, "subject"),
                      text_of(data, "root"), text_of(data, "path"), int_of(data, "bytes"),
                      int_of(data, "rows"), text_of(data, "sha256"), text_of(data, "schema"),
                      int_of(pages, "first"), int_of(pages, "last"), text_of(data, "run"),
                      text_of(entry, "request"), lite_int(now_ms), text_of(entry, "event")),
                 err));
    return lite_changes(lite) > 0;
}

static int insert_origins(struct lite *lite, yyjson_val *origins, struct err *err)
{
    const int64_t file = lite_last_id(lite);
    yyjson_val *origin;
    size_t i;
    size_t count;

    yyjson_arr_foreach(origins, i, count, origin)
        TRY(lite_run(lite, "INSERT INTO origins(file, origin) VALUES (?, ?) ON CONFLICT DO NOTHING",
                     BIND(lite_int(file), lite_text(yyjson_get_str(origin))), err));
    return 0;
}

static int apply_file(struct lite *lite, yyjson_val *entry, int64_t now_ms, struct err *err)
{
    const char *text = json_str(entry, "event");
    const char *topic = json_str(entry, "topic");
    AUTO(json) doc = {0};
    yyjson_val *event;
    yyjson_val *data;
    int added;

    TRY(plan_read(&doc, text, strlen(text), err));
    event = json_root(&doc);
    data = yyjson_obj_get(event, "data");
    added = insert_file(lite, entry, event, now_ms, err);
    if (added != 1)
        return added;
    TRY(insert_origins(lite, yyjson_obj_get(data, "origin"), err));
    TRY(add_to_totals(lite, json_str(entry, "stage"), json_str(data, "root"),
                      json_str(event, "subject"), 1, json_int(data, "rows", 0),
                      json_int(data, "bytes", 0), err));
    if (json_str(data, "replaces"))
        TRY(mark_removed(lite, json_str(data, "replaces"), json_str(event, "id"), now_ms, err));
    return topic ? put_reference(lite, topic, json_str(event, "id"), now_ms, err) : 0;
}

/* ---- what was worked off ---- */

static int apply_consumed(struct lite *lite, yyjson_val *entry, struct err *err)
{
    int64_t group;
    int64_t offset;
    int got;

    TRY(lite_run(lite, "INSERT INTO consumed(grp, id) VALUES (?, ?)",
                 BIND(text_of(entry, "group"), text_of(entry, "id")), err));
    got = find_claim(lite, entry, &group, &offset, err);
    if (got != 1)
        return got;
    return lite_run(lite, "DELETE FROM claims WHERE grp = ? AND offset = ?",
                    BIND(lite_int(group), lite_int(offset)), err);
}

static int apply_dead(struct journal *journal, yyjson_val *entry, int64_t now_ms, struct err *err)
{
    yyjson_val *value = yyjson_obj_get(entry, "value");

    TRY(apply_consumed(&journal->lite, entry, err));
    return dead_bury(journal,
                     &(struct step_dead){.group = json_str(entry, "group"),
                                         .topic = json_str(entry, "topic"),
                                         .id = json_str(entry, "id"),
                                         .partition = json_int(entry, "partition", 0),
                                         .offset = json_int(entry, "offset", 0),
                                         .error = json_str(entry, "error"),
                                         .attempts = json_int(entry, "attempts", 0),
                                         .value = yyjson_get_str(value),
                                         .value_size = yyjson_get_len(value),
                                         .whole_size = json_int(entry, "whole_size", 0),
                                         .whole_sha256 = json_str(entry, "whole_sha256")},
                     now_ms, err);
}

/* ---- runs and schemas ---- */

static int apply_schema(struct lite *lite, yyjson_val *entry, int64_t now_ms, struct err *err)
{
    return lite_run(
        lite,
        "INSERT INTO schemas(resource, seq, fingerprint, time, doc) VALUES (?1,"
        " (SELECT coalesce(max(seq), 0) + 1 FROM schemas WHERE resource = ?1), ?2, ?3, ?4)"
        " ON CONFLICT(resource, fingerprint) DO NOTHING",
        BIND(text_of(entry, "resource"), text_of(entry, "fingerprint"), lite_int(now_ms),
             text_of(entry, "doc")),
        err);
}

static int move_position(struct lite *lite, yyjson_val *entry, struct err *err)
{
    return lite_run(lite,
                    "UPDATE resources SET position = ?1, next_page = ?2,"
                    " run_boundary = CASE WHEN ?3 IS NULL THEN run_boundary ELSE ?4 END,"
                    " run_cursor = coalesce(?3, run_cursor) WHERE name = ?5",
                    BIND(text_of(entry, "position"), lite_int(json_int(entry, "page", 0) + 1),
                         text_of(entry, "cursor"), text_of(entry, "boundary"),
                         text_of(entry, "resource")),
                    err);
}

/* The cursor advances here and nowhere else. */
static int end_run(struct lite *lite, yyjson_val *entry, int64_t now_ms, struct err *err)
{
    TRY(lite_run(
        lite,
        "UPDATE resources SET cursor = run_cursor, boundary = run_boundary, position = NULL,"
        " next_page = 1, start_value = NULL, start_boundary = NULL, run_cursor = NULL,"
        " run_boundary = NULL WHERE name = ?",
        BIND(text_of(entry, "resource")), err));
    return lite_run(lite, "UPDATE runs SET status = 'ended', ended = ?, why = ? WHERE number = ?",
                    BIND(lite_int(now_ms), text_of(entry, "why"), int_of(entry, "number")), err);
}

static int apply_run(struct lite *lite, yyjson_val *entry, int64_t now_ms, struct err *err)
{
    TRY(move_position(lite, entry, err));
    TRY(lite_run(lite,
                 "UPDATE runs SET last_page = ?, counts = coalesce(?, counts) WHERE number = ?",
                 BIND(int_of(entry, "page"), text_of(entry, "counts"), int_of(entry, "number")),
                 err));
    return json_bool(entry, "ended", false) ? end_run(lite, entry, now_ms, err) : 0;
}

/* ---- tables ---- */

static int apply_columns(struct lite *lite, yyjson_val *entry, struct err *err)
{
    yyjson_val *column;
    size_t i;
    size_t count;

    TRY(lite_run(lite, "DELETE FROM columns WHERE tbl = ?", BIND(text_of(entry, "table")), err));
    yyjson_arr_foreach(yyjson_obj_get(entry, "columns"), i, count, column)
        TRY(lite_run(lite, "INSERT INTO columns(tbl, name, place, type) VALUES (?, ?, ?, ?)",
                     BIND(text_of(entry, "table"), text_of(column, "name"),
                          lite_int((int64_t)i + 1), text_of(column, "type")),
                     err));
    return 0;
}

/* ---- all of it ---- */

static int apply_removed(struct lite *lite, yyjson_val *entry, int64_t now_ms, struct err *err)
{
    return mark_removed(lite, json_str(entry, "id"), NULL, now_ms, err);
}

/* Of what was checked when the INTENT was written, it keeps off others all but a new run. */
static int take_intent(struct lite *lite, yyjson_val *plan, int64_t intent, struct err *err)
{
    EACH(plan, "runs", check_run(lite, entry, err));
    TRY(lite_run(lite, "DELETE FROM intents WHERE seq = ?", BIND(lite_int(intent)), err));
    if (lite_changes(lite) == 1)
        return lite_run(lite, "DELETE FROM pending WHERE intent = ?", BIND(lite_int(intent)), err);
    err_set(err, ERR_LOCKED, "another process has ended this step in our place");
    err->retriable = true;
    return -1;
}

int plan_apply(struct journal *journal, yyjson_val *plan, int64_t intent, struct err *err)
{
    struct lite *lite = &journal->lite;
    const int64_t now_ms = json_int(plan, "time", 0);
    AUTO(lite_txn) txn = {0};

    TRY(lite_begin(&txn, lite, err));
    TRY(intent ? take_intent(lite, plan, intent, err) : check_plan(lite, plan, err));
    EACH(plan, "schemas", apply_schema(lite, entry, now_ms, err));
    EACH(plan, "files", apply_file(lite, entry, now_ms, err));
    EACH(plan, "tables", apply_columns(lite, entry, err));
    EACH(plan, "removed", apply_removed(lite, entry, now_ms, err));
    EACH(plan, "consumed", apply_consumed(lite, entry, err));
    EACH(plan, "dead", apply_dead(journal, entry, now_ms, err));
    EACH(plan, "runs", apply_run(lite, entry, now_ms, err));
    return lite_commit(&txn, err);
}
