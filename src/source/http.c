/*
 * libcurl's multi interface with a single transfer, so that waiting can be interrupted and the
 * time to read is ours to choose.
 */
#include "source/http.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/http_text.h"
#include "base/mem.h"
#include "base/stop.h"
#include "riacho.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define MOST_HEADER_BYTES (256 << 10)
#define READ_BYTES (64L << 10) /* libcurl reads up to a hundred times as much in one go */
#define MOST_CONNECT_MS 30000

struct http_impl {
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    int64_t timeout_ms;
    bool is_active; /* the transfer is in the multi handle */
    bool is_connected;
    bool is_enough;  /* the sink wants no more */
    bool has_failed; /* `err` tells why */
    struct err err;
    http_sink *sink;
    void *sink_ctx;
    struct http_answer answer;
    int64_t header_bytes;
    int64_t silent_ms;
    char why[CURL_ERROR_SIZE];
};

void http_request_close(struct http_request *request)
{
    for (size_t i = 0; i < request->header_count; i++)
        free(request->headers[i]);
    free(request->headers);
    free(request->method);
    free(request->url);
    free(request->body);
    *request = (struct http_request){0};
}

void http_request_copy(const struct http_request *from, struct http_request *ret_request)
{
    http_request_close(ret_request);
    ret_request->method = mem_str(from->method);
    ret_request->url = mem_str(from->url);
    ret_request->body = mem_str(from->body);
    ret_request->headers = mem_alloc(from->header_count * sizeof *from->headers);
    ret_request->header_count = from->header_count;
    for (size_t i = 0; i < from->header_count; i++)
        ret_request->headers[i] = mem_str(from->headers[i]);
}

static void close_answer(struct http_answer *answer)
{
    free(answer->content_type);
    free(answer->link);
    free(answer->retry_after);
    free(answer->location);
    *answer = (struct http_answer){0};
}

void http_open(struct http *http, int64_t timeout_ms)
{
    http_close(http);
    http->impl = mem_alloc(sizeof *http->impl);
    http->impl->timeout_ms = timeout_ms;
    http->impl->multi = curl_multi_init();
    http->impl->easy = curl_easy_init();
    if (http->impl->multi == NULL || http->impl->easy == NULL)
        abort();
}

void http_close(struct http *http)
{
    struct http_impl *impl = http->impl;

    if (impl == NULL)
        return;
    http_cancel(http);
    curl_easy_cleanup(impl->easy);
    curl_multi_cleanup(impl->multi);
    curl_slist_free_all(impl->headers);
    close_answer(&impl->answer);
    free(impl);
    http->impl = NULL;
}

void http_cancel(struct http *http)
{
    if (http->impl && http->impl->is_active)
        curl_multi_remove_handle(http->impl->multi, http->impl->easy);
    if (http->impl)
        http->impl->is_active = false;
}

bool http_is_connected(const struct http *http)
{
    return http->impl->is_connected;
}

const struct http_answer *http_answer(const struct http *http)
{
    return &http->impl->answer;
}

/* ---- what libcurl calls ---- */

static int on_connected(void *ctx, char *to_ip, char *from_ip, int to_port, int from_port)
{
    struct http_impl *impl = ctx;

    (void)to_ip;
    (void)from_ip;
    (void)to_port;
    (void)from_port;
    impl->is_connected = true;
    return CURL_PREREQFUNC_OK;
}

static void take_header(struct http_answer *answer, const char *line, size_t size)
{
    const struct {
        const char *name;
        char **value;
    } wanted[] = {{"content-type", &answer->content_type},
                  {"retry-after", &answer->retry_after},
                  {"location", &answer->location}};
    char *link = http_header_value(line, size, "link");

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        char *value = http_header_value(line, size, wanted[i].name);

        if (value) {
            free(*wanted[i].value);
            *wanted[i].value = value;
        }
    }
    if (link && answer->link) {
        char *both = mem_fmt("%s, %s", answer->link, link);

        free(answer->link);
        free(link);
        link = both;
    }
    answer->link = link ? link : answer->link;
}

static bool is_header(const char *line, size_t size, const char *name)
{
    char *value = http_header_value(line, size, name);

    free(value);
    return value != NULL;
}

static size_t on_header(char *line, size_t one, size_t size, void *ctx)
{
    struct http_impl *impl = ctx;

    (void)one;
    impl->silent_ms = 0;
    impl->header_bytes += (int64_t)size;
    if (impl->header_bytes > MOST_HEADER_BYTES) {
        impl->has_failed = true;
        err_set(&impl->err, ERR_LIMIT, "the answer has more than %d KiB of headers",
                MOST_HEADER_BYTES >> 10);
        return 0;
    }
    if (size > 5 &&
        strncmp(line, "HTTP/", 5) == 0) { /* of this answer, or of one before it (1xx) */
        close_answer(&impl->answer);
        impl->answer.is_framed = line[5] != '1';
        impl->answer.status = (int)strtol(line + strcspn(line, " "), NULL, 10);
        return size;
    }
    impl->answer.is_framed |=
        is_header(line, size, "content-length") || is_header(line, size, "transfer-encoding");
    take_header(&impl->answer, line, size);
    return size;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *ctx)
{
    struct http_impl *impl = ctx;
    int said;

    (void)one;
    impl->silent_ms = 0;
    impl->answer.body_bytes += (int64_t)size;
    said = impl->sink(impl->sink_ctx, &impl->answer, bytes, size, &impl->err);
    impl->is_enough = said > 0;
    impl->has_failed = said < 0;
    return said == 0 ? size : CURL_WRITEFUNC_ERROR;
}

/* ---- an exchange ---- */

