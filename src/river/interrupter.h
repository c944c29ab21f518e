/*
 * Ends an engine's work in hand when a stop is asked: a long query would hold it up.
 */
#ifndef RIACHO_INTERRUPTER_H
#define RIACHO_INTERRUPTER_H

#include "engine/engine.h"

#include <pthread.h>

struct interrupter {
    struct engine *engine;
    int wake[2]; /* a pipe that its closing makes readable; open only while the thread runs */
    pthread_t thread;
    bool is_open;
};

/* From now on, in a thread of its own. Without one the engine ends its work first. */
void interrupter_open(struct interrupter *interrupter, struct engine *engine);
/* Before the engine is closed. */
void interrupter_close(struct interrupter *interrupter);

#endif
