/*
 * Stages in one process: which of them run, once or following, each in a thread of its own.
 */
#ifndef RIACHO_FLOW_H
#define RIACHO_FLOW_H

#include "cmd/river.h"

enum flow_stages {
    FLOW_EXTRACT = 1,
    FLOW_TRANSFORM = 2,
    FLOW_EXPORT = 4,
    FLOW_ALL = 7,
};

/*
 * Runs the stages until the source is exhausted and the topics are drained or, with `follow`, until a stop
 * is asked (which is then no failure). A stage that fails does not stop the others; the first failure is returned
 * after all have ended.
 */
MUST_CHECK int flow_run(struct river *river, unsigned stages, bool follow, struct err *err);

#endif
