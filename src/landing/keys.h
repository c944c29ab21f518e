/*
 * Keys given twice in one JSON object: the last counts, as it does for most readers of JSON.
 */
#ifndef RIACHO_KEYS_H
#define RIACHO_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

uint32_t key_hash(const char *key, size_t size);

bool key_same(yyjson_val *key, const char *other, size_t size);

/* What is known of an object's keys that were given twice. */
struct twins {
    bool exist;
    yyjson_val *object;
    yyjson_val **last; /* of each key, by hash; NULL: there are few */
    size_t mask;
};

void twins_open(struct twins *twins, yyjson_val *object);
void twins_close(struct twins *twins);
/* Whether the object's key comes again after this one, so that this one does not count. */
bool twins_override(const struct twins *twins, yyjson_val *key);

/* Whether the key that `iter` gave last comes again. */
bool keys_come_again(yyjson_obj_iter iter, yyjson_val *key);

/* The last member with that key, or NULL. */
yyjson_val *keys_last(yyjson_val *object, const char *key, size_t size);

#endif
