/*
 * Commands over streaming queries, and their answers.
 */
#include "engine/spark_query.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/spark_message.h"
#include "engine/spark_operation.h"

#include <stdlib.h>

#include "base/banned.h"

void spark_query_close(struct spark_query *query)
{
    free(query->id);
    free(query->run_id);
    *query = (struct spark_query){0};
}

static int no_answer(struct err *err)
{
    return err_set(err, ERR_REMOTE, "the server did not say what became of the streaming query");
}

static void take_id(const Spark__StreamingQueryInstanceId *id, struct spark_query *ret_query)
{
    spark_query_close(ret_query);
    ret_query->id = mem_str(id->id);
    ret_query->run_id = mem_str(id->run_id);
}

/* ---- starting ---- */

static int take_started(void *ctx, const Spark__ExecutePlanResponse *response, struct err *err)
{
    (void)err;
    if (response->response_type_case ==
            SPARK__EXECUTE_PLAN_RESPONSE__RESPONSE_TYPE_WRITE_STREAM_OPERATION_START_RESULT &&
        response->write_stream_operation_start_result->query_id)
        take_id(response->write_stream_operation_start_result->query_id, ctx);
    return 0;
}

int spark_query_start(struct spark_session *session, const struct spark_stream *stream,
                      struct spark_query *ret_query, struct err *err)
{
    AUTO(spark_query) started = {0};

    TRY(spark_operation_run(session, spark_plan_of_stream(stream), take_started, &started, err));
    if (started.id == NULL)
        return no_answer(err);
    *ret_query = started;
    started = (struct spark_query){0};
    return 0;
}

/* ---- finding ---- */

struct search {
    const char *name;
    struct spark_query found;
    bool was_answered;
};

static int take_active(void *ctx, const Spark__ExecutePlanResponse *response, struct err *err)
{
    const Spark__StreamingQueryManagerCommandResult *result =
        response->streaming_query_manager_command_result;
    struct search *search = ctx;

    (void)err;
    if (response->response_type_case !=
            SPARK__EXECUTE_PLAN_RESPONSE__RESPONSE_TYPE_STREAMING_QUERY_MANAGER_COMMAND_RESULT ||
        result->result_type_case !=
            SPARK__STREAMING_QUERY_MANAGER_COMMAND_RESULT__RESULT_TYPE_ACTIVE)
        return 0;
    search->was_answered = true;
    for (size_t i = 0; i < result->active->n_active_queries; i++)
        if (str_same(result->active->active_queries[i]->name, search->name) &&
            result->active->active_queries[i]->id)
            take_id(result->active->active_queries[i]->id, &search->found);
    return 0;
}

int spark_query_find(struct spark_session *session, const char *name, struct spark_query *ret_query,
                     struct err *err)
{
    struct search search = {.name = name};

    if (spark_operation_run(session, spark_plan_of_active(), take_active, &search, err) < 0) {
        spark_query_close(&search.found);
        return -1;
    }
    if (!search.was_answered)
        return no_answer(err);
    if (search.found.id == NULL)
        return 0;
    *ret_query = search.found;
    return 1;
}

/* ---- asking and stopping ---- */

/* What one command about a query is answered by. */
struct reply {
    spark_on_progress *on_progress;
    void *ctx;
    bool is_active;
    char *failure;
    bool was_answered;
};

static int take_progress(struct reply *reply,
                         const Spark__StreamingQueryCommandResult__RecentProgressResult *from,
                         struct err *err)
{
    for (size_t i = 0; i < from->n_recent_progress_json; i++)
        TRY(reply->on_progress(reply->ctx, from->recent_progress_json[i], err));
    return 0;
}

static int take_reply(void *ctx, const Spark__ExecutePlanResponse *response, struct err *err)
{
    const Spark__StreamingQueryCommandResult *result = response->streaming_query_command_result;
    struct reply *reply = ctx;

    if (response->response_type_case !=
        SPARK__EXECUTE_PLAN_RESPONSE__RESPONSE_TYPE_STREAMING_QUERY_COMMAND_RESULT)
        return 0;
    reply->was_answered = true;
    switch (result->result_type_case) {
    case SPARK__STREAMING_QUERY_COMMAND_RESULT__RESULT_TYPE_STATUS:
        reply->is_active = result->status->is_active;
        return 0;
    case SPARK__STREAMING_QUERY_COMMAND_RESULT__RESULT_TYPE_RECENT_PROGRESS:
        return reply->on_progress ? take_progress(reply, result->recent_progress, err) : 0;
    case SPARK__STREAMING_QUERY_COMMAND_RESULT__RESULT_TYPE_EXCEPTION:
        if (*result->exception->exception_message && reply->failure == NULL)
            reply->failure = mem_str(result->exception->exception_message);
        return 0;
    default:
        return 0;
    }
}

static int ask(struct spark_session *session, const struct spark_query *query,
               Spark__StreamingQueryCommand__CommandCase what, struct reply *reply, struct err *err)
{
    TRY(spark_operation_run(session, spark_plan_of_command(query, what), take_reply, reply, err));
    return reply->was_answered ? 0 : no_answer(err);
}

int spark_query_runs(struct spark_session *session, const struct spark_query *query,
                     struct err *err)
{
    struct reply reply = {0};

    TRY(ask(session, query, SPARK__STREAMING_QUERY_COMMAND__COMMAND_STATUS, &reply, err));
    return reply.is_active;
}

int spark_query_progress(struct spark_session *session, const struct spark_query *query, bool all,
                         spark_on_progress *on_progress, void *ctx, struct err *err)
{
    struct reply reply = {.on_progress = on_progress, .ctx = ctx};

    return ask(session, query,
               all ? SPARK__STREAMING_QUERY_COMMAND__COMMAND_RECENT_PROGRESS
                   : SPARK__STREAMING_QUERY_COMMAND__COMMAND_LAST_PROGRESS,
               &reply, err);
}

int spark_query_failure(struct spark_session *session, const struct spark_query *query,
                        char **ret_message, struct err *err)
{
    struct reply reply = {0};

    if (ask(session, query, SPARK__STREAMING_QUERY_COMMAND__COMMAND_EXCEPTION, &reply, err) < 0) {
        free(reply.failure);
        return -1;
    }
    if (reply.failure == NULL)
        return 0;
    *ret_message = reply.failure;
    return 1;
}

int spark_query_stop(struct spark_session *session, const struct spark_query *query,
                     struct err *err)
{
    struct reply reply = {.was_answered = true}; /* a stop has no answer of its own */

    return ask(session, query, SPARK__STREAMING_QUERY_COMMAND__COMMAND_STOP, &reply, err);
}
