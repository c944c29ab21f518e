/*
 * Sessions and operations.
 */
#include "engine/spark_connect.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/grpc.h"
#include "engine/spark_fault.h"
#include "engine/spark_message.h"
#include "engine/spark_operation.h"
#include "engine/spark_remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/banned.h"

/* protobuf-c's initialisers cast a const away. */
#pragma GCC diagnostic ignored "-Wcast-qual"

#define SERVICE "/spark.connect.SparkConnectService/"
#define USER_AGENT "riacho"
#define OLDEST_VERSION 4
#define MOST_MESSAGE_BYTES ((size_t)128 << 20) /* as Spark's own clients */
#define UNRELEASED_BYTES ((size_t)8 << 20)     /* the server keeps so much for reattaching */
#define STANDARD_CONNECT_MS 10000
#define STANDARD_SILENCE_MS 120000
#define STANDARD_PATIENCE_MS 60000
#define FAREWELL_MS 3000 /* what is said in parting waits no longer */
#define FIRST_PAUSE_MS 100
#define LONGEST_PAUSE_MS 5000
#define UUID_TEXT 37

struct spark_impl {
    struct spark_remote remote;
    struct grpc_channel channel;
    char *name; /* "sc://host:port" */
    char *version;
    char id[UUID_TEXT];
    char *server_id; /* the server's own name for the session, once it told; "" before */
    Spark__UserContext user;
    char *client_type;
    int silence_ms;
    int patience_ms;
    struct spark_fault fault;
    atomic_bool interrupted;
};

