/*
 * Some landed files of a resource: the newest, whole.
 */
#ifndef RIACHO_COMPARE_SAMPLE_H
#define RIACHO_COMPARE_SAMPLE_H

#include "river/river.h"

/* Files that a reference names; each is there, and has the bytes that it says. */
struct compare_sample {
    struct ref *refs; /* oldest first */
    char **paths;     /* absolute */
    size_t count;
    int64_t rows;
};

/* Until they have `rows` rows, if there are so many. A file that was altered is left out, with a warning. */
MUST_CHECK int compare_sample_take(struct river *river, const char *resource, int64_t rows,
                                   struct compare_sample *ret_sample, struct err *err);
void compare_sample_close(struct compare_sample *sample);

#endif
