/*
 * A broker that is a server, seen from a process that works on a river: it is made ready, and gets what the
 * steps of this state have published. Where the broker is the state itself, nothing is to be done.
 */
#ifndef RIACHO_RELAY_H
#define RIACHO_RELAY_H

#include "river/river.h"

#include <stdatomic.h>

/*
 * The server answers and has the river's topics. A topic that was lost gets its references anew. `wait_ms` as
 * broker_prepare(). The journal is the calling thread's.
 */
MUST_CHECK int relay_prepare(const struct river *river, struct journal *journal, int wait_ms,
                             struct err *err);

/*
 * The relay's thread: makes the broker ready (and says so in the river's `broker_ready`), then sends until
 * `finish` is set and all is sent, or until a stop is asked. With `follow` it waits out every fault.
 */
MUST_CHECK int relay_run(struct river *river, bool follow, const atomic_bool *finish,
                         struct err *err);

/* Of a command that is no stage: sends what waits, if the broker gets ready within `wait_ms`. */
MUST_CHECK int relay_flush(struct river *river, int wait_ms, struct err *err);

/*
 * The state learns of the dead letters of other hosts, and of what was decided on them: 1; 0 the broker does not
 * answer now (told by a warning).
 */
MUST_CHECK int relay_learn_dead(struct river *river, struct err *err);

/* Consumers wait until the broker is ready, or a stop is asked. */
void relay_wait_ready(const struct river *river);

#endif
