/*
 * gRPC over HTTP/2, by libcurl: calls with one request and one or many answers.
 * (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md)
 *
 * A channel keeps its connection between calls. It is for one thread; any thread may stop it.
 */
#ifndef RIACHO_GRPC_H
#define RIACHO_GRPC_H

#include "base/buf.h"
#include "base/err.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* The status codes that are told apart here. */
enum grpc_code {
    GRPC_OK = 0,
    GRPC_CANCELLED = 1,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_NOT_FOUND = 5,
    GRPC_PERMISSION_DENIED = 7,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_UNIMPLEMENTED = 12,
    GRPC_INTERNAL = 13,
    GRPC_UNAVAILABLE = 14,
    GRPC_UNAUTHENTICATED = 16,
};

struct grpc_conf {
    const char *url; /* "http://host:port" or "https://host:port"; TLS by the scheme */
    const char *user_agent;
    const char *const *headers; /* "name: value" */
    size_t header_count;
    int connect_ms;            /* how long connecting may take */
    size_t most_message_bytes; /* a larger answer is ERR_LIMIT */
};

struct grpc_impl;

struct grpc_channel {
    struct grpc_impl *impl; /* NULL: closed */
};

/* What a call ended with. */
struct grpc_status {
    int code;
    char *message;
    struct buf details; /* a google.rpc.Status as protobuf; mostly empty */
};

void grpc_status_close(struct grpc_status *status);

/* Gets each answer; the bytes are borrowed. -1 ends the call with that error. */
typedef int grpc_on_message(void *ctx, const uint8_t *bytes, size_t size, struct err *err);

struct grpc_call {
    const char *method; /* "/package.Service/Method" */
    const uint8_t *request;
    size_t request_size;
    int silence_ms; /* the server may be silent for so long; 5 s at most once a stop was asked */
    grpc_on_message *on_message;
    void *ctx;
};

MUST_CHECK int grpc_open(struct grpc_channel *channel, const struct grpc_conf *conf,
                         struct err *err);
void grpc_close(struct grpc_channel *channel);

/*
 * 0: the call ended and `ret_status` says how (close it). -1: it did not:
 *   ERR_NET (retriable) not connected, broken off, or silent for too long;
 *   ERR_REMOTE what answers is no gRPC server, or is none that we trust (TLS);
 *   ERR_LIMIT an answer is too large; ERR_STOPPED grpc_stop() was called; or what on_message() said.
 */
MUST_CHECK int grpc_call(struct grpc_channel *channel, const struct grpc_call *call,
                         struct grpc_status *ret_status, struct err *err);

/* From any thread: the call that is under way, and each after it, ends with ERR_STOPPED until grpc_resume(). */
void grpc_stop(struct grpc_channel *channel);
void grpc_resume(struct grpc_channel *channel);

#endif
