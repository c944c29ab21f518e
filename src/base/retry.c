/*
 * Backoff, and the dates of HTTP.
 */
#include "base/retry.h"

#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

/* xorshift64*: good enough to keep clients from coming back all at once. */
static uint64_t next_random(struct retry *retry)
{
    if (retry->random == 0 &&
        getrandom(&retry->random, sizeof retry->random, GRND_NONBLOCK) != sizeof retry->random)
        retry->random = (uint64_t)clock_wall_ms();
    retry->random |= retry->random == 0;
    retry->random ^= retry->random >> 12;
    retry->random ^= retry->random << 25;
    retry->random ^= retry->random >> 27;
    return retry->random * 0x2545f4914f6cdd1du;
}

bool retry_again(struct retry *retry, int64_t asked_ms, int64_t *ret_wait_ms)
{
    int64_t most = RETRY_FIRST_DELAY_MS;
    int64_t wait_ms;

    retry->made++;
    if (retry->made >= retry->attempts)
        return false;
    for (int64_t i = 1; i < retry->made && most < retry->max_delay_ms; i++)
        most *= 2;
    if (most > retry->max_delay_ms)
        most = retry->max_delay_ms;
    wait_ms = most > 0 ? (int64_t)(next_random(retry) % (uint64_t)(most + 1)) : 0;
    if (asked_ms > wait_ms)
        wait_ms = asked_ms < retry->max_delay_ms ? asked_ms : retry->max_delay_ms;
    *ret_wait_ms = wait_ms;
    return true;
}

void retry_reset(struct retry *retry)
{
    retry->made = 0;
}

static int64_t read_seconds(const char *value)
{
    char *end;
    int64_t seconds;

    errno = 0;
    seconds = strtoll(value, &end, 10);
    while (isspace((unsigned char)*end))
        end++;
    if (*end != '\0' || seconds < 0)
        return -1;
    return errno == ERANGE || seconds > INT64_MAX / 1000 ? INT64_MAX : seconds * 1000;
}

static int64_t read_date(const char *value, int64_t wall_ms)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S", "%A, %d-%b-%y %H:%M:%S",
                                        "%a %b %d %H:%M:%S %Y"};

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm parts = {0};

        if (strptime(value, forms[i], &parts)) {
            const int64_t left_ms = (int64_t)timegm(&parts) * 1000 - wall_ms;

            return left_ms > 0 ? left_ms : 0;
        }
    }
    return -1;
}

int64_t retry_after_ms(const char *value, int64_t wall_ms)
{
    if (value == NULL)
        return -1;
    while (isspace((unsigned char)*value))
        value++;
    return isdigit((unsigned char)*value) ? read_seconds(value) : read_date(value, wall_ms);
}
