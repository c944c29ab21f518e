/*
 * Keys given twice in one JSON object: the last counts, as it does for most readers of JSON.
 */
#ifndef RIACHO_KEYS_H
#define RIACHO_KEYS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

uint32_t key_hash(const char *key, size_t size);

bool key_same(yyjson_val *key, const char *other, size_t size);

/* Whether a key stands in the object more than once. */
bool keys_have_twins(yyjson_val *object);

/* Whether the key that `iter` gave last comes again. */
bool keys_come_again(yyjson_obj_iter iter, yyjson_val *key);

/* The last member with that key, or NULL. */
yyjson_val *keys_last(yyjson_val *object, const char *key, size_t size);

/*
 * Adds the value as compact JSON in which no key is given twice, with numbers as they were written. Returns
 * the number of objects in it that had keys given twice. Depth costs no stack.
 */
int64_t keys_write_json(yyjson_val *value, struct buf *to);

/* Adds UTF-8 of that size, NUL and all, as a JSON string. */
void keys_write_string(const char *text, size_t size, struct buf *to);

#endif
