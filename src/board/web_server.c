/*
 * libmicrohttpd made to fit. It reads a request in several calls: the first has its head, then come
 * parts of its body, the last has none.
 */
#include "board/web_server.h"

#include "base/http_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "board/assets.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/banned.h"

#define POOL_BYTES ((size_t)16 << 10) /* a request's head must fit */
#define STREAM_BLOCK ((size_t)16 << 10)

/* What every answer says, so that nothing else than the page's own files is run or shown by it. */
static const char *const safe_headers[][2] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' "
     "data:; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
     "frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
};

/* ---- what a request says ---- */

const char *exchange_header(const struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

const char *exchange_query(const struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result count_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct guard_request *request = cls;

    (void)kind;
    (void)value;
    request->header_count++;
    request->host_count += strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0;
    request->length_count += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
    return MHD_YES;
}

static bool may_be_answered(const struct web_server *server, struct exchange *x)
{
    struct guard_request request = {
        .method = x->method,
        .path = x->path,
        .host = exchange_header(x, MHD_HTTP_HEADER_HOST),
        .origin = exchange_header(x, MHD_HTTP_HEADER_ORIGIN),
        .fetch_site = exchange_header(x, "Sec-Fetch-Site"),
        .content_type = exchange_header(x, MHD_HTTP_HEADER_CONTENT_TYPE),
        .length = exchange_header(x, MHD_HTTP_HEADER_CONTENT_LENGTH),
        .coding = exchange_header(x, MHD_HTTP_HEADER_TRANSFER_ENCODING),
    };
    struct refusal refusal;

    MHD_get_connection_values(x->connection, MHD_HEADER_KIND, count_header, &request);
    if (guard_check(server->guard, &request, &refusal))
        return true;
    exchange_refuse(x, &refusal);
    if (refusal.status == MHD_HTTP_METHOD_NOT_ALLOWED)
        x->allow = "GET, HEAD, POST, DELETE";
    return false;
}

/* ---- answers ---- */

static ssize_t read_stream(void *cls, uint64_t position, char *to, size_t size)
{
    const struct exchange_stream *stream = cls;
    const ssize_t got = stream->read(stream->ctx, to, size);

    (void)position;
    return got > 0 ? got : MHD_CONTENT_READER_END_OF_STREAM;
}

static void close_stream(void *cls)
{
    struct exchange_stream *stream = cls;

    stream->close(stream->ctx);
    free(stream);
}

static struct MHD_Response *stream_response(struct exchange *x)
{
    struct exchange_stream *stream = mem_alloc(sizeof *stream);

    *stream = x->stream;
    x->stream.ctx = NULL;
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, stream,
                                             close_stream);
}

static struct MHD_Response *file_response(struct exchange *x)
{
    struct stat info = {0};
    const int fd = x->fd_plus_1 - 1;

    x->fd_plus_1 = 0;
    if (fstat(fd, &info) != 0) {
        close(fd);
        return NULL;
    }
    return MHD_create_response_from_fd64((uint64_t)info.st_size, fd);
}

/* The file as it was before it was gzipped (RFC 1952), for the few who cannot read that. */
static void unpack(const struct asset *asset, struct buf *ret_text)
{
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)asset->bytes,
                       .avail_in = (uInt)asset->size};
    unsigned char part[8192];
    int done = inflateInit2(&stream, 15 + 16);

    while (done == Z_OK) {
        stream.next_out = part;
        stream.avail_out = sizeof part;
        done = inflate(&stream, Z_NO_FLUSH);
        buf_put(ret_text, part, sizeof part - stream.avail_out);
    }
    inflateEnd(&stream);
}

static struct MHD_Response *asset_response(struct exchange *x)
{
    const struct asset *asset = x->asset;

    if (!http_takes_gzip(exchange_header(x, MHD_HTTP_HEADER_ACCEPT_ENCODING))) {
        const size_t size = (unpack(asset, &x->text), x->text.size);

        return MHD_create_response_from_buffer(size, buf_take(&x->text), MHD_RESPMEM_MUST_FREE);
    }
    x->encoding = "gzip";
    return MHD_create_response_from_buffer(asset->size, (void *)(uintptr_t)asset->bytes,
                                           MHD_RESPMEM_PERSISTENT);
}

static struct MHD_Response *response_of(struct exchange *x)
{
    const size_t size = x->text.size;

    if (x->stream.ctx)
        return stream_response(x);
    if (x->fd_plus_1)
        return file_response(x);
    if (x->asset)
        return asset_response(x);
    return MHD_create_response_from_buffer(size, buf_take(&x->text), MHD_RESPMEM_MUST_FREE);
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (value != NULL && *value != '\0')
        MHD_add_response_header(response, name, value);
}

