/*
 * A reference's file is looked at before any engine opens it: no reader is safe against every bad file.
 */
#include "cmd/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"

/* The size first: it is cheap, and a cut file is told as such. */
static int check_bytes(const struct ref *ref, const char *path, struct err *err)
{
    char sha256[FS_SHA256_TEXT];
    struct stat info;
    int64_t bytes;

    if (stat(path, &info) != 0)
        return err_errno(err, "could not look at \"%s\"", path);
    if (!S_ISREG(info.st_mode))
        return err_set(err, ERR_DATA, "\"%s\" is no file", path);
    if (info.st_size != ref->bytes)
        return err_set(err, ERR_DATA, "\"%s\" has %lld bytes, its reference says %" PRId64, path,
                       (long long)info.st_size, ref->bytes);
    TRY(fs_sha256(path, sha256, &bytes, err));
    if (ref->sha256 == NULL || strcmp(sha256, ref->sha256) != 0)
        return err_set(err, ERR_DATA, "\"%s\" was altered: its SHA-256 is not its reference's",
                       path);
    return 0;
}

int check_file(const struct river *river, const struct ref *ref, char **ret_path, struct err *err)
{
    const char *root = river_root(river, ref->root);
    char *path = NULL;

    if (root == NULL)
        return err_set(err, ERR_DATA, "the root \"%s\" is not known here", ref->root);
    TRY(fs_beneath(root, ref->path, &path, err));
    if (check_bytes(ref, path, err) < 0) {
        free(path);
        return -1;
    }
    free(*ret_path);
    *ret_path = path;
    return 0;
}
