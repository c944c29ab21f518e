/*
 * Faults on the wire: what listens is no gRPC server, breaks off, says too much, is too old, or falls silent. The
 * peer sends frames of HTTP/2 that the tests write down; all that a real server does is in
 * tests/contract/spark_contract.c.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "engine/grpc.h"
#include "engine/spark_connect.h"
#include "scripted_server.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

/* ---- frames of HTTP/2 (RFC 9113), headers as literals (RFC 7541) ---- */

enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4 };
enum { END_STREAM = 1, END_HEADERS = 4 };

static void put_frame(struct buf *to, int type, int flags, int stream, const void *bytes,
                      size_t size)
{
    const unsigned char head[] = {(unsigned char)(size >> 16),
                                  (unsigned char)(size >> 8),
                                  (unsigned char)size,
                                  (unsigned char)type,
                                  (unsigned char)flags,
                                  0,
                                  0,
                                  0,
                                  (unsigned char)stream};

    buf_put(to, head, sizeof head);
    buf_put(to, bytes, size);
}

static void put_header(struct buf *to, const char *name, const char *value)
{
    buf_putc(to, 0x10); /* literal, never indexed, new name */
    buf_putc(to, (char)strlen(name));
    buf_puts(to, name);
    buf_putc(to, (char)strlen(value));
    buf_puts(to, value);
}

static void put_head(struct buf *to, const char *type)
{
    AUTO(buf) headers = {0};

    put_frame(to, SETTINGS, 0, 0, "", 0);
    put_header(&headers, ":status", "200");
    put_header(&headers, "content-type", type);
    put_frame(to, HEADERS, END_HEADERS, 1, headers.data, headers.size);
}

static void put_message(struct buf *to, const void *bytes, size_t size, size_t told)
{
    AUTO(buf) data = {0};
    const unsigned char head[] = {0, (unsigned char)(told >> 24), (unsigned char)(told >> 16),
                                  (unsigned char)(told >> 8), (unsigned char)told};

    buf_put(&data, head, sizeof head);
    buf_put(&data, bytes, size);
    put_frame(to, DATA, 0, 1, data.data, data.size);
}

static void put_trailers(struct buf *to, const char *status, const char *message)
{
    AUTO(buf) trailers = {0};

    put_header(&trailers, "grpc-status", status);
    if (message)
        put_header(&trailers, "grpc-message", message);
    put_frame(to, HEADERS, END_HEADERS | END_STREAM, 1, trailers.data, trailers.size);
}

/* ---- a call ---- */

struct bed {
    struct server *server;
    struct grpc_channel channel;
    struct buf said; /* what came, message after message */
    int messages;
};

static int set_up(void **state)
{
    struct bed *bed = mem_alloc(sizeof *bed);
    struct err err = {0};

    bed->server = server_open();
    assert_int_equal(grpc_open(&bed->channel,
                               &(struct grpc_conf){.url = server_url(bed->server),
                                                   .user_agent = "test",
                                                   .connect_ms = 1000,
                                                   .most_message_bytes = 1000},
                               &err),
                     0);
    *state = bed;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;

    grpc_close(&bed->channel);
    server_close(bed->server);
    buf_close(&bed->said);
    free(bed);
    return 0;
}

/* Not before the client has asked: it opens the connection first, and then the stream. */
static void says(struct bed *bed, const struct buf *answer, enum server_end end)
{
    server_says_bytes(bed->server, buf_text(answer), answer->size, end);
    server_waits(bed->server, 100);
}

static int keep(void *ctx, const uint8_t *bytes, size_t size, struct err *err)
{
    struct bed *bed = ctx;

    (void)err;
    bed->messages++;
    buf_put(&bed->said, bytes, size);
    return 0;
}

static int call(struct bed *bed, struct grpc_status *status, struct err *err)
{
    return grpc_call(&bed->channel,
                     &(struct grpc_call){.method = "/a.B/C",
                                         .request = (const uint8_t *)"hi",
                                         .request_size = 2,
                                         .silence_ms = 3000,
                                         .on_message = keep,
                                         .ctx = bed},
                     status, err);
}

static void expect_failure(struct bed *bed, enum err_code code, bool retriable, const char *part)
{
    AUTO(grpc_status) status = {0};
    struct err err = {0};

    assert_int_equal(call(bed, &status, &err), -1);
    if (strstr(err.text, part) == NULL || err.code != code || err.retriable != retriable)
        fail_msg("error %d, retriable %d: %s", (int)err.code, err.retriable, err.text);
}

