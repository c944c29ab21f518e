/*
 * Frames, trailers, and what libcurl says.
 */
#include "engine/grpc.h"

#include "base/clock.h"
#include "base/http_text.h"
#include "base/mem.h"
#include "base/stop.h"
#include "base/str.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define POLL_MS 1000
#define PARTING_MS 5000 /* so long is a silent server waited for once a stop was asked */
#define MOST_HEADER_BYTES (256 << 10)
#define FRAME_HEAD 5 /* whether compressed, and the size in four bytes */

struct grpc_impl {
    CURLM *multi;
    CURL *easy;
    char *url;
    char *user_agent;
    struct curl_slist *headers;
    int connect_ms;
    size_t most_message_bytes;
    atomic_bool stopped;
    int64_t parting_ms; /* when a call first saw that a stop was asked; 0: none has */

    /* Of the call under way. */
    const struct grpc_call *call;
    struct buf sent;     /* the request as a frame */
    struct buf received; /* of a message that is not whole yet */
    size_t header_bytes;
    bool is_grpc;    /* the answer has gRPC's content type */
    bool has_status; /* grpc-status came */
    struct grpc_status status;
    int64_t heard_ms; /* when anything came last */
    bool has_failed;  /* in a callback, told by err */
    struct err err;
    char why[CURL_ERROR_SIZE];
};

void grpc_status_close(struct grpc_status *status)
{
    free(status->message);
    buf_close(&status->details);
    *status = (struct grpc_status){0};
}

/* ---- open, close, stop ---- */