static int make_uuid(char ret_text[UUID_TEXT], struct err *err)
{
    unsigned char b[16];

    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        return err_errno(err, "the system gave no random bytes");
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* RFC 9562, version 4 */
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(ret_text, UUID_TEXT,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
    return 0;
}

/* ---- calls ---- */

/* A request as bytes. */
static void pack(const ProtobufCMessage *message, struct buf *to)
{
    const size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = mem_alloc(size + 1);

    protobuf_c_message_pack(message, bytes);
    buf_reset(to);
    buf_put(to, bytes, size);
    free(bytes);
}

/* Every request says who asks. */
#define INTRODUCE(request, impl)                                                                   \
    ((request).session_id = (impl)->id, (request).user_context = &(impl)->user,                    \
     (request).client_type = (impl)->client_type)

static void see_server(struct spark_impl *impl, const char *server_id)
{
    if (*impl->server_id == '\0' && *server_id) {
        free(impl->server_id);
        impl->server_id = mem_str(server_id);
    }
}

/* One answer of a call that has one. */
struct answer {
    const ProtobufCMessageDescriptor *type;
    ProtobufCMessage *message; /* NULL until it came */
};

static void answer_close(struct answer *answer)
{
    if (answer->message)
        protobuf_c_message_free_unpacked(answer->message, NULL);
    answer->message = NULL;
}

static int unreadable(struct err *err)
{
    return err_set(err, ERR_REMOTE, "the server's answer is no message of Spark Connect");
}

static int take_answer(void *ctx, const uint8_t *bytes, size_t size, struct err *err)
{
    struct answer *answer = ctx;

    answer_close(answer);
    answer->message = protobuf_c_message_unpack(answer->type, NULL, size, bytes);
    return answer->message ? 0 : unreadable(err);
}

static int fetch_details(struct spark_impl *impl, const char *error_id, struct answer *answer);

/* Makes the error of a status, with what the server tells of it when asked. */
static int blame(struct spark_impl *impl, const struct grpc_status *status, struct err *err)
{
    char *error_id = NULL;
    AUTO(answer) details = {.type = &spark__fetch_error_details_response__descriptor};

    spark_fault_of_status(status, &impl->fault, &error_id, err);
    if (error_id && fetch_details(impl, error_id, &details) == 0)
        spark_fault_add_details(
            (const Spark__FetchErrorDetailsResponse *)(const void *)details.message, &impl->fault,
            err);
    free(error_id);
    return -1;
}

static int call_once(struct spark_impl *impl, const char *method, const struct buf *request,
                     int silence_ms, grpc_on_message *on_message, void *ctx, struct err *err)
{
    AUTO(grpc_status) status = {0};
    const struct grpc_call call = {.method = method,
                                   .request = (const uint8_t *)buf_text(request),
                                   .request_size = request->size,
                                   .silence_ms = silence_ms,
                                   .on_message = on_message,
                                   .ctx = ctx};

    TRY(grpc_call(&impl->channel, &call, &status, err));
    return status.code == GRPC_OK ? 0 : blame(impl, &status, err);
}

static int fetch_details(struct spark_impl *impl, const char *error_id, struct answer *answer)
{
    Spark__FetchErrorDetailsRequest request = SPARK__FETCH_ERROR_DETAILS_REQUEST__INIT;
    AUTO(grpc_status) status = {0};
    AUTO(buf) bytes = {0};
    struct err ignored = {0};
    struct grpc_call call = {.method = SERVICE "FetchErrorDetails",
                             .silence_ms = impl->silence_ms,
                             .on_message = take_answer,
                             .ctx = answer};

    INTRODUCE(request, impl);
    request.error_id = (char *)(uintptr_t)error_id;
    pack(&request.base, &bytes);
    call.request = (const uint8_t *)buf_text(&bytes);
    call.request_size = bytes.size;
    if (grpc_call(&impl->channel, &call, &status, &ignored) < 0 || status.code != GRPC_OK)
        return -1; /* what the status told is enough */
    return answer->message ? 0 : -1;
}

/* ---- trying again ---- */

struct patience {
    int64_t until_ms;
    int pause_ms;
};

static void patience_reset(struct patience *patience, const struct spark_impl *impl)
{
    patience->until_ms = clock_monotonic_ms() + impl->patience_ms;
    patience->pause_ms = FIRST_PAUSE_MS;
}

/* Waits a while after a failure; false if there is no other try. */
static bool try_again(struct spark_impl *impl, struct patience *patience, const struct err *err)
{
    if (err->code != ERR_NET || !err->retriable || impl->patience_ms < 0 ||
        clock_monotonic_ms() + patience->pause_ms > patience->until_ms)
        return false;
    for (int waited = 0; waited < patience->pause_ms; waited += FIRST_PAUSE_MS) {
        if (atomic_load(&impl->interrupted))
            return false;
        usleep(FIRST_PAUSE_MS * 1000);
    }
    if (patience->pause_ms < LONGEST_PAUSE_MS)
        patience->pause_ms *= 2;
    return true;
}

static int stopped(struct spark_impl *impl, struct err *err)
{
    atomic_store(&impl->interrupted, false);
    grpc_resume(&impl->channel);
    return err_set(err, ERR_STOPPED, "interrupted");
}

/* A call with one answer, which does no harm when made twice. */
static int ask(struct spark_impl *impl, const char *method, const ProtobufCMessage *request,
               struct answer *answer, struct err *err)
{
    struct patience patience;
    AUTO(buf) bytes = {0};

    spark_fault_close(&impl->fault);
    pack(request, &bytes);
    patience_reset(&patience, impl);
    for (;;) {
        if (call_once(impl, method, &bytes, impl->silence_ms, take_answer, answer, err) == 0)
            return answer->message ? 0 : unreadable(err);
        if (atomic_load(&impl->interrupted))
            return stopped(impl, err);
        if (!try_again(impl, &patience, err))
            return -1;
    }
}

static int ignore_answer(void *ctx, const uint8_t *bytes, size_t size, struct err *err)
{
    (void)ctx;
    (void)bytes;
    (void)size;
    (void)err;
    return 0;
}

/* In parting: nobody waits for it, and nothing depends on it. What the last call failed by stays known. */
static void say(struct spark_impl *impl, const char *method, const ProtobufCMessage *request)
{
    const struct spark_fault kept = impl->fault;
    struct err ignored = {0};
    AUTO(buf) bytes = {0};
    int said;

    impl->fault = (struct spark_fault){0};
    pack(request, &bytes);
    said = call_once(impl, method, &bytes, FAREWELL_MS, ignore_answer, NULL, &ignored);
    (void)said; /* a server that does not hear it forgets by itself, later */
    spark_fault_close(&impl->fault);
    impl->fault = kept;
}

/* ---- operations ---- */

struct operation {
    struct spark_impl *impl;
    const struct spark_handlers *handlers;
    spark_on_response *on_other; /* answers that are for none of the handlers; NULL */
    void *other_ctx;
    struct buf request; /* of ExecutePlan */
    char id[UUID_TEXT];
    char *last_response; /* the id of the last answer that came; NULL: none has */
    size_t unreleased;   /* bytes of answers since the server was told to forget them */
    bool is_complete;
    struct patience patience;
};

static void operation_close(struct operation *operation)
{
    buf_close(&operation->request);
    free(operation->last_response);
    operation->last_response = NULL;
}

static void tell_progress(const struct spark_handlers *handlers,
                          const Spark__ExecutePlanResponse__ExecutionProgress *from)
{
    struct spark_progress progress = {.tasks_running = from->num_inflight_tasks};

    for (size_t i = 0; i < from->n_stages; i++) {
        progress.tasks += from->stages[i]->num_tasks;
        progress.tasks_done += from->stages[i]->num_completed_tasks;
        progress.bytes_read += from->stages[i]->input_bytes_read;
    }
    handlers->on_progress(handlers->ctx, &progress);
}

static int hand_over(struct operation *operation, const Spark__ExecutePlanResponse *response,
                     struct err *err)
{
    const struct spark_handlers *handlers = operation->handlers;

    switch (response->response_type_case) {
    case SPARK__EXECUTE_PLAN_RESPONSE__RESPONSE_TYPE_ARROW_BATCH:
        if (handlers->on_rows == NULL)
            return 0;
        return handlers->on_rows(handlers->ctx,
                                 &(struct spark_rows){.count = response->arrow_batch->row_count,
                                                      .arrow = response->arrow_batch->data.data,
                                                      .arrow_bytes =
                                                          response->arrow_batch->data.len},
                                 err);
    case SPARK__EXECUTE_PLAN_RESPONSE__RESPONSE_TYPE_EXECUTION_PROGRESS:
        if (handlers->on_progress)
            tell_progress(handlers, response->execution_progress);
        return 0;
    case SPARK__EXECUTE_PLAN_RESPONSE__RESPONSE_TYPE_RESULT_COMPLETE:
        operation->is_complete = true;
        return 0;
    default: /* metrics, and what only some ask for */
        return operation->on_other ? operation->on_other(operation->other_ctx, response, err) : 0;
    }
}

static int take_response(void *ctx, const uint8_t *bytes, size_t size, struct err *err)
{
    struct operation *operation = ctx;
    Spark__ExecutePlanResponse *response = spark__execute_plan_response__unpack(NULL, size, bytes);
    int taken;

    if (response == NULL)
        return unreadable(err);
    see_server(operation->impl, response->server_side_session_id);
    taken = hand_over(operation, response, err);
    if (taken == 0 && *response->response_id) {
        free(operation->last_response);
        operation->last_response = mem_str(response->response_id);
    }
    operation->unreleased += size;
    patience_reset(&operation->patience, operation->impl);
    spark__execute_plan_response__free_unpacked(response, NULL);
    return taken;
}

/* Tells the server what it need not keep: all up to the last answer, or the operation as a whole. */
static void release(struct operation *operation, bool all)
{
    struct spark_impl *impl = operation->impl;
    Spark__ReleaseExecuteRequest request = SPARK__RELEASE_EXECUTE_REQUEST__INIT;
    Spark__ReleaseExecuteRequest__ReleaseAll everything =
        SPARK__RELEASE_EXECUTE_REQUEST__RELEASE_ALL__INIT;
    Spark__ReleaseExecuteRequest__ReleaseUntil until =
        SPARK__RELEASE_EXECUTE_REQUEST__RELEASE_UNTIL__INIT;

    INTRODUCE(request, impl);
    request.operation_id = operation->id;
    if (all) {
        request.release_case = SPARK__RELEASE_EXECUTE_REQUEST__RELEASE_RELEASE_ALL;
        request.release_all = &everything;
    } else {
        request.release_case = SPARK__RELEASE_EXECUTE_REQUEST__RELEASE_RELEASE_UNTIL;
        request.release_until = &until;
        until.response_id = operation->last_response;
    }
    say(impl, SERVICE "ReleaseExecute", &request.base);
    operation->unreleased = 0;
}

static void interrupt_operation(struct operation *operation)
{
    struct spark_impl *impl = operation->impl;
    Spark__InterruptRequest request = SPARK__INTERRUPT_REQUEST__INIT;

    INTRODUCE(request, impl);
    request.interrupt_type = SPARK__INTERRUPT_REQUEST__INTERRUPT_TYPE__OPERATION_ID;
    request.interrupt_case = SPARK__INTERRUPT_REQUEST__INTERRUPT_OPERATION_ID;
    request.operation_id = operation->id;
    say(impl, SERVICE "Interrupt", &request.base);
}

/* The operation's request; the same each time, so that a server that has it already says so. */
static void pack_execute(struct operation *operation, Spark__Plan *plan)
{
    struct spark_impl *impl = operation->impl;
    Spark__ExecutePlanRequest request = SPARK__EXECUTE_PLAN_REQUEST__INIT;
    Spark__ExecutePlanRequest__RequestOption option =
        SPARK__EXECUTE_PLAN_REQUEST__REQUEST_OPTION__INIT;
    Spark__ExecutePlanRequest__RequestOption *options[] = {&option};
    Spark__ReattachOptions reattach = SPARK__REATTACH_OPTIONS__INIT;

    INTRODUCE(request, impl);
    reattach.reattachable = true;
    option.request_option_case =
        SPARK__EXECUTE_PLAN_REQUEST__REQUEST_OPTION__REQUEST_OPTION_REATTACH_OPTIONS;
    option.reattach_options = &reattach;
    request.plan = plan;
    request.operation_id = operation->id;
    request.n_request_options = 1;
    request.request_options = options;
    request.client_observed_server_side_session_id = impl->server_id;
    pack(&request.base, &operation->request);
}

static int reattach(struct operation *operation, struct err *err)
{
    struct spark_impl *impl = operation->impl;
    Spark__ReattachExecuteRequest request = SPARK__REATTACH_EXECUTE_REQUEST__INIT;
    AUTO(buf) bytes = {0};

    INTRODUCE(request, impl);
    request.operation_id = operation->id;
    request.client_observed_server_side_session_id = impl->server_id;
    if (operation->last_response)
        request.last_response_id = operation->last_response;
    pack(&request.base, &bytes);
    return call_once(impl, SERVICE "ReattachExecute", &bytes, impl->silence_ms, take_response,
                     operation, err);
}

/* How the next stretch of answers is asked for. */
enum asking { ASK_EXECUTE, ASK_REATTACH };

/* After a stretch that failed: 0 another is asked for, -1 not. */
static int after_failure(struct operation *operation, enum asking *asking, const struct err *err)
{
    struct spark_impl *impl = operation->impl;
    const char *error_class = impl->fault.error_class;

    /* What never reached the server, or did although nothing came back. */
    if (*asking == ASK_REATTACH && operation->last_response == NULL &&
        str_same(error_class, "INVALID_HANDLE.OPERATION_NOT_FOUND")) {
        *asking = ASK_EXECUTE;
        return 0;
    }
    if (*asking == ASK_EXECUTE &&
        str_same(error_class, "INVALID_HANDLE.OPERATION_ALREADY_EXISTS")) {
        *asking = ASK_REATTACH;
        return 0;
    }
    if (!try_again(impl, &operation->patience, err))
        return -1;
    *asking = ASK_REATTACH;
    return 0;
}

static int follow(struct operation *operation, struct err *err)
{
    struct spark_impl *impl = operation->impl;
    enum asking asking = ASK_EXECUTE;

    while (!operation->is_complete) {
        int done;

        spark_fault_close(&impl->fault);
        done = asking == ASK_EXECUTE ? call_once(impl, SERVICE "ExecutePlan", &operation->request,
                                                 impl->silence_ms, take_response, operation, err)
                                     : reattach(operation, err);
        if (atomic_load(&impl->interrupted))
            return stopped(impl, err);
        if (done < 0)
            TRY(after_failure(operation, &asking, err));
        else if (!operation->is_complete) /* the server ends long answers now and then */
            asking = ASK_REATTACH;
        if (operation->unreleased > UNRELEASED_BYTES && operation->last_response)
            release(operation, false);
    }
    return 0;
}

static int run(struct operation *operation_taken, Spark__Plan *plan_taken, struct err *err)
{
    AUTO(operation) operation = *operation_taken;
    struct spark_impl *impl = operation.impl;
    int done = make_uuid(operation.id, err);

    if (done == 0)
        pack_execute(&operation, plan_taken);
    spark_plan_free(plan_taken);
    TRY(done);
    patience_reset(&operation.patience, impl);
    done = follow(&operation, err);
    if (done < 0 && !impl->fault.is_lost && err->code != ERR_NET)
        interrupt_operation(&operation);
    if (!impl->fault.is_lost && (done == 0 || err->code != ERR_NET))
        release(&operation, true);
    return done;
}

static const struct spark_handlers no_handlers = {0};

static int run_handled(struct spark_session *session, Spark__Plan *plan_taken,
                       const struct spark_handlers *handlers, struct err *err)
{
    struct operation operation = {.impl = session->impl,
                                  .handlers = handlers ? handlers : &no_handlers};

    return run(&operation, plan_taken, err);
}

int spark_operation_run(struct spark_session *session, Spark__Plan *plan_taken,
                        spark_on_response *on_response, void *ctx, struct err *err)
{
    struct operation operation = {.impl = session->impl,
                                  .handlers = &no_handlers,
                                  .on_other = on_response,
                                  .other_ctx = ctx};

    return run(&operation, plan_taken, err);
}

int spark_session_query(struct spark_session *session, const struct spark_relation *query,
                        const struct spark_handlers *handlers, struct err *err)
{
    return run_handled(session, spark_plan_of_relation(query), handlers, err);
}

int spark_session_command(struct spark_session *session, const char *statement, struct err *err)
{
    return run_handled(session, spark_plan_of_statement(statement), NULL, err);
}

int spark_session_write(struct spark_session *session, const struct spark_write *write,
                        const struct spark_handlers *handlers, struct err *err)
{
    return run_handled(session, spark_plan_of_write(write), handlers, err);
}

void spark_session_interrupt(struct spark_session *session)
{
    atomic_store(&session->impl->interrupted, true);
    grpc_stop(&session->impl->channel);
}

/* ---- analysis ---- */

static int analyze(struct spark_impl *impl, Spark__AnalyzePlanRequest *request,
                   Spark__AnalyzePlanResponse__ResultCase wanted, struct answer *answer,
                   struct err *err)
{
    const Spark__AnalyzePlanResponse *response;

    INTRODUCE(*request, impl);
    request->client_observed_server_side_session_id = impl->server_id;
    TRY(ask(impl, SERVICE "AnalyzePlan", &request->base, answer, err));
    response = (const Spark__AnalyzePlanResponse *)(const void *)answer->message;
    see_server(impl, response->server_side_session_id);
    return response->result_case == wanted ? 0 : unreadable(err);
}

int spark_session_schema(struct spark_session *session, const struct spark_relation *relation,
                         struct spark_type *ret_type, struct err *err)
{
    Spark__AnalyzePlanRequest request = SPARK__ANALYZE_PLAN_REQUEST__INIT;
    Spark__AnalyzePlanRequest__Schema schema = SPARK__ANALYZE_PLAN_REQUEST__SCHEMA__INIT;
    AUTO(answer) answer = {.type = &spark__analyze_plan_response__descriptor};
    const Spark__AnalyzePlanResponse *response;
    int done;

    schema.plan = spark_plan_of_relation(relation);
    request.analyze_case = SPARK__ANALYZE_PLAN_REQUEST__ANALYZE_SCHEMA;
    request.schema = &schema;
    done =
        analyze(session->impl, &request, SPARK__ANALYZE_PLAN_RESPONSE__RESULT_SCHEMA, &answer, err);
    spark_plan_free(schema.plan);
    TRY(done);
    response = (const Spark__AnalyzePlanResponse *)(const void *)answer.message;
    spark_type_of_message(response->schema->schema, NULL, ret_type);
    return 0;
}

int spark_session_explain(struct spark_session *session, const struct spark_relation *relation,
                          char **ret_text, struct err *err)
{
    Spark__AnalyzePlanRequest request = SPARK__ANALYZE_PLAN_REQUEST__INIT;
    Spark__AnalyzePlanRequest__Explain explain = SPARK__ANALYZE_PLAN_REQUEST__EXPLAIN__INIT;
    AUTO(answer) answer = {.type = &spark__analyze_plan_response__descriptor};
    const Spark__AnalyzePlanResponse *response;
    int done;

    explain.plan = spark_plan_of_relation(relation);
    explain.explain_mode = SPARK__ANALYZE_PLAN_REQUEST__EXPLAIN__EXPLAIN_MODE__FORMATTED;
    request.analyze_case = SPARK__ANALYZE_PLAN_REQUEST__ANALYZE_EXPLAIN;
    request.explain = &explain;
    done = analyze(session->impl, &request, SPARK__ANALYZE_PLAN_RESPONSE__RESULT_EXPLAIN, &answer,
                   err);
    spark_plan_free(explain.plan);
    TRY(done);
    response = (const Spark__AnalyzePlanResponse *)(const void *)answer.message;
    *ret_text = mem_str(response->explain->explain_string);
    return 0;
}

/* ---- settings ---- */

static int configure(struct spark_impl *impl, Spark__ConfigRequest__Operation *operation,
                     struct answer *answer, struct err *err)
{
    Spark__ConfigRequest request = SPARK__CONFIG_REQUEST__INIT;

    INTRODUCE(request, impl);
    request.operation = operation;
    request.client_observed_server_side_session_id = impl->server_id;
    return ask(impl, SERVICE "Config", &request.base, answer, err);
}

int spark_session_set(struct spark_session *session, const struct spark_option *settings,
                      size_t count, struct err *err)
{
    Spark__ConfigRequest__Operation operation = SPARK__CONFIG_REQUEST__OPERATION__INIT;
    Spark__ConfigRequest__Set set = SPARK__CONFIG_REQUEST__SET__INIT;
    Spark__Option *pairs = mem_alloc((count + 1) * sizeof *pairs);
    Spark__Option **items = mem_alloc((count + 1) * sizeof(void *));
    AUTO(answer) answer = {.type = &spark__config_response__descriptor};
    int done;

    for (size_t i = 0; i < count; i++) {
        spark__option__init(&pairs[i]);
        pairs[i].key = (char *)(uintptr_t)settings[i].key;
        pairs[i].value = (char *)(uintptr_t)settings[i].value;
        items[i] = &pairs[i];
    }
    set.n_pairs = count;
    set.pairs = items;
    operation.op_type_case = SPARK__CONFIG_REQUEST__OPERATION__OP_TYPE_SET;
    operation.set = &set;
    done = configure(session->impl, &operation, &answer, err);
    free(items);
    free(pairs);
    return done;
}

int spark_session_get(struct spark_session *session, const char *key, char **ret_value,
                      struct err *err)
{
    Spark__ConfigRequest__Operation operation = SPARK__CONFIG_REQUEST__OPERATION__INIT;
    Spark__ConfigRequest__GetOption get = SPARK__CONFIG_REQUEST__GET_OPTION__INIT;
    char *keys[] = {(char *)(uintptr_t)key};
    AUTO(answer) answer = {.type = &spark__config_response__descriptor};
    const Spark__ConfigResponse *response;

    get.n_keys = 1;
    get.keys = keys;
    operation.op_type_case = SPARK__CONFIG_REQUEST__OPERATION__OP_TYPE_GET_OPTION;
    operation.get_option = &get;
    TRY(configure(session->impl, &operation, &answer, err));
    response = (const Spark__ConfigResponse *)(const void *)answer.message;
    if (response->n_pairs == 0 || *response->pairs[0]->value == '\0')
        return 0;
    *ret_value = mem_str(response->pairs[0]->value);
    return 1;
}

/* ---- opening and closing ---- */

static int ask_version(struct spark_impl *impl, struct err *err)
{
    Spark__AnalyzePlanRequest request = SPARK__ANALYZE_PLAN_REQUEST__INIT;
    Spark__AnalyzePlanRequest__SparkVersion version =
        SPARK__ANALYZE_PLAN_REQUEST__SPARK_VERSION__INIT;
    AUTO(answer) answer = {.type = &spark__analyze_plan_response__descriptor};
    const Spark__AnalyzePlanResponse *response;

    request.analyze_case = SPARK__ANALYZE_PLAN_REQUEST__ANALYZE_SPARK_VERSION;
    request.spark_version = &version;
    TRY(analyze(impl, &request, SPARK__ANALYZE_PLAN_RESPONSE__RESULT_SPARK_VERSION, &answer, err));
    response = (const Spark__AnalyzePlanResponse *)(const void *)answer.message;
    impl->version = mem_str(response->spark_version->version);
    if (strtol(impl->version, NULL, 10) >= OLDEST_VERSION)
        return 0;
    err_set(err, ERR_REMOTE, "the server is Spark %.40s", impl->version);
    return err_hint(err, "Spark %d.0 or later is needed.", OLDEST_VERSION);
}

/* The headers of each call, with the token; the texts are the caller's to free. */
static size_t make_headers(const struct spark_remote *remote, char ***ret_headers)
{
    char **headers = mem_alloc((remote->header_count + 1) * sizeof *headers);
    size_t count = 0;

    if (remote->token)
        headers[count++] = mem_fmt("authorization: Bearer %s", remote->token);
    for (size_t i = 0; i < remote->header_count; i++)
        headers[count++] = mem_fmt("%s: %s", remote->headers[i].name, remote->headers[i].value);
    *ret_headers = headers;
    return count;
}

static int open_channel(struct spark_impl *impl, const struct spark_conf *conf, struct err *err)
{
    const struct spark_remote *remote = &impl->remote;
    const char *agent = conf->user_agent ? conf->user_agent : USER_AGENT;
    char *url = mem_fmt("http%s%s", remote->is_secure ? "s" : "", impl->name + strlen("sc"));
    char **headers;
    const size_t count = make_headers(remote, &headers);
    int opened;

    impl->client_type = mem_str(remote->user_agent ? remote->user_agent : agent);
    opened =
        grpc_open(&impl->channel,
                  &(struct grpc_conf){.url = url,
                                      .user_agent = impl->client_type,
                                      .headers = (const char *const *)headers,
                                      .header_count = count,
                                      .connect_ms =
                                          conf->connect_ms ? conf->connect_ms : STANDARD_CONNECT_MS,
                                      .most_message_bytes = remote->most_message_bytes
                                                                ? (size_t)remote->most_message_bytes
                                                                : MOST_MESSAGE_BYTES},
                  err);
    for (size_t i = 0; i < count; i++)
        free(headers[i]);
    free(headers);
    free(url);
    return opened;
}

static void impl_free(struct spark_impl *impl)
{
    grpc_close(&impl->channel);
    spark_remote_close(&impl->remote);
    spark_fault_close(&impl->fault);
    free(impl->name);
    free(impl->version);
    free(impl->server_id);
    free(impl->client_type);
    free(impl);
}

static int or_standard(int given, int standard)
{
    return given ? given : standard;
}

static int open_parts(struct spark_impl *impl, const struct spark_conf *conf, struct err *err)
{
    TRY(spark_remote_read(conf->remote, &impl->remote, err));
    impl->name = spark_remote_name(&impl->remote);
    TRY(make_uuid(impl->id, err));
    if (conf->session_id || impl->remote.session_id)
        snprintf(impl->id, sizeof impl->id, "%s",
                 impl->remote.session_id ? impl->remote.session_id : conf->session_id);
    spark__user_context__init(&impl->user);
    if (impl->remote.user_id)
        impl->user.user_id = impl->remote.user_id;
    impl->silence_ms = or_standard(conf->silence_ms, STANDARD_SILENCE_MS);
    impl->patience_ms = -1; /* a server that was never there is told of at once */
    TRY(open_channel(impl, conf, err));
    if (ask_version(impl, err) < 0)
        return err_wrap(err, "Spark Connect at \"%s\"", impl->name);
    impl->patience_ms = or_standard(conf->patience_ms, STANDARD_PATIENCE_MS);
    return 0;
}

int spark_session_open(struct spark_session *session, const struct spark_conf *conf,
                       struct err *err)
{
    struct spark_impl *impl = mem_alloc(sizeof *impl);

    impl->server_id = mem_str("");
    if (open_parts(impl, conf, err) < 0) {
        impl_free(impl);
        return -1;
    }
    session->impl = impl;
    return 0;
}

void spark_session_close(struct spark_session *session)
{
    struct spark_impl *impl = session->impl;
    Spark__ReleaseSessionRequest request = SPARK__RELEASE_SESSION_REQUEST__INIT;

    if (impl == NULL)
        return;
    grpc_resume(&impl->channel);
    INTRODUCE(request, impl);
    say(impl, SERVICE "ReleaseSession", &request.base);
    impl_free(impl);
    session->impl = NULL;
}

const char *spark_session_id(const struct spark_session *session)
{
    return session->impl->id;
}

const char *spark_session_version(const struct spark_session *session)
{
    return session->impl->version;
}

const struct spark_fault *spark_session_fault(const struct spark_session *session)
{
    return &session->impl->fault;
}
