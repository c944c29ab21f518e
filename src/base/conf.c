/*
 * The tree of a pipeline file: looking things up in it, laying one on another, writing JSON.
 */
#include "base/conf.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

void conf_node_close(struct conf_node *node)
{
    for (size_t i = 0; i < node->count; i++) {
        if (node->keys)
            conf_node_close(&node->keys[i]);
        conf_node_close(&node->items[i]);
    }
    for (size_t i = 0; i < node->value_count; i++) {
        free(node->values[i].name);
        free(node->values[i].text);
    }
    free(node->values);
    free(node->keys);
    free(node->items);
    free(node->text);
    *node = (struct conf_node){0};
}

/* As MEM_PUSH grows, so that it can go on with a copy. */
static size_t room_for(size_t count)
{
    size_t room = 1;

    while (room < count)
        room *= 2;
    return room;
}

void conf_copy(const struct conf_node *from, struct conf_node *ret_node)
{
    struct conf_node made = *from;

    made.text = mem_str(from->text);
    made.values = NULL;
    made.value_count = 0;
    for (size_t i = 0; i < from->value_count; i++)
        *MEM_PUSH(made.values, made.value_count) =
            (struct conf_value){mem_str(from->values[i].name), mem_str(from->values[i].text),
                                from->values[i].may_be_secret};
    made.keys = from->keys ? mem_alloc(room_for(from->count) * sizeof *made.keys) : NULL;
    made.items = from->items ? mem_alloc(room_for(from->count) * sizeof *made.items) : NULL;
    assert(from->items || from->count == 0);
    for (size_t i = 0; i < from->count; i++) {
        if (from->keys)
            conf_copy(&from->keys[i], &made.keys[i]);
        conf_copy(&from->items[i], &made.items[i]);
    }
    *ret_node = made;
}

bool conf_may_be_secret(const struct conf_node *node)
{
    for (size_t i = 0; i < node->value_count; i++)
        if (node->values[i].may_be_secret)
            return true;
    return false;
}

/* The place of a key whose name has that size, or -1. */
static ptrdiff_t find_key(const struct conf_node *map, const char *key, size_t size)
{
    if (map == NULL || map->kind != CONF_MAP)
        return -1;
    for (size_t i = 0; i < map->count; i++)
        if (strlen(map->keys[i].text) == size && memcmp(map->keys[i].text, key, size) == 0)
            return (ptrdiff_t)i;
    return -1;
}

const struct conf_node *conf_get(const struct conf_node *map, const char *key)
{
    const ptrdiff_t at = find_key(map, key, strlen(key));

    return at < 0 ? NULL : &map->items[at];
}

const struct conf_node *conf_key(const struct conf_node *map, const char *key)
{
    const ptrdiff_t at = find_key(map, key, strlen(key));

    return at < 0 ? NULL : &map->keys[at];
}

/* One step of a path, from *path on; moves it behind the step. NULL: there is no such member. */
static const struct conf_node *step_into(const struct conf_node *node, const char **path)
{
    const char *at = *path;
    size_t size;
    ptrdiff_t found;

    if (*at == '[') {
        const size_t index = strtoul(at + 1, NULL, 10);

        *path = at + strcspn(at, "]") + 1;
        return node->kind == CONF_LIST && index < node->count ? &node->items[index] : NULL;
    }
    if (*at == '.')
        at++;
    size = strcspn(at, ".[");
    *path = at + size;
    found = find_key(node, at, size);
    return found < 0 ? NULL : &node->items[found];
}

const struct conf_node *conf_find(const struct conf_node *root, const char *path)
{
    while (*path) {
        const struct conf_node *next = step_into(root, &path);

        if (next == NULL)
            return root;
        root = next;
    }
    return root;
}

static void add_member(struct conf_node *map, struct conf_node *key_taken,
                       struct conf_node *item_taken)
{
    size_t keys = map->count;

    *MEM_PUSH(map->keys, keys) = *key_taken;
    *MEM_PUSH(map->items, map->count) = *item_taken;
    *key_taken = *item_taken = (struct conf_node){0};
}

