/*
 * A bell for the whole process: who waits for what another thread may do hears at once that something was done.
 * What another process does rings no bell here: also look from time to time.
 */
#ifndef RIACHO_BELL_H
#define RIACHO_BELL_H

#include <stdint.h>

/* After a commit, or when a stage has ended. Any thread, but no signal handler. */
void bell_ring(void);

/* How often it rang so far: asked before looking, so that what comes after the look is heard. */
uint64_t bell_count(void);

/* Waits until it has rung more often than `count`, or for `ms`. */
void bell_wait(uint64_t count, int ms);

#endif
