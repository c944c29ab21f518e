/*
 * Files and folders: durable writes, renames that never replace, hashes, locks, and names from
 * outside that must stay beneath a root.
 */
#include "base/fs.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SYNC_LOT 64    /* files that are open at once */
#define SYNC_THREADS 3 /* that fsync beside the caller … */
#define SYNC_SHARE 8   /* … so many files each, at least */

struct fd {
    int plus_1; /* 0 is closed */
};

static void fd_close(struct fd *fd)
{
    if (fd->plus_1)
        close(fd->plus_1 - 1);
    fd->plus_1 = 0;
}

static int fd_open(struct fd *fd, const char *path, int flags, mode_t mode, struct err *err)
{
    const int got = open(path, flags | O_CLOEXEC, mode);

    if (got < 0)
        return err_errno(err, "could not open \"%s\"", path);
    fd->plus_1 = got + 1;
    return 0;
}

char *fs_join(const char *dir, const char *name)
{
    return name[0] == '/' ? mem_str(name) : mem_fmt("%s/%s", dir, name);
}

char *fs_dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return mem_str(".");
    return mem_strn(path, slash == path ? 1 : (size_t)(slash - path));
}

bool fs_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

int fs_look(const char *path, struct err *err)
{
    if (access(path, F_OK) == 0)
        return 1;
    if (errno == ENOENT || errno == ENOTDIR)
        return 0;
    return err_errno(err, "could not look at \"%s\"", path);
}

int fs_make_dirs(const char *path, mode_t mode, struct err *err)
{
    struct stat info;
    char *parent;
    int made;

    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return 0;
    parent = fs_dir_of(path);
    made =
        strcmp(parent, "/") == 0 || strcmp(parent, ".") == 0 ? 0 : fs_make_dirs(parent, 0777, err);
    if (made == 0 && mkdir(path, mode) != 0 && errno != EEXIST)
        made = err_errno(err, "could not make the folder \"%s\"", path);
    if (made == 0)
        made = fs_sync_dir(parent, err);
    free(parent);
    return made;
}

static int remove_entries(const char *path, DIR *dir, struct err *err)
{
    struct dirent *entry;

    while ((entry = readdir(dir)) != NULL) {
        char *child;
        int removed;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        child = fs_join(path, entry->d_name);
        removed = fs_remove_tree(child, err);
        free(child);
        TRY(removed);
    }
    return 0;
}

int fs_remove_tree(const char *path, struct err *err)
{
    struct stat info;
    DIR *dir;
    int removed;

    if (lstat(path, &info) != 0)
        return errno == ENOENT ? 0 : err_errno(err, "could not look at \"%s\"", path);
    if (!S_ISDIR(info.st_mode))
        return fs_remove_file(path, err);
    dir = opendir(path);
    if (dir == NULL)
        return err_errno(err, "could not list \"%s\"", path);
    removed = remove_entries(path, dir, err);
    closedir(dir);
    if (removed == 0 && rmdir(path) != 0 && errno != ENOENT)
        return err_errno(err, "could not remove the folder \"%s\"", path);
    return removed;
}

int fs_remove_file(const char *path, struct err *err)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return err_errno(err, "could not remove \"%s\"", path);
    return 0;
}

static int sync_path(const char *path, int flags, struct err *err)
{
    AUTO(fd) fd = {0};

    TRY(fd_open(&fd, path, O_RDONLY | flags, 0, err));
    if (fsync(fd.plus_1 - 1) != 0)
        return err_errno(err, "could not make \"%s\" durable", path);
    return 0;
}

int fs_sync_file(const char *path, struct err *err)
{
    return sync_path(path, 0, err);
}

/* Files that are made durable together. */
struct lot {
    struct fd fds[SYNC_LOT];
    int causes
        [SYNC_LOT]; /* errno of each fsync that failed; its taker's alone until all are joined */
    size_t count;
    atomic_size_t next; /* the first that nobody has taken */
};

static int lot_open(struct lot *lot, const char *const *paths, size_t count, struct err *err)
{
    for (; lot->count < count; lot->count++)
        TRY(fd_open(&lot->fds[lot->count], paths[lot->count], O_RDONLY, 0, err));
    return 0;
}

static void lot_close(struct lot *lot)
{
    for (size_t i = 0; i < lot->count; i++)
        fd_close(&lot->fds[i]);
    lot->count = 0;
}

