/*
 * When to try again: exponential backoff with full jitter, which a server's Retry-After can only
 * lengthen.
 */
#ifndef RIACHO_RETRY_H
#define RIACHO_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#define RETRY_FIRST_DELAY_MS 1000 /* the most before the second attempt; doubles from then on */

struct retry {
    int64_t attempts; /* how many there may be, the first one included */
    int64_t max_delay_ms;
    int64_t made;    /* attempts that failed so far */
    uint64_t random; /* state of the jitter; 0: seeded at first use */
};

/*
 * An attempt failed. `asked_ms` is what the other side asked for (retry_after_ms()), or -1. Returns
 * whether there may be another, and after what time, which is never longer than max_delay_ms.
 */
bool retry_again(struct retry *retry, int64_t asked_ms, int64_t *ret_wait_ms);

/* It worked: the next failure is a first one again. */
void retry_reset(struct retry *retry);

/*
 * Reads a Retry-After (RFC 9110, 10.2.3): seconds, or a date in any of HTTP's three forms. -1: it
 * is neither.
 */
int64_t retry_after_ms(const char *value, int64_t wall_ms);

#endif
