/*
 * riacho dashboard, serve.
 */
#ifndef RIACHO_CMD_BOARD_H
#define RIACHO_CMD_BOARD_H

#include "cmd/cmd.h"

extern const struct cmd_option dashboard_command_options[];

int cmd_dashboard(const struct cmd_line *line, struct err *err);
int cmd_serve(const struct cmd_line *line, struct err *err);

#endif
