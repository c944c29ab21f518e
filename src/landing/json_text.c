/*
 * The values of a document lie one after another in memory, so depth needs no recursion: only a
 * list of where the open lists and objects end.
 */
#include "landing/json_text.h"

#include "base/mem.h"
#include "landing/keys.h"

#include <stdlib.h>

#include "base/banned.h"

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

void json_text_string(const char *text, size_t size, struct buf *to)
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
        json_text_string(unsafe_yyjson_get_str(value), unsafe_yyjson_get_len(value), to);
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
    struct twins twins;
};

struct levels {
    struct level *items;
    size_t count;
};

/* Returns whether it is an object with keys given twice. */
static bool open_level(struct levels *levels, yyjson_val *value, struct buf *to)
{
    struct level level = {.end = unsafe_yyjson_get_next(value),
                          .is_object = unsafe_yyjson_is_obj(value)};

    if (level.is_object)
        twins_open(&level.twins, value);
    buf_putc(to, level.is_object ? '{' : '[');
    *MEM_PUSH(levels->items, levels->count) = level;
    return level.twins.exist;
}

/* Closes what ends at `at`. */
static void close_levels(struct levels *levels, const yyjson_val *at, struct buf *to)
{
    while (levels->count > 0 && levels->items[levels->count - 1].end == at) {
        struct level *level = &levels->items[--levels->count];

        buf_putc(to, level->is_object ? '}' : ']');
        twins_close(&level->twins);
    }
}

/* The first member from `key` on that counts; the last one of an object always does. */
static yyjson_val *skip_overridden(const struct level *level, yyjson_val *key)
{
    while (twins_override(&level->twins, key))
        key = unsafe_yyjson_get_next(key + 1);
    return key;
}

int64_t json_text_value(yyjson_val *value, struct buf *to)
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
            at = skip_overridden(level, at);
            put_scalar(to, at++);
            buf_putc(to, ':');
        }
        is_first = unsafe_yyjson_is_ctn(at) && unsafe_yyjson_get_len(at) > 0;
        if (unsafe_yyjson_is_ctn(at))
            twins += open_level(&levels, at, to);
        else
            put_scalar(to, at);
        at++;
        close_levels(&levels, at, to);
    } while (levels.count > 0);
    free(levels.items);
    return twins;
}
