/*
 * One request and the answer that is made for it. What handlers see of HTTP: web_server.c speaks it.
 */
#ifndef RIACHO_EXCHANGE_H
#define RIACHO_EXCHANGE_H

#include "base/buf.h"
#include "base/json.h"
#include "board/guard.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define EXCHANGE_MOST_BODY (64 << 10)

struct asset;
struct board;

/*
 * A body that is made while it is sent. `read` fills at most `size` bytes and may block; 0: the end.
 * `close` is called in any case, by the same thread.
 */
struct exchange_stream {
    void *ctx; /* NULL: there is none */
    ssize_t (*read)(void *ctx, char *to, size_t size);
    void (*close)(void *ctx);
};

struct exchange {
    struct board *board;
    void *connection; /* of web_server.c */
    const char *method;
    const char *path;
    char param[128]; /* what stood for {} in the route's path */
    struct buf body;
    bool is_known; /* by a session or a token */

    unsigned status; /* 0: no answer yet */
    const char *type;
    struct buf text;
    char cookie[160];              /* Set-Cookie; "": none */
    char attachment[160];          /* the file name to save it under; "": none */
    const char *etag;              /* NULL: none; borrowed for ever */
    const char *cache;             /* Cache-Control */
    const char *encoding;          /* Content-Encoding; NULL: none */
    const char *allow;             /* NULL: none */
    const struct asset *asset;     /* in place of `text` */
    int fd_plus_1;                 /* a file in place of `text`, taken over; 0: none */
    struct exchange_stream stream; /* in place of `text` */
};

/* A header of the request, a parameter of its query: NULL if missing. Borrowed. */
const char *exchange_header(const struct exchange *x, const char *name);
const char *exchange_query(const struct exchange *x, const char *name);
/* A query parameter that is a number; ERR_USAGE names it. */
MUST_CHECK int exchange_query_int(const struct exchange *x, const char *name, int64_t least,
                                  int64_t most, int64_t otherwise, int64_t *ret_value,
                                  struct err *err);
/* The body, which must be a JSON object; ERR_USAGE otherwise. */
MUST_CHECK int exchange_body(const struct exchange *x, struct json *json, struct err *err);

/* The answer: a document, nothing at all (204), a refusal, what an error says. */
void exchange_json(struct exchange *x, unsigned status, const struct json_out *out);
void exchange_nothing(struct exchange *x);
void exchange_refuse(struct exchange *x, const struct refusal *refusal);
void exchange_fail(struct exchange *x, const struct err *err);

/* Adds {"code","message","hint"} of the error as the member "error". */
void exchange_put_error(struct json_out *out, yyjson_mut_val *into, const char *code,
                        const char *text, const char *hint);
/* The word for programs, and the status, of an error. */
const char *exchange_code_of(const struct err *err);

#endif
