/*
 * What a pipeline file says of one of its `exports:`. Filled through the option table of
 * export_conf.c; owns its strings.
 */
#ifndef RIACHO_EXPORT_CONF_H
#define RIACHO_EXPORT_CONF_H

#include "base/opt.h"

#include <stdbool.h>
#include <stddef.h>

enum export_type { EXPORT_CSV };

struct export_conf {
    enum export_type type;
    char *name; /* unique; it names the consumer group: "csv", "csv_2", … if none was given */
    char *dir;  /* absolute */
    char **tables;
    size_t table_count; /* 0: all tables */
    bool formula_safe;  /* cells that a spreadsheet would run are escaped */
};

extern const struct opt export_options[]; /* of struct export_conf */

void export_conf_close(struct export_conf *conf);

#endif
