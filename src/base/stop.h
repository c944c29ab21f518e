/*
 * Being asked to stop: SIGINT and SIGTERM set one flag for the whole process and make one descriptor
 * readable, so that whoever polls wakes. A second signal ends the process at once (all that is
 * committed is safe; the next start recovers).
 */
#ifndef RIACHO_STOP_H
#define RIACHO_STOP_H

#include <stdbool.h>

void stop_on_signals(void);
bool stop_asked(void);
int stop_signal(void); /* the signal that asked, or 0 */
int stop_fd(void);     /* readable once asked; for poll(); -1 before set-up */
void stop_ask(void);   /* as a signal would: a stage that failed stops the others */

/* Sleeps until `ms` have passed or a stop is asked. Returns true if asked. */
bool stop_wait_ms(int ms);

#endif
