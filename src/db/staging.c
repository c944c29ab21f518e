/*
 * Temporary folders, and the id files of roots.
 *
 * A folder's lock lies beside it, made before the folder and removed after it, so a folder without a
 * lock is nobody's.
 */
#include "db/staging.h"

#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/banned.h"

#define MOST_OF_ONE_PROCESS 1000
#define ROOT_ID_CEILING 256

/* ---- the root's id ---- */

int root_id(const char *root, char **ret_id, struct err *err)
{
    char *path = fs_join(root, ".riacho-root");
    AUTO(buf) text = {0};
    int got = fs_exists(path);

    if (got == 1 && fs_read(path, ROOT_ID_CEILING, &text, err) < 0)
        got = -1;
    free(path);
    if (got == 1)
        *ret_id = mem_strn(buf_text(&text), strcspn(buf_text(&text), "\n"));
    return got;
}

/* Another process may do the same now: the first one's file stays. */
static int write_root_id(const char *root, const char *process, struct err *err)
{
    char *path = fs_join(root, ".riacho-root");
    char *temporary = mem_fmt("%s/.riacho-root.%s", root, process);
    uint64_t random = 0;
    char *text;
    int written = 0;

    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        written = err_errno(err, "the system gave no random bytes");
    text = mem_fmt("%016" PRIx64 "\n", random);
    if (written == 0)
        written = fs_write(temporary, text, strlen(text), 0644, err);
    if (written == 0)
        written = fs_rename_new(temporary, path, err);
    if (written == 0)
        unlink(temporary);
    if (written >= 0)
        written = fs_sync_dir(root, err);
    free(text);
    free(temporary);
    free(path);
    return written;
}

static int make_root(const char *root, const char *process, struct err *err)
{
    char *temporary = fs_join(root, ".tmp");
    char *id = NULL;
    int made = fs_make_dirs(temporary, 0777, err);

    free(temporary);
    TRY(made);
    made = root_id(root, &id, err);
    free(id);
    return made == 0 ? write_root_id(root, process, err) : made < 0 ? -1 : 0;
}

/* ---- a folder ---- */

static char *lock_path_of(const char *dir)
{
    return mem_fmt("%s.lock", dir);
}

/* 1 taken, 0 the name is in use. */
static int take_dir(struct staging *staging, const char *dir, struct err *err)
{
    char *lock_path = lock_path_of(dir);
    int got = lock_try(&staging->lock, lock_path, err);

    free(lock_path);
    if (got == 1 && (fs_remove_tree(dir, err) < 0 || fs_make_dirs(dir, 0777, err) < 0)) {
        lock_close(&staging->lock);
        return -1;
    }
    if (got == 1)
        staging->dir = mem_str(dir);
    return got;
}

int staging_open(struct staging *staging, const char *root, const char *process, struct err *err)
{
    int got = 0;

    TRY(make_root(root, process, err));
    for (int i = 1; got == 0 && i <= MOST_OF_ONE_PROCESS; i++) {
        char *dir = i == 1 ? mem_fmt("%s/.tmp/%s", root, process)
                           : mem_fmt("%s/.tmp/%s.%d", root, process, i);

        got = take_dir(staging, dir, err);
        free(dir);
    }
    if (got == 0)
        return err_set(err, ERR_LIMIT, "too many temporary folders in \"%s\"", root);
    return got < 0 ? -1 : 0;
}

void staging_close(struct staging *staging)
{
    struct err ignored = {0};

    /* What cannot be removed now is cleared at the next start. */
    if (staging->dir && staging->lock.path && fs_remove_tree(staging->dir, &ignored) == 0)
        unlink(staging->lock.path);
    lock_close(&staging->lock);
    free(staging->dir);
    *staging = (struct staging){0};
}

/* ---- clearing ---- */

/*
 * "<process>" or "<process>.lock": removes both if nobody holds the lock. Tasks on a Spark server may outlive the
 * process that asked for them, and write there still.
 */
static int clear_if_dead(const char *temporary, const char *name, struct err *err)
{
    const size_t size = strlen(name) - (str_ends(name, ".lock") ? 5 : 0);
    char *dir = mem_fmt("%s/%.*s", temporary, (int)size, name);
    char *lock_path = lock_path_of(dir);
    AUTO(lock) lock = {0};
    struct err why = {0};
    int got = lock_try(&lock, lock_path, err);

    if (got == 1 && fs_remove_tree(dir, &why) < 0)
        log_warn("left to the next start: %s", why.text);
    else if (got == 1)
        unlink(lock_path);
    free(lock_path);
    free(dir);
    return got < 0 ? -1 : 0;
}

static int clear_all(const char *temporary, DIR *entries, struct err *err)
{
    struct dirent *entry;

    while ((entry = readdir(entries)) != NULL)
        if (entry->d_name[0] != '.')
            TRY(clear_if_dead(temporary, entry->d_name, err));
    return 0;
}

int staging_clear_dead(const char *root, struct err *err)
{
    char *temporary = fs_join(root, ".tmp");
    DIR *entries = opendir(temporary);
    int cleared = 0;

    if (entries == NULL && errno != ENOENT)
        cleared = err_errno(err, "could not list \"%s\"", temporary);
    if (entries) {
        cleared = clear_all(temporary, entries, err);
        closedir(entries);
    }
    free(temporary);
    return cleared;
}