static int check_header(const char *header, struct err *err)
{
    for (const char *at = header; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return err_set(err, ERR_USAGE, "the header \"%.*s\" holds control characters",
                           (int)strcspn(header, ":"), header);
    return 0;
}

static int add_headers(struct grpc_impl *impl, const struct grpc_conf *conf, struct err *err)
{
    static const char *const ours[] = {"content-type: application/grpc", "te: trailers",
                                       "Expect:", "Accept:"};

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        impl->headers = curl_slist_append(impl->headers, ours[i]);
    for (size_t i = 0; i < conf->header_count; i++) {
        TRY(check_header(conf->headers[i], err));
        impl->headers = curl_slist_append(impl->headers, conf->headers[i]);
    }
    return 0;
}

int grpc_open(struct grpc_channel *channel, const struct grpc_conf *conf, struct err *err)
{
    struct grpc_impl *impl = mem_alloc(sizeof *impl);

    curl_global_init(CURL_GLOBAL_DEFAULT);
    channel->impl = impl;
    impl->multi = curl_multi_init();
    impl->easy = curl_easy_init();
    if (impl->multi == NULL || impl->easy == NULL)
        abort();
    impl->url = mem_str(conf->url);
    impl->user_agent = mem_str(conf->user_agent);
    impl->connect_ms = conf->connect_ms;
    impl->most_message_bytes = conf->most_message_bytes;
    impl->received.ceiling = conf->most_message_bytes + FRAME_HEAD + CURL_MAX_READ_SIZE;
    if (add_headers(impl, conf, err) == 0)
        return 0;
    grpc_close(channel);
    return -1;
}

void grpc_close(struct grpc_channel *channel)
{
    struct grpc_impl *impl = channel->impl;

    if (impl == NULL)
        return;
    curl_easy_cleanup(impl->easy);
    curl_multi_cleanup(impl->multi);
    curl_slist_free_all(impl->headers);
    buf_close(&impl->sent);
    buf_close(&impl->received);
    grpc_status_close(&impl->status);
    free(impl->url);
    free(impl->user_agent);
    free(impl);
    channel->impl = NULL;
}

void grpc_stop(struct grpc_channel *channel)
{
    atomic_store(&channel->impl->stopped, true);
    curl_multi_wakeup(channel->impl->multi);
}

void grpc_resume(struct grpc_channel *channel)
{
    atomic_store(&channel->impl->stopped, false);
}

/* ---- headers and trailers ---- */

static int hex_of(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

/* In place. What is no encoding stands for itself, as the protocol has it. */
static void decode_percent(char *text)
{
    char *to = text;

    for (const char *at = text; *at; at++) {
        const int high = *at == '%' ? hex_of(at[1]) : -1;
        const int low = high >= 0 ? hex_of(at[2]) : -1;

        if (low >= 0 && high * 16 + low != 0) {
            *to++ = (char)(high * 16 + low);
            at += 2;
        } else
            *to++ = *at;
    }
    *to = '\0';
}

/* Base64 with or without padding (RFC 4648); ends at what is none. */
static void decode_base64(const char *text, struct buf *to)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0;
    int count = 0;

    for (const char *at = text; *at; at++) {
        const char *digit = strchr(digits, *at);

        if (digit == NULL)
            return;
        bits = bits << 6 | (unsigned)(digit - digits);
        count += 6;
        if (count >= 8) {
            count -= 8;
            buf_putc(to, (char)(bits >> count & 0xff));
        }
    }
}

static void take_status(struct grpc_impl *impl, const char *line, size_t size)
{
    struct grpc_status *status = &impl->status;
    char *code = http_header_value(line, size, "grpc-status");
    char *message = http_header_value(line, size, "grpc-message");
    char *details = http_header_value(line, size, "grpc-status-details-bin");

    if (code) {
        impl->has_status = true;
        status->code = (int)strtol(code, NULL, 10);
    }
    if (message) {
        decode_percent(message);
        free(status->message);
        status->message = message;
    }
    if (details) {
        buf_reset(&status->details);
        decode_base64(details, &status->details);
    }
    free(code);
    free(details);
}

static size_t on_header(char *line, size_t one, size_t size, void *ctx)
{
    struct grpc_impl *impl = ctx;
    char *type = http_header_value(line, size, "content-type");

    (void)one;
    impl->heard_ms = clock_monotonic_ms();
    impl->header_bytes += size;
    if (impl->header_bytes > MOST_HEADER_BYTES) {
        free(type);
        impl->has_failed = true;
        err_set(&impl->err, ERR_LIMIT, "the answer has more than %d KiB of headers",
                MOST_HEADER_BYTES >> 10);
        return 0;
    }
    if (type)
        impl->is_grpc = str_starts(type, "application/grpc");
    free(type);
    take_status(impl, line, size);
    return size;
}

/* ---- frames ---- */

static size_t size_of_frame(const uint8_t *head)
{
    return (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
}

/* Hands over one message if it is whole: its bytes with the head, 0 if not, -1. */
static int64_t hand_over(struct grpc_impl *impl, const uint8_t *bytes, size_t size)
{
    size_t message_size;

    if (size < FRAME_HEAD)
        return 0;
    message_size = size_of_frame(bytes);
    if (bytes[0] != 0)
        return err_set(&impl->err, ERR_REMOTE, "the server compresses, which nobody asked it to");
    if (message_size > impl->most_message_bytes)
        return err_set(&impl->err, ERR_LIMIT, "the server sent a message of %zu bytes",
                       message_size);
    if (size < FRAME_HEAD + message_size)
        return 0;
    TRY(impl->call->on_message(impl->call->ctx, bytes + FRAME_HEAD, message_size, &impl->err));
    return (int64_t)(FRAME_HEAD + message_size);
}

static int take_bytes(struct grpc_impl *impl, const char *bytes, size_t size)
{
    struct buf *received = &impl->received;
    size_t done = 0;

    TRY(buf_add(received, bytes, size, &impl->err));
    for (;;) {
        const int64_t used =
            hand_over(impl, (const uint8_t *)received->data + done, received->size - done);

        TRY(used);
        if (used == 0)
            break;
        done += (size_t)used;
    }
    if (done > 0) {
        received->size -= done;
        memmove(received->data, received->data + done, received->size);
    }
    return 0;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *ctx)
{
    struct grpc_impl *impl = ctx;

    (void)one;
    impl->heard_ms = clock_monotonic_ms();
    if (!impl->is_grpc) /* a page of somebody's; told in the end */
        return size;
    if (take_bytes(impl, bytes, size) == 0)
        return size;
    impl->has_failed = true;
    return CURL_WRITEFUNC_ERROR;
}

/* ---- a call ---- */

static void put_frame(const struct grpc_call *call, struct buf *to)
{
    const size_t size = call->request_size;
    const uint8_t head[FRAME_HEAD] = {0, (uint8_t)(size >> 24), (uint8_t)(size >> 16),
                                      (uint8_t)(size >> 8), (uint8_t)size};

    buf_reset(to);
    buf_put(to, head, sizeof head);
    buf_put(to, call->request, size);
}

/* libcurl before 8.0 begins HTTP/2 anew on a plain connection that speaks it already, and fails. */
static bool may_reuse(const struct grpc_impl *impl)
{
    return str_starts(impl->url, "https") ||
           curl_version_info(CURLVERSION_NOW)->version_num >= 0x080000;
}

static void set_transport(struct grpc_impl *impl)
{
    const char *certificates = getenv("SSL_CERT_FILE");
    CURL *easy = impl->easy;

    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     str_starts(impl->url, "https") ? CURL_HTTP_VERSION_2TLS
                                                    : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, may_reuse(impl) ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (certificates && *certificates)
        curl_easy_setopt(easy, CURLOPT_CAINFO, certificates);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)impl->connect_ms);
}

