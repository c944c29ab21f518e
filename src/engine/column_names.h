/*
 * Names that the default rules give: snake_case, unique in their table.
 */
#ifndef RIACHO_COLUMN_NAMES_H
#define RIACHO_COLUMN_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct column_names {
    char **taken;
    size_t count;
};

void column_names_close(struct column_names *names);
/* Without regard to case. */
bool column_names_has(const struct column_names *names, const char *name);
/* Takes the name, or with _2, _3, … if it is taken. The names own it. */
const char *column_names_take(struct column_names *names, const char *name);

/*
 * A key as a name: "magType" → "mag_type", "São Paulo" → "sao_paulo", "1h" → "_1h", "%" → "_empty",
 * "a__b" → "a_b". The caller frees.
 */
char *column_name(const char *key);
/* "parent__child", or `child` alone (parent NULL); too long a one gets a hash at its end. The caller frees. */
char *column_name_join(const char *parent, const char *child);

#endif
