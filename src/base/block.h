/*
 * Memory blocks of one size that are kept when they are given back, for what one thread fills and another empties
 * all the time: malloc() would give most of them back to the kernel, and fetch zeroed pages again.
 */
#ifndef RIACHO_BLOCK_H
#define RIACHO_BLOCK_H

#include <stddef.h>

#define BLOCK_BYTES ((size_t)288 << 10)

/* One that was given back, or a new one; what is in it is undefined. The caller calls block_give(). Any thread. */
char *block_take(void);
void block_give(char *block_taken);

#endif
