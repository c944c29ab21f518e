/*
 * Time: wall clock for what people and messages see, monotonic clock for waiting and measuring.
 */
#ifndef RIACHO_CLOCK_H
#define RIACHO_CLOCK_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

int64_t clock_wall_ms(void); /* ms since 1970-01-01T00:00:00Z */
int64_t clock_monotonic_ms(void);

#define CLOCK_TEXT 32 /* room for any text that clock_iso8601() makes */

/* "2026-11-22T09:00:00Z", with ".123" before the Z if the milliseconds are not 0. */
const char *clock_iso8601(int64_t wall_ms, char ret_text[CLOCK_TEXT]);

/*
 * Reads ISO 8601 / RFC 3339: a date alone, or with a time ("T" or a space), a fraction of a second
 * (digits past the microsecond are cut), and "Z" or an offset. Without an offset it is UTC.
 */
MUST_CHECK int clock_parse(const char *text, int64_t *ret_us, struct err *err);

#endif