static void *sync_next(void *ctx)
{
    struct lot *lot = ctx;
    size_t i;

    while ((i = atomic_fetch_add(&lot->next, 1)) < lot->count)
        if (fsync(lot->fds[i].plus_1 - 1) != 0)
            lot->causes[i] = errno;
    return NULL;
}

/* Each fsync waits for the disk: those that are asked for at the same time wait for it together. */
static void sync_side_by_side(struct lot *lot)
{
    pthread_t threads[SYNC_THREADS];
    size_t started = 0;

    while (started < SYNC_THREADS && lot->count > (started + 1) * SYNC_SHARE &&
           pthread_create(&threads[started], NULL, sync_next, lot) == 0)
        started++;
    sync_next(lot);
    while (started > 0)
        pthread_join(threads[--started], NULL);
}

/* Starts the writing of all of them first: the first fsync then commits most of the others' metadata. */
static int sync_lot(const char *const *paths, size_t count, struct err *err)
{
    AUTO(lot) lot = {0};

    TRY(lot_open(&lot, paths, count, err));
    for (size_t i = 0; i < count; i++)
        sync_file_range(lot.fds[i].plus_1 - 1, 0, 0,
                        SYNC_FILE_RANGE_WRITE); /* fsync tells of faults */
    sync_side_by_side(&lot);
    for (size_t i = 0; i < count; i++) {
        errno = lot.causes[i];
        if (errno != 0)
            return err_errno(err, "could not make \"%s\" durable", paths[i]);
    }
    return 0;
}

int fs_sync_files(const char *const *paths, size_t count, struct err *err)
{
    for (size_t done = 0; done < count; done += SYNC_LOT)
        TRY(sync_lot(paths + done, count - done < SYNC_LOT ? count - done : SYNC_LOT, err));
    return 0;
}

int fs_sync_dir(const char *path, struct err *err)
{
    return sync_path(path, O_DIRECTORY, err);
}

int fs_rename_new(const char *from, const char *to, struct err *err)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 1;
    if (errno == EEXIST)
        return 0;
    return err_errno(err, "could not rename \"%s\" to \"%s\"", from, to);
}

int fs_read(const char *path, size_t ceiling, struct buf *ret_bytes, struct err *err)
{
    AUTO(fd) fd = {0};
    char part[65536];
    ssize_t got;

    TRY(fd_open(&fd, path, O_RDONLY, 0, err));
    buf_reset(ret_bytes);
    ret_bytes->ceiling = ceiling;
    while ((got = read(fd.plus_1 - 1, part, sizeof part)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, "could not read \"%s\"", path);
        if (buf_add(ret_bytes, part, (size_t)got, err) < 0)
            return err_wrap(err, "could not read \"%s\"", path);
    }
    return 0;
}

static int write_all(int fd, const char *bytes, size_t size, const char *path, struct err *err)
{
    while (size > 0) {
        const ssize_t put = write(fd, bytes, size);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_errno(err, "could not write \"%s\"", path);
        bytes += put;
        size -= (size_t)put;
    }
    return 0;
}

static int write_temporary(const char *path, const void *bytes, size_t size, mode_t mode,
                           struct err *err)
{
    AUTO(fd) fd = {0};

    TRY(fd_open(&fd, path, O_WRONLY | O_CREAT | O_TRUNC, mode, err));
    TRY(write_all(fd.plus_1 - 1, bytes, size, path, err));
    if (fsync(fd.plus_1 - 1) != 0)
        return err_errno(err, "could not make \"%s\" durable", path);
    return 0;
}

int fs_write(const char *path, const void *bytes, size_t size, mode_t mode, struct err *err)
{
    char *temporary = mem_fmt("%s.%ld.tmp", path, (long)getpid());
    char *dir = fs_dir_of(path);
    int written = write_temporary(temporary, bytes, size, mode, err);

    if (written == 0 && rename(temporary, path) != 0)
        written = err_errno(err, "could not rename \"%s\" to \"%s\"", temporary, path);
    if (written == 0)
        written = fs_sync_dir(dir, err);
    else
        unlink(temporary);
    free(dir);
    free(temporary);
    return written;
}

static void hex_of(const unsigned char *bytes, unsigned size, char *ret_text)
{
    for (unsigned i = 0; i < size; i++)
        snprintf(ret_text + (size_t)2 * i, 3, "%02x", bytes[i]);
}

void fs_sha256_of(const void *bytes, size_t size, char ret_sha256[FS_SHA256_TEXT])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;

    EVP_Digest(bytes, size, digest, &digest_size, EVP_sha256(), NULL);
    hex_of(digest, digest_size, ret_sha256);
}

