/*
 * Twins among keys are found by comparing if they are few, else by hashing.
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

/* ---- twins ---- */

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

/* The place of a key, or the free place where it belongs. */
static yyjson_val **find_place(const struct twins *twins, yyjson_val *key)
{
    size_t at = key_hash(unsafe_yyjson_get_str(key), unsafe_yyjson_get_len(key)) & twins->mask;

    while (twins->last[at] && !same_keys(twins->last[at], key))
        at = (at + 1) & twins->mask;
    return &twins->last[at];
}

static void hash_keys(struct twins *twins, size_t count)
{
    yyjson_obj_iter iter = yyjson_obj_iter_with(twins->object);
    size_t room = 4 * FEW;
    yyjson_val *key;

    while (room < 2 * count)
        room *= 2;
    twins->mask = room - 1;
    twins->last = mem_alloc(room * sizeof *twins->last);
    while ((key = yyjson_obj_iter_next(&iter))) {
        yyjson_val **place = find_place(twins, key);

        twins->exist = twins->exist || *place;
        *place = key;
    }
}

void twins_open(struct twins *twins, yyjson_val *object)
{
    const size_t count = yyjson_obj_size(object);

    *twins = (struct twins){.object = object};
    if (count <= FEW)
        twins->exist = few_have_twins(object);
    else
        hash_keys(twins, count);
}

void twins_close(struct twins *twins)
{
    free(twins->last);
    *twins = (struct twins){0};
}

/* In an object of few keys: looks through those that follow. */
static bool comes_again(yyjson_val *object, yyjson_val *key)
{
    yyjson_val *const end = unsafe_yyjson_get_next(object);

    for (yyjson_val *at = unsafe_yyjson_get_next(key + 1); at < end;
         at = unsafe_yyjson_get_next(at + 1))
        if (same_keys(at, key))
            return true;
    return false;
}

bool twins_override(const struct twins *twins, yyjson_val *key)
{
    if (!twins->exist)
        return false;
    return twins->last ? *find_place(twins, key) != key : comes_again(twins->object, key);
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
