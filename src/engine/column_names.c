/*
 * Names of columns and child tables.
 */
#include "engine/column_names.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/snake.h"
#include "base/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define LONGEST_NAME 200 /* a table's name becomes a folder's, which may have 255 bytes */

void column_names_close(struct column_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->taken[i]);
    free(names->taken);
    *names = (struct column_names){0};
}

bool column_names_has(const struct column_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcasecmp(names->taken[i], name) == 0)
            return true;
    return false;
}

const char *column_names_take(struct column_names *names, const char *name)
{
    char *found = mem_str(name);

    for (int n = 2; column_names_has(names, found); n++) {
        free(found);
        found = mem_fmt("%s_%d", name, n);
    }
    return *MEM_PUSH(names->taken, names->count) = found;
}

/* Makes of each run of _ one, and takes those at the end off: "__" is for what is nested. */
static void squeeze(char *name)
{
    char *to = name;

    for (const char *at = name; *at; at++)
        if (*at != '_' || to == name || to[-1] != '_')
            *to++ = *at;
    while (to > name + 1 && to[-1] == '_')
        to--;
    *to = '\0';
}

char *column_name(const char *key)
{
    char *snake = snake_name(key);
    char *name;

    squeeze(snake);
    name = *snake == '\0' || str_same(snake, "_") ? mem_str("_empty")
           : isdigit((unsigned char)snake[0])     ? mem_fmt("_%s", snake)
                                                  : mem_str(snake);
    free(snake);
    return name;
}

char *column_name_join(const char *parent, const char *child)
{
    char *name = parent ? mem_fmt("%s__%s", parent, child) : mem_str(child);
    char sha256[FS_SHA256_TEXT];
    char *shorter;

    if (strlen(name) <= LONGEST_NAME)
        return name;
    fs_sha256_of(name, strlen(name), sha256);
    shorter = mem_fmt("%.*s_%.8s", LONGEST_NAME - 9, name, sha256);
    free(name);
    return shorter;
}
