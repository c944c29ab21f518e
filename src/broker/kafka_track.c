/*
 * Contiguous progress in partitions.
 */
#include "broker/kafka_track.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define NOT_DONE (-1)
#define TIDY_ENTRIES 256 /* worked off ones at the head, before the rest moves down */

void track_close(struct track *track)
{
    for (size_t i = 0; i < track->count; i++)
        free(track->partitions[i].entries);
    free(track->partitions);
    *track = (struct track){0};
}

static struct track_partition *find(const struct track *track, int32_t number)
{
    for (size_t i = 0; i < track->count; i++)
        if (track->partitions[i].number == number)
            return &track->partitions[i];
    return NULL;
}

bool track_has(const struct track *track, int32_t partition)
{
    return find(track, partition) != NULL;
}

void track_add(struct track *track, int32_t partition)
{
    track_remove(track, partition);
    *MEM_PUSH(track->partitions, track->count) =
        (struct track_partition){.number = partition, .next = -1, .stored = -1, .end = -1};
}

void track_remove(struct track *track, int32_t partition)
{
    struct track_partition *gone = find(track, partition);

    if (gone == NULL)
        return;
    free(gone->entries);
    *gone = track->partitions[--track->count];
}

bool track_take(struct track *track, int32_t partition, int64_t offset)
{
    struct track_partition *found = find(track, partition);

    if (found == NULL || offset < found->next ||
        (found->count > found->first && found->entries[found->count - 1].offset >= offset))
        return false;
    if (found->next < 0)
        found->next = found->stored = offset;
    if (found->first == found->count)
        found->first = found->count = 0;
    *MEM_PUSH(found->entries, found->count) =
        (struct track_entry){.offset = offset, .waits_for = NOT_DONE};
    return true;
}

void track_end(struct track *track, int32_t partition, int64_t next)
{
    struct track_partition *found = find(track, partition);

    if (found == NULL)
        return;
    found->end = next;
    if (found->next < 0)
        found->next = found->stored = next;
}

void track_done(struct track *track, int32_t partition, int64_t offset, int64_t waits_for)
{
    struct track_partition *found = find(track, partition);

    for (size_t i = found ? found->first : 0; found && i < found->count; i++)
        if (found->entries[i].offset == offset) {
            if (found->entries[i].waits_for == NOT_DONE)
                found->entries[i].waits_for = waits_for;
            return;
        }
}

static void tidy(struct track_partition *partition)
{
    const size_t left = partition->count - partition->first;

    if (partition->first < TIDY_ENTRIES || partition->first < left)
        return;
    /* MEM_PUSH() takes a count that is a power of two for a full array. */
    struct track_entry *entries = NULL;
    size_t count = 0;

    for (size_t i = 0; i < left; i++)
        *MEM_PUSH(entries, count) = partition->entries[partition->first + i];
    free(partition->entries);
    partition->entries = entries;
    partition->first = 0;
    partition->count = left;
}

size_t track_advance(struct track *track, int64_t unsent)
{
    size_t moved = 0;

    for (size_t i = 0; i < track->count; i++) {
        struct track_partition *partition = &track->partitions[i];

        while (partition->first < partition->count &&
               partition->entries[partition->first].waits_for != NOT_DONE &&
               partition->entries[partition->first].waits_for < unsent)
            partition->next = partition->entries[partition->first++].offset + 1;
        if (partition->first == partition->count && partition->end > partition->next)
            partition->next = partition->end;
        moved += partition->next > partition->stored;
        tidy(partition);
    }
    return moved;
}

int track_moved(struct track_partition *partition, int64_t *ret_next)
{
    if (partition->next <= partition->stored)
        return 0;
    partition->stored = partition->next;
    *ret_next = partition->next;
    return 1;
}

bool track_is_waiting(const struct track *track)
{
    for (size_t i = 0; i < track->count; i++) {
        const struct track_partition *partition = &track->partitions[i];

        for (size_t j = partition->first; j < partition->count; j++)
            if (partition->entries[j].waits_for != NOT_DONE)
                return true;
    }
    return false;
}