static void add_headers(struct MHD_Response *response, const struct exchange *x)
{
    for (size_t i = 0; i < sizeof safe_headers / sizeof *safe_headers; i++)
        add_header(response, safe_headers[i][0], safe_headers[i][1]);
    add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, x->type);
    add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, x->cache ? x->cache : "no-store");
    add_header(response, MHD_HTTP_HEADER_ETAG, x->etag);
    add_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, x->encoding);
    add_header(response, MHD_HTTP_HEADER_SET_COOKIE, x->cookie);
    add_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION, x->attachment);
    add_header(response, MHD_HTTP_HEADER_ALLOW, x->allow);
    if (x->asset)
        add_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    if (x->status == 401)
        add_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    /* Whoever sent what cannot be read may have hidden a second request behind it. */
    if (x->status == 400 || x->status == 431)
        add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

static enum MHD_Result send_answer(struct exchange *x)
{
    struct MHD_Response *response = response_of(x);
    enum MHD_Result sent;

    if (response == NULL)
        return MHD_NO;
    add_headers(response, x);
    sent = MHD_queue_response(x->connection, x->status, response);
    MHD_destroy_response(response);
    return sent;
}

/* ---- requests ---- */

static struct client *client_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void refuse_body(struct exchange *x)
{
    struct refusal refusal;

    refusal_set(&refusal, 413, "size", "a body may have at most %d bytes", EXCHANGE_MOST_BODY);
    exchange_refuse(x, &refusal);
}

static enum MHD_Result take_head(struct web_server *server, struct exchange **ret_x,
                                 struct MHD_Connection *connection, const char *path,
                                 const char *method)
{
    struct exchange *x = mem_alloc(sizeof *x);
    const char *length;

    *ret_x = x;
    x->board = server->board;
    x->connection = connection;
    x->method = method;
    x->path = path;
    x->body.ceiling = EXCHANGE_MOST_BODY;
    clients_allow(server->clients, client_of(connection), CLIENT_HEAD_MS);
    length = exchange_header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (!may_be_answered(server, x))
        return send_answer(x);
    if (length && strtoull(length, NULL, 10) > EXCHANGE_MOST_BODY) {
        refuse_body(x);
        return send_answer(x);
    }
    return MHD_YES;
}

/* What is too much is read past, and refused at its end. */
static enum MHD_Result take_body(struct exchange *x, const char *bytes, size_t *size)
{
    struct err ignored;

    if (buf_add(&x->body, bytes, *size, &ignored) < 0)
        refuse_body(x);
    *size = 0;
    return MHD_YES;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request)
{
    struct web_server *server = cls;
    struct exchange *x = *request;

    (void)version;
    if (x == NULL)
        return take_head(server, (struct exchange **)request, connection, path, method);
    if (*upload_size > 0)
        return take_body(x, upload, upload_size);
    clients_allow(server->clients, client_of(connection), 0);
    if (x->status == 0)
        server->answer(x);
    return send_answer(x);
}

static void end_request(void *cls, struct MHD_Connection *connection, void **request,
                        enum MHD_RequestTerminationCode how)
{
    struct web_server *server = cls;
    struct exchange *x = *request;

    (void)how;
    if (x == NULL)
        return;
    if (x->stream.ctx)
        x->stream.close(x->stream.ctx);
    if (x->fd_plus_1)
        close(x->fd_plus_1 - 1);
    buf_close(&x->body);
    buf_close(&x->text);
    free(x);
    *request = NULL;
    clients_allow(server->clients, client_of(connection), CLIENT_IDLE_MS + CLIENT_HEAD_MS);
}

/* ---- connections ---- */

static void note_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                            enum MHD_ConnectionNotificationCode code)
{
    struct web_server *server = cls;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

        *socket_context = clients_add(server->clients, info->connect_fd);
        return;
    }
    if (*socket_context)
        clients_remove(server->clients, *socket_context);
    *socket_context = NULL;
}

static void say_nothing(void *cls, const char *format, va_list args)
{
    (void)cls;
    (void)format;
    (void)args;
}

int web_server_open(struct web_server *server, int fd_taken, struct err *err)
{
    server->daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                             MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG,
                         0, NULL, NULL, handle, server, MHD_OPTION_EXTERNAL_LOGGER, say_nothing,
                         NULL, MHD_OPTION_LISTEN_SOCKET, fd_taken, MHD_OPTION_CONNECTION_LIMIT,
                         (unsigned)WEB_MOST_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                         (unsigned)(CLIENT_IDLE_MS / 1000), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         POOL_BYTES, MHD_OPTION_THREAD_STACK_SIZE, (size_t)WEB_STACK_BYTES,
                         MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED, end_request,
                         server, MHD_OPTION_NOTIFY_CONNECTION, note_connection, server,
                         MHD_OPTION_END);
    if (server->daemon != NULL)
        return 0;
    close(fd_taken);
    return err_set(err, ERR_IO, "could not start the dashboard's server");
}

void web_server_close(struct web_server *server)
{
    if (server->daemon == NULL)
        return;
    MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
}
