/*
 * A thread that reads the live figures and draws them. One progress at a time in a process.
 */
#include "cmd/progress.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/banned.h"

#define REDRAW_MS 100
#define PLAIN_EVERY_MS 10000

static char line[512]; /* what is drawn; guarded by the logger's lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the two below */
static pthread_cond_t closed = PTHREAD_COND_INITIALIZER; /* signalled when closing is set */
static bool closing;

static void hide_line(void)
{
    fputs("\r\033[K", stderr);
}

static void show_line(void)
{
    fputs(line, stderr);
    fflush(stderr);
}

static void redraw(void)
{
    hide_line();
    show_line();
}

static void put_extract(struct buf *to, const struct extract_live *live, int64_t elapsed_ms)
{
    char rows[32];
    char rate[32];
    const int64_t ms = elapsed_ms > 0 ? elapsed_ms : 1;
    const int64_t waiting_ms = atomic_load(&live->source.waiting_ms) - clock_wall_ms();

    buf_printf(to, "%s: page %lld, %s rows, %s/s", live->resource->name,
               atomic_load(&live->source.pages),
               str_of_count((uint64_t)atomic_load(&live->landing.rows), rows, sizeof rows),
               str_of_bytes((uint64_t)atomic_load(&live->source.bytes) * 1000 / (uint64_t)ms, rate,
                            sizeof rate));
    if (atomic_load(&live->source.retries) > 0)
        buf_printf(to, ", %lld retries", atomic_load(&live->source.retries));
    if (waiting_ms > 1000)
        buf_printf(to, ", waits %" PRId64 " s", waiting_ms / 1000);
}

static void put_consume(struct buf *to, const struct consume_live *live)
{
    char rows[32];

    if (atomic_load(&live->state) == FLOW_WAITING)
        return;
    if (to->size > 0)
        buf_puts(to, " | ");
    buf_printf(to, "%s: %lld files, %s rows", live->name, atomic_load(&live->files),
               str_of_count((uint64_t)atomic_load(&live->rows), rows, sizeof rows));
    if (atomic_load(&live->tasks) > atomic_load(&live->tasks_done))
        buf_printf(to, ", %lld of %lld tasks", atomic_load(&live->tasks_done),
                   atomic_load(&live->tasks));
    if (atomic_load(&live->dead) > 0)
        buf_printf(to, ", %lld dead letters", atomic_load(&live->dead));
}

static void put_figures(struct buf *to, const struct river *river)
{
    const int64_t now_ms = clock_monotonic_ms();

    for (size_t i = 0; i < river->conf.source.resource_count; i++) {
        const struct extract_live *live = &river->extracts[i];

        if (atomic_load(&live->state) != FLOW_RUNNING)
            continue;
        if (to->size > 0)
            buf_puts(to, " | ");
        put_extract(to, live, now_ms - atomic_load(&live->started_ms));
    }
    put_consume(to, &river->transform);
    for (size_t i = 0; i < river->conf.export_count; i++)
        put_consume(to, &river->exports[i]);
}

static size_t terminal_width(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 10)
        return size.ws_col;
    return 80;
}

static void draw_on_terminal(const struct river *river)
{
    AUTO(buf) text = {0};
    size_t size;

    put_figures(&text, river);
    size = terminal_width() - 1;
    snprintf(line, size < sizeof line ? size : sizeof line, "%s", buf_text(&text));
    log_draw(redraw);
}

/* Waits until the next redraw. Returns whether the progress is being closed. */
static bool wait_for_redraw(void)
{
    struct timespec until;
    bool is_closing;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += REDRAW_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&lock);
    if (!closing)
        pthread_cond_timedwait(&closed, &lock, &until);
    is_closing = closing;
    pthread_mutex_unlock(&lock);
    return is_closing;
}

static void *draw_thread(void *ctx)
{
    const struct river *river = ctx;
    const bool is_terminal =
        isatty(STDERR_FILENO) && getenv("TERM") != NULL && !str_same(getenv("TERM"), "dumb");
    int64_t next_ms = clock_monotonic_ms() + (is_terminal ? 0 : PLAIN_EVERY_MS);

    while (!wait_for_redraw()) {
        if (is_terminal)
            draw_on_terminal(river);
        else if (clock_monotonic_ms() >= next_ms) {
            AUTO(buf) text = {0};

            next_ms += PLAIN_EVERY_MS;
            put_figures(&text, river);
            if (text.size > 0)
                log_info("%s", text.data);
        }
    }
    return NULL;
}

void progress_open(struct progress *progress, const struct river *river, bool quiet)
{
    *progress = (struct progress){0};
    if (quiet)
        return;
    closing = false;
    line[0] = '\0';
    if (isatty(STDERR_FILENO) && !log_is_json())
        log_set_progress(hide_line, show_line);
    if (pthread_create(&progress->thread, NULL, draw_thread, (void *)(uintptr_t)river) == 0)
        progress->river = river;
}

void progress_close(struct progress *progress)
{
    if (progress->river == NULL)
        return;
    pthread_mutex_lock(&lock);
    closing = true;
    pthread_cond_signal(&closed);
    pthread_mutex_unlock(&lock);
    pthread_join(progress->thread, NULL);
    log_set_progress(NULL, NULL);
    if (line[0] != '\0')
        hide_line();
    line[0] = '\0';
    progress->river = NULL;
}
