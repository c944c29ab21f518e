/*
 * A table of open addresses. The numbers are hashes, so their low bits serve as they are.
 */
#include "engine/hash_set.h"

#include "base/mem.h"

#include <stdlib.h>

#include "base/banned.h"

#define LEAST_ROOM ((size_t)1 << 12)

void hash_set_close(struct hash_set *seen)
{
    free(seen->slots);
    *seen = (struct hash_set){0};
}

/* Where the number is, or belongs. */
static uint64_t *slot_of(const struct hash_set *seen, uint64_t number)
{
    size_t at = number & (seen->room - 1);

    while (seen->slots[at] != 0 && seen->slots[at] != number)
        at = (at + 1) & (seen->room - 1);
    return &seen->slots[at];
}

static void grow(struct hash_set *seen)
{
    struct hash_set larger = {.room = seen->room ? seen->room * 4 : LEAST_ROOM,
                              .count = seen->count,
                              .has_zero = seen->has_zero};

    larger.slots = mem_alloc(larger.room * sizeof *larger.slots);
    for (size_t i = 0; i < seen->room; i++)
        if (seen->slots[i] != 0)
            *slot_of(&larger, seen->slots[i]) = seen->slots[i];
    free(seen->slots);
    *seen = larger;
}

bool hash_set_add(struct hash_set *seen, uint64_t number)
{
    const bool had_zero = seen->has_zero;
    uint64_t *slot;

    if (number == 0) {
        seen->has_zero = true;
        return had_zero;
    }
    if (seen->count >= HASH_SET_MOST)
        return true;
    if (2 * seen->count >= seen->room)
        grow(seen);
    slot = slot_of(seen, number);
    if (*slot == number)
        return true;
    *slot = number;
    seen->count++;
    return false;
}
