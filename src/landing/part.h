/*
 * One file: a COPY of the feed with one schema, checked and made durable under a temporary name.
 */
#ifndef RIACHO_PART_H
#define RIACHO_PART_H

#include "base/err.h"
#include "db/duck.h"
#include "landing/budget.h"
#include "landing/cursor_filter.h"
#include "landing/feed.h"
#include "landing/landing.h"
#include "landing/layout.h"

struct part {
    struct duck_conn *conn;
    struct feed *feed;
    const struct layout *layout;
    const struct cursor_filter *filter;
    const char *path;
    const char *metadata; /* members of KV_METADATA; NULL: none */
    struct budget budget;
};

/*
 * Writes what the feed gives until the file's end. 1: the file is durable at `path`, 0: there were
 * no rows and no file is left, -1: failed, and no file is left. The caller closes `*ret_file` with
 * landed_file_free().
 */
MUST_CHECK int part_write(const struct part *part, struct landed_file **ret_file, struct err *err);

void landed_file_free(struct landed_file *file);

#endif
