/*
 * Replay: a table's whole history anew, from the landing, with today's definition.
 */
#ifndef RIACHO_REPLAY_H
#define RIACHO_REPLAY_H

#include "river/river.h"

struct replayed {
    int64_t files;
    int64_t rows;
    int64_t kept; /* outputs that stay as they are: their landing files were pruned */
};

/*
 * All new files take the old ones' place in one step. Landing files that were not transformed yet are left to
 * the transform. `river` was opened with RIVER_MEND, and its
 * broker is locked.
 */
MUST_CHECK int replay_table(struct river *river, const char *table, struct replayed *ret_replayed,
                            struct err *err);

#endif
