/*
 * Backslashes stand in texts alone, and each takes the byte behind it along.
 */
#include "landing/surrogates.h"

#include <string.h>

#include "base/banned.h"

#define ESCAPE_BYTES 6 /* of \uXXXX */
#define REPLACEMENT "\\ufffd"

/* What the escape at `at` is: 'h' the first half of a pair, 'l' the second, 0 neither. */
static char half_at(const char *at, const char *end)
{
    if (end - at < ESCAPE_BYTES || at[0] != '\\' || at[1] != 'u' || (at[2] | 0x20) != 'd')
        return 0;
    if (at[3] == '8' || at[3] == '9' || (at[3] | 0x20) == 'a' || (at[3] | 0x20) == 'b')
        return 'h';
    return (at[3] | 0x20) >= 'c' && (at[3] | 0x20) <= 'f' ? 'l' : 0;
}

int64_t surrogates_mend(char *json, size_t size)
{
    const char *end = json + size;
    char *at = json;
    int64_t alone = 0;

    while ((at = memchr(at, '\\', (size_t)(end - at))) != NULL && end - at > 1) {
        const char half = half_at(at, end);

        if (half == 0)
            at += 2;
        else if (half == 'h' && half_at(at + ESCAPE_BYTES, end) == 'l')
            at += 2L * ESCAPE_BYTES;
        else {
            memcpy(at, REPLACEMENT, ESCAPE_BYTES);
            at += ESCAPE_BYTES;
            alone++;
        }
    }
    return alone;
}