static void set_call(struct grpc_impl *impl, const char *url)
{
    CURL *easy = impl->easy;

    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, impl->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, impl->user_agent);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, impl->sent.data);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)impl->sent.size);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, impl->why);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, impl);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, impl);
}

static void begin(struct grpc_impl *impl, const struct grpc_call *call)
{
    impl->call = call;
    put_frame(call, &impl->sent);
    buf_reset(&impl->received);
    grpc_status_close(&impl->status);
    impl->header_bytes = 0;
    impl->is_grpc = impl->has_status = impl->has_failed = false;
    impl->heard_ms = clock_monotonic_ms();
    impl->why[0] = '\0';
}

static int blame_network(struct err *err, const char *why)
{
    err_set(err, ERR_NET, "%s", why);
    err->retriable = true;
    return -1;
}

/* What is left to say once a stop was asked has its time from the stop on, however long the silence was before. */
static bool is_silent_too_long(struct grpc_impl *impl)
{
    const int64_t now = clock_monotonic_ms();

    if (stop_asked() && impl->parting_ms == 0)
        impl->parting_ms = now;
    if (impl->parting_ms && now - impl->parting_ms > PARTING_MS &&
        now - impl->heard_ms > PARTING_MS)
        return true;
    return now - impl->heard_ms > impl->call->silence_ms;
}

static int wait_for_news(struct grpc_impl *impl, struct err *err)
{
    struct curl_waitfd stop = {.fd = stop_fd(), .events = CURL_WAIT_POLLIN};
    const bool waits_for_stop = stop.fd >= 0 && !stop_asked();

    if (curl_multi_poll(impl->multi, &stop, waits_for_stop ? 1 : 0, POLL_MS, NULL) != CURLM_OK)
        return blame_network(err, "libcurl cannot wait");
    return 0;
}