static void copy_member(struct conf_node *to, const struct conf_node *from, size_t at)
{
    struct conf_node key;
    struct conf_node item;

    conf_copy(&from->keys[at], &key);
    conf_copy(&from->items[at], &item);
    add_member(to, &key, &item);
}

void conf_merge(const struct conf_node *base, const struct conf_node *over,
                struct conf_node *ret_node)
{
    struct conf_node made = conf_make_map(over);

    for (size_t i = 0; i < base->count; i++)
        if (conf_get(over, base->keys[i].text) == NULL)
            copy_member(&made, base, i);
    for (size_t i = 0; i < over->count; i++)
        copy_member(&made, over, i);
    *ret_node = made;
}

void conf_set(struct conf_node *map, const char *key, struct conf_node *item_taken)
{
    const ptrdiff_t at = find_key(map, key, strlen(key));
    struct conf_node key_node;

    if (at < 0) {
        key_node = conf_make_text(item_taken, key);
        add_member(map, &key_node, item_taken);
        return;
    }
    conf_node_close(&map->items[at]);
    map->items[at] = *item_taken;
    *item_taken = (struct conf_node){0};
}

void conf_remove(struct conf_node *map, const char *key)
{
    const ptrdiff_t at = find_key(map, key, strlen(key));

    if (at < 0)
        return;
    conf_node_close(&map->keys[at]);
    conf_node_close(&map->items[at]);
    map->count--;
    for (size_t i = (size_t)at; i < map->count; i++) {
        map->keys[i] = map->keys[i + 1];
        map->items[i] = map->items[i + 1];
    }
}

struct conf_node conf_make_text(const struct conf_node *at, const char *text)
{
    return (struct conf_node){.kind = CONF_TEXT,
                              .line = at->line,
                              .column = at->column,
                              .text = mem_str(text)};
}

struct conf_node conf_make_map(const struct conf_node *at)
{
    return (struct conf_node){.kind = CONF_MAP, .line = at->line, .column = at->column};
}

/* YAML writes ints and floats in ways that JSON does not know. */
static void put_int(const char *text, struct buf *to)
{
    int64_t value;
    const char *digits = text + (*text == '-' || *text == '+');

    if (conf_int(text, &value)) {
        buf_printf(to, "%" PRId64, value);
        return;
    }
    while (*digits == '0' && digits[1])
        digits++;
    buf_printf(to, "%s%s", *text == '-' ? "-" : "", digits);
}

static void put_float(const char *text, struct buf *to)
{
    const double value = strtod(text, NULL);
    const char *digits = text + (*text == '-');
    const char *point = strchr(text, '.');

    if (strpbrk(text, "iInN") || !isfinite(value))
        buf_puts(to, "null"); /* .inf, .nan, 1e999: JSON has no such numbers */
    else if (isdigit((unsigned char)*digits) &&
             (*digits != '0' || !isdigit((unsigned char)digits[1])) &&
             (point == NULL || isdigit((unsigned char)point[1])))
        buf_puts(to, text); /* valid JSON as it stands: every digit is kept */
    else
        buf_printf(to, "%.17g", value);
}

static void put_members(const struct conf_node *node, struct buf *to)
{
    buf_putc(to, node->kind == CONF_MAP ? '{' : '[');
    for (size_t i = 0; i < node->count; i++) {
        if (i > 0)
            buf_putc(to, ',');
        if (node->kind == CONF_MAP) {
            json_put_string(to, node->keys[i].text);
            buf_putc(to, ':');
        }
        conf_put_json(&node->items[i], to);
    }
    buf_putc(to, node->kind == CONF_MAP ? '}' : ']');
}

void conf_put_json(const struct conf_node *node, struct buf *to)
{
    if (node->kind == CONF_NULL)
        buf_puts(to, "null");
    else if (node->kind == CONF_BOOL)
        buf_puts(to, tolower((unsigned char)*node->text) == 't' ? "true" : "false");
    else if (node->kind == CONF_INT)
        put_int(node->text, to);
    else if (node->kind == CONF_FLOAT)
        put_float(node->text, to);
    else if (node->kind == CONF_TEXT)
        json_put_string(to, node->text);
    else
        put_members(node, to);
}
