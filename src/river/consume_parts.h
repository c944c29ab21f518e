/*
 * What consume.c (the loop) and consume_group.c (one group, and the policy for faults) share.
 */
#ifndef RIACHO_CONSUME_PARTS_H
#define RIACHO_CONSUME_PARTS_H

#include "river/consume.h"

/* References in hand, in the order they came. */
struct hand {
    struct work works[CONSUME_MOST];
    size_t count;
};

/* Faults of the data that may still turn out to be the surroundings': not dead yet. */
struct suspects {
    struct work works[CONSUME_ALIKE];
    size_t count;
};

struct consuming {
    const struct consumer *consumer;
    struct broker broker;
    struct hand hand;
    struct suspects suspects;
    int pause_ms;
    int64_t waiting_since_ms; /* for what another process holds; 0: not at all */
    bool told_waiting;
};

/*
 * Works off `count` works of the hand in one step, and commits it. Those that are done or dead are told to the
 * broker and closed; those that failed are among the suspects then.
 */
MUST_CHECK int consume_group(struct consuming *c, struct work *works, size_t count,
                             struct err *err);
/* The suspects were the data's own fault after all: they go to the dead letters. */
MUST_CHECK int consume_bury_suspects(struct consuming *c, struct err *err);

/* The ledger has it: the broker need not bring it again. */
MUST_CHECK int consume_tell_done(struct consuming *c, const struct work *work, struct err *err);
/* It was not worked off, and is to come again. */
void consume_release(struct consuming *c, struct work *work_taken);
void consume_work_close(struct work *work);

#endif
