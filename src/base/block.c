#include "base/block.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/banned.h"

#define MOST_KEPT 32

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the two below */
static char *kept[MOST_KEPT];
static size_t kept_count;

/* The last that came back: its bytes are still near the processor. */
char *block_take(void)
{
    char *block = NULL;

    pthread_mutex_lock(&lock);
    if (kept_count > 0)
        block = kept[--kept_count];
    pthread_mutex_unlock(&lock);
    return block ? block : mem_grow(NULL, BLOCK_BYTES, 1);
}

void block_give(char *block_taken)
{
    pthread_mutex_lock(&lock);
    if (kept_count < MOST_KEPT) {
        kept[kept_count++] = block_taken;
        block_taken = NULL;
    }
    pthread_mutex_unlock(&lock);
    free(block_taken);
}
