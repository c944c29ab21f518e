/*
 * Names that consumers on several hosts share. Whoever comes second takes what the first one left there for his
 * own output: a name is decided by the reference, so it was made of the same input.
 */
#include "base/mem.h"
#include "base/str.h"
#include "db/step.h"
#include "db/step_parts.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"

void step_share(struct step *step)
{
    yyjson_mut_doc *doc = step->doc.doc;

    yyjson_mut_obj_put(yyjson_mut_doc_get_root(doc), yyjson_mut_str(doc, "shared"),
                       yyjson_mut_true(doc));
}

/* ---- what is there, as the reference's "data" says it ---- */

struct adopting {
    yyjson_mut_doc *doc; /* of the event */
    void *ctx;
    step_rows_fn *count_rows;
    int64_t bytes; /* of all its files */
    int64_t rows;  /* -1: as our own output says */
};

static void put_number(struct adopting *adopting, yyjson_mut_val *object, const char *key,
                       int64_t number)
{
    yyjson_mut_obj_put(object, yyjson_mut_str(adopting->doc, key),
                       yyjson_mut_sint(adopting->doc, number));
}

static void put_text(struct adopting *adopting, yyjson_mut_val *object, const char *key,
                     const char *text)
{
    yyjson_mut_obj_put(object, yyjson_mut_str(adopting->doc, key),
                       yyjson_mut_strcpy(adopting->doc, text));
}

/* Into `object`, which is the "data" itself or an entry of its "files". */
static int adopt_file(struct adopting *adopting, const char *path, yyjson_mut_val *object,
                      struct err *err)
{
    char sha256[FS_SHA256_TEXT];
    int64_t bytes;
    int64_t rows = 0;

    if (adopting->count_rows) {
        TRY(adopting->count_rows(adopting->ctx, path, &rows, err));
        put_number(adopting, object, "rows", rows);
        adopting->rows += rows;
    }
    TRY(fs_sha256(path, sha256, &bytes, err));
    adopting->bytes += bytes;
    put_number(adopting, object, "bytes", bytes);
    put_text(adopting, object, "sha256", sha256);
    return 0;
}

static int is_part(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && entry->d_name[0] != '_';
}

static int adopt_part(struct adopting *adopting, const char *dir, const char *name,
                      yyjson_mut_val *list, struct err *err)
{
    yyjson_mut_val *part = yyjson_mut_arr_add_obj(adopting->doc, list);
    char *path = fs_join(dir, name);
    int done;

    put_text(adopting, part, "path", name);
    done = adopt_file(adopting, path, part, err);
    free(path);
    return done;
}

static int adopt_folder(struct adopting *adopting, const char *path, yyjson_mut_val *data,
                        struct err *err)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(adopting->doc, data, "files");
    struct dirent **entries = NULL;
    const int count = scandir(path, &entries, is_part, alphasort);
    int done = 0;

    if (count < 0)
        return err_errno(err, "could not read \"%s\"", path);
    for (int i = 0; i < count; i++) {
        if (done == 0)
            done = adopt_part(adopting, path, entries[i]->d_name, list, err);
        free(entries[i]);
    }
    free(entries);
    if (done == 0 && count == 0)
        return err_set(err, ERR_DATA, "the folder \"%s\" is empty", path);
    put_number(adopting, data, "bytes", adopting->bytes);
    if (adopting->count_rows)
        put_number(adopting, data, "rows", adopting->rows);
    return done;
}

static int adopt_data(struct adopting *adopting, const char *path, struct err *err)
{
    yyjson_mut_val *data = yyjson_mut_obj_get(yyjson_mut_doc_get_root(adopting->doc), "data");
    struct stat info;

    if (stat(path, &info) != 0)
        return err_errno(err, "could not look at \"%s\"", path);
    yyjson_mut_obj_remove_key(data, "sha256");
    yyjson_mut_obj_remove_key(data, "files");
    if (S_ISDIR(info.st_mode))
        return adopt_folder(adopting, path, data, err);
    return adopt_file(adopting, path, data, err);
}

/* ---- the step's entry ---- */

static yyjson_mut_val *find_file(struct step *step, const char *final_path)
{
    yyjson_mut_val *files = yyjson_mut_obj_get(yyjson_mut_doc_get_root(step->doc.doc), "files");
    yyjson_mut_val *file;
    size_t i;
    size_t count;

    yyjson_mut_arr_foreach(files, i, count, file)
    {
        if (str_same(yyjson_mut_get_str(yyjson_mut_obj_get(file, "final")), final_path))
            return file;
    }
    return NULL;
}

static void put_event(struct step *step, yyjson_mut_val *file, const struct json_out *event)
{
    AUTO(buf) text = {0};

    json_out_write(event, &text);
    yyjson_mut_obj_put(file, yyjson_mut_str(step->doc.doc, "event"),
                       yyjson_mut_strncpy(step->doc.doc, buf_text(&text), text.size));
}

int step_adopt(struct step *step, const char *final_path, void *ctx, step_rows_fn *count_rows,
               struct err *err)
{
    yyjson_mut_val *file = find_file(step, final_path);
    const char *text = yyjson_mut_get_str(yyjson_mut_obj_get(file, "event"));
    struct adopting adopting = {.ctx = ctx, .count_rows = count_rows};
    AUTO(json) doc = {0};
    AUTO(json_out) event = {0};

    if (text == NULL)
        return err_set(err, ERR_DATA, "the step has no file \"%s\"", final_path);
    TRY(plan_read(&doc, text, strlen(text), err));
    event.doc = adopting.doc = yyjson_doc_mut_copy(doc.doc, NULL);
    if (adopt_data(&adopting, final_path, err) < 0)
        return err_wrap(err, "\"%s\" is there already, and could not be taken over", final_path);
    put_event(step, file, &event);
    return 0;
}
