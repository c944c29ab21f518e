/*
 * riacho transform --replay: a table's whole history anew, from the landing, with today's definition.
 */
#ifndef RIACHO_REPLAY_H
#define RIACHO_REPLAY_H

#include "cmd/cmd.h"

/*
 * All new files take the old ones' place in one step. Landing files that were not transformed yet are left to
 * the transform; outputs whose landing file was pruned stay as they are, which is told.
 */
int cmd_replay(const struct cmd_line *line, struct err *err);

#endif
