/*
 * Reading maps by their option tables: every key must be known, and every fault is told.
 */
#include "base/opt.h"

#include "base/mem.h"
#include "base/opt_value.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define MOST_NAMES 64

static const struct opt no_rows[] = {{0}};

static void read_rows(const struct opt_reading *reading, const struct opt *rows,
                      const struct conf_node *map, const char *path, void *target);

char *opt_path(const char *path, const char *key)
{
    return *path ? mem_fmt("%s.%s", path, key) : mem_str(key);
}

static const struct opt *find_row(const struct opt *rows, const char *key)
{
    for (; rows->key; rows++)
        if (str_same(rows->key, key))
            return rows;
    return NULL;
}

/* The key nearest to it in the table, or in a map of the table ("endpoint.params"). May be NULL. */
static char *guess_key(const struct opt *rows, const char *key)
{
    const char *names[MOST_NAMES];
    size_t count = 0;
    const char *nearest;

    for (const struct opt *row = rows; row->key && count < MOST_NAMES; row++)
        if (row->type != OPT_REFUSED)
            names[count++] = row->key;
    nearest = str_nearest(key, names, count);
    if (nearest)
        return mem_str(nearest);
    for (const struct opt *row = rows; row->key; row++)
        if (row->type == OPT_MAP && find_row(row->rows, key))
            return opt_path(row->key, key);
    return NULL;
}

static void fault_unknown(const struct opt_reading *reading, const struct opt *rows,
                          const struct conf_node *key, const char *path, const char *type)
{
    char *nearest = guess_key(rows, key->text);

    if (type)
        opt_fault(reading, key, path, nearest, "there is no such key for the type \"%s\"", type);
    else
        opt_fault(reading, key, path, nearest, "there is no such key");
    free(nearest);
}

/* `type`: the variant whose rows these are, so that the key "type" is known too; or NULL. */
static void check_keys(const struct opt_reading *reading, const struct opt *rows,
                       const struct conf_node *map, const char *path, const char *type)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct conf_node *key = &map->keys[i];
        const struct opt *row = find_row(rows, key->text);
        char *key_path = opt_path(path, key->text);

        if (row == NULL && !(type && str_same(key->text, "type")))
            fault_unknown(reading, rows, key, key_path, type);
        else if (row && row->type == OPT_REFUSED && map->items[i].kind != CONF_NULL)
            opt_fault(reading, key, key_path, NULL, "is not supported yet%s%s",
                      row->help ? ": " : "", row->help ? row->help : "");
        free(key_path);
    }
}

/* Stands a map in for a bare text: "path" for {path: "path"}. The caller closes it. */
static void make_map(const struct conf_node *bare, const char *key, struct conf_node *ret_map)
{
    struct conf_node item;

    *ret_map = conf_make_map(bare);
    conf_copy(bare, &item);
    conf_set(ret_map, key, &item);
}

static bool is_bare(const struct opt *row, const struct conf_node *node)
{
    return row->bare && node->kind != CONF_MAP && node->kind != CONF_LIST &&
           node->kind != CONF_NULL;
}

static const struct opt_variant *find_variant(const struct opt *row, const char *name)
{
    for (const struct opt_variant *variant = row->variants; variant->name; variant++)
        if (strcasecmp(variant->name, name) == 0)
            return variant;
    return NULL;
}

static void fault_variant(const struct opt_reading *reading, const struct opt *row,
                          const struct conf_node *type, const char *path)
{
    const char *names[MOST_NAMES];
    size_t count = 0;
    AUTO(buf) expected = {0};

    for (const struct opt_variant *v = row->variants; v->name && count < MOST_NAMES; v++)
        if (v->refused == NULL && !v->is_alias) {
            buf_printf(&expected, "%s\"%s\"", count ? ", " : "", v->name);
            names[count++] = v->name;
        }
    opt_fault_expected(reading, type, path,
                       type->text ? str_nearest(type->text, names, count) : NULL,
                       buf_text(&expected));
}

/* The variant that the map asks for, or NULL, told. */
static const struct opt_variant *choose_variant(const struct opt_reading *reading,
                                                const struct opt *row, const struct conf_node *map,
                                                const char *path)
{
    const struct conf_node *type = conf_get(map, "type");
    const struct opt_variant *variant;

    if (type == NULL || type->kind == CONF_NULL) {
        if (row->flags & OPT_TYPE_OPTIONAL)
            return row->variants;
        fault_variant(reading, row, &(struct conf_node){.line = map->line, .column = map->column},
                      path);
        return NULL;
    }
    variant = type->text ? find_variant(row, type->text) : NULL;
    if (variant && variant->refused == NULL)
        return variant;
    if (variant)
        opt_fault(reading, type, path, NULL, "%s", variant->refused);
    else
        fault_variant(reading, row, type, path);
    return NULL;
}

static void read_variant(const struct opt_reading *reading, const struct opt *row,
                         const struct conf_node *map, const char *path, void *target)
{
    char *type_path = opt_path(path, "type");
    const struct opt_variant *variant = choose_variant(reading, row, map, type_path);

    free(type_path);
    if (variant == NULL)
        return;
    memcpy((char *)target + row->type_at, &variant->value, sizeof variant->value);
    check_keys(reading, variant->rows ? variant->rows : no_rows, map, path, variant->name);
    if (variant->rows)
        read_rows(reading, variant->rows, map, path, (char *)target + row->at);
}