/* 0 goes on, 1 the transfer is over. */
static int turn(struct grpc_impl *impl, CURLcode *ret_code, struct err *err)
{
    int running = 0;
    int left;
    CURLMsg *message;

    if (curl_multi_perform(impl->multi, &running) != CURLM_OK)
        return blame_network(err, "libcurl failed");
    while ((message = curl_multi_info_read(impl->multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE) {
            *ret_code = message->data.result;
            return 1;
        }
    if (atomic_load(&impl->stopped))
        return err_set(err, ERR_STOPPED, "interrupted");
    if (is_silent_too_long(impl))
        return blame_network(err, "the server says nothing any more");
    return wait_for_news(impl, err);
}

static int transfer(struct grpc_impl *impl, CURLcode *ret_code, struct err *err)
{
    int done = 0;

    if (curl_multi_add_handle(impl->multi, impl->easy) != CURLM_OK)
        return blame_network(err, "libcurl takes no request");
    while (done == 0)
        done = turn(impl, ret_code, err);
    curl_multi_remove_handle(impl->multi, impl->easy);
    return done < 0 ? -1 : 0;
}

static bool is_tls_fault(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR ||
           code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CERTPROBLEM;
}

/* What answered with other bytes than HTTP/2's. */
static bool is_other_protocol(const struct grpc_impl *impl, CURLcode code)
{
    return code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL ||
           strstr(impl->why, "expected SETTINGS") != NULL ||
           (code == CURLE_HTTP2 && impl->header_bytes == 0);
}

/* The connection ended before anything was answered. */
static bool broke_off_silently(const struct grpc_impl *impl, CURLcode code)
{
    return impl->header_bytes == 0 &&
           (code == CURLE_GOT_NOTHING || code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR);
}

static int blame(struct grpc_impl *impl, CURLcode code, struct err *err)
{
    const char *why = impl->why[0] ? impl->why : curl_easy_strerror(code);

    if (impl->has_failed) {
        *err = impl->err;
        return -1;
    }
    if (is_tls_fault(code)) {
        err_set(err, ERR_REMOTE, "no safe connection: %s", why);
        return err_hint(err, "Look whether the server has TLS, and whether its certificate is "
                             "trusted here (SSL_CERT_FILE names further ones).");
    }
    if (is_other_protocol(impl, code)) {
        err_set(err, ERR_REMOTE, "what listens there does not speak gRPC");
        return err_hint(err, "Look at the port, and whether use_ssl is as the server has it.");
    }
    blame_network(err, why);
    if (broke_off_silently(impl, code))
        err_hint(err, "What listens there may be no gRPC server: look at the port.");
    return -1;
}

static int check_answer(struct grpc_impl *impl, struct err *err)
{
    long http_status = 0;

    curl_easy_getinfo(impl->easy, CURLINFO_RESPONSE_CODE, &http_status);
    if (!impl->is_grpc && !impl->has_status) {
        err_set(err, ERR_REMOTE, "what listens there does not speak gRPC: it answers with HTTP %ld",
                http_status);
        err_hint(err, "Look at the host and the port: a proxy or another service may be there.");
        err->retriable = http_status == 502 || http_status == 503 || http_status == 504;
        return -1;
    }
    if (!impl->has_status)
        return blame_network(err, "the server broke off");
    if (impl->status.code == GRPC_OK && impl->received.size > 0)
        return blame_network(err, "the server broke off within a message");
    return 0;
}

int grpc_call(struct grpc_channel *channel, const struct grpc_call *call,
              struct grpc_status *ret_status, struct err *err)
{
    struct grpc_impl *impl = channel->impl;
    char *url = mem_fmt("%s%s", impl->url, call->method);
    CURLcode code = CURLE_OK;
    int done;

    begin(impl, call);
    curl_easy_reset(impl->easy); /* forgets the options, keeps connections */
    set_transport(impl);
    set_call(impl, url);
    done = transfer(impl, &code, err);
    free(url);
    TRY(done);
    /* A server may end the call in good order and the connection in bad. */
    if (code != CURLE_OK && (impl->has_failed || !impl->has_status))
        return blame(impl, code, err);
    TRY(check_answer(impl, err));
    *ret_status = impl->status;
    impl->status = (struct grpc_status){0};
    return 0;
}
