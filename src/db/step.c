/*
 * Steps: written down whole, then made true.
 */
#include "db/step.h"

#include "base/bell.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "db/recover.h"
#include "db/step_parts.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

/* ---- writing down ---- */

void step_open(struct step *step)
{
    step_close(step);
    json_out_open(&step->doc);
}

void step_close(struct step *step)
{
    json_out_close(&step->doc);
    *step = (struct step){0};
}

/* A new entry of a list, which is made with its first entry. */
static yyjson_mut_val *add_entry(struct step *step, const char *list_name)
{
    yyjson_mut_doc *doc = step->doc.doc;
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    yyjson_mut_val *list = yyjson_mut_obj_get(root, list_name);

    if (list == NULL)
        list = yyjson_mut_obj_add_arr(doc, root, list_name);
    step->entries++;
    return yyjson_mut_arr_add_obj(doc, list);
}

static void put_text(struct step *step, yyjson_mut_val *entry, const char *key, const char *text)
{
    if (text)
        yyjson_mut_obj_add_strcpy(step->doc.doc, entry, key, text);
}

static void put_int(struct step *step, yyjson_mut_val *entry, const char *key, int64_t number)
{
    yyjson_mut_obj_add_int(step->doc.doc, entry, key, number);
}

static void put_buf(struct step *step, yyjson_mut_val *entry, const char *key,
                    const struct buf *text)
{
    yyjson_mut_obj_add_strncpy(step->doc.doc, entry, key, buf_text(text), text->size);
}

void step_add_file(struct step *step, const struct step_file *file)
{
    yyjson_mut_val *entry = add_entry(step, "files");
    AUTO(buf) event = {0};

    assert(file->ref->sha256 || file->ref->file_count > 0);
    step->files++;
    ref_write(file->ref, &event);
    put_text(step, entry, "temp", file->temp_path);
    put_text(step, entry, "final", file->final_path);
    put_text(step, entry, "stage", file->stage);
    put_text(step, entry, "topic", file->topic);
    put_buf(step, entry, "event", &event);
    put_text(step, entry, "request", file->request);
    put_text(step, entry, "unlink", file->unlink_path);
}

void step_add_consumed(struct step *step, const struct step_consumed *consumed)
{
    yyjson_mut_val *entry = add_entry(step, "consumed");

    put_text(step, entry, "group", consumed->group);
    put_text(step, entry, "topic", consumed->topic);
    put_text(step, entry, "id", consumed->id);
    put_int(step, entry, "offset", consumed->offset);
}

static void put_cut(struct step *step, yyjson_mut_val *entry, const struct step_dead *dead)
{
    char sha256[FS_SHA256_TEXT];

    fs_sha256_of(dead->value, dead->value_size, sha256);
    put_int(step, entry, "whole_size", (int64_t)dead->value_size);
    put_text(step, entry, "whole_sha256", sha256);
    yyjson_mut_obj_add_strncpy(step->doc.doc, entry, "value", dead->value, STEP_DEAD_MOST);
}

void step_add_dead(struct step *step, const struct step_dead *dead)
{
    yyjson_mut_val *entry = add_entry(step, "dead");

    put_text(step, entry, "group", dead->group);
    put_text(step, entry, "topic", dead->topic);
    put_text(step, entry, "id", dead->id);
    put_int(step, entry, "partition", dead->partition);
    put_int(step, entry, "offset", dead->offset);
    put_text(step, entry, "error", dead->error);
    put_int(step, entry, "attempts", dead->attempts);
    if (dead->value_size >= STEP_DEAD_MOST)
        put_cut(step, entry, dead);
    else
        yyjson_mut_obj_add_strncpy(step->doc.doc, entry, "value", dead->value, dead->value_size);
}

void step_add_run(struct step *step, const struct step_run *run)
{
    yyjson_mut_val *entry = add_entry(step, "runs");

    put_text(step, entry, "resource", run->resource);
    put_int(step, entry, "number", run->number);
    put_int(step, entry, "page", run->page);
    put_text(step, entry, "position", run->position);
    put_text(step, entry, "cursor", run->cursor);
    put_text(step, entry, "boundary", run->boundary);
    put_text(step, entry, "counts", run->counts);
    put_text(step, entry, "why", run->why);
    yyjson_mut_obj_add_bool(step->doc.doc, entry, "ended", run->ended);
}

void step_add_schema(struct step *step, const char *resource, const char *fingerprint,
                     const struct schema *schema)
{
    yyjson_mut_val *entry = add_entry(step, "schemas");
    AUTO(buf) doc = {0};

    schema_write(schema, &doc);
    put_text(step, entry, "resource", resource);
    put_text(step, entry, "fingerprint", fingerprint);
    put_buf(step, entry, "doc", &doc);
}

void step_add_columns(struct step *step, const char *table, const struct fixed_column *columns,
                      size_t count)
{
    yyjson_mut_val *entry = add_entry(step, "tables");
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(step->doc.doc, entry, "columns");

    put_text(step, entry, "table", table);
    for (size_t i = 0; i < count; i++) {
        yyjson_mut_val *column = yyjson_mut_arr_add_obj(step->doc.doc, list);

        put_text(step, column, "name", columns[i].name);
        put_text(step, column, "type", columns[i].type);
    }
}

