/*
 * Cutting a batch, for rolls that are smaller than what the source hands over at once.
 */
#ifndef RIACHO_BATCH_CUT_H
#define RIACHO_BATCH_CUT_H

#include "riacho.h"

/*
 * A list of batches of at most `most` records each, in order, that hold what the one taken held. Bytes that
 * do not have the records which the batch tells of stay one batch: who parses them says what is wrong.
 */
struct batch *batch_cut(struct batch *batch_taken, int64_t most);

#endif
