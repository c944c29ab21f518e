/*
 * The commands for a first run: sample-api and demo.
 */
#ifndef RIACHO_CMD_DEMO_H
#define RIACHO_CMD_DEMO_H

#include "cmd/cmd.h"

extern const struct cmd_option sample_api_options[];

int cmd_sample_api(const struct cmd_line *line, struct err *err);
int cmd_demo(const struct cmd_line *line, struct err *err);

#endif
