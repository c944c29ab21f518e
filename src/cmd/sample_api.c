/*
 * The sample API's HTTP side: sockets, routes, the texts of its answers.
 */
#include "cmd/sample_api.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/http_text.h"
#include "base/json.h"
#include "base/listen.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/sample_quakes.h"
#include "cmd/sample_query.h"

#include <math.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/banned.h"

#define ROOT "/fdsnws/event/1/"
#define API_VERSION "1.14.1"
#define IDLE_S 60

struct sample_api_impl {
    struct MHD_Daemon *daemon;
    struct sample_quakes quakes;
    bool is_talkative;
};

/* One request and the answer that grows for it. */
struct exchange {
    struct sample_api_impl *api;
    struct MHD_Connection *connection;
    char *url; /* as it was asked for, with its query */
    struct sample_query query;
    struct err refusal; /* of the first bad parameter; ERR_NONE: none */
    unsigned status;
    const char *type;
    struct buf body;
};

/* ---- the texts ---- */

static void put_metadata(struct exchange *x, const char *title, size_t count)
{
    const char *host =
        MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    AUTO(buf) url = {0};

    buf_printf(&url, "http://%s%s", host == NULL ? "localhost" : host, x->url);
    buf_printf(&x->body,
               "\"metadata\":{\"generated\":%lld000,\"url\":", (long long)clock_wall_ms() / 1000);
    json_put_string(&x->body, buf_text(&url));
    buf_printf(&x->body, ",\"title\":\"%s\",\"status\":%u,\"api\":\"%s\"", title, x->status,
               API_VERSION);
    if (x->query.limit > 0)
        buf_printf(&x->body, ",\"limit\":%lld,\"offset\":%lld", (long long)x->query.limit,
                   (long long)x->query.offset);
    buf_printf(&x->body, ",\"count\":%zu", count);
    if (x->refusal.code != ERR_NONE) {
        buf_puts(&x->body, ",\"error\":");
        json_put_string(&x->body, x->refusal.text);
    }
    buf_putc(&x->body, '}');
}

static void answer_plain(struct exchange *x, unsigned status, const char *reason, const char *text)
{
    char now[CLOCK_TEXT];

    x->status = status;
    x->type = "text/plain";
    buf_printf(&x->body,
               "Error %u: %s\n\n%s\n\nUsage details are available from "
               "https://earthquake.usgs.gov" ROOT "\n\nRequest:\n%s\n\nRequest Submitted:\n%s\n\n"
               "Service version:\n" API_VERSION,
               status, reason, text, x->url, clock_iso8601(clock_wall_ms() / 1000 * 1000, now));
}

static void answer_refusal(struct exchange *x)
{
    const bool as_json =
        str_same(x->query.json_error, "true") && str_same(x->query.format, "geojson");

    if (!as_json) {
        answer_plain(x, MHD_HTTP_BAD_REQUEST, "Bad Request", x->refusal.text);
        return;
    }
    x->status = MHD_HTTP_BAD_REQUEST;
    x->type = "application/json";
    buf_puts(&x->body, "{\"type\":\"FeatureCollection\",");
    put_metadata(x, "Search Error", 0);
    buf_puts(&x->body, ",\"features\":[]}");
}

/* The bounds of what was chosen, left out where they would be no box. */
static void put_box(struct buf *to, const struct quake *const *chosen, size_t count)
{
    static const enum quake_number sides[] = {QUAKE_LONGITUDE, QUAKE_LATITUDE, QUAKE_DEPTH};
    double least[] = {INFINITY, INFINITY, INFINITY};
    double most[] = {-INFINITY, -INFINITY, -INFINITY};

    for (size_t i = 0; i < count; i++)
        for (int side = 0; side < 3; side++) {
            least[side] = fmin(least[side], chosen[i]->number[sides[side]]);
            most[side] = fmax(most[side], chosen[i]->number[sides[side]]);
        }
    if (least[0] < most[0] && least[1] < most[1] && least[2] < most[2])
        buf_printf(to, ",\"bbox\":[%.10g,%.10g,%.10g,%.10g,%.10g,%.10g]", least[0], least[1],
                   least[2], most[0], most[1], most[2]);
}

