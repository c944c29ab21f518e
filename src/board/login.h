/*
 * The token that a viewer must know, and the sessions of those who showed it. Safe from any thread.
 */
#ifndef RIACHO_LOGIN_H
#define RIACHO_LOGIN_H

#include "base/err.h"
#include "base/fs.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define LOGIN_COOKIE "riacho_session"
#define LOGIN_MOST_SESSIONS 64 /* the oldest goes first */
#define LOGIN_SESSION_MS (12LL * 3600 * 1000)
#define LOGIN_LEAST_TOKEN 16
#define LOGIN_MOST_FAILURES 20 /* a minute */

struct session {
    char id[FS_SHA256_TEXT]; /* "": none */
    int64_t until_ms;        /* monotonic; moved on by use */
};

struct login {
    char *token;          /* NULL: closed */
    bool must_read;       /* also who only reads must have shown it */
    pthread_mutex_t lock; /* guards what is below */
    struct session sessions[LOGIN_MOST_SESSIONS];
    size_t next;
    int64_t failures_since_ms; /* monotonic */
    int failures;
};

/* `token` NULL or "": a random one is made. ERR_USAGE if it is too short. */
MUST_CHECK int login_open(struct login *login, const char *token, bool must_read, struct err *err);
void login_close(struct login *login);

/* 1 and a session for the cookie, 0 the token is wrong, -1 too many wrong ones lately (ERR_LIMIT). */
MUST_CHECK int login_enter(struct login *login, const char *token, char ret_id[FS_SHA256_TEXT],
                           struct err *err);
/*
 * Whether a request with these headers (NULL: missing) is of somebody who showed the token: 1, 0, -1 it shows one
 * and there were too many wrong ones lately (ERR_LIMIT).
 */
MUST_CHECK int login_knows(struct login *login, const char *cookie, const char *authorization,
                           struct err *err);
void login_leave(struct login *login, const char *cookie);

#endif
