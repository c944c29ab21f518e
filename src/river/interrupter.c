/*
 * A thread that waits for the stop.
 */
#include "river/interrupter.h"

#include "base/stop.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/banned.h"

static void *interrupt_on_stop(void *ctx)
{
    struct interrupter *interrupter = ctx;
    struct pollfd fds[] = {{.fd = stop_fd(), .events = POLLIN},
                           {.fd = interrupter->wake[0], .events = POLLIN}};

    while (fds[1].revents == 0) {
        poll(fds, 2, -1);
        if (!stop_asked())
            continue;
        engine_interrupt(interrupter->engine);
        fds[0].fd = -1; /* told once; then only the end is waited for */
    }
    return NULL;
}

void interrupter_open(struct interrupter *interrupter, struct engine *engine)
{
    interrupter->engine = engine;
    if (pipe2(interrupter->wake, O_CLOEXEC) != 0)
        return;
    interrupter->is_open =
        pthread_create(&interrupter->thread, NULL, interrupt_on_stop, interrupter) == 0;
    if (!interrupter->is_open) {
        close(interrupter->wake[0]);
        close(interrupter->wake[1]);
    }
}

void interrupter_close(struct interrupter *interrupter)
{
    if (!interrupter->is_open)
        return;
    close(interrupter->wake[1]); /* the other end hangs up */
    pthread_join(interrupter->thread, NULL);
    close(interrupter->wake[0]);
    interrupter->is_open = false;
}
