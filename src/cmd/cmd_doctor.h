/*
 * riacho doctor.
 */
#ifndef RIACHO_CMD_DOCTOR_H
#define RIACHO_CMD_DOCTOR_H

#include "cmd/cmd.h"

int cmd_doctor(const struct cmd_line *line, struct err *err);

#endif