/* A struct in place: a map, or the bare text that stands for one. */
static void read_struct(const struct opt_reading *reading, const struct opt *row,
                        const struct conf_node *node, const char *path, void *target)
{
    AUTO(conf_node) made = {0};

    if (is_bare(row, node)) {
        make_map(node, row->bare, &made);
        node = &made;
    }
    if (node->kind != CONF_MAP && node->kind != CONF_NULL) {
        opt_fault_expected(reading, node, path, NULL, "a map");
        return;
    }
    if (row->type == OPT_VARIANT)
        read_variant(reading, row, node, path, target);
    else
        opt_read(reading, row->rows, node, path, (char *)target + row->at);
}

/* The structs of a list, or of a map from their names. */
static void read_structs(const struct opt_reading *reading, const struct opt *row,
                         const struct conf_node *node, const char *path, void *target)
{
    const bool is_named = row->type == OPT_NAMED;
    const struct opt item_row = {.type = OPT_MAP, .rows = row->rows, .bare = row->bare};
    size_t *count = (size_t *)(void *)((char *)target + row->count_at);
    char *items;

    if (node->kind != (is_named ? CONF_MAP : CONF_LIST)) {
        opt_fault_expected(reading, node, path, NULL, is_named ? "a map" : "a list");
        return;
    }
    if (node->count == 0)
        return;
    items = mem_alloc(node->count * row->item_bytes);
    memcpy((char *)target + row->at, &items, sizeof items);
    *count = node->count;
    for (size_t i = 0; i < node->count; i++) {
        char *item = items + i * row->item_bytes;
        char *item_path =
            is_named ? opt_path(path, node->keys[i].text) : mem_fmt("%s[%zu]", path, i);

        if (is_named)
            *(char **)(void *)(item + row->name_at) = mem_str(node->keys[i].text);
        read_struct(reading, &item_row, &node->items[i], item_path, item);
        free(item_path);
    }
}

void opt_read_value(const struct opt_reading *reading, const struct opt *row,
                    const struct conf_node *node, const char *path, void *target)
{
    if (node->is_faulty)
        return;
    if (row->set_at_plus_1)
        *((bool *)target + row->set_at_plus_1 - 1) = true;
    if (row->type == OPT_CUSTOM)
        row->take(reading, node, path, (char *)target + row->at);
    else if (row->type == OPT_MAP || row->type == OPT_VARIANT)
        read_struct(reading, row, node, path, target);
    else if (row->type == OPT_MAPS || row->type == OPT_NAMED)
        read_structs(reading, row, node, path, target);
    else
        opt_read_simple(reading, row, node, path, target);
}

static void set_standard(const struct opt_reading *reading, const struct opt *row, void *target)
{
    if (row->type == OPT_MAP)
        opt_standard(reading, row->rows, (char *)target + row->at);
    else if (row->type == OPT_VARIANT && row->standard) {
        const struct opt_variant *variant = find_variant(row, row->standard);

        memcpy((char *)target + row->type_at, &variant->value, sizeof variant->value);
        if (variant->rows)
            opt_standard(reading, variant->rows, (char *)target + row->at);
    } else if (row->type <= OPT_PARSED)
        opt_set_simple(reading, row, target);
}

void opt_standard(const struct opt_reading *reading, const struct opt *rows, void *target)
{
    for (; rows->key; rows++)
        if (rows->type != OPT_REFUSED && !(rows->flags & OPT_ELSEWHERE))
            set_standard(reading, rows, target);
}

static bool is_given(const struct opt *row, const struct conf_node *node)
{
    return node && (node->kind != CONF_NULL || (row->flags & OPT_NULLABLE));
}

static void read_rows(const struct opt_reading *reading, const struct opt *rows,
                      const struct conf_node *map, const char *path, void *target)
{
    for (const struct opt *row = rows; row->key; row++) {
        const struct conf_node *node = conf_get(map, row->key);
        char *row_path;

        if (row->type == OPT_REFUSED || (row->flags & OPT_ELSEWHERE))
            continue;
        row_path = opt_path(path, row->key);
        if (is_given(row, node)) {
            if (row->standard && row->type <= OPT_PARSED)
                set_standard(reading, row, target); /* a faulty value must not look like zero */
            opt_read_value(reading, row, node, row_path, target);
        } else if ((row->flags & OPT_REQUIRED) && !reading->is_partial)
            opt_fault(reading, node ? node : map, row_path, NULL, "is missing");
        else
            set_standard(reading, row, target);
        free(row_path);
    }
}

void opt_read(const struct opt_reading *reading, const struct opt *rows,
              const struct conf_node *node, const char *path, void *target)
{
    const struct conf_node empty = conf_make_map(node);

    if (node->kind == CONF_NULL)
        node = &empty; /* a key with nothing behind it */
    if (node->kind != CONF_MAP) {
        opt_fault_expected(reading, node, path, NULL, "a map");
        return;
    }
    check_keys(reading, rows, node, path, NULL);
    read_rows(reading, rows, node, path, target);
}
