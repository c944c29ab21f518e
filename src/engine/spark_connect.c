/*
 * Sessions: opened and closed, their settings, what they tell of plans.
 */
#include "engine/spark_connect.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/spark_call.h"
#include "engine/spark_fault.h"
#include "engine/spark_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define USER_AGENT "riacho"
#define OLDEST_VERSION 4
#define MOST_MESSAGE_BYTES ((size_t)128 << 20) /* as Spark's own clients */
#define STANDARD_CONNECT_MS 10000
#define STANDARD_SILENCE_MS 120000
#define STANDARD_PATIENCE_MS 60000

/* ---- analysis ---- */

static int analyze(struct spark_impl *impl, Spark__AnalyzePlanRequest *request,
                   Spark__AnalyzePlanResponse__ResultCase wanted, struct spark_answer *answer,
                   struct err *err)
{
    const Spark__AnalyzePlanResponse *response;

    SPARK_INTRODUCE(*request, impl);
    request->client_observed_server_side_session_id = impl->server_id;
    TRY(spark_ask(impl, SPARK_SERVICE "AnalyzePlan", &request->base, answer, err));
    response = (const Spark__AnalyzePlanResponse *)(const void *)answer->message;
    spark_see_server(impl, response->server_side_session_id);
    return response->result_case == wanted ? 0 : spark_unreadable(err);
}

int spark_session_schema(struct spark_session *session, const struct spark_relation *relation,
                         struct spark_type *ret_type, struct err *err)
{
    Spark__AnalyzePlanRequest request = SPARK__ANALYZE_PLAN_REQUEST__INIT;
    Spark__AnalyzePlanRequest__Schema schema = SPARK__ANALYZE_PLAN_REQUEST__SCHEMA__INIT;
    AUTO(spark_answer) answer = {.type = &spark__analyze_plan_response__descriptor};
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
    AUTO(spark_answer) answer = {.type = &spark__analyze_plan_response__descriptor};
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
                     struct spark_answer *answer, struct err *err)
{
    Spark__ConfigRequest request = SPARK__CONFIG_REQUEST__INIT;

    SPARK_INTRODUCE(request, impl);
    request.operation = operation;
    request.client_observed_server_side_session_id = impl->server_id;
    return spark_ask(impl, SPARK_SERVICE "Config", &request.base, answer, err);
}

int spark_session_set(struct spark_session *session, const struct spark_option *settings,
                      size_t count, struct err *err)
{
    Spark__ConfigRequest__Operation operation = SPARK__CONFIG_REQUEST__OPERATION__INIT;
    Spark__ConfigRequest__Set set = SPARK__CONFIG_REQUEST__SET__INIT;
    Spark__Option *pairs = mem_alloc((count + 1) * sizeof *pairs);
    Spark__Option **items = mem_alloc((count + 1) * sizeof(void *));
    AUTO(spark_answer) answer = {.type = &spark__config_response__descriptor};
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
    AUTO(spark_answer) answer = {.type = &spark__config_response__descriptor};
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
    AUTO(spark_answer) answer = {.type = &spark__analyze_plan_response__descriptor};
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
    TRY(spark_uuid(impl->id, err));
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

void spark_session_interrupt(struct spark_session *session)
{
    atomic_store(&session->impl->interrupted, true);
    grpc_stop(&session->impl->channel);
}

void spark_session_close(struct spark_session *session)
{
    struct spark_impl *impl = session->impl;
    Spark__ReleaseSessionRequest request = SPARK__RELEASE_SESSION_REQUEST__INIT;

    if (impl == NULL)
        return;
    grpc_resume(&impl->channel);
    SPARK_INTRODUCE(request, impl);
    spark_say(impl, SPARK_SERVICE "ReleaseSession", &request.base);
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
