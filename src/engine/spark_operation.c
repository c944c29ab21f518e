/*
 * Operations: run, reattached to, released, interrupted.
 */
#include "engine/spark_operation.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/spark_call.h"
#include "engine/spark_fault.h"
#include "engine/spark_message.h"

#include <stdlib.h>

#include "base/banned.h"

#define STEADY_MS 1000
#define SETTLE_MS 5000
#define UNRELEASED_BYTES ((size_t)8 << 20) /* the server keeps so much for reattaching */

static const struct spark_handlers no_handlers = {0};

struct operation {
    struct spark_impl *impl;
    const struct spark_handlers *handlers;
    spark_on_response *on_other; /* answers that are for none of the handlers; NULL */
    void *other_ctx;
    struct buf request; /* of ExecutePlan */
    char id[SPARK_UUID_TEXT];
    char *last_response; /* the id of the last answer that came; NULL: none has */
    size_t unreleased;   /* bytes of answers since the server was told to forget them */
    bool is_complete;
    size_t stages;        /* as far as the server told */
    int64_t steady_since; /* monotonic ms: tasks run, and no stage is new since; 0: none run */
    int64_t settle_until; /* monotonic ms; 0: it is not about to be interrupted */
    struct spark_patience patience;
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

static void see_stages(struct operation *operation,
                       const Spark__ExecutePlanResponse__ExecutionProgress *progress)
{
    if (progress->num_inflight_tasks == 0)
        operation->steady_since = 0;
    else if (operation->steady_since == 0 || operation->stages != progress->n_stages)
        operation->steady_since = clock_monotonic_ms();
    operation->stages = progress->n_stages;
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
        see_stages(operation, response->execution_progress);
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

/* Whether an operation that is to be interrupted is where Spark's Interrupt reaches all of it. */
static bool is_settled(const struct operation *operation)
{
    const int64_t now = clock_monotonic_ms();

    return operation->is_complete || now > operation->settle_until ||
           (operation->steady_since && now - operation->steady_since >= STEADY_MS);
}

static int take_response(void *ctx, const uint8_t *bytes, size_t size, struct err *err)
{
    struct operation *operation = ctx;
    Spark__ExecutePlanResponse *response = spark__execute_plan_response__unpack(NULL, size, bytes);
    int taken;

    if (response == NULL)
        return spark_unreadable(err);
    spark_see_server(operation->impl, response->server_side_session_id);
    taken = hand_over(operation, response, err);
    if (taken == 0 && *response->response_id) {
        free(operation->last_response);
        operation->last_response = mem_str(response->response_id);
    }
    operation->unreleased += size;
    spark_patience_reset(&operation->patience, operation->impl);
    spark__execute_plan_response__free_unpacked(response, NULL);
    if (taken == 0 && operation->settle_until && is_settled(operation))
        return err_set(err, ERR_STOPPED, "interrupted");
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

    SPARK_INTRODUCE(request, impl);
    request.operation_id = operation->id;
    if (all) {
        request.release_case = SPARK__RELEASE_EXECUTE_REQUEST__RELEASE_RELEASE_ALL;
        request.release_all = &everything;
    } else {
        request.release_case = SPARK__RELEASE_EXECUTE_REQUEST__RELEASE_RELEASE_UNTIL;
        request.release_until = &until;
        until.response_id = operation->last_response;
    }
    spark_say(impl, SPARK_SERVICE "ReleaseExecute", &request.base);
    operation->unreleased = 0;
}

static void interrupt_operation(struct operation *operation)
{
    struct spark_impl *impl = operation->impl;
    Spark__InterruptRequest request = SPARK__INTERRUPT_REQUEST__INIT;

    SPARK_INTRODUCE(request, impl);
    request.interrupt_type = SPARK__INTERRUPT_REQUEST__INTERRUPT_TYPE__OPERATION_ID;
    request.interrupt_case = SPARK__INTERRUPT_REQUEST__INTERRUPT_OPERATION_ID;
    request.operation_id = operation->id;
    spark_say(impl, SPARK_SERVICE "Interrupt", &request.base);
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

    SPARK_INTRODUCE(request, impl);
    reattach.reattachable = true;
    option.request_option_case =
        SPARK__EXECUTE_PLAN_REQUEST__REQUEST_OPTION__REQUEST_OPTION_REATTACH_OPTIONS;
    option.reattach_options = &reattach;
    request.plan = plan;
    request.operation_id = operation->id;
    request.n_request_options = 1;
    request.request_options = options;
    request.client_observed_server_side_session_id = impl->server_id;
    spark_pack(&request.base, &operation->request);
}

static int reattach(struct operation *operation, struct err *err)
{
    struct spark_impl *impl = operation->impl;
    Spark__ReattachExecuteRequest request = SPARK__REATTACH_EXECUTE_REQUEST__INIT;
    AUTO(buf) bytes = {0};

    SPARK_INTRODUCE(request, impl);
    request.operation_id = operation->id;
    request.client_observed_server_side_session_id = impl->server_id;
    if (operation->last_response)
        request.last_response_id = operation->last_response;
    spark_pack(&request.base, &bytes);
    return spark_call(impl, SPARK_SERVICE "ReattachExecute", &bytes,
                      operation->settle_until ? SETTLE_MS : impl->silence_ms, take_response,
                      operation, err);
}

/*
 * Spark's Interrupt ends the jobs that an operation has. A job that the operation is about to give, at its begin and
 * after each stage, would come all the same, be nobody's, and run to its end. So the operation is followed until
 * its tasks have run for a while.
 */
static void settle(struct operation *operation)
{
    struct err ended = {0};

    operation->handlers = &no_handlers;
    operation->on_other = NULL;
    operation->settle_until = clock_monotonic_ms() + SETTLE_MS;
    while (!is_settled(operation) && reattach(operation, &ended) == 0)
        ;
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
    if (!spark_try_again(impl, &operation->patience, err))
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
        done = asking == ASK_EXECUTE
                   ? spark_call(impl, SPARK_SERVICE "ExecutePlan", &operation->request,
                                impl->silence_ms, take_response, operation, err)
                   : reattach(operation, err);
        if (atomic_load(&impl->interrupted)) {
            spark_stopped(impl, err);
            settle(operation);
            return -1;
        }
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
    int done = spark_uuid(operation.id, err);

    if (done == 0)
        pack_execute(&operation, plan_taken);
    spark_plan_free(plan_taken);
    TRY(done);
    spark_patience_reset(&operation.patience, impl);
    done = follow(&operation, err);
    if (done < 0 && !impl->fault.is_lost && err->code != ERR_NET)
        interrupt_operation(&operation);
    if (!impl->fault.is_lost && (done == 0 || err->code != ERR_NET))
        release(&operation, true);
    return done < 0 ? spark_gave_up(err) : 0;
}

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