static void answer_collection(struct exchange *x, const struct quake *const *chosen, size_t count)
{
    x->type = "application/json";
    buf_puts(&x->body, "{\"type\":\"FeatureCollection\",");
    put_metadata(x, "USGS Earthquakes", count);
    buf_puts(&x->body, ",\"features\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_puts(&x->body, ",\n");
        buf_put(&x->body, chosen[i]->text, chosen[i]->size);
    }
    buf_putc(&x->body, ']');
    put_box(&x->body, chosen, count);
    buf_putc(&x->body, '}');
}

static void answer_count(struct exchange *x, size_t count)
{
    if (str_same(x->query.format, "geojson")) {
        x->type = "application/json";
        buf_printf(&x->body, "{\"count\":%zu,\"maxAllowed\":%d}", count, SAMPLE_MOST_EVENTS);
        return;
    }
    if (str_same(x->query.format, "xml")) {
        x->type = "application/xml";
        buf_printf(&x->body, "<query><count>%zu</count><maxAllowed>%d</maxAllowed></query>", count,
                   SAMPLE_MOST_EVENTS);
        return;
    }
    x->type = "text/plain";
    buf_printf(&x->body, "%zu", count);
}

/* ---- the routes ---- */

static void answer_query(struct exchange *x, bool only_count)
{
    const size_t room = x->api->quakes.count * sizeof(const struct quake *);
    const struct quake **chosen = mem_alloc(room);
    const size_t count = sample_query_choose(&x->query, &x->api->quakes, chosen);

    if (only_count)
        answer_count(x, count);
    else if (x->query.event_id == NULL)
        answer_collection(x, chosen, count);
    else if (count == 0)
        answer_plain(x, MHD_HTTP_NOT_FOUND, "Not Found", "There is no such event.");
    else {
        x->type = "application/json";
        buf_put(&x->body, chosen[0]->text, chosen[0]->size);
    }
    free(chosen);
}

static enum MHD_Result read_parameter(void *cls, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    struct exchange *x = cls;
    struct err err = {0};

    (void)kind;
    if (sample_query_set(&x->query, name, value, &err) < 0 && x->refusal.code == ERR_NONE)
        x->refusal = err;
    return MHD_YES; /* to the last, so that jsonerror is known */
}

static void check_query(struct exchange *x, bool only_count)
{
    sample_query_init(&x->query, clock_wall_ms());
    MHD_get_connection_values(x->connection, MHD_GET_ARGUMENT_KIND, read_parameter, x);
    if (x->refusal.code != ERR_NONE || sample_query_check(&x->query, &x->refusal) < 0 || only_count)
        return;
    if (!str_same(x->query.format, "geojson"))
        err_set(&x->refusal, ERR_USAGE,
                "The format \"%s\" is not served by this sample. Valid values are: \"geojson\"",
                x->query.format == NULL ? "quakeml" : x->query.format);
}

static void answer(struct exchange *x, const char *path)
{
    const char *method = str_starts(path, ROOT) ? path + strlen(ROOT) : "";
    const bool only_count = str_same(method, "count");

    x->status = MHD_HTTP_OK;
    if (str_same(method, "version")) {
        x->type = "text/plain";
        buf_puts(&x->body, API_VERSION);
        return;
    }
    if (!only_count && !str_same(method, "query")) {
        answer_plain(x, MHD_HTTP_NOT_FOUND, "Not Found",
                     "This sample serves " ROOT "query, " ROOT "count and " ROOT "version.");
        return;
    }
    check_query(x, only_count);
    if (x->refusal.code != ERR_NONE)
        answer_refusal(x);
    else
        answer_query(x, only_count);
}

/* ---- HTTP ---- */

