/*
 * What db/dead.c and db/dead_share.c share.
 */
#ifndef RIACHO_DEAD_PARTS_H
#define RIACHO_DEAD_PARTS_H

#include "db/journal.h"

/*
 * Inside a transaction, before those open letters of that id (NULL: all) are closed: the decision goes to the other
 * hosts, and with "retried" the message to its topic once more. Nothing where the broker is the state itself.
 */
MUST_CHECK int dead_tell_others(struct journal *journal, const char *id, const char *decision,
                                struct err *err);

#endif
