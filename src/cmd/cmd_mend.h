/*
 * The commands that mend and clear: dead, state, prune.
 */
#ifndef RIACHO_CMD_MEND_H
#define RIACHO_CMD_MEND_H

#include "cmd/cmd.h"

extern const struct cmd_option dead_options[];
extern const struct cmd_option state_options[];
extern const struct cmd_option prune_options[];

int cmd_dead(const struct cmd_line *line, struct err *err);
int cmd_state(const struct cmd_line *line, struct err *err);
/* The part of cmd_state() that is riacho state move. */
int cmd_move(const struct cmd_line *line, struct err *err);
int cmd_prune(const struct cmd_line *line, struct err *err);

#endif