void step_add_removed(struct step *step, const char *id, const char *path)
{
    yyjson_mut_val *entry = add_entry(step, "removed");

    step->files++;
    put_text(step, entry, "id", id);
    put_text(step, entry, "path", path);
}

/* ---- making it true ---- */

struct plan {
    struct buf text;
    struct json doc;
};

static void plan_close(struct plan *plan)
{
    buf_close(&plan->text);
    json_close(&plan->doc);
}

/* What is done is always done from the text, as it would be after a crash. */
static int plan_make(const struct step *step, struct plan *plan, struct err *err)
{
    buf_reset(&plan->text);
    json_out_write(&step->doc, &plan->text);
    return plan_read(&plan->doc, buf_text(&plan->text), plan->text.size, err);
}

/* 1 no final name is in the way, 0 one is; those that have the same bytes already are marked. */
static int look_at_names(struct step *step, char **ret_taken, struct err *err)
{
    yyjson_mut_val *files = yyjson_mut_obj_get(yyjson_mut_doc_get_root(step->doc.doc), "files");
    yyjson_mut_val *file;
    size_t i;
    size_t count;

    yyjson_mut_arr_foreach(files, i, count, file)
    {
        const char *final = yyjson_mut_get_str(yyjson_mut_obj_get(file, "final"));
        int same;

        if (!fs_exists(final) || yyjson_mut_obj_get(file, "kept"))
            continue;
        same = file_matches(final, yyjson_mut_get_str(yyjson_mut_obj_get(file, "event")), err);
        TRY(same);
        if (same == 0) {
            *ret_taken = mem_str(final);
            return 0;
        }
        yyjson_mut_obj_add_bool(step->doc.doc, file, "kept", true);
    }
    return 1;
}

/* Everything has its final name. */
static int finish(struct journal *journal, const struct plan *plan, int64_t intent, struct err *err)
{
    yyjson_val *root = json_root(&plan->doc);

    if (files_unlink_old(root, err) < 0 || plan_apply(journal, root, intent, err) < 0) {
        journal->unsettled = intent;
        return -1;
    }
    bell_ring();
    files_clear(root);
    return 1;
}

/* Forgets the step. If that is not possible, whoever comes next learns of it from the INTENT. */
static int give_up(struct journal *journal, int64_t intent, bool is_back, struct err *err)
{
    if (is_back && plan_forget(journal, intent, err) == 0)
        return 0;
    journal->unsettled = intent;
    if (!is_back)
        err_set(err, ERR_IO, "could not give files their temporary names back");
    return -1;
}

static int commit_files(struct journal *journal, const struct plan *plan, char **ret_taken,
                        struct err *err)
{
    struct err failed = {0};
    char *taken = NULL;
    bool is_back;
    int64_t intent;
    int done;
    int undone;

    TRY(plan_put_intent(journal, json_root(&plan->doc), buf_text(&plan->text), plan->text.size,
                        &intent, err));
    done = files_publish(json_root(&plan->doc), &taken, &is_back, &failed);
    if (done == 1)
        return finish(journal, plan, intent, err);
    undone = give_up(journal, intent, is_back, err);
    if (done < 0)
        *err = failed;
    if (done == 0 && undone == 0 && ret_taken)
        *ret_taken = taken;
    else
        free(taken);
    return done == 0 && undone == 0 ? 0 : -1;
}

/* A name is taken: by the process that worked off our messages, perhaps. 0 no, it is in the way; -1 yes. */
static int blame_name(struct step *step, struct journal *journal, char *taken, char **ret_taken,
                      struct err *err)
{
    AUTO(plan) plan = {0};

    if (plan_make(step, &plan, err) < 0 || plan_check(journal, json_root(&plan.doc), err) < 0) {
        free(taken);
        return -1;
    }
    if (ret_taken)
        *ret_taken = taken;
    else
        free(taken);
    return 0;
}

int step_commit(struct step *step, struct journal *journal, char **ret_taken, struct err *err)
{
    AUTO(plan) plan = {0};
    char *taken = NULL;
    int is_free;

    TRY(journal_settle(journal, err));
    if (step->entries == 0)
        return 1;
    yyjson_mut_obj_put(yyjson_mut_doc_get_root(step->doc.doc),
                       yyjson_mut_str(step->doc.doc, "time"),
                       yyjson_mut_sint(step->doc.doc, clock_wall_ms()));
    is_free = look_at_names(step, &taken, err);
    TRY(is_free);
    if (is_free == 0)
        return blame_name(step, journal, taken, ret_taken, err);
    TRY(plan_make(step, &plan, err));
    if (step->files > 0)
        return commit_files(journal, &plan, ret_taken, err);
    TRY(plan_apply(journal, json_root(&plan.doc), 0, err));
    bell_ring();
    return 1;
}
