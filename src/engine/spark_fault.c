/*
 * From gRPC's status, and Spark's chain of exceptions, to one error.
 */
#include "engine/spark_fault.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define ERROR_INFO "type.googleapis.com/google.rpc.ErrorInfo"
#define MOST_CAUSES 32

void spark_fault_close(struct spark_fault *fault)
{
    free(fault->error_class);
    free(fault->sql_state);
    free(fault->message);
    free(fault->fragment);
    *fault = (struct spark_fault){.start = -1, .stop = -1};
}

static void replace(char **text, const char *by)
{
    mem_replace(text, by && *by ? by : NULL);
}

/* ---- Spark's messages: "[CLASS] What is wrong. SQLSTATE: 42000 (line 1, pos 2)\n\n== SQL ==\n…" ---- */

static char *bare_message(const char *message)
{
    const char *end;
    const char *line;

    message += strspn(message, " \n");
    end = strstr(message, " SQLSTATE: ");
    line = strchr(message, '\n');
    if (*message == '[' && strstr(message, "] "))
        message = strstr(message, "] ") + 2;
    if (end == NULL || end < message || (line && line < end))
        end = line && line > message ? line : message + strlen(message);
    return mem_strn(message, (size_t)(end - message));
}

static void take_line(const char *message, struct spark_fault *fault)
{
    const char *at = strstr(message, "(line ");
    int line;
    int column;

    if (at && sscanf(at, "(line %d, pos %d)", &line, &column) == 2) {
        fault->line = line;
        fault->column = column;
    }
}

static void take_message(const char *message, struct spark_fault *fault)
{
    free(fault->message);
    fault->message = bare_message(message);
    take_line(message, fault);
}

/* ---- what kind of error it is ---- */

static bool is_one_of(const char *text, const char *const *all)
{
    for (size_t i = 0; all[i]; i++)
        if (str_starts(text, all[i]))
            return true;
    return false;
}

/*
 * By the SQLSTATE's class: the statement or what it reads is at fault. Others are the server's: no resources,
 * its file system, an error within itself; and of these classes what systems behind it did (KD010, HV000).
 */
static bool blames_statement(const char *sql_state)
{
    static const char *const classes[] = {"07", "0A", "21", "22", "23", "2",
                                          "3",  "42", "KD", "P0", "HV", NULL};

    return sql_state && is_one_of(sql_state, classes) && !str_same(sql_state, "KD010") &&
           !str_same(sql_state, "HV000");
}

static bool is_session_gone(const char *error_class)
{
    return error_class && str_starts(error_class, "INVALID_HANDLE") &&
           !str_ends(error_class, "OPERATION_ALREADY_EXISTS") && !str_ends(error_class, "FORMAT");
}

static bool is_cancelled(const struct spark_fault *fault)
{
    return str_same(fault->error_class, "OPERATION_CANCELED") ||
           str_same(fault->error_class, "EXECUTION_INTERRUPTED");
}

static void decide(struct spark_fault *fault, struct err *err)
{
    fault->is_lost = is_session_gone(fault->error_class);
    if (fault->is_lost) {
        err_set(err, ERR_REMOTE, "the server no longer knows this session: %s", fault->message);
        err_hint(err, "It was restarted, or closed the session. Run again.");
        err->retriable = true;
    } else if (is_cancelled(fault))
        err_set(err, ERR_REMOTE, "the server's side ended the operation: %s", fault->message);
    else
        err_set(err, blames_statement(fault->sql_state) ? ERR_SQL : ERR_REMOTE, "%s",
                fault->message);
}

/* ---- the status ---- */

static const char *entry_of(const Spark__ErrorInfo *info, const char *key)
{
    for (size_t i = 0; i < info->n_metadata; i++)
        if (str_same(info->metadata[i]->key, key))
            return info->metadata[i]->value;
    return NULL;
}

