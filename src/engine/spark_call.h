/*
 * Calls of Spark Connect's service in a session's name: what spark_connect.h and spark_operation.h are made of.
 */
#ifndef RIACHO_SPARK_CALL_H
#define RIACHO_SPARK_CALL_H

#include "base/buf.h"
#include "engine/grpc.h"
#include "engine/spark_connect.h"
#include "engine/spark_remote.h"

#include <spark_connect.pb-c.h>
#include <stdatomic.h>

/* protobuf-c's initialisers cast a const away. */
#pragma GCC diagnostic ignored "-Wcast-qual"

#define SPARK_SERVICE "/spark.connect.SparkConnectService/"
#define SPARK_UUID_TEXT 37

struct spark_impl {
    struct spark_remote remote;
    struct grpc_channel channel;
    char *name; /* "sc://host:port" */
    char *version;
    char id[SPARK_UUID_TEXT];
    char *server_id; /* the server's own name for the session, once it told; "" before */
    Spark__UserContext user;
    char *client_type;
    int silence_ms;
    int patience_ms;
    struct spark_fault fault;
    atomic_bool interrupted;
};

/* Every request says who asks. */
#define SPARK_INTRODUCE(request, impl)                                                             \
    ((request).session_id = (impl)->id, (request).user_context = &(impl)->user,                    \
     (request).client_type = (impl)->client_type)

MUST_CHECK int spark_uuid(char ret_text[SPARK_UUID_TEXT], struct err *err);

/* A request as bytes, in place of what was in `to`. */
void spark_pack(const ProtobufCMessage *message, struct buf *to);

/* Keeps the server's own name for the session: a server that has another one was started anew. */
void spark_see_server(struct spark_impl *impl, const char *server_id);

/* One call as it is; its fault is in impl->fault. `silence_ms`: how long the server may say nothing. */
MUST_CHECK int spark_call(struct spark_impl *impl, const char *method, const struct buf *request,
                          int silence_ms, grpc_on_message *on_message, void *ctx, struct err *err);

/* ---- one answer ---- */

struct spark_answer {
    const ProtobufCMessageDescriptor *type;
    ProtobufCMessage *message; /* NULL until it came */
};

void spark_answer_close(struct spark_answer *answer);
int spark_unreadable(struct err *err); /* the error of an answer that is none */

/* A call with one answer, which does no harm when made twice. */
MUST_CHECK int spark_ask(struct spark_impl *impl, const char *method,
                         const ProtobufCMessage *request, struct spark_answer *answer,
                         struct err *err);

/* In parting: nobody waits for it, and nothing depends on it. What the last call failed by stays known. */
void spark_say(struct spark_impl *impl, const char *method, const ProtobufCMessage *request);

/* ---- trying again ---- */

struct spark_patience {
    int64_t until_ms;
    int pause_ms;
};

void spark_patience_reset(struct spark_patience *patience, const struct spark_impl *impl);

/* Waits a while after a failure; false if there is no other try, as once a stop was asked. */
bool spark_try_again(struct spark_impl *impl, struct spark_patience *patience,
                     const struct err *err);

/* Of the failure there was no other try after. What was not reached once a stop was asked ends as the stop. Always -1. */
int spark_gave_up(struct err *err);

/* The error of what spark_session_interrupt() ended; from then on calls are made again. */
int spark_stopped(struct spark_impl *impl, struct err *err);

#endif
