/*
 * The walk. `level` counts what is open; `on_path` how much of that lies on the way to the place,
 * so that all else is passed without a look at its keys.
 */
#include "source/walk.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define LONGEST_KEY 4096

void walk_open(struct walk *walk, const struct json_path *path)
{
    walk_close(walk);
    walk->path = path;
    walk->rungs = mem_alloc((path->count + 1) * sizeof *walk->rungs);
}

void walk_close(struct walk *walk)
{
    free(walk->rungs);
    buf_close(&walk->key);
    *walk = (struct walk){0};
}

/* The list or object that we are in, if it leads to the place; NULL otherwise. */
static struct walk_rung *current_rung(const struct walk *walk)
{
    return walk->level > 0 && walk->on_path == walk->level ? &walk->rungs[walk->level - 1] : NULL;
}

static const struct json_step *next_step(const struct walk *walk)
{
    return &walk->path->steps[walk->level - 1];
}

/* Whether the value that begins here is the next one on the way to the place. */
static bool value_fits(const struct walk *walk)
{
    const struct walk_rung *rung = current_rung(walk);

    if (walk->level == 0)
        return true;
    if (rung == NULL)
        return false;
    return rung->is_list ? rung->index == next_step(walk)->index : walk->key_fits;
}

static const char *type_of(char first)
{
    switch (first) {
    case '"':
        return "text";
    case 't':
    case 'f':
        return "true or false";
    default:
        return "a number";
    }
}

static int arrive(struct walk *walk, char c, int64_t offset, enum walk_found *ret_found,
                  struct err *err)
{
    if (walk->target_seen)
        return err_set(err, ERR_DATA, "the list of records is there twice, again at byte %" PRId64,
                       offset);
    walk->target_seen = true;
    if (c == '[')
        *ret_found = WALK_LIST;
    else if (c == '{')
        *ret_found = WALK_OBJECT;
    else if (c != 'n')
        return err_set(err, ERR_DATA,
                       "%s stands where the list of records should be, at byte %" PRId64,
                       type_of(c), offset);
    return 0;
}

static void enter(struct walk *walk, char c, bool fits)
{
    if (fits) {
        const bool wants_key = walk->path->steps[walk->level].key != NULL;

        if (wants_key == (c == '{'))
            walk->rungs[walk->on_path++] = (struct walk_rung){.is_list = c == '['};
    }
    walk->level++;
    walk->expects_key = c == '{';
}

static int check_root(struct walk *walk, char c, int64_t offset, struct err *err)
{
    if (walk->root_seen)
        return err_set(err, ERR_DATA, "something follows the end of the document, at byte %" PRId64,
                       offset);
    walk->root_seen = true;
    if (c == '\0' || strchr("[{\"-0123456789tfn", c) == NULL)
        return err_set(err, ERR_DATA, "the body is not JSON, at byte %" PRId64, offset);
    return 0;
}

static int begin_value(struct walk *walk, char c, int64_t offset, enum walk_found *ret_found,
                       struct err *err)
{
    const bool fits = value_fits(walk);

    if (walk->level == 0)
        TRY(check_root(walk, c, offset, err));
    walk->key_fits = false;
    if (fits && (size_t)walk->level == walk->path->count)
        return arrive(walk, c, offset, ret_found, err);
    if (c == '{' || c == '[')
        enter(walk, c, fits);
    return 0;
}

static int begin_string(struct walk *walk, int64_t offset, enum walk_found *ret_found,
                        struct err *err)
{
    const struct walk_rung *rung = current_rung(walk);

    walk->in_key = rung && !rung->is_list && walk->expects_key;
    walk->in_string = true;
    walk->is_key_long = false;
    buf_reset(&walk->key);
    return walk->in_key ? 0 : begin_value(walk, '"', offset, ret_found, err);
}

static bool key_is(const struct buf *key, const char *wanted)
{
    AUTO(json) text = {0};
    AUTO(buf) quoted = {0};
    struct err ignored = {0};

    if (memchr(buf_text(key), '\\', key->size) == NULL)
        return key->size == strlen(wanted) && memcmp(buf_text(key), wanted, key->size) == 0;
    buf_putc(&quoted, '"');
    buf_put(&quoted, key->data, key->size);
    buf_putc(&quoted, '"');
    if (json_parse(&text, quoted.data, quoted.size, &ignored) < 0)
        return false;
    return yyjson_equals_str(json_root(&text), wanted);
}

static void end_string(struct walk *walk)
{
    walk->in_string = false;
    if (!walk->in_key)
        return;
    walk->in_key = walk->expects_key = false;
    walk->key_fits = !walk->is_key_long && key_is(&walk->key, next_step(walk)->key);
}

static void keep_key(struct walk *walk, const char *bytes, size_t size)
{
    if (!walk->in_key || walk->is_key_long)
        return;
    if (walk->key.size + size > LONGEST_KEY)
        walk->is_key_long = true;
    else
        buf_put(&walk->key, bytes, size);
}

/* Passes the rest of a string. Returns how many bytes that took. */
static size_t pass_string(struct walk *walk, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (walk->is_escaped) {
            walk->is_escaped = false;
        } else if (bytes[i] == '\\') {
            walk->is_escaped = true;
        } else if (bytes[i] == '"') {
            keep_key(walk, bytes, i);
            end_string(walk);
            return i + 1;
        }
    }
    keep_key(walk, bytes, size);
    return size;
}

static int leave(struct walk *walk, int64_t offset, struct err *err)
{
    if (walk->level == 0)
        return err_set(err, ERR_DATA, "a bracket closes that none opened, at byte %" PRId64,
                       offset);
    if (walk->on_path == walk->level)
        walk->on_path--;
    walk->level--;
    return 0;
}

static void next_member(struct walk *walk)
{
    struct walk_rung *rung = current_rung(walk);

    if (rung == NULL)
        return;
    if (rung->is_list)
        rung->index++;
    else
        walk->expects_key = true;
}

static int step(struct walk *walk, char c, int64_t offset, enum walk_found *ret_found,
                struct err *err)
{
    const bool in_scalar = walk->in_scalar;

    walk->in_scalar = false;
    switch (c) {
    case ' ':
    case '\t':
    case '\n':
    case '\r':
    case ':':
        return 0;
    case '"':
        return begin_string(walk, offset, ret_found, err);
    case '{':
    case '[':
        return begin_value(walk, c, offset, ret_found, err);
    case '}':
    case ']':
        return leave(walk, offset, err);
    case ',':
        next_member(walk);
        return 0;
    default:
        walk->in_scalar = true;
        return in_scalar ? 0 : begin_value(walk, c, offset, ret_found, err);
    }
}

int walk_feed(struct walk *walk, const char *bytes, size_t size, size_t *ret_used,
              enum walk_found *ret_found, struct err *err)
{
    enum walk_found found = WALK_NOTHING;
    size_t used = 0;

    while (used < size && found == WALK_NOTHING) {
        if (walk->in_string) {
            used += pass_string(walk, bytes + used, size - used);
            continue;
        }
        TRY(step(walk, bytes[used], walk->offset + (int64_t)used, &found, err));
        used++;
    }
    walk->offset += (int64_t)used;
    *ret_used = used;
    *ret_found = found;
    return 0;
}
