/*
 * A reference's file is looked at before any engine opens it: no reader is safe against every bad file.
 */
#include "river/check.h"

#include "base/str.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"

/* The size first: it is cheap, and a cut file is told as such. */
static int check_bytes(const char *path, int64_t bytes, const char *sha256, struct err *err)
{
    char found[FS_SHA256_TEXT];
    struct stat info;
    int64_t found_bytes;

    if (stat(path, &info) != 0)
        return err_errno(err, "could not look at \"%s\"", path);
    if (!S_ISREG(info.st_mode))
        return err_set(err, ERR_DATA, "\"%s\" is no file", path);
    if (info.st_size != bytes)
        return err_set(err, ERR_DATA, "\"%s\" has %lld bytes, its reference says %" PRId64, path,
                       (long long)info.st_size, bytes);
    TRY(fs_sha256(path, found, &found_bytes, err));
    if (sha256 == NULL || strcmp(found, sha256) != 0)
        return err_set(err, ERR_DATA, "\"%s\" was altered: its SHA-256 is not its reference's",
                       path);
    return 0;
}

/* Whoever reads the folder reads all Parquet in it: there may be no more than the reference lists. */
static int check_count(const struct ref *ref, const char *path, struct err *err)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    size_t found = 0;

    if (dir == NULL)
        return err_set(err, ERR_DATA, "\"%s\" is no folder that can be read", path);
    while ((entry = readdir(dir)) != NULL)
        found += str_ends(entry->d_name, ".parquet");
    closedir(dir);
    if (found == ref->file_count)
        return 0;
    return err_set(err, ERR_DATA, "the folder \"%s\" has %zu files, its reference lists %zu", path,
                   found, ref->file_count);
}

static int check_folder(const struct ref *ref, const char *path, struct err *err)
{
    TRY(check_count(ref, path, err));
    for (size_t i = 0; i < ref->file_count; i++) {
        const struct ref_file *file = &ref->files[i];
        char *part = NULL;
        int done = fs_beneath(path, file->path, &part, err);

        if (done == 0)
            done = check_bytes(part, file->bytes, file->sha256, err);
        free(part);
        TRY(done);
    }
    return 0;
}

int check_file(const struct river *river, const struct ref *ref, char **ret_path, struct err *err)
{
    const char *root = river_root(river, ref->root);
    char *path = NULL;
    int done;

    if (root == NULL)
        return err_set(err, ERR_DATA, "the root \"%s\" is not known here", ref->root);
    TRY(fs_beneath(root, ref->path, &path, err));
    done = ref->file_count > 0 ? check_folder(ref, path, err)
                               : check_bytes(path, ref->bytes, ref->sha256, err);
    if (done < 0) {
        free(path);
        return -1;
    }
    free(*ret_path);
    *ret_path = path;
    return 0;
}