/* Gives the body in gzip form (RFC 1952). */
static bool compress_body(const struct buf *body, struct buf *ret_packed)
{
    z_stream stream = {0};
    struct buf packed = {0};
    int done;

    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    packed.room = deflateBound(&stream, body->size) + 1;
    packed.data = mem_alloc(packed.room);
    stream.next_in = (unsigned char *)body->data;
    stream.avail_in = (uInt)body->size;
    stream.next_out = (unsigned char *)packed.data;
    stream.avail_out = (uInt)packed.room - 1;
    done = deflate(&stream, Z_FINISH);
    packed.size = stream.total_out;
    deflateEnd(&stream);
    if (done == Z_STREAM_END)
        *ret_packed = packed;
    else
        buf_close(&packed);
    return done == Z_STREAM_END;
}

static enum MHD_Result send_answer(struct exchange *x, const char *method, const char *encoding)
{
    const size_t size = x->body.size;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, buf_take(&x->body), MHD_RESPMEM_MUST_FREE);
    enum MHD_Result sent;

    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, x->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    if (encoding != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, encoding);
    if (x->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    sent = MHD_queue_response(x->connection, x->status, response);
    MHD_destroy_response(response);
    if (x->api->is_talkative)
        log_info("%s %s %u, %zu bytes", method, x->url, x->status, size);
    return sent;
}

/* MHD gives the path decoded and without its query; the line as it was asked for comes first, here. */
static void *keep_url(void *cls, const char *url, struct MHD_Connection *connection)
{
    (void)cls;
    (void)connection;
    return mem_str(url);
}

static void forget_url(void *cls, struct MHD_Connection *connection, void **url,
                       enum MHD_RequestTerminationCode how)
{
    (void)cls;
    (void)connection;
    (void)how;
    free(*url);
    *url = NULL;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **url)
{
    struct exchange x = {.api = cls, .connection = connection, .url = *url};
    const bool reads = str_same(method, "GET") || str_same(method, "HEAD");
    struct buf packed = {0};
    const char *encoding = NULL;
    const char *accepted =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT_ENCODING);

    (void)version;
    (void)upload;
    if (*upload_size > 0) { /* a body nobody asked for is read past */
        *upload_size = 0;
        return MHD_YES;
    }
    if (reads)
        answer(&x, path);
    else
        answer_plain(&x, MHD_HTTP_METHOD_NOT_ALLOWED, "Method Not Allowed",
                     "Submit requests with GET.");
    if (x.body.size > 0 && http_takes_gzip(accepted) && compress_body(&x.body, &packed)) {
        buf_close(&x.body);
        x.body = packed;
        encoding = "gzip";
    }
    return send_answer(&x, method, encoding);
}

/* ---- life ---- */

static int start_daemon(struct sample_api_impl *impl, int fd, struct err *err)
{
    impl->daemon = MHD_start_daemon(MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC, 0,
                                    NULL, NULL, handle, impl, MHD_OPTION_LISTEN_SOCKET, fd,
                                    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
                                    MHD_OPTION_URI_LOG_CALLBACK, keep_url, NULL,
                                    MHD_OPTION_NOTIFY_COMPLETED, forget_url, NULL, MHD_OPTION_END);
    if (impl->daemon != NULL)
        return 0;
    close(fd);
    return err_set(err, ERR_IO, "could not start the sample API's server");
}

static int start(struct sample_api *api, const char *listen, struct err *err)
{
    int fd = -1;

    TRY(sample_quakes_open(&api->impl->quakes, err));
    TRY(listen_open(listen, &fd, api->address, err));
    return start_daemon(api->impl, fd, err);
}

int sample_api_start(struct sample_api *api, const char *listen, bool is_talkative, struct err *err)
{
    api->impl = mem_alloc(sizeof *api->impl);
    api->impl->is_talkative = is_talkative;
    if (start(api, listen, err) == 0)
        return 0;
    sample_api_close(api);
    return -1;
}

void sample_api_close(struct sample_api *api)
{
    if (api->impl == NULL)
        return;
    if (api->impl->daemon != NULL)
        MHD_stop_daemon(api->impl->daemon);
    sample_quakes_close(&api->impl->quakes);
    free(api->impl);
    *api = (struct sample_api){0};
}
