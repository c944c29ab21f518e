/*
 * Progress on stderr while the stages work: one line redrawn on a terminal, a plain line now and then
 * otherwise. Nothing with --quiet or JSON logs.
 */
#ifndef RIACHO_PROGRESS_H
#define RIACHO_PROGRESS_H

#include "river/river.h"

#include <pthread.h>

struct progress {
    const struct river *river; /* NULL: closed or silent */
    pthread_t thread;
};

void progress_open(struct progress *progress, const struct river *river, bool quiet);
void progress_close(struct progress *progress); /* takes the line away */

#endif
