/*
 * Texts that others must not guess are compared by their hashes and in constant time, so that the
 * time it takes tells nothing of them.
 */
#include "board/login.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/banned.h"

/* 256 random bits as text. */
static int make_secret(char ret_text[FS_SHA256_TEXT], struct err *err)
{
    unsigned char random[32];

    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return err_errno(err, "the system gave no random bytes");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(ret_text + 2 * i, 3, "%02x", random[i]);
    return 0;
}

static bool same_secret(const char *a, const char *b)
{
    char hash_a[FS_SHA256_TEXT];
    char hash_b[FS_SHA256_TEXT];

    fs_sha256_of(a, strlen(a), hash_a);
    fs_sha256_of(b, strlen(b), hash_b);
    return CRYPTO_memcmp(hash_a, hash_b, sizeof hash_a) == 0;
}

int login_open(struct login *login, const char *token, bool must_read, struct err *err)
{
    char made[FS_SHA256_TEXT];

    if (token != NULL && *token != '\0' && strlen(token) < LOGIN_LEAST_TOKEN) {
        err_set(err, ERR_USAGE, "dashboard.token has fewer than %d characters", LOGIN_LEAST_TOKEN);
        return err_hint(err, "Make one that cannot be guessed: openssl rand -hex 32");
    }
    if (token == NULL || *token == '\0')
        TRY(make_secret(made, err));
    *login = (struct login){
        .token = mem_str(token != NULL && *token != '\0' ? token : made),
        .must_read = must_read,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
    return 0;
}

void login_close(struct login *login)
{
    if (login->token == NULL)
        return;
    pthread_mutex_destroy(&login->lock);
    free(login->token);
    *login = (struct login){0};
}

/* ---- coming and going ---- */

/* Called with the lock held. */
static bool has_patience(struct login *login, int64_t now_ms)
{
    if (now_ms - login->failures_since_ms > 60000) {
        login->failures_since_ms = now_ms;
        login->failures = 0;
    }
    return login->failures < LOGIN_MOST_FAILURES;
}

/* Called with the lock held. 1 right, 0 wrong, -1 not looked at. */
static int judge(struct login *login, const char *token, struct err *err)
{
    if (!has_patience(login, clock_monotonic_ms())) {
        err_set(err, ERR_LIMIT, "too many wrong tokens");
        return err_hint(err, "Try again in a minute.");
    }
    if (same_secret(login->token, token))
        return 1;
    login->failures++;
    return 0;
}

int login_enter(struct login *login, const char *token, char ret_id[FS_SHA256_TEXT],
                struct err *err)
{
    char id[FS_SHA256_TEXT];
    int right;

    TRY(make_secret(id, err));
    pthread_mutex_lock(&login->lock);
    right = judge(login, token, err);
    if (right == 1) {
        struct session *session = &login->sessions[login->next++ % LOGIN_MOST_SESSIONS];

        memcpy(session->id, id, sizeof id);
        session->until_ms = clock_monotonic_ms() + LOGIN_SESSION_MS;
        memcpy(ret_id, id, sizeof id);
    }
    pthread_mutex_unlock(&login->lock);
    return right;
}

/* The session's id within "a=b; riacho_session=…; c=d". */
static bool find_cookie(const char *cookie, char ret_id[FS_SHA256_TEXT])
{
    const size_t name = sizeof LOGIN_COOKIE - 1;

    for (const char *at = cookie; at != NULL; at = strchr(at, ';')) {
        at += strspn(at, "; ");
        if (strncmp(at, LOGIN_COOKIE "=", name + 1) == 0) {
            snprintf(ret_id, FS_SHA256_TEXT, "%.*s", (int)strcspn(at + name + 1, "; "),
                     at + name + 1);
            return true;
        }
    }
    return false;
}

/* Called with the lock held: the session of that id, or NULL. All are compared. */
static struct session *find_session(struct login *login, const char *id)
{
    const int64_t now_ms = clock_monotonic_ms();
    struct session *found = NULL;

    for (size_t i = 0; i < LOGIN_MOST_SESSIONS; i++) {
        struct session *session = &login->sessions[i];

        if (session->id[0] != '\0' && same_secret(session->id, id) && session->until_ms > now_ms)
            found = session;
    }
    return found;
}

static bool has_session(struct login *login, const char *cookie)
{
    char id[FS_SHA256_TEXT];
    struct session *session;

    if (cookie == NULL || !find_cookie(cookie, id))
        return false;
    pthread_mutex_lock(&login->lock);
    session = find_session(login, id);
    if (session)
        session->until_ms = clock_monotonic_ms() + LOGIN_SESSION_MS;
    pthread_mutex_unlock(&login->lock);
    return session != NULL;
}

int login_knows(struct login *login, const char *cookie, const char *authorization, struct err *err)
{
    static const char bearer[] = "Bearer ";
    int right;

    if (authorization == NULL || strncasecmp(authorization, bearer, sizeof bearer - 1) != 0)
        return has_session(login, cookie);
    pthread_mutex_lock(&login->lock);
    right = judge(login, authorization + sizeof bearer - 1, err);
    pthread_mutex_unlock(&login->lock);
    return right;
}

void login_leave(struct login *login, const char *cookie)
{
    char id[FS_SHA256_TEXT];
    struct session *session;

    if (cookie == NULL || !find_cookie(cookie, id))
        return;
    pthread_mutex_lock(&login->lock);
    session = find_session(login, id);
    if (session)
        *session = (struct session){0};
    pthread_mutex_unlock(&login->lock);
}
