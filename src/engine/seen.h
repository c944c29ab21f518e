/*
 * Numbers that were seen: hashes of keys, to tell quickly whether any came twice.
 */
#ifndef RIACHO_SEEN_H
#define RIACHO_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen {
    uint64_t *slots; /* 0: free */
    size_t room;     /* a power of two, or 0 */
    size_t count;
    bool has_zero;
};

/* Whether it was there already. Beyond SEEN_MOST numbers it says yes to all: it gave up. */
bool seen_add(struct seen *seen, uint64_t number);
void seen_close(struct seen *seen);

#define SEEN_MOST ((size_t)1 << 20)

#endif
