/*
 * Ending what was left half done: steps whose INTENT is there, leases of processes that are gone.
 */
#ifndef RIACHO_RECOVER_H
#define RIACHO_RECOVER_H

#include "db/journal.h"

/*
 * Ends the step of this very journal that failed half way, if there is one: forward if its files are
 * whole, else back. Whoever reads what such a step may change calls this first.
 */
MUST_CHECK int journal_settle(struct journal *journal, struct err *err);

/* What was found of processes that are gone. */
struct buried {
    int64_t forward; /* steps that became true */
    int64_t back;    /* steps that were undone */
    int64_t leases;  /* that are free now */
};

/*
 * Ends the steps and frees the leases of processes that are gone. Does nothing if another process is at it just
 * now, unless `wait`.
 */
MUST_CHECK int journal_bury_dead(struct journal *journal, bool wait, struct buried *ret_buried,
                                 struct err *err);

/*
 * As journal_bury_dead(), for a consumer's loop: not more often than makes sense, less often while it `is_busy`.
 * 1 something is free now, 0 not.
 */
MUST_CHECK int journal_look_for_dead(struct journal *journal, bool is_busy, struct err *err);

/* Whether the process of that name (struct journal's `process`) lives. */
bool journal_is_alive(const struct journal *journal, const char *process);

#endif