static void take_info(const Spark__Any *any, struct spark_fault *fault, char **ret_error_id)
{
    Spark__ErrorInfo *info = spark__error_info__unpack(NULL, any->value.len, any->value.data);

    if (info == NULL)
        return;
    replace(&fault->error_class, entry_of(info, "errorClass"));
    replace(&fault->sql_state, entry_of(info, "sqlState"));
    replace(ret_error_id, entry_of(info, "errorId"));
    spark__error_info__free_unpacked(info, NULL);
}

static void take_details(const struct buf *details, struct spark_fault *fault, char **ret_error_id)
{
    Spark__Status *status =
        details->size ? spark__status__unpack(NULL, details->size, (const uint8_t *)details->data)
                      : NULL;

    if (status == NULL)
        return;
    if (*status->message) /* the header's own may be cut */
        take_message(status->message, fault);
    for (size_t i = 0; i < status->n_details; i++)
        if (str_same(status->details[i]->type_url, ERROR_INFO))
            take_info(status->details[i], fault, ret_error_id);
    spark__status__free_unpacked(status, NULL);
}

/* What gRPC itself says, where Spark says nothing. */
static void decide_by_code(int code, struct spark_fault *fault, struct err *err)
{
    const char *message = fault->message;

    switch (code) {
    case GRPC_UNAUTHENTICATED:
    case GRPC_PERMISSION_DENIED:
        err_set(err, ERR_REMOTE, "the server refuses: %s", message);
        err_hint(err, "Look at the token in the server's address.");
        return;
    case GRPC_UNAVAILABLE:
    case GRPC_CANCELLED:
    case GRPC_DEADLINE_EXCEEDED:
        err_set(err, ERR_NET, "the server is not available: %s", message);
        err->retriable = true;
        return;
    case GRPC_UNIMPLEMENTED:
        err_set(err, ERR_REMOTE, "the server knows no Spark Connect, or an older one: %s", message);
        err_hint(err, "Spark 4.0 or later is needed, with its Connect server.");
        return;
    default:
        err_set(err, ERR_REMOTE, "the server failed: %s", message);
    }
}

void spark_fault_of_status(const struct grpc_status *status, struct spark_fault *fault,
                           char **ret_error_id, struct err *err)
{
    spark_fault_close(fault);
    take_message(status->message ? status->message : "it gives no reason", fault);
    take_details(&status->details, fault, ret_error_id);
    if (fault->error_class)
        decide(fault, err);
    else
        decide_by_code(status->code, fault, err);
}

/* ---- the chain of causes ---- */

static void take_place(const Spark__FetchErrorDetailsResponse__SparkThrowable *throwable,
                       struct spark_fault *fault)
{
    for (size_t i = 0; i < throwable->n_query_contexts; i++) {
        const Spark__FetchErrorDetailsResponse__QueryContext *context =
            throwable->query_contexts[i];

        if (context->context_type != 0) /* of an API, not of SQL */
            continue;
        replace(&fault->fragment, context->fragment);
        fault->start = context->start_index;
        fault->stop = context->stop_index;
        return;
    }
}

static void take_cause(const Spark__FetchErrorDetailsResponse__Error *cause,
                       struct spark_fault *fault)
{
    const Spark__FetchErrorDetailsResponse__SparkThrowable *throwable = cause->spark_throwable;

    if (throwable == NULL || *throwable->error_class == '\0')
        return;
    replace(&fault->error_class, throwable->error_class);
    replace(&fault->sql_state, throwable->sql_state);
    if (*cause->message)
        take_message(cause->message, fault);
    take_place(throwable, fault);
}

void spark_fault_add_details(const Spark__FetchErrorDetailsResponse *details,
                             struct spark_fault *fault, struct err *err)
{
    int32_t at = details->root_error_idx;

    for (int depth = 0; depth < MOST_CAUSES && at >= 0 && (size_t)at < details->n_errors; depth++) {
        const Spark__FetchErrorDetailsResponse__Error *cause = details->errors[at];

        take_cause(cause, fault);
        at = cause->cause_idx > 0 ? cause->cause_idx : -1;
    }
    if (fault->error_class)
        decide(fault, err);
}
