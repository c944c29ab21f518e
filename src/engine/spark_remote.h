/*
 * Where a Spark Connect server is, and how it is spoken to:
 *
 *     sc://host[:port][/;name=value;…]
 *
 * The port is 15002 if none is given. The parameters are those of Spark's clients: token, use_ssl, user_id,
 * user_agent, session_id, grpc_max_message_size; any other is sent as a header of its name with each call.
 * Values are percent-encoded.
 */
#ifndef RIACHO_SPARK_REMOTE_H
#define RIACHO_SPARK_REMOTE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPARK_DEFAULT_PORT 15002

struct spark_header {
    char *name; /* in lower case */
    char *value;
};

struct spark_remote {
    char *host; /* an IPv6 address without its brackets */
    int port;
    bool
        is_secure; /* TLS: by use_ssl=true, or as there is a token and the host is not this machine */
    char *token;   /* of "authorization: Bearer …"; NULL */
    char *user_id;              /* NULL */
    char *user_agent;           /* NULL */
    char *session_id;           /* a UUID; NULL: the client makes one */
    int64_t most_message_bytes; /* 0: not given */
    struct spark_header *headers;
    size_t header_count;
};

/*
 * Reads the text. ERR_USAGE says what of it is wrong, and never the value of a parameter, which may be secret.
 * A token that would go to another machine without TLS is refused.
 */
MUST_CHECK int spark_remote_read(const char *text, struct spark_remote *ret_remote,
                                 struct err *err);
void spark_remote_close(struct spark_remote *remote);

/* "sc://host:port", for messages. The caller frees. */
char *spark_remote_name(const struct spark_remote *remote);

#endif
