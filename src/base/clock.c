/*
 * Clocks, and ISO 8601 in and out. Days are counted by the civil calendar, without time zones of the
 * machine.
 */
#include "base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock_ms(clockid_t which)
{
    struct timespec now;

    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
    return read_clock_ms(CLOCK_REALTIME);
}

int64_t clock_monotonic_ms(void)
{
    return read_clock_ms(CLOCK_MONOTONIC);
}

const char *clock_iso8601(int64_t wall_ms, char ret_text[CLOCK_TEXT])
{
    const int64_t ms = ((wall_ms % 1000) + 1000) % 1000;
    const time_t seconds = (time_t)((wall_ms - ms) / 1000);
    struct tm parts;
    size_t used;

    gmtime_r(&seconds, &parts);
    used = strftime(ret_text, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &parts);
    if (ms != 0)
        snprintf(ret_text + used, CLOCK_TEXT - used, ".%03dZ", (int)ms);
    else
        snprintf(ret_text + used, CLOCK_TEXT - used, "Z");
    return ret_text;
}

/* Reads exactly `digits` digits. Returns 1, or 0 if they are not there. */
static int read_digits(const char **at, int digits, int *ret_value)
{
    int value = 0;

    for (int i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)(*at)[i]))
            return 0;
        value = value * 10 + ((*at)[i] - '0');
    }
    *at += digits;
    *ret_value = value;
    return 1;
}

static int read_char(const char **at, const char *any_of)
{
    if (**at == '\0' || strchr(any_of, **at) == NULL)
        return 0;
    (*at)++;
    return 1;
}

static int read_date(const char **at, struct tm *ret_parts)
{
    int year;
    int month;
    int day;

    if (!read_digits(at, 4, &year) || !read_char(at, "-") || !read_digits(at, 2, &month) ||
        !read_char(at, "-") || !read_digits(at, 2, &day))
        return 0;
    *ret_parts = (struct tm){.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

static int64_t read_fraction_us(const char **at)
{
    int64_t us = 0;
    int64_t worth = 100000;

    for (; isdigit((unsigned char)**at); (*at)++, worth /= 10)
        us += (**at - '0') * worth;
    return us;
}

static int read_time(const char **at, struct tm *parts, int64_t *ret_us)
{
    if (!read_digits(at, 2, &parts->tm_hour) || !read_char(at, ":") ||
        !read_digits(at, 2, &parts->tm_min))
        return 0;
    if (read_char(at, ":") && !read_digits(at, 2, &parts->tm_sec))
        return 0;
    if (read_char(at, ".,"))
        *ret_us = read_fraction_us(at);
    return parts->tm_hour <= 24 && parts->tm_min <= 59 && parts->tm_sec <= 60;
}

static int read_offset_s(const char **at, int64_t *ret_seconds)
{
    const int sign = **at == '-' ? -1 : 1;
    int hours;
    int minutes = 0;

    *ret_seconds = 0;
    if (read_char(at, "Zz") || **at == '\0')
        return 1;
    if (!read_char(at, "+-") || !read_digits(at, 2, &hours))
        return 0;
    read_char(at, ":");
    if (**at != '\0' && !read_digits(at, 2, &minutes))
        return 0;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return 1;
}

int clock_parse(const char *text, int64_t *ret_us, struct err *err)
{
    const char *at = text;
    struct tm parts;
    int64_t us = 0;
    int64_t offset_s = 0;
    bool whole = read_date(&at, &parts);

    if (whole && read_char(&at, "Tt "))
        whole = read_time(&at, &parts, &us);
    if (!whole || !read_offset_s(&at, &offset_s) || *at != '\0')
        return err_set(err, ERR_DATA, "\"%.64s\" is not a time in ISO 8601", text);
    *ret_us = ((int64_t)timegm(&parts) - offset_s) * 1000000 + us;
    return 0;
}
