/*
 * A step's files: from their temporary names to their final ones, and back.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/step_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

/* ---- folders, each once ---- */

struct folders {
    char **paths;
    size_t count;
};

static void folders_close(struct folders *folders)
{
    for (size_t i = 0; i < folders->count; i++)
        free(folders->paths[i]);
    free(folders->paths);
    *folders = (struct folders){0};
}

/* Adds the folder of a path. Returns true if it is new. A step has few of them. */
static bool folders_add(struct folders *folders, const char *path)
{
    char *dir = fs_dir_of(path);

    for (size_t i = folders->count; i-- > 0;)
        if (str_same(folders->paths[i], dir)) {
            free(dir);
            return false;
        }
    *MEM_PUSH(folders->paths, folders->count) = dir;
    return true;
}

static int folders_sync(const struct folders *folders, struct err *err)
{
    for (size_t i = 0; i < folders->count; i++)
        TRY(fs_sync_dir(folders->paths[i], err));
    return 0;
}

/* ---- comparing ---- */

/* 1 the same, 0 other bytes or no file, -1 could not be read. */
static int bytes_match(const char *path, const char *sha256, int64_t bytes, struct err *err)
{
    char found[FS_SHA256_TEXT];
    int64_t found_bytes;
    struct stat info;

    if (stat(path, &info) != 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : err_errno(err, "could not look at \"%s\"", path);
    if (!S_ISREG(info.st_mode) || info.st_size != bytes)
        return 0;
    TRY(fs_sha256(path, found, &found_bytes, err));
    return found_bytes == bytes && str_same(found, sha256);
}

static int folder_matches(const char *path, yyjson_val *files, struct err *err)
{
    yyjson_val *file;
    size_t i;
    size_t count;
    int same = fs_exists(path);

    yyjson_arr_foreach(files, i, count, file)
    {
        char *part = same == 1 ? fs_join(path, json_str(file, "path")) : NULL;

        if (part)
            same = bytes_match(part, json_str(file, "sha256"), json_int(file, "bytes", -1), err);
        free(part);
    }
    return same;
}

int file_matches(const char *path, const char *event, struct err *err)
{
    AUTO(json) doc = {0};
    yyjson_val *data;

    TRY(plan_read(&doc, event, strlen(event), err));
    data = yyjson_obj_get(json_root(&doc), "data");
    if (json_str(data, "sha256"))
        return bytes_match(path, json_str(data, "sha256"), json_int(data, "bytes", -1), err);
    return folder_matches(path, yyjson_obj_get(data, "files"), err);
}

static int entry_matches(yyjson_val *file, const char *name, struct err *err)
{
    return file_matches(json_str(file, name), json_str(file, "event"), err);
}

/* ---- forward ---- */

/* Others may have taken over what has its final name. */
static bool is_shared(yyjson_val *plan)
{
    return json_bool(plan, "shared", false);
}

static int make_folders(yyjson_val *files, struct folders *folders, struct err *err)
{
    yyjson_val *file;
    size_t i;
    size_t count;

    yyjson_arr_foreach(files, i, count, file)
    {
        if (folders_add(folders, json_str(file, "final")))
            TRY(fs_make_dirs(folders->paths[folders->count - 1], 0777, err));
    }
    return 0;
}

/* 2 renamed now, 1 it was there already, 0 the name is taken by other bytes, -1 failed. */
static int publish_one(yyjson_val *file, struct err *err)
{
    const char *temp = json_str(file, "temp");
    const char *final = json_str(file, "final");
    struct err failed = {0};
    int got;

    if (json_bool(file, "kept", false))
        return 1;
    got = fs_rename_new(temp, final, &failed);
    if (got == 1)
        return 2;
    if (got == 0 || !fs_exists(temp)) {
        const int same = entry_matches(file, "final", err);

        if (same != 0 || got == 0)
            return same;
    }
    *err = failed;
    return -1;
}

/* Returns true if all that was renamed has its temporary name again. */
static bool take_back(yyjson_val *files, const bool *renamed)
{
    struct err ignored = {0};
    bool is_back = true;
    yyjson_val *file;
    size_t i;
    size_t count;

    yyjson_arr_foreach(files, i, count, file)
    {
        if (renamed[i] &&
            fs_rename_new(json_str(file, "final"), json_str(file, "temp"), &ignored) != 1)
            is_back = false;
    }
    return is_back;
}

static int publish_each(yyjson_val *files, bool *renamed, char **ret_taken, struct err *err)
{
    yyjson_val *file;
    size_t i;
    size_t count;

    yyjson_arr_foreach(files, i, count, file)
    {
        const int got = publish_one(file, err);

        TRY(got);
        renamed[i] = got == 2;
        if (got > 0)
            continue;
        if (ret_taken)
            *ret_taken = mem_str(json_str(file, "final"));
        return 0;
    }
    return 1;
}

int files_publish(yyjson_val *plan, char **ret_taken, bool *ret_back, struct err *err)
{
    yyjson_val *files = yyjson_obj_get(plan, "files");
    bool *renamed = mem_alloc(yyjson_arr_size(files) * sizeof *renamed);
    AUTO(folders) folders = {0};
    int done = make_folders(files, &folders, err);

    if (done == 0)
        done = publish_each(files, renamed, ret_taken, err);
    if (done == 1 && folders_sync(&folders, err) < 0)
        done = -1;
    *ret_back = done <= 0 && (is_shared(plan) || take_back(files, renamed));
    free(renamed);
    return done;
}

int files_unlink_old(yyjson_val *plan, struct err *err)
{
    static const char *const lists[][2] = {{"files", "unlink"}, {"removed", "path"}};
    AUTO(folders) folders = {0};

    for (size_t which = 0; which < 2; which++) {
        yyjson_val *entry;
        size_t i;
        size_t count;

        yyjson_arr_foreach(yyjson_obj_get(plan, lists[which][0]), i, count, entry)
        {
            const char *path = json_str(entry, lists[which][1]);

            if (path == NULL || !fs_exists(path))
                continue;
            TRY(fs_remove_tree(path, err));
            folders_add(&folders, path);
        }
    }
    return folders_sync(&folders, err);
}

void files_clear(yyjson_val *plan)
{
    struct err ignored = {0};
    yyjson_val *file;
    size_t i;
    size_t count;

    yyjson_arr_foreach(yyjson_obj_get(plan, "files"), i, count, file)
    {
        const char *temp = json_str(file, "temp");

        /* What stays is cleared with the temporary folder. */
        if (fs_exists(temp) && fs_remove_tree(temp, &ignored) < 0)
            return;
    }
}

/* ---- after a crash ---- */

static int is_whole(yyjson_val *file, struct err *err)
{
    if (json_bool(file, "kept", false) || fs_exists(json_str(file, "final")))
        return entry_matches(file, "final", err);
    return entry_matches(file, "temp", err);
}

int files_are_whole(yyjson_val *plan, struct err *err)
{
    yyjson_val *file;
    size_t i;
    size_t count;

    yyjson_arr_foreach(yyjson_obj_get(plan, "files"), i, count, file)
    {
        const int whole = is_whole(file, err);

        if (whole <= 0)
            return whole;
    }
    return 1;
}

/* A final name is ours only if the file has left its temporary one. */
static int remove_one(yyjson_val *file, struct folders *folders, struct err *err)
{
    const char *temp = json_str(file, "temp");
    const char *final = json_str(file, "final");
    int same;

    if (json_bool(file, "kept", false) || fs_exists(temp))
        return 0;
    same = entry_matches(file, "final", err);
    if (same <= 0)
        return same;
    folders_add(folders, final);
    return fs_remove_tree(final, err);
}

int files_remove(yyjson_val *plan, struct err *err)
{
    AUTO(folders) folders = {0};
    yyjson_val *file;
    size_t i;
    size_t count;

    if (is_shared(plan))
        return 0;
    yyjson_arr_foreach(yyjson_obj_get(plan, "files"), i, count, file)
        TRY(remove_one(file, &folders, err));
    return folders_sync(&folders, err);
}
