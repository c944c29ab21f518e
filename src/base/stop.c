/*
 * The stop flag and its pipe. The handler does only what is async-signal-safe.
 */
#include "base/stop.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

static atomic_bool asked;
static atomic_int asked_by;
static int pipe_fds[2] = {-1, -1};

static void wake_pollers(void)
{
    const ssize_t ignored = pipe_fds[1] >= 0 ? write(pipe_fds[1], "", 1) : 0;

    (void)ignored;
}

static void on_signal(int number)
{
    if (atomic_load(&asked_by) != 0)
        _exit(128 + number);
    atomic_store(&asked_by, number);
    atomic_store(&asked, true);
    wake_pollers();
}

void stop_on_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) != 0)
        pipe_fds[0] = pipe_fds[1] = -1;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

bool stop_asked(void)
{
    return atomic_load(&asked);
}

int stop_signal(void)
{
    return atomic_load(&asked_by);
}

int stop_fd(void)
{
    return pipe_fds[0];
}

void stop_ask(void)
{
    atomic_store(&asked, true);
    wake_pollers();
}

bool stop_wait_ms(int ms)
{
    struct pollfd wake = {.fd = pipe_fds[0], .events = POLLIN};

    if (!stop_asked())
        poll(&wake, pipe_fds[0] >= 0 ? 1 : 0, ms);
    return stop_asked();
}
