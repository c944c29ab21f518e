/*
 * Files and folders, with the durability rules of POSIX made explicit: a file is durable after
 * fs_sync_file(), a new name after fs_sync_dir() of its folder. A failed fsync is never tried again
 * on the same file (the kernel may have dropped the pages): write it afresh from the source, or stop.
 */
#ifndef RIACHO_FS_H
#define RIACHO_FS_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FS_SHA256_TEXT 65 /* 64 hexadecimal digits and NUL */

/* "<dir>/<name>", or `name` alone if it is absolute. The caller frees. */
char *fs_join(const char *dir, const char *name);
/* The folder part of a path ("." if there is none). The caller frees. */
char *fs_dir_of(const char *path);

bool fs_exists(const char *path);
/* As fs_exists, but what may not be looked at is an error: 1 there, 0 not, -1 failed. */
MUST_CHECK int fs_look(const char *path, struct err *err);
/* Makes a folder and its parents; each new one is made durable in its parent. */
MUST_CHECK int fs_make_dirs(const char *path, mode_t mode, struct err *err);
/* Removes a folder with all that is in it; one that is not there is no error. Follows no links. */
MUST_CHECK int fs_remove_tree(const char *path, struct err *err);
MUST_CHECK int fs_remove_file(const char *path, struct err *err); /* not there: no error */

MUST_CHECK int fs_sync_file(const char *path, struct err *err);
/*
 * The same for several files, which are then durable or not together: much faster than one after another, as
 * the disk and the file system's journal are waited for once.
 */
MUST_CHECK int fs_sync_files(const char *const *paths, size_t count, struct err *err);
MUST_CHECK int fs_sync_dir(const char *path, struct err *err);

/* Renames without replacing: 1 done, 0 the final name is taken, -1 failed. */
MUST_CHECK int fs_rename_new(const char *from, const char *to, struct err *err);

/* Reads a whole file of at most `ceiling` bytes into `ret_bytes` (emptied first). */
MUST_CHECK int fs_read(const char *path, size_t ceiling, struct buf *ret_bytes, struct err *err);
/* Writes a whole file durably under its final name, replacing what was there. */
MUST_CHECK int fs_write(const char *path, const void *bytes, size_t size, mode_t mode,
                        struct err *err);

/* SHA-256 (FIPS 180-4) and size of a file's bytes. */
MUST_CHECK int fs_sha256(const char *path, char ret_sha256[FS_SHA256_TEXT], int64_t *ret_bytes,
                         struct err *err);
/* SHA-256 of bytes in memory. */
void fs_sha256_of(const void *bytes, size_t size, char ret_sha256[FS_SHA256_TEXT]);

/* Whether a name from outside is a relative path without ".." (and not empty). */
bool fs_is_beneath(const char *name);

/*
 * The path of `name` beneath `root`, for names that came from outside. Refuses (ERR_DATA) absolute names,
 * "..", and links that leave the root (openat2 with RESOLVE_BENEATH). The file must be there.
 * The caller frees `*ret_path`.
 */
MUST_CHECK int fs_beneath(const char *root, const char *name, char **ret_path, struct err *err);

/* A lock on a file (flock), held until closed or until the process dies. */
struct lock {
    int fd_plus_1; /* 0: not held, so that {0} is closed */
    char *path;
};

/* 1 got it (the file then holds our process id), 0 somebody else has it, -1 failed. */
MUST_CHECK int lock_try(struct lock *lock, const char *path, struct err *err);
/* As lock_try, but any number may hold it at once, while nobody holds it by lock_try. */
MUST_CHECK int lock_try_shared(struct lock *lock, const char *path, struct err *err);
/* The process id that the holder wrote, or 0 if it cannot be told. */
pid_t lock_holder(const char *path);
void lock_close(struct lock *lock);

#endif
