/*
 * Looks for lists by a cursor over the raw text, which may stop anywhere: what cannot be read any
 * more ends the search. Whether the document is valid is not judged here.
 */
#include "source/detect.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define DEEPEST 3 /* keys in a path */

static const char *const likely_names[] = {"data",    "items",   "results",  "entries",
                                           "records", "rows",    "entities", "payload",
                                           "content", "objects", "values",   NULL};
static const char *const unlikely_names[] = {"meta",   "metadata", "pagination", "links",
                                             "extras", "headers",  NULL};

struct look {
    const char *at;
    const char *end;
    const char *keys[DEEPEST]; /* the keys that lead here, without quotes */
    size_t key_sizes[DEEPEST];
    int best_rank; /* of `best`: lower is better */
    char *best;
};

static bool is_one_of(const char *key, size_t size, const char *const *names)
{
    for (; *names; names++)
        if (strlen(*names) == size && strncasecmp(*names, key, size) == 0)
            return true;
    return false;
}

static void pass_spaces(struct look *look)
{
    while (look->at < look->end && strchr(" \t\r\n", *look->at) && *look->at)
        look->at++;
}

/* Passes a string. Returns false if it has no end. */
static bool pass_string(struct look *look)
{
    bool is_escaped = false;

    while (++look->at < look->end) {
        if (*look->at == '"' && !is_escaped) {
            look->at++;
            return true;
        }
        is_escaped = *look->at == '\\' && !is_escaped;
    }
    return false;
}

/* Passes the value that begins here, whatever it is. */
static void pass_value(struct look *look)
{
    int64_t depth = 0;

    while (look->at < look->end) {
        const char c = *look->at;

        if (c == '"') {
            pass_string(look);
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}' || c == ']'))
            return;
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        look->at++;
    }
}

static bool is_plain(const char *key, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (strchr(".[]*$'\" ", key[i]))
            return false;
    return size > 0;
}

/* The keys as a path, or NULL if they cannot be written as one. The caller frees. */
static char *path_of(const struct look *look, int depth)
{
    AUTO(buf) path = {0};

    for (int i = 0; i < depth; i++) {
        const char *key = look->keys[i];
        const size_t size = look->key_sizes[i];

        if (memchr(key, '\\', size) || (memchr(key, '\'', size) && !is_plain(key, size)))
            return NULL;
        if (is_plain(key, size))
            buf_printf(&path, "%s%.*s", i > 0 ? "." : "", (int)size, key);
        else
            buf_printf(&path, "['%.*s']", (int)size, key);
    }
    return buf_take(&path);
}

static void consider_list(struct look *look, int depth)
{
    const char *name = look->keys[depth - 1];
    const size_t size = look->key_sizes[depth - 1];
    const char *inside = look->at + 1;
    int rank = depth;
    char *path;

    while (inside < look->end && *inside && strchr(" \t\r\n", *inside))
        inside++;
    rank += inside < look->end && *inside == '{' ? 0 : 10;
    rank += is_one_of(name, size, likely_names) ? 0 : 100;
    for (int i = 0; i < depth; i++)
        if (is_one_of(look->keys[i], look->key_sizes[i], unlikely_names))
            rank += 1000;
    if (look->best && rank >= look->best_rank)
        return;
    path = path_of(look, depth);
    if (path == NULL)
        return;
    free(look->best);
    look->best = path;
    look->best_rank = rank;
}

static void look_into(struct look *look, int depth);

/* A key begins here; reads it and its value. Returns false if the text has no more to tell. */
static bool look_at_member(struct look *look, int depth)
{
    const char *key = look->at + 1;

    if (!pass_string(look))
        return false;
    look->keys[depth] = key;
    look->key_sizes[depth] = (size_t)(look->at - 1 - key);
    pass_spaces(look);
    if (look->at >= look->end || *look->at != ':')
        return false;
    look->at++;
    pass_spaces(look);
    if (look->at < look->end && *look->at == '[')
        consider_list(look, depth + 1);
    if (look->at < look->end && *look->at == '{' && depth + 1 < DEEPEST)
        look_into(look, depth + 1);
    pass_value(look);
    return look->at < look->end && *look->at == ',';
}

/* An object begins here; goes through its members. */
static void look_into(struct look *look, int depth)
{
    do {
        look->at++;
        pass_spaces(look);
        if (look->at >= look->end || *look->at != '"')
            break;
    } while (look_at_member(look, depth));
    if (look->at < look->end && *look->at == '}')
        look->at++;
}

bool detect_is_list(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '[';
}

char *detect_selector(const char *text, size_t size)
{
    struct look look = {.at = text, .end = text + size};

    pass_spaces(&look);
    if (look.at < look.end && *look.at == '{')
        look_into(&look, 0);
    return look.best ? look.best : mem_str("$");
}
