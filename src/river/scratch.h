/*
 * A temporary folder beneath the adjusted files, where whatever engine can make outputs, for what is not to be kept.
 * In the end the folder of adjusted files is as it was, also if it was not there.
 */
#ifndef RIACHO_SCRATCH_H
#define RIACHO_SCRATCH_H

#include "db/staging.h"

struct scratch {
    struct staging staging; /* its `dir` is the folder */
    char *root;             /* to be removed if it is empty; NULL: it was there before */
};

/* `process` names this process among those that work in the same root. */
MUST_CHECK int scratch_open(struct scratch *scratch, const char *root, const char *process,
                            struct err *err);
void scratch_close(struct scratch *scratch);

#endif