static void messages_and_a_status_come(void **state)
{
    struct bed *bed = *state;
    AUTO(buf) answer = {0};
    AUTO(grpc_status) status = {0};
    struct err err = {0};

    put_head(&answer, "application/grpc+proto");
    put_message(&answer, "one", 3, 3);
    put_message(&answer, "", 0, 0);
    put_message(&answer, "three", 5, 5);
    put_trailers(&answer, "5", "not%20here%21 100%");
    says(bed, &answer, SERVER_KEEPS);

    if (call(bed, &status, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(bed->messages, 3);
    assert_string_equal(bed->said.data, "onethree");
    assert_int_equal(status.code, GRPC_NOT_FOUND);
    assert_string_equal(status.message, "not here! 100%");
}

static void a_web_server_is_told_as_one(void **state)
{
    struct bed *bed = *state;
    AUTO(buf) answer = {0};

    struct err err = {0};
    AUTO(grpc_status) status = {0};

    server_says(bed->server, 200, "", "hello");
    assert_int_equal(call(bed, &status, &err), -1);
    assert_string_equal(err.hint, "What listens there may be no gRPC server: look at the port.");
    put_head(&answer, "text/html");
    put_frame(&answer, DATA, END_STREAM, 1, "<html>", 6);
    says(bed, &answer, SERVER_KEEPS);
    expect_failure(bed, ERR_REMOTE, false, "it answers with HTTP 200");
}

static void an_answer_that_breaks_off_may_be_asked_for_again(void **state)
{
    struct bed *bed = *state;
    AUTO(buf) answer = {0};

    server_says_bytes(bed->server, "", 0, SERVER_RESETS);
    expect_failure(bed, ERR_NET, true, "");
    put_head(&answer, "application/grpc");
    put_message(&answer, "one", 3, 3);
    says(bed, &answer, SERVER_CLOSES);
    expect_failure(bed, ERR_NET, true, "");
    put_frame(&answer, RST_STREAM, 0, 1, "\0\0\0\x02", 4);
    says(bed, &answer, SERVER_KEEPS);
    expect_failure(bed, ERR_NET, true, "");
    buf_reset(&answer);
    put_head(&answer, "application/grpc");
    put_message(&answer, "on", 2, 3);
    put_trailers(&answer, "0", NULL);
    says(bed, &answer, SERVER_KEEPS);
    expect_failure(bed, ERR_NET, true, "within a message");
}

static void a_message_that_is_too_large_is_refused(void **state)
{
    struct bed *bed = *state;
    AUTO(buf) answer = {0};

    put_head(&answer, "application/grpc");
    put_message(&answer, "one", 3, 0x7fffffff);
    says(bed, &answer, SERVER_KEEPS);
    expect_failure(bed, ERR_LIMIT, false, "2147483647 bytes");
}

static void a_server_that_falls_silent_is_left(void **state)
{
    struct bed *bed = *state;
    AUTO(buf) answer = {0};

    put_head(&answer, "application/grpc");
    says(bed, &answer, SERVER_KEEPS);
    expect_failure(bed, ERR_NET, true, "says nothing");
}

static void *stop_soon(void *ctx)
{
    struct bed *bed = ctx;

    usleep(200000);
    grpc_stop(&bed->channel);
    return NULL;
}

static void a_stop_ends_the_call_and_the_channel_goes_on(void **state)
{
    struct bed *bed = *state;
    AUTO(buf) answer = {0};
    AUTO(grpc_status) status = {0};
    struct err err = {0};
    pthread_t thread;

    put_head(&answer, "application/grpc");
    says(bed, &answer, SERVER_KEEPS);
    put_trailers(&answer, "0", NULL);
    says(bed, &answer, SERVER_KEEPS);
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, bed), 0);
    assert_int_equal(call(bed, &status, &err), -1);
    pthread_join(thread, NULL);
    assert_int_equal(err.code, ERR_STOPPED);

    grpc_resume(&bed->channel);
    assert_int_equal(call(bed, &status, &err), 0);
    assert_int_equal(status.code, GRPC_OK);
}

static void an_older_spark_is_refused(void **state)
{
    struct bed *bed = *state;
    AUTO(spark_session) session = {0};
    AUTO(buf) answer = {0};
    struct err err = {0};
    char *remote = mem_fmt("sc://%s", server_url(bed->server) + strlen("http://"));

    put_head(&answer, "application/grpc");
    put_message(&answer,
                "\x42\x07\x0a\x05"
                "3.5.1",
                9, 9); /* AnalyzePlanResponse.spark_version */
    put_trailers(&answer, "0", NULL);
    says(bed, &answer, SERVER_KEEPS);
    assert_int_equal(spark_session_open(&session, &(struct spark_conf){.remote = remote}, &err),
                     -1);
    assert_non_null(strstr(err.text, "the server is Spark 3.5.1"));
    assert_string_equal(err.hint, "Spark 4.0 or later is needed.");
    free(remote);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(messages_and_a_status_come),
        TEST(a_web_server_is_told_as_one),
        TEST(an_answer_that_breaks_off_may_be_asked_for_again),
        TEST(a_message_that_is_too_large_is_refused),
        TEST(a_server_that_falls_silent_is_left),
        TEST(a_stop_ends_the_call_and_the_channel_goes_on),
        TEST(an_older_spark_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
