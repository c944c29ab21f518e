/*
 * A session's calls.
 */
#include "engine/spark_call.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include "base/str.h"
#include "engine/spark_fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/banned.h"

#define FAREWELL_MS 3000 /* what is said in parting waits no longer */
#define FIRST_PAUSE_MS 100
#define LONGEST_PAUSE_MS 5000

int spark_uuid(char ret_text[SPARK_UUID_TEXT], struct err *err)
{
    unsigned char b[16];

    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        return err_errno(err, "the system gave no random bytes");
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* RFC 9562, version 4 */
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(ret_text, SPARK_UUID_TEXT,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
    return 0;
}

/* ---- calls ---- */

void spark_pack(const ProtobufCMessage *message, struct buf *to)
{
    const size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = mem_alloc(size + 1);

    protobuf_c_message_pack(message, bytes);
    buf_reset(to);
    buf_put(to, bytes, size);
    free(bytes);
}

void spark_see_server(struct spark_impl *impl, const char *server_id)
{
    if (*impl->server_id == '\0' && *server_id) {
        free(impl->server_id);
        impl->server_id = mem_str(server_id);
    }
}

void spark_answer_close(struct spark_answer *answer)
{
    if (answer->message)
        protobuf_c_message_free_unpacked(answer->message, NULL);
    answer->message = NULL;
}

int spark_unreadable(struct err *err)
{
    return err_set(err, ERR_REMOTE, "the server's answer is no message of Spark Connect");
}

static int take_answer(void *ctx, const uint8_t *bytes, size_t size, struct err *err)
{
    struct spark_answer *answer = ctx;

    spark_answer_close(answer);
    answer->message = protobuf_c_message_unpack(answer->type, NULL, size, bytes);
    return answer->message ? 0 : spark_unreadable(err);
}

static int fetch_details(struct spark_impl *impl, const char *error_id,
                         struct spark_answer *answer);

/* Makes the error of a status, with what the server tells of it when asked. */
static int blame(struct spark_impl *impl, const struct grpc_status *status, struct err *err)
{
    char *error_id = NULL;
    AUTO(spark_answer) details = {.type = &spark__fetch_error_details_response__descriptor};

    spark_fault_of_status(status, &impl->fault, &error_id, err);
    if (error_id && fetch_details(impl, error_id, &details) == 0)
        spark_fault_add_details(
            (const Spark__FetchErrorDetailsResponse *)(const void *)details.message, &impl->fault,
            err);
    free(error_id);
    return -1;
}

int spark_call(struct spark_impl *impl, const char *method, const struct buf *request,
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

static int fetch_details(struct spark_impl *impl, const char *error_id, struct spark_answer *answer)
{
    Spark__FetchErrorDetailsRequest request = SPARK__FETCH_ERROR_DETAILS_REQUEST__INIT;
    AUTO(grpc_status) status = {0};
    AUTO(buf) bytes = {0};
    struct err ignored = {0};
    struct grpc_call call = {.method = SPARK_SERVICE "FetchErrorDetails",
                             .silence_ms = impl->silence_ms,
                             .on_message = take_answer,
                             .ctx = answer};

    SPARK_INTRODUCE(request, impl);
    request.error_id = (char *)(uintptr_t)error_id;
    spark_pack(&request.base, &bytes);
    call.request = (const uint8_t *)buf_text(&bytes);
    call.request_size = bytes.size;
    if (grpc_call(&impl->channel, &call, &status, &ignored) < 0 || status.code != GRPC_OK)
        return -1; /* what the status told is enough */
    return answer->message ? 0 : -1;
}

/* ---- trying again ---- */

void spark_patience_reset(struct spark_patience *patience, const struct spark_impl *impl)
{
    patience->until_ms = clock_monotonic_ms() + impl->patience_ms;
    patience->pause_ms = FIRST_PAUSE_MS;
}

bool spark_try_again(struct spark_impl *impl, struct spark_patience *patience,
                     const struct err *err)
{
    if (err->code != ERR_NET || !err->retriable || impl->patience_ms < 0 ||
        clock_monotonic_ms() + patience->pause_ms > patience->until_ms)
        return false;
    for (int waited = 0; waited < patience->pause_ms; waited += FIRST_PAUSE_MS) {
        if (atomic_load(&impl->interrupted) || stop_asked())
            return false;
        usleep(FIRST_PAUSE_MS * 1000);
    }
    if (patience->pause_ms < LONGEST_PAUSE_MS)
        patience->pause_ms *= 2;
    return true;
}

int spark_stopped(struct spark_impl *impl, struct err *err)
{
    atomic_store(&impl->interrupted, false);
    grpc_resume(&impl->channel);
    return err_set(err, ERR_STOPPED, "interrupted");
}

int spark_gave_up(struct err *err)
{
    if (err->code == ERR_NET && stop_asked()) {
        err->code = ERR_STOPPED;
        err->retriable = false;
    }
    return -1;
}

int spark_ask(struct spark_impl *impl, const char *method, const ProtobufCMessage *request,
              struct spark_answer *answer, struct err *err)
{
    struct spark_patience patience;
    AUTO(buf) bytes = {0};

    spark_fault_close(&impl->fault);
    spark_pack(request, &bytes);
    spark_patience_reset(&patience, impl);
    for (;;) {
        if (spark_call(impl, method, &bytes, impl->silence_ms, take_answer, answer, err) == 0)
            return answer->message ? 0 : spark_unreadable(err);
        if (atomic_load(&impl->interrupted))
            return spark_stopped(impl, err);
        if (!spark_try_again(impl, &patience, err))
            return spark_gave_up(err);
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

void spark_say(struct spark_impl *impl, const char *method, const ProtobufCMessage *request)
{
    const struct spark_fault kept = impl->fault;
    struct err ignored = {0};
    AUTO(buf) bytes = {0};
    int said;

    impl->fault = (struct spark_fault){0};
    spark_pack(request, &bytes);
    said = spark_call(impl, method, &bytes, FAREWELL_MS, ignore_answer, NULL, &ignored);
    (void)said; /* a server that does not hear it forgets by itself, later */
    spark_fault_close(&impl->fault);
    impl->fault = kept;
}
