/*
 * What a running process tells of itself to whoever watches it from another: a JSON document in the
 * state folder, written over several times a second in one call and without any sync. It is no part
 * of the state: a crash leaves a file that nobody reads, because its process is dead.
 */
#ifndef RIACHO_LIVE_FILE_H
#define RIACHO_LIVE_FILE_H

#include "base/buf.h"
#include "db/journal.h"

#define LIVE_FILE_MOST ((size_t)1 << 20)

struct live_file {
    int fd_plus_1; /* 0: closed */
    char *path;
};

MUST_CHECK int live_file_open(struct live_file *file, const struct journal *journal,
                              struct err *err);
/* ERR_LIMIT if the text is longer than LIVE_FILE_MOST. */
MUST_CHECK int live_file_write(struct live_file *file, const char *text, size_t size,
                               struct err *err);
/* Removes it. */
void live_file_close(struct live_file *file);

/* The document of every living process, each to `each` (-1 from it ends the walk). */
MUST_CHECK int live_files_each(const struct journal *journal, void *ctx,
                               int (*each)(void *ctx, const char *text, size_t size,
                                           struct err *err),
                               struct err *err);

#endif
