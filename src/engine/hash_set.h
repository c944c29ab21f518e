/*
 * Numbers that were seen: hashes of keys, to tell quickly whether any came twice.
 */
#ifndef RIACHO_HASH_SET_H
#define RIACHO_HASH_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_set {
    uint64_t *slots; /* 0: free */
    size_t room;     /* a power of two, or 0 */
    size_t count;
    bool has_zero;
};

/* Whether it was there already. Beyond HASH_SET_MOST numbers it says yes to all: it gave up. */
bool hash_set_add(struct hash_set *seen, uint64_t number);
void hash_set_close(struct hash_set *seen);

#define HASH_SET_MOST ((size_t)1 << 20)

#endif
