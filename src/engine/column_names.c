/*
 * Names of columns and child tables.
 */
#include "engine/column_names.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/snake.h"

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

/* The letters U+00C0 to U+017F (Latin-1 Supplement, Latin Extended-A) without their accents; _: none. */
static const char plain_letters[] =
    "AAAAAAACEEEEIIIIDNOOOOO_OUUUUYTsaaaaaaaceeeeiiiidnooooo_ouuuuyty"
    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlLlLlNnNnNnnNnOoOoOoOoRrRrRrSsSs"
    "SsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

static void put_plain(struct buf *to, const unsigned char **at)
{
    const unsigned lead = (*at)[0];
    const unsigned code = (lead & 0x1f) << 6 | ((*at)[1] & 0x3fu);

    if (lead >= 0xc3 && lead <= 0xc5 && (*at)[1] >= 0x80) {
        buf_putc(to, plain_letters[code - 0xc0]);
        (*at)++;
    } else if ((lead == 0xcc || lead == 0xcd) && (*at)[1] >= 0x80)
        (*at)++; /* an accent of its own */
    else
        buf_putc(to, (char)lead);
    (*at)++;
}

char *column_name(const char *key)
{
    AUTO(buf) plain = {0};
    const unsigned char *at = (const unsigned char *)key;
    char *snake;
    char *name;

    while (*at)
        put_plain(&plain, &at);
    snake = snake_name(buf_text(&plain));
    name = *snake == '\0'                     ? mem_str("_empty")
           : isdigit((unsigned char)snake[0]) ? mem_fmt("_%s", snake)
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
