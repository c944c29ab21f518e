/*
 * A reader may see half of a write: size and checksum before the text tell, and it looks again.
 */
#include "db/live_file.h"

#include "base/mem.h"
#include "base/str.h"
#include "db/recover.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/banned.h"

#define ENDING ".live"
#define TRIES 3

struct live_head {
    char mark[8];
    uint32_t size;
    uint32_t checksum;
};

static const char mark[8] = "riacho1";

int live_file_open(struct live_file *file, const struct journal *journal, struct err *err)
{
    char *path = mem_fmt("%s/processes/%s" ENDING, journal->dir, journal->process);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        err_errno(err, "could not make \"%s\"", path);
        free(path);
        return -1;
    }
    live_file_close(file);
    *file = (struct live_file){.fd_plus_1 = fd + 1, .path = path};
    return 0;
}

void live_file_close(struct live_file *file)
{
    if (file->fd_plus_1) {
        unlink(file->path);
        close(file->fd_plus_1 - 1);
    }
    free(file->path);
    *file = (struct live_file){0};
}

int live_file_write(struct live_file *file, const char *text, size_t size, struct err *err)
{
    AUTO(buf) all = {0};
    struct live_head head = {.size = (uint32_t)size};

    if (size > LIVE_FILE_MOST)
        return err_set(err, ERR_LIMIT, "%zu bytes of live figures are too many", size);
    memcpy(head.mark, mark, sizeof mark);
    head.checksum = (uint32_t)crc32(0, (const unsigned char *)text, (uInt)size);
    buf_put(&all, &head, sizeof head);
    buf_put(&all, text, size);
    if (pwrite(file->fd_plus_1 - 1, all.data, all.size, 0) != (ssize_t)all.size)
        return err_errno(err, "could not write \"%s\"", file->path);
    return 0;
}

/* ---- reading ---- */

static bool is_whole(const char *bytes, size_t size)
{
    struct live_head head;

    if (size < sizeof head)
        return false;
    memcpy(&head, bytes, sizeof head);
    return memcmp(head.mark, mark, sizeof mark) == 0 && head.size <= size - sizeof head &&
           head.checksum ==
               (uint32_t)crc32(0, (const unsigned char *)bytes + sizeof head, head.size);
}

/* Reads the file into `room` of LIVE_FILE_MOST bytes and a head. Gives the size of its text, or 0. */
static size_t read_text(const char *path, char *room)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct live_head head = {0};
    bool whole = false;

    for (int i = 0; i < TRIES && fd >= 0 && !whole; i++) {
        const ssize_t got = pread(fd, room, sizeof head + LIVE_FILE_MOST, 0);

        whole = got > 0 && is_whole(room, (size_t)got);
    }
    if (fd >= 0)
        close(fd);
    if (whole)
        memcpy(&head, room, sizeof head);
    return head.size;
}

static int read_one(const struct journal *journal, const char *name, char *room, void *ctx,
                    int (*each)(void *ctx, const char *text, size_t size, struct err *err),
                    struct err *err)
{
    char *process = mem_strn(name, strlen(name) - strlen(ENDING));
    char *path = mem_fmt("%s/processes/%s", journal->dir, name);
    size_t size = 0;

    if (journal_is_alive(journal, process))
        size = read_text(path, room);
    free(path);
    free(process);
    return size ? each(ctx, room + sizeof(struct live_head), size, err) : 0;
}

int live_files_each(const struct journal *journal, void *ctx,
                    int (*each)(void *ctx, const char *text, size_t size, struct err *err),
                    struct err *err)
{
    char *dir = fs_join(journal->dir, "processes");
    DIR *entries = opendir(dir);
    char *room = mem_alloc(sizeof(struct live_head) + LIVE_FILE_MOST);
    struct dirent *entry;
    int done = 0;

    while (done == 0 && entries && (entry = readdir(entries)) != NULL)
        if (str_ends(entry->d_name, ENDING))
            done = read_one(journal, entry->d_name, room, ctx, each, err);
    if (entries)
        closedir(entries);
    free(room);
    free(dir);
    return done;
}
