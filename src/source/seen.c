/*
 * A hash set (FNV-1a, linear probing).
 */
#include "source/seen.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define MOST_HASHES ((size_t)1 << 19)

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash ? hash : 1;
}

/* Puts the hash where it belongs. Returns whether it was there. */
static bool put_hash(struct seen *seen, uint64_t hash)
{
    size_t at = hash & (seen->room - 1);

    while (seen->hashes[at] != 0 && seen->hashes[at] != hash)
        at = (at + 1) & (seen->room - 1);
    if (seen->hashes[at] == hash)
        return true;
    seen->hashes[at] = hash;
    seen->count++;
    return false;
}

static void make_room(struct seen *seen)
{
    struct seen larger = {.room = seen->room ? seen->room * 2 : 64};

    larger.hashes = mem_alloc(larger.room * sizeof *larger.hashes);
    for (size_t i = 0; i < seen->room; i++)
        if (seen->hashes[i])
            put_hash(&larger, seen->hashes[i]);
    free(seen->hashes);
    *seen = larger;
}

bool seen_before(struct seen *seen, const char *text)
{
    if (seen->count >= MOST_HASHES)
        seen_close(seen);
    if (2 * seen->count >= seen->room)
        make_room(seen);
    return put_hash(seen, hash_of(text));
}

void seen_close(struct seen *seen)
{
    free(seen->hashes);
    *seen = (struct seen){0};
}
