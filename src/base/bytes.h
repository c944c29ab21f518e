/*
 * Short runs of bytes, compared and copied without a call: keys and texts of a few bytes are most of what is read.
 * Nothing is touched beyond `size`.
 */
#ifndef RIACHO_BYTES_H
#define RIACHO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t bytes_eight(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint32_t bytes_four(const char *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof word);
    return word;
}

/* Two words that overlap cover all lengths between one word and two. */
static inline bool bytes_same(const char *a, const char *b, size_t size)
{
    if (size > 16)
        return memcmp(a, b, size) == 0;
    if (size >= 8)
        return bytes_eight(a) == bytes_eight(b) &&
               bytes_eight(a + size - 8) == bytes_eight(b + size - 8);
    if (size >= 4)
        return bytes_four(a) == bytes_four(b) &&
               bytes_four(a + size - 4) == bytes_four(b + size - 4);
    return size == 0 || (a[0] == b[0] && a[size / 2] == b[size / 2] && a[size - 1] == b[size - 1]);
}

/* `size` is at most 16. */
static inline void bytes_copy_short(char *to, const char *from, size_t size)
{
    if (size >= 8) {
        const uint64_t first = bytes_eight(from), last = bytes_eight(from + size - 8);

        memcpy(to, &first, sizeof first);
        memcpy(to + size - 8, &last, sizeof last);
    } else if (size >= 4) {
        const uint32_t first = bytes_four(from), last = bytes_four(from + size - 4);

        memcpy(to, &first, sizeof first);
        memcpy(to + size - 4, &last, sizeof last);
    } else if (size > 0) {
        to[0] = from[0];
        to[size / 2] = from[size / 2];
        to[size - 1] = from[size - 1];
    }
}

#endif
