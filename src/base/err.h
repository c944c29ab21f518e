/*
 * The one error idiom.
 * A function that may fail returns 0 when done and -1 when not, and then `*err` tells why; one that
 * may find nothing returns 1 found, 0 not, -1 failed. The error lives on the caller's stack and is
 * never allocated. Each level may add what only it knows; only the top prints.
 */
#ifndef RIACHO_ERR_H
#define RIACHO_ERR_H

#include <stdbool.h>

enum err_code {
    ERR_NONE = 0,
    ERR_USAGE,   /* the command line or the pipeline file is wrong */
    ERR_IO,      /* a file or the disk */
    ERR_NET,     /* the other side was not reached */
    ERR_REMOTE,  /* it was reached and said no */
    ERR_DATA,    /* bytes that do not mean what they should */
    ERR_SQL,     /* an engine refused a statement */
    ERR_LIMIT,   /* one of our own ceilings */
    ERR_LOCKED,  /* another process of this state holds what we need */
    ERR_STOPPED, /* somebody asked us to stop */
};

struct err {
    enum err_code code;
    bool retriable;  /* the same call may work later */
    char text[1024]; /* what failed and why, for one line */
    char hint[320];  /* what to do: whole sentences, or "" */
};

/* Sets the error afresh (hint emptied, not retriable). Always returns -1. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set, with ": <strerror(errno)>" added; ERR_IO. Always returns -1. */
int err_errno(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "<this>: " before what was there. Always returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts this, as it is, before what was there. Always returns -1. */
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Says what the reader can do about it. Always returns -1. */
int err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define TRY(call)                                                                                  \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            return -1;                                                                             \
    } while (0)

#define MUST_CHECK __attribute__((warn_unused_result))

/* The variable is closed when its scope ends; `= {0}` is a valid closed object of every such type. */
#define AUTO(type) __attribute__((cleanup(type##_close))) struct type

#endif
