/*
 * The commands that move data.
 */
#ifndef RIACHO_CMD_RUN_H
#define RIACHO_CMD_RUN_H

#include "cmd/cmd.h"

extern const struct cmd_option run_options[];
extern const struct cmd_option export_command_options[];
extern const struct cmd_option transform_command_options[];

int cmd_run(const struct cmd_line *line, struct err *err);
int cmd_extract(const struct cmd_line *line, struct err *err);
int cmd_transform(const struct cmd_line *line, struct err *err);
int cmd_export(const struct cmd_line *line, struct err *err);

#endif
