/*
 * The logger: formats a line, then writes it whole under one lock.
 */
#include "base/logger.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards stderr and the two below */
static void (*hide_progress)(void);
static void (*show_progress)(void);
static enum log_level least_level = LOG_INFO;
static enum log_format line_format = LOG_TEXT;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_setup(enum log_level least, enum log_format format)
{
    least_level = least;
    line_format = format;
}

bool log_is_json(void)
{
    return line_format == LOG_JSON;
}

bool log_enabled(enum log_level level)
{
    return level >= least_level;
}

static void write_line(const char *bytes, size_t size)
{
    pthread_mutex_lock(&lock);
    if (hide_progress)
        hide_progress();
    fwrite(bytes, 1, size, stderr);
    fflush(stderr);
    if (show_progress)
        show_progress();
    pthread_mutex_unlock(&lock);
}

static void format_json(struct buf *line, enum log_level level, const char *text, const char *hint)
{
    char now[CLOCK_TEXT];

    buf_printf(line,
               "{\"time\":\"%s\",\"level\":\"%s\",\"msg\":", clock_iso8601(clock_wall_ms(), now),
               level_names[level]);
    json_put_string(line, text);
    if (hint && hint[0]) {
        buf_puts(line, ",\"hint\":");
        json_put_string(line, hint);
    }
    buf_puts(line, "}\n");
}

static void print(enum log_level level, const char *text, const char *hint)
{
    static const char *const prefixes[] = {"debug: ", "", "warning: ", "riacho: "};
    AUTO(buf) line = {0};

    if (line_format == LOG_JSON)
        format_json(&line, level, text, hint);
    else
        buf_printf(&line, "%s%s\n", prefixes[level], text);
    if (line_format == LOG_TEXT && hint && hint[0])
        buf_printf(&line, "hint: %s\n", hint);
    write_line(line.data, line.size);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    char text[2048];
    va_list args;

    if (!log_enabled(level))
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    print(level, text, NULL);
}

void log_err(const struct err *err)
{
    print(LOG_ERROR, err->text, err->hint);
}

void log_set_progress(void (*hide)(void), void (*show)(void))
{
    pthread_mutex_lock(&lock);
    hide_progress = hide;
    show_progress = show;
    pthread_mutex_unlock(&lock);
}

void log_draw(void (*draw)(void))
{
    pthread_mutex_lock(&lock);
    draw();
    pthread_mutex_unlock(&lock);
}