static int hash_fd(int fd, EVP_MD_CTX *hash, const char *path, int64_t *ret_bytes, struct err *err)
{
    char *part = mem_alloc(1 << 18);
    ssize_t got;
    int read_ok = 0;

    *ret_bytes = 0;
    while ((got = read(fd, part, 1 << 18)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            read_ok = err_errno(err, "could not read \"%s\"", path);
            break;
        }
        EVP_DigestUpdate(hash, part, (size_t)got);
        *ret_bytes += got;
    }
    free(part);
    return read_ok;
}

int fs_sha256(const char *path, char ret_sha256[FS_SHA256_TEXT], int64_t *ret_bytes,
              struct err *err)
{
    AUTO(fd) fd = {0};
    EVP_MD_CTX *hash;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    int64_t bytes;
    int hashed;

    TRY(fd_open(&fd, path, O_RDONLY, 0, err));
    hash = EVP_MD_CTX_new();
    EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
    hashed = hash_fd(fd.plus_1 - 1, hash, path, &bytes, err);
    EVP_DigestFinal_ex(hash, digest, &digest_size);
    EVP_MD_CTX_free(hash);
    TRY(hashed);
    hex_of(digest, digest_size, ret_sha256);
    *ret_bytes = bytes;
    return 0;
}

bool fs_is_beneath(const char *name)
{
    if (name[0] == '/' || name[0] == '\0')
        return false;
    for (const char *at = name; (at = strstr(at, "..")) != NULL; at += 2)
        if ((at == name || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
            return false;
    return true;
}

int fs_beneath(const char *root, const char *name, char **ret_path, struct err *err)
{
    const struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    AUTO(fd) dir = {0};
    AUTO(fd) file = {0};
    long got;

    if (!fs_is_beneath(name))
        return err_set(err, ERR_DATA, "the path \"%s\" does not stay beneath its root", name);
    TRY(fd_open(&dir, root, O_PATH | O_DIRECTORY, 0, err));
    got = syscall(SYS_openat2, dir.plus_1 - 1, name, &how, sizeof how);
    if (got < 0 && (errno == EXDEV || errno == ELOOP))
        return err_set(err, ERR_DATA, "the path \"%s\" leaves its root by a link", name);
    if (got < 0 && (errno == ENOENT || errno == ENOTDIR))
        return err_set(err, ERR_DATA, "the file \"%s/%s\" is missing", root, name);
    if (got < 0 && errno == ENAMETOOLONG)
        return err_set(err, ERR_DATA, "the path \"%s\" is too long", name);
    if (got < 0)
        return err_errno(err, "could not open \"%s/%s\"", root, name);
    file.plus_1 = (int)got + 1;
    *ret_path = fs_join(root, name);
    return 0;
}

/* Whether the open file still has that name: its last holder may have removed it meanwhile. */
static bool is_named(int fd, const char *path)
{
    struct stat opened;
    struct stat named;

    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

static int lock_as(struct lock *lock, const char *path, int how, struct err *err)
{
    AUTO(fd) fd = {0};

    do {
        fd_close(&fd);
        TRY(fd_open(&fd, path, O_RDWR | O_CREAT, 0600, err));
        if (flock(fd.plus_1 - 1, how | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK)
                return 0;
            return err_errno(err, "could not lock \"%s\"", path);
        }
    } while (!is_named(fd.plus_1 - 1, path));
    if (ftruncate(fd.plus_1 - 1, 0) != 0 || dprintf(fd.plus_1 - 1, "%ld\n", (long)getpid()) < 0)
        return err_errno(err, "could not write \"%s\"", path);
    *lock = (struct lock){.fd_plus_1 = fd.plus_1, .path = mem_str(path)};
    fd.plus_1 = 0;
    return 1;
}

int lock_try(struct lock *lock, const char *path, struct err *err)
{
    return lock_as(lock, path, LOCK_EX, err);
}

int lock_try_shared(struct lock *lock, const char *path, struct err *err)
{
    return lock_as(lock, path, LOCK_SH, err);
}

pid_t lock_holder(const char *path)
{
    AUTO(buf) text = {0};
    struct err ignored = {0};

    if (fs_read(path, 64, &text, &ignored) < 0)
        return 0;
    return (pid_t)strtol(buf_text(&text), NULL, 10);
}

void lock_close(struct lock *lock)
{
    if (lock->fd_plus_1)
        close(lock->fd_plus_1 - 1);
    free(lock->path);
    *lock = (struct lock){0};
}
