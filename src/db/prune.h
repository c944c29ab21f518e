/*
 * Removing what is old. Ids stay known for ever: what was landed or worked off once is not so twice.
 */
#ifndef RIACHO_PRUNE_H
#define RIACHO_PRUNE_H

#include "db/journal.h"
#include "db/ledger.h"

/*
 * Landing files that `group` has worked off, that became true before `before_ms` (wall clock), and that no open
 * dead letter waits for; oldest first, each to `each` (-1 from it ends the walk). It may remove the file: by
 * a step with step_add_removed().
 */
MUST_CHECK int prune_each(struct journal *journal, const char *group, int64_t before_ms, void *ctx,
                          int (*each)(void *ctx, const struct known_file *file, struct err *err),
                          struct err *err);

struct pruned {
    int64_t runs;
    int64_t messages;
    int64_t dead;
};

/*
 * Forgets, if older than `before_ms`: runs but each resource's last, messages that all groups of their topic
 * have worked off, dead letters that are closed. With `dry_run` only counts.
 */
MUST_CHECK int prune_history(struct journal *journal, int64_t before_ms, bool dry_run,
                             struct pruned *ret_pruned, struct err *err);

#endif
