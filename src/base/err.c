/*
 * Errors as text on the caller's stack: bounded, never allocated, cut at the end if too long.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    va_list args;

    err->code = code;
    err->retriable = false;
    err->hint[0] = '\0';
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    return -1;
}

int err_errno(struct err *err, const char *fmt, ...)
{
    const int saved = errno;
    char what[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    err_set(err, ERR_IO, "%s: %s", what, strerror(saved));
    if (saved == ENOSPC || saved == EDQUOT)
        err_hint(err, "Free some space on this disk and run again; nothing was lost.");
    return -1;
}

__attribute__((format(printf, 2, 0))) static void put_before(struct err *err, const char *fmt,
                                                             va_list args, const char *between)
{
    char cause[sizeof err->text];
    size_t used;

    memcpy(cause, err->text, sizeof cause);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, "%s%s", between, cause);
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put_before(err, fmt, args, ": ");
    va_end(args);
    return -1;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put_before(err, fmt, args, "");
    va_end(args);
    return -1;
}

int err_hint(struct err *err, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, args);
    va_end(args);
    return -1;
}
