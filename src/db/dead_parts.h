/*
 * What db/dead.c and db/dead_share.c share.
 */
#ifndef RIACHO_DEAD_PARTS_H
#define RIACHO_DEAD_PARTS_H

#include "db/journal.h"
#include "db/step.h"

#define DEAD_TEXT_OF(number) #number
#define DEAD_TEXT(number) DEAD_TEXT_OF(number)
/* SQL: the letter's message is there as it was, so that it can be tried again. */
#define DEAD_IS_WHOLE(value) "ifnull(length(" value "), 0) < " DEAD_TEXT(STEP_DEAD_MOST)

/*
 * Inside a transaction, before those open letters of that id (NULL: all) are closed: the decision goes to the other
 * hosts, and with "retried" (those that are whole) the message to its topic once more. Nothing where the broker is the state itself.
 */
MUST_CHECK int dead_tell_others(struct journal *journal, const char *id, const char *decision,
                                struct err *err);

#endif
