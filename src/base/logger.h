/*
 * Talk: one line at a time to stderr, as text or as JSON. Errors are returned, not logged; these lines
 * are what a person wants to know meanwhile (what was chosen, what is waited for, why it ended).
 * Safe from any thread.
 */
#ifndef RIACHO_LOGGER_H
#define RIACHO_LOGGER_H

#include "base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

/* Set once, before any thread starts. Lines below `least` are dropped. */
void log_setup(enum log_level least, enum log_format format);
bool log_is_json(void);
bool log_enabled(enum log_level level);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)

/* Prints an error and its hint: "riacho: <text>" and "hint: <hint>". Only the top calls this. */
void log_err(const struct err *err);

/*
 * Somebody draws a progress line at the bottom of a terminal: `hide` is called before a line is
 * printed, `show` after. NULLs take it back. Called with the logger's lock held.
 */
void log_set_progress(void (*hide)(void), void (*show)(void));

/* Runs `draw` under the logger's lock, so that no line comes in between. */
void log_draw(void (*draw)(void));

#endif
