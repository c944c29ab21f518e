/*
 * Where files grow before they have their final name: `<root>/.tmp/<process>/`, on the same file
 * system as the final names, under a lock that tells whether the process is alive.
 */
#ifndef RIACHO_STAGING_H
#define RIACHO_STAGING_H

#include "base/err.h"
#include "base/fs.h"

struct staging {
    char *dir; /* NULL: closed */
    struct lock lock;
};

/*
 * Makes the folder; a second one of the same process in the same root gets a name of its own. Also gives the
 * root its id file (`<root>/.riacho-root`, made when missing).
 */
MUST_CHECK int staging_open(struct staging *staging, const char *root, const char *process,
                            struct err *err);
/* Removes the folder with whatever is left in it. */
void staging_close(struct staging *staging);
/* Removes the folders of processes that are gone; one that cannot be removed yet is left to the next time. */
MUST_CHECK int staging_clear_dead(const char *root, struct err *err);

/* What the root's id file says: 1, 0 there is none. The caller frees. */
MUST_CHECK int root_id(const char *root, char **ret_id, struct err *err);

#endif
