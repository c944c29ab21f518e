/*
 * Which messages of which partitions a consumer has, and up to where each partition is worked off:
 * its offset may move over a message only when that one is done and when all references that existed at
 * that moment have been sent.
 *
 * No locks: the owner sees to that.
 */
#ifndef RIACHO_KAFKA_TRACK_H
#define RIACHO_KAFKA_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct track_entry {
    int64_t offset;
    int64_t waits_for; /* done: the outbox's number that must have been sent; -1: not done */
};

struct track_partition {
    int32_t number;
    struct track_entry *entries; /* in the order of their offsets, without gaps in what came */
    size_t first;                /* of the entries that are open */
    size_t count;                /* of the entries, those before `first` included */
    int64_t next;                /* all before it is worked off */
    int64_t stored;              /* the greatest `next` that was told; -1: none */
    int64_t end;                 /* what came reaches up to here, gaps included */
};

struct track {
    struct track_partition *partitions;
    size_t count;
};

void track_close(struct track *track);

/* The partition is ours from now on / is not any more: what came of it is forgotten. */
void track_add(struct track *track, int32_t partition);
void track_remove(struct track *track, int32_t partition);
bool track_has(const struct track *track, int32_t partition);

/* A message came. false: its partition is not ours, or it came before. */
bool track_take(struct track *track, int32_t partition, int64_t offset);
/* All that lies before that offset has come; the rest of it are gaps, which are no messages. */
void track_end(struct track *track, int32_t partition, int64_t next);
/* The message is worked off; it waits for the outbox's number. Unknown ones are passed over. */
void track_done(struct track *track, int32_t partition, int64_t offset, int64_t waits_for);

/*
 * Moves the partitions over what is done, if the outbox's numbers below `unsent` have all been sent. Returns how
 * many partitions moved; track_moved() tells which.
 */
size_t track_advance(struct track *track, int64_t unsent);
/* 1 and the offset to store, which is told once; 0 the partition has not moved since. */
int track_moved(struct track_partition *partition, int64_t *ret_next);

/* Whether something is done and waits for the outbox. */
bool track_is_waiting(const struct track *track);

#endif
