/*
 * The commands around the pipeline file: init, validate, schema; and manual, which writes the generated
 * pages.
 */
#ifndef RIACHO_CMD_SETUP_H
#define RIACHO_CMD_SETUP_H

#include "cmd/cmd.h"

extern const struct cmd_option schema_options[];

int cmd_init(const struct cmd_line *line, struct err *err);
int cmd_validate(const struct cmd_line *line, struct err *err);
int cmd_schema(const struct cmd_line *line, struct err *err);
int cmd_manual(const struct cmd_line *line, struct err *err);

#endif
