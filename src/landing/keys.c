/*
 * Twins among keys are found by comparing or hashing; JSON text is written without them.
 */
#include "landing/keys.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define FEW 12 /* so many keys are compared with one another faster than hashed */

/* FNV-1a */
uint32_t key_hash(const char *key, size_t size)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)key[i]) * 16777619u;
    return hash;
}

bool key_same(yyjson_val *key, const char *other, size_t size)
{
    return unsafe_yyjson_get_len(key) == size &&
           memcmp(unsafe_yyjson_get_str(key), other, size) == 0;
}

static bool same_keys(yyjson_val *a, yyjson_val *b)
{
    return key_same(a, unsafe_yyjson_get_str(b), unsafe_yyjson_get_len(b));
}

static bool few_have_twins(yyjson_val *object)
{
    yyjson_val *keys[FEW];
    yyjson_obj_iter iter = yyjson_obj_iter_with(object);
    yyjson_val *key;
    size_t count = 0;

    while ((key = yyjson_obj_iter_next(&iter))) {
        for (size_t i = 0; i < count; i++)
            if (same_keys(keys[i], key))
                return true;
        keys[count++] = key;
    }
    return false;
}

static bool many_have_twins(yyjson_val *object, size_t count)
{
    size_t room = 64;
    yyjson_val **table;
    yyjson_obj_iter iter = yyjson_obj_iter_with(object);
    yyjson_val *key;
    bool found = false;

    while (room < 2 * count)
        room *= 2;
    table = mem_alloc(room * sizeof *table);
    while (!found && (key = yyjson_obj_iter_next(&iter))) {
        size_t at = key_hash(unsafe_yyjson_get_str(key), unsafe_yyjson_get_len(key)) & (room - 1);

        while (table[at] && !same_keys(table[at], key))
            at = (at + 1) & (room - 1);
        found = table[at] != NULL;
        table[at] = key;
    }
    free(table);
    return found;
}

bool keys_have_twins(yyjson_val *object)
{
    const size_t count = yyjson_obj_size(object);

    return count <= FEW ? few_have_twins(object) : many_have_twins(object, count);
}

bool keys_come_again(yyjson_obj_iter iter, yyjson_val *key)
{
    yyjson_val *later;

    while ((later = yyjson_obj_iter_next(&iter)))
        if (same_keys(later, key))
            return true;
    return false;
}

yyjson_val *keys_last(yyjson_val *object, const char *key, size_t size)
{
    yyjson_obj_iter iter;
    yyjson_val *at, *last = NULL;

    if (!yyjson_is_obj(object))
        return NULL;
    iter = yyjson_obj_iter_with(object);
    while ((at = yyjson_obj_iter_next(&iter)))
        if (key_same(at, key, size))
            last = yyjson_obj_iter_get_val(at);
    return last;
}

/* ---- JSON text ---- */

static void put_escaped(struct buf *to, unsigned char c)
{
    static const char shorts[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};

    if (c == '"' || c == '\\' || shorts[c]) {
        buf_putc(to, '\\');
        buf_putc(to, c < 0x20 ? shorts[c] : (char)c);
    } else
        buf_printf(to, "\\u%04x", c);
}

void keys_write_string(const char *text, size_t size, struct buf *to)
{
    size_t start = 0;

    buf_putc(to, '"');
    for (size_t i = 0; i < size; i++) {
        const unsigned char c = (unsigned char)text[i];

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_put(to, text + start, i - start);
        put_escaped(to, c);
        start = i + 1;
    }
    buf_put(to, text + start, size - start);
    buf_putc(to, '"');
}

static void put_scalar(struct buf *to, yyjson_val *value)
{
    const yyjson_type type = unsafe_yyjson_get_type(value);

    if (type == YYJSON_TYPE_STR)
        keys_write_string(unsafe_yyjson_get_str(value), unsafe_yyjson_get_len(value), to);
    else if (type == YYJSON_TYPE_RAW)
        buf_put(to, unsafe_yyjson_get_raw(value), unsafe_yyjson_get_len(value));
    else if (type == YYJSON_TYPE_BOOL)
        buf_puts(to, unsafe_yyjson_get_bool(value) ? "true" : "false");
    else
        buf_puts(to, "null");
}

/* A list or object that is being written. */
struct level {
    yyjson_val *end; /* behind its last part */
    bool is_object;
    bool has_twins;
};

struct levels {
    struct level *items;
    size_t count;
};

static struct level *open_level(struct levels *levels, yyjson_val *value, struct buf *to)
{
    struct level level = {.end = unsafe_yyjson_get_next(value),
                          .is_object = unsafe_yyjson_is_obj(value)};

    level.has_twins = level.is_object && keys_have_twins(value);
    buf_putc(to, level.is_object ? '{' : '[');
    *MEM_PUSH(levels->items, levels->count) = level;
    return &levels->items[levels->count - 1];
}

/* Closes what ends at `at`; a comma if something follows. */
static void close_levels(struct levels *levels, const yyjson_val *at, struct buf *to)
{
    while (levels->count > 0 && levels->items[levels->count - 1].end == at)
        buf_putc(to, levels->items[--levels->count].is_object ? '}' : ']');
}

/* The first member from `key` on whose key does not come again; the last one never does. */
static yyjson_val *skip_twins(const struct level *level, yyjson_val *key)
{
    for (;;) {
        yyjson_val *later = unsafe_yyjson_get_next(key + 1);

        while (later < level->end && !same_keys(later, key))
            later = unsafe_yyjson_get_next(later + 1);
        if (later >= level->end)
            return key;
        key = unsafe_yyjson_get_next(key + 1);
    }
}

int64_t keys_write_json(yyjson_val *value, struct buf *to)
{
    struct levels levels = {0};
    int64_t twins = 0;
    yyjson_val *at = value;
    bool is_first = true;

    do {
        const struct level *level = levels.count ? &levels.items[levels.count - 1] : NULL;

        if (!is_first)
            buf_putc(to, ',');
        if (level && level->is_object) {
            at = level->has_twins ? skip_twins(level, at) : at;
            put_scalar(to, at++);
            buf_putc(to, ':');
        }
        is_first = unsafe_yyjson_is_ctn(at) && unsafe_yyjson_get_len(at) > 0;
        if (unsafe_yyjson_is_ctn(at)) {
            twins += open_level(&levels, at, to)->has_twins;
        } else
            put_scalar(to, at);
        at++;
        close_levels(&levels, at, to);
    } while (levels.count > 0);
    free(levels.items);
    return twins;
}