static int check_header(const char *header, struct err *err)
{
    const size_t name_size = strcspn(header, ":");

    for (const char *at = header; *at; at++)
        if (((unsigned char)*at < 0x20 && *at != '\t') || *at == 0x7f)
            return err_set(err, ERR_USAGE, "the header \"%.*s\" holds control characters",
                           (int)name_size, header);
    return 0;
}

static int take_headers(struct http_impl *impl, const struct http_request *request, struct err *err)
{
    curl_slist_free_all(impl->headers);
    impl->headers = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; i < request->header_count; i++) {
        const char *header = request->headers[i];
        const char *value = strchr(header, ':');
        char *empty = NULL;

        TRY(check_header(header, err));
        /* libcurl takes "Name:" for the wish not to send it; "Name;" sends it empty. */
        if (value && value[1 + strspn(value + 1, " \t")] == '\0')
            empty = mem_fmt("%.*s;", (int)(value - header), header);
        impl->headers = curl_slist_append(impl->headers, empty ? empty : header);
        free(empty);
    }
    return 0;
}

static void set_rules(struct http_impl *impl)
{
    const char *certificates = getenv("SSL_CERT_FILE");
    CURL *easy = impl->easy;

    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (certificates && *certificates)
        curl_easy_setopt(easy, CURLOPT_CAINFO, certificates);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, READ_BYTES);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(impl->timeout_ms < MOST_CONNECT_MS ? impl->timeout_ms
                                                               : MOST_CONNECT_MS));
}

static void set_callbacks(struct http_impl *impl)
{
    CURL *easy = impl->easy;

    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, impl->why);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, impl);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, impl);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, impl);
}

static void set_request(struct http_impl *impl, const struct http_request *request)
{
    CURL *easy = impl->easy;

    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, impl->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "riacho/" RIACHO_VERSION);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, ""); /* all that libcurl can decode */
    if (request->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(request->body));
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body);
    } else if (strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, 0L);
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, "");
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

int http_start(struct http *http, const struct http_request *request, http_sink *sink, void *ctx,
               struct err *err)
{
    struct http_impl *impl = http->impl;

    http_cancel(http);
    TRY(take_headers(impl, request, err));
    close_answer(&impl->answer);
    impl->is_connected = impl->is_enough = impl->has_failed = false;
    impl->header_bytes = impl->silent_ms = 0;
    impl->why[0] = '\0';
    impl->sink = sink;
    impl->sink_ctx = ctx;
    curl_easy_reset(impl->easy); /* forgets the options, keeps connections and TLS sessions */
    set_rules(impl);
    set_callbacks(impl);
    set_request(impl, request);
    if (curl_multi_add_handle(impl->multi, impl->easy) != CURLM_OK)
        return err_set(err, ERR_NET, "libcurl takes no request");
    impl->is_active = true;
    return 0;
}

/* Whether the same request may work later. */
static bool is_passing(CURLcode code)
{
    switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return false;
    default:
        return true;
    }
}

static int finish(struct http_impl *impl, CURLcode code, struct err *err)
{
    if (impl->has_failed) {
        *err = impl->err;
        return -1;
    }
    if (code == CURLE_OK || impl->is_enough)
        return 1;
    err_set(err, ERR_NET, "%s", impl->why[0] ? impl->why : curl_easy_strerror(code));
    err->retriable = is_passing(code);
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        err_hint(err,
                 "If this server's certificate is from an authority of your own, name its file in "
                 "SSL_CERT_FILE.");
    return -1;
}

static void count_bytes(struct http_impl *impl)
{
    curl_off_t body = 0;
    long headers = 0;

    curl_easy_getinfo(impl->easy, CURLINFO_SIZE_DOWNLOAD_T, &body);
    curl_easy_getinfo(impl->easy, CURLINFO_HEADER_SIZE, &headers);
    impl->answer.wire_bytes = (int64_t)body + headers;
}

/* Lets libcurl work. 1 the exchange is over, 0 not yet, -1. */
static int perform(struct http *http, struct err *err)
{
    struct http_impl *impl = http->impl;
    const CURLMsg *message;
    int left;

    const CURLMcode code = curl_multi_perform(impl->multi, &left);

    if (code != CURLM_OK)
        return err_set(err, ERR_NET, "%s", curl_multi_strerror(code));
    count_bytes(impl);
    message = curl_multi_info_read(impl->multi, &left);
    if (message == NULL || message->msg != CURLMSG_DONE)
        return 0;
    const CURLcode result = message->data.result;

    http_cancel(http);
    return finish(impl, result, err);
}

static void wait_for_news(struct http_impl *impl, int wait_ms)
{
    struct curl_waitfd stop = {.fd = stop_fd(), .events = CURL_WAIT_POLLIN};
    const int64_t before = clock_monotonic_ms();

    curl_multi_poll(impl->multi, &stop, stop.fd >= 0 ? 1 : 0, wait_ms, NULL);
    impl->silent_ms += clock_monotonic_ms() - before;
}

int http_step(struct http *http, int wait_ms, struct err *err)
{
    struct http_impl *impl = http->impl;
    const int done = perform(http, err);

    if (done != 0)
        return done;
    if (stop_asked())
        return err_set(err, ERR_STOPPED, "stopped");
    if (wait_ms > 0)
        wait_for_news(impl, wait_ms);
    if (!impl->is_connected)
        impl->silent_ms = 0; /* connecting has its own time limit */
    if (impl->silent_ms < impl->timeout_ms)
        return 0;
    http_cancel(http);
    err_set(err, ERR_NET, "nothing came for %" PRId64 " ms", impl->timeout_ms);
    err->retriable = true;
    return -1;
}
