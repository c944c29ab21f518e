/*
 * Remembers what was there before, to notice when something comes in circles. Texts are kept as
 * 64-bit hashes; the memory is bounded by forgetting all when it is full.
 */
#ifndef RIACHO_SEEN_H
#define RIACHO_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen {
    uint64_t *hashes; /* open addressing; 0: free */
    size_t room;      /* a power of two, or 0 */
    size_t count;
};

/* Adds the text. Returns whether it was there already. */
bool seen_before(struct seen *seen, const char *text);
void seen_close(struct seen *seen);

#endif
