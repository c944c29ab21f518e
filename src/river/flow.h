/*
 * Stages in one process: which of them run, once or following, each in a thread of its own.
 */
#ifndef RIACHO_FLOW_H
#define RIACHO_FLOW_H

#include "river/river.h"

enum flow_stages {
    FLOW_EXTRACT = 1,
    FLOW_TRANSFORM = 2,
    FLOW_EXPORT = 4,
    FLOW_ALL = 7,
};

/*
 * Runs the stages until the source is exhausted and the topics are drained or, with `follow`, until a stop
 * is asked (which is then no failure). A stage that fails does not stop the others; the first failure is returned
 * after all have ended. One that gets no thread does: it asks for a stop.
 *
 * References go to a broker that is a server by a thread of their own, which ends last: when all is sent, or at
 * once when a stop is asked (what was not sent is sent at the next start). A server that does not answer is waited
 * for, while the extraction goes on; with `no_wait` it fails the call before anything has begun.
 */
struct flow_how {
    bool follow;
    bool no_wait;
};

MUST_CHECK int flow_run(struct river *river, unsigned stages, const struct flow_how *how,
                        struct err *err);

#endif
