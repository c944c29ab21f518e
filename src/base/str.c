/*
 * Text helpers: strict readers of numbers with units, the nearest name, and figures for people.
 */
#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

bool str_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

bool str_ends(const char *text, const char *with)
{
    const size_t size = strlen(text);
    const size_t tail = strlen(with);

    return size >= tail && strcmp(text + size - tail, with) == 0;
}

int str_to_int(const char *text, int64_t least, int64_t most, int64_t *ret_value, struct err *err)
{
    char *end;
    int64_t value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (*text == '\0' || *text == ' ' || *text == '+' || *end != '\0' || errno != 0)
        return err_set(err, ERR_USAGE, "\"%s\" is not a whole number", text);
    if (value < least || value > most)
        return err_set(err, ERR_USAGE, "%s is not between %" PRId64 " and %" PRId64, text, least,
                       most);
    *ret_value = value;
    return 0;
}

/* Reads "<number><unit>" where the number may have a fraction. Returns 1, or 0 if it is none. */
static int read_with_unit(const char *text, const struct unit *units, int64_t *ret_value)
{
    char *end;
    double value;

    if (*text < '0' || *text > '9' || strpbrk(text, "xXeEpP") != NULL)
        return 0;
    value = strtod(text, &end);
    while (*end == ' ')
        end++;
    for (; units->name; units++)
        if (str_same(end, units->name)) {
            value *= (double)units->factor;
            if (!(value < 9e18))
                return 0;
            *ret_value = (int64_t)value;
            return 1;
        }
    return 0;
}

int str_to_ms(const char *text, int64_t *ret_ms, struct err *err)
{
    static const struct unit units[] = {{"ms", 1},          {"s", 1000},    {"m", 60000},
                                        {"min", 60000},     {"h", 3600000}, {"d", 86400000},
                                        {"w", 604800000LL}, {NULL, 0}};

    if (read_with_unit(text, units, ret_ms))
        return 0;
    return err_set(err, ERR_USAGE, "\"%s\" is not a duration such as 500ms, 30s, 5m, 12h or 7d",
                   text);
}

int str_to_bytes(const char *text, int64_t *ret_bytes, struct err *err)
{
    static const struct unit units[] = {{"", 1},          {"B", 1},
                                        {"KiB", 1 << 10}, {"MiB", 1 << 20},
                                        {"GiB", 1 << 30}, {"TiB", 1LL << 40},
                                        {"kB", 1000},     {"KB", 1000},
                                        {"MB", 1000000},  {"GB", 1000000000},
                                        {NULL, 0}};

    if (read_with_unit(text, units, ret_bytes))
        return 0;
    return err_set(err, ERR_USAGE, "\"%s\" is not a size such as 64MiB, 10MB or 4096", text);
}

#define LONGEST_NAME 64

static size_t edit_distance(const char *a, const char *b)
{
    size_t row[LONGEST_NAME + 1];
    const size_t b_size = strlen(b);

    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            const size_t above = row[j];
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[b_size];
}

const char *str_nearest(const char *wanted, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t best = strlen(wanted) < 5 ? 2 : 3;

    if (strlen(wanted) > LONGEST_NAME)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t distance;

        if (strlen(names[i]) > LONGEST_NAME)
            continue;
        distance = edit_distance(wanted, names[i]);
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}

const char *str_plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

const char *str_of_count(uint64_t count, char *ret_text, size_t size)
{
    char digits[24];
    const int n = snprintf(digits, sizeof digits, "%" PRIu64, count);
    size_t used = 0;

    for (int i = 0; i < n && used + 2 < size; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            ret_text[used++] = ',';
        ret_text[used++] = digits[i];
    }
    ret_text[used] = '\0';
    return ret_text;
}

const char *str_of_bytes(uint64_t bytes, char *ret_text, size_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    snprintf(ret_text, size, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return ret_text;
}

const char *str_of_ms(int64_t ms, char *ret_text, size_t size)
{
    if (ms < 1000)
        snprintf(ret_text, size, "%" PRId64 " ms", ms);
    else if (ms < 60000)
        snprintf(ret_text, size, "%.1f s", (double)ms / 1000);
    else if (ms < 3600000)
        snprintf(ret_text, size, "%" PRId64 "m %02" PRId64 "s", ms / 60000, ms / 1000 % 60);
    else
        snprintf(ret_text, size, "%" PRId64 "h %02" PRId64 "m", ms / 3600000, ms / 60000 % 60);
    return ret_text;
}
