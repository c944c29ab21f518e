/*
 * The commands that look and change nothing: status, files, suggest.
 */
#ifndef RIACHO_CMD_LOOK_H
#define RIACHO_CMD_LOOK_H

#include "cmd/cmd.h"

extern const struct cmd_option files_options[];

int cmd_status(const struct cmd_line *line, struct err *err);
int cmd_files(const struct cmd_line *line, struct err *err);
int cmd_suggest(const struct cmd_line *line, struct err *err);

#endif
