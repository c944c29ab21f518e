/*
 * Publishes the live figures of the stages in this process four times a second, for the dashboard
 * (board/) in this process or another (db/live_file.h). One in a process.
 */
#ifndef RIACHO_LIVE_H
#define RIACHO_LIVE_H

#include "river/river.h"

struct live {
    struct live_impl *impl; /* NULL: closed */
};

/* `command` is what runs ("run", "serve"); borrowed. */
MUST_CHECK int live_open(struct live *live, struct river *river, const char *command,
                         unsigned stages, struct err *err);
void live_close(struct live *live);

#endif
