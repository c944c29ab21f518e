/*
 * What every stage with an input topic does alike: fetch references, check their files, have them worked
 * off in groups, commit each group as one step, and sort the faults: those of the data go to the dead
 * letters, those of the surroundings stop a one-time command and make a following one wait.
 */
#ifndef RIACHO_CONSUME_H
#define RIACHO_CONSUME_H

#include "broker/broker.h"
#include "db/step.h"
#include "river/river.h"

#include <stdatomic.h>

#define CONSUME_MOST 64                   /* references in one step */
#define CONSUME_BYTES ((int64_t)64 << 20) /* a group is closed when its files reach this */
#define CONSUME_ATTEMPTS 3                /* before a fault of the data is believed */
#define CONSUME_ALIKE 5                   /* like faults in a row: not the data's then */

/* One reference in hand. */
struct work {
    struct message message;
    struct message *copies; /* of the reference, at other places of the topic: they go its way */
    size_t copy_count;
    struct ref ref;
    char *path; /* of its file: absolute, size and SHA-256 checked */
    int64_t attempts;
    bool failed;  /* a fault of its data, told by err */
    bool certain; /* nobody else's than the data's: it is no reference of ours at all */
    struct err err;
};

struct consumer {
    struct river *river;
    struct journal *journal; /* of this thread, borrowed */
    const char *group;
    const char *topic;
    struct consume_live *live;
    bool follow; /* keep listening until a stop is asked */
    const atomic_bool
        *upstream_done; /* the topic gets no more once this is set; NULL: already so */

    void *ctx;
    /*
     * Works off the references (none has failed before): adds outputs to the step, or marks the work as failed.
     * -1: the surroundings are at fault, nothing counts as tried.
     */
    int (*work_off)(void *ctx, struct work *const *works, size_t count, struct step *step,
                    struct err *err);
    /* Called each turn, whether references came or not; -1: as of work_off. NULL: there is nothing to do. */
    int (*between)(void *ctx, struct err *err);
    /* Of an output that a consumer on another host made; NULL: as many as our own has. */
    step_rows_fn *count_rows;
};

/* Until the topic is drained, or (follow) until a stop is asked. */
MUST_CHECK int consume(const struct consumer *consumer, struct err *err);

#endif
