/*
 * riacho top.
 */
#ifndef RIACHO_CMD_TOP_H
#define RIACHO_CMD_TOP_H

#include "cmd/cmd.h"

int cmd_top(const struct cmd_line *line, struct err *err);

#endif
