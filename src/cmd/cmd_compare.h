/*
 * riacho compare: the user's own tables on both engines.
 */
#ifndef RIACHO_CMD_COMPARE_H
#define RIACHO_CMD_COMPARE_H

#include "cmd/cmd.h"

extern const struct cmd_option compare_options[];

int cmd_compare(const struct cmd_line *line, struct err *err);

#endif
