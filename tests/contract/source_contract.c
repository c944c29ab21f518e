/*
 * The promises of source.h, against a real HTTP server that answers as written down.
 */
#include "base/mem.h"
#include "base/stop.h"
#include "scripted_server.h"
#include "source/source.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* One source, its server, and what came of a run. */
struct world {
    struct server *server;
    struct server *other; /* another origin */
    struct source_conf conf;
    struct resource_conf resource;
    struct source_start start;
    struct source_stats stats;
    struct rate_gate gate;
    bool has_gate;
    int gate_wait_ms;
    int gate_calls;

    struct err err;
    bool refused;
    struct buf records; /* batches one after another, without brackets, joined by commas */
    struct buf log;     /* "page 1: 2 records;" and "large 1;" in order */
    struct buf urls;    /* one a line */
    struct buf positions;
    char *position; /* of the latest page */
    char *why;
    char *batch_url; /* of the latest batch */
    int64_t next_index;
    int fail_at_page;
    size_t requests_at_first_page;
    bool stops_while_waiting;
};

static char *literal(const char *text)
{
    return (char *)(uintptr_t)text;
}

static int take_batch(void *ctx, struct batch *batch_taken, struct err *err)
{
    struct world *world = ctx;

    (void)err;
    if (batch_taken->first_index == 0)
        world->next_index = 0;
    assert_int_equal(batch_taken->first_index, world->next_index);
    assert_null(batch_taken->next);
    world->next_index += (int64_t)batch_taken->records;
    free(world->batch_url);
    world->batch_url = mem_str(batch_taken->url);
    if (world->records.size < 100000) {
        if (world->records.size > 0)
            buf_putc(&world->records, ',');
        buf_put(&world->records, batch_taken->json + 1, batch_taken->size - 2);
    }
    batch_free(batch_taken);
    return 0;
}

/* Gives the server a moment: the request for the next page is on its way. */
static void await_requests(struct world *world, size_t count)
{
    for (int i = 0; i < 200 && server_requests(world->server) < count; i++)
        usleep(10000);
    world->requests_at_first_page = server_requests(world->server);
}

static int take_page(void *ctx, const struct page *page, struct err *err)
{
    struct world *world = ctx;

    if (page->number == 1 && !page->is_last)
        await_requests(world, 2);
    if (page->records > 0)
        assert_string_equal(world->batch_url, page->url);
    buf_printf(&world->log, "page %d: %d records;", (int)page->number, (int)page->records);
    buf_printf(&world->urls, "%s\n", page->url);
    buf_printf(&world->positions, "%s\n", page->position);
    free(world->position);
    world->position = mem_str(page->position);
    free(world->why);
    world->why = mem_str(page->why_last);
    assert_int_equal(page->is_last, page->why_last != NULL);
    if (page->number == world->fail_at_page)
        return err_set(err, ERR_IO, "the disk is full");
    return 0;
}

static int take_large(void *ctx, int64_t page, struct err *err)
{
    struct world *world = ctx;

    (void)err;
    buf_printf(&world->log, "large %d;", (int)page);
    return 0;
}

static int take_wait(void *ctx, struct err *err)
{
    struct world *world = ctx;

    (void)err;
    if (world->stops_while_waiting)
        stop_ask();
    return 0;
}

static int take_turn(void *ctx, int64_t *ret_wait_ms, struct err *err)
{
    struct world *world = ctx;

    (void)err;
    *ret_wait_ms = world->gate_calls++ % 2 == 0 ? world->gate_wait_ms : 0;
    return 0;
}

static int set_up(void **state)
{
    struct world *world = mem_alloc(sizeof *world);

    world->server = server_open();
    world->other = server_open();
    world->conf.base_url = literal(server_url(world->server));
    world->conf.retry = (struct retry_conf){.attempts = 3, .max_delay_ms = 20, .timeout_ms = 5000};
    world->resource.name = literal("things");
    world->resource.endpoint.path = literal("/things");
    world->resource.endpoint.method = literal("GET");
    world->resource.endpoint.data_selector = literal("data");
    world->resource.endpoint.missing_data = literal("error");
    world->resource.endpoint.paginator = (struct paginator_conf){.is_set = true,
                                                                 .type = PAGINATOR_JSON_LINK,
                                                                 .next_url_path = literal("next")};
    world->start.next_page = 1;
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    server_close(world->server);
    server_close(world->other);
    buf_close(&world->records);
    buf_close(&world->log);
    buf_close(&world->urls);
    buf_close(&world->positions);
    free(world->position);
    free(world->why);
    free(world->batch_url);
    free(world);
    return 0;
}

static int run(struct world *world)
{
    const struct source_events events = {world, take_batch, take_page, take_large, take_wait};

    world->gate = (struct rate_gate){world, take_turn};
    buf_reset(&world->records);
    buf_reset(&world->log);
    return source_run(&world->conf, &world->resource, &world->start, &events,
                      world->has_gate ? &world->gate : NULL, &world->stats, &world->refused,
                      &world->err);
}

static void assert_ran(struct world *world, const char *records)
{
    if (run(world) != 0)
        fail_msg("%s", world->err.text);
    assert_string_equal(buf_text(&world->records), records);
}

static void assert_failed(struct world *world, enum err_code code, const char *says)
{
    assert_int_equal(run(world), -1);
    if (strstr(world->err.text, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", world->err.text, says);
    assert_int_equal(world->err.code, code);
}

static void assert_lacks(const char *text, const char *secret)
{
    if (strstr(text, secret))
        fail_msg("\"%s\" shows \"%s\"", text, secret);
}

/* ---- pages ---- */

static void pages_come_in_order_over_one_connection(void **state)
{
    struct world *world = *state;

    server_says(world->server, 200, "", "{\"data\":[1,2],\"next\":\"/things?page=2\"}");
    server_says(world->server, 200, "", "{\"data\":[],\"next\":\"?page=3\"}");
    server_says_chunked(world->server, "{\"data\":[3],\"next\":null}", 24, 5, 0);

    assert_ran(world, "1,2,3");
    assert_string_equal(world->log.data, "page 1: 2 records;page 2: 0 records;page 3: 1 records;");
    assert_string_equal(world->why, "no next link");
    assert_int_equal(server_connections(world->server), 1);
    assert_int_equal(strncmp(server_request(world->server, 0), "GET /things HTTP", 16), 0);
    assert_int_equal(strncmp(server_request(world->server, 2), "GET /things?page=3 ", 19), 0);
    assert_true(server_request_has(world->server, 0, "User-Agent: riacho/" RIACHO_VERSION));
    assert_int_equal(world->stats.requests, 3);
    assert_int_equal(world->stats.pages, 3);
    assert_int_equal(world->stats.records, 3);
    assert_int_equal(world->stats.bytes, 38 + 28 + 24);
    assert_true(world->stats.wire_bytes > 90);
}

static void the_next_page_is_asked_for_before_this_one_is_handed_over(void **state)
{
    struct world *world = *state;

    server_says(world->server, 200, "", "{\"data\":[1],\"next\":\"/2\"}");
    server_says(world->server, 200, "", "{\"data\":[2]}");

    assert_ran(world, "1,2");
    assert_int_equal(world->requests_at_first_page, 2);
}

static void a_run_goes_on_where_a_position_says(void **state)
{
    struct world *world = *state;
    char *position;

    world->resource.endpoint.paginator = (struct paginator_conf){.is_set = true,
                                                                 .type = PAGINATOR_OFFSET,
                                                                 .limit = 2,
                                                                 .offset_param = literal("offset"),
                                                                 .limit_param = literal("limit"),
                                                                 .total_path = literal("total"),
                                                                 .maximum_offset = -1,
                                                                 .stop_after_empty_page = true};
    server_says(world->server, 200, "", "{\"data\":[1,2],\"total\":3}");
    server_says(world->server, 200, "", "{\"data\":[3],\"total\":3}");
    assert_ran(world, "1,2,3");
    assert_string_equal(world->why, "total 3 reached");

    position = mem_strn(world->positions.data, strcspn(world->positions.data, "\n"));
    world->start = (struct source_start){.position = position, .next_page = 2};
    server_says(world->server, 200, "", "{\"data\":[3],\"total\":3}");
    assert_ran(world, "3");
    assert_string_equal(world->log.data, "page 2: 1 records;");
    assert_non_null(strstr(server_request(world->server, 2), "/things?offset=2&limit=2 "));
    free(position);
}

static void what_was_found_without_being_told_is_kept_in_the_position(void **state)
{
    struct world *world = *state;
    char *position;

    world->resource.endpoint.data_selector = NULL;
    world->resource.endpoint.paginator = (struct paginator_conf){0};
    server_says(world->server, 200, "", "{\"info\":{\"next\":\"/2\"},\"items\":[{\"a\":1}]}");
    server_says(world->server, 200, "", "{\"rows\":[],\"info\":{\"next\":null},\"items\":[{}]}");
    assert_ran(world, "{\"a\":1},{}");

    position = mem_strn(world->positions.data, strcspn(world->positions.data, "\n"));
    world->start = (struct source_start){.position = position, .next_page = 2};
    server_says(world->server, 200, "", "{\"rows\":[1],\"info\":{},\"items\":[{\"b\":1}]}");
    assert_ran(world, "{\"b\":1}");
    assert_string_equal(world->why, "no next link");
    free(position);
}

static void a_position_that_the_api_refuses_is_told(void **state)
{
    struct world *world = *state;

    world->start.position = "{\"type\":\"json_link\",\"next\":\"/gone\"}";
    assert_failed(world, ERR_DATA, "next link");
    assert_true(world->refused);

    world->start.position =
        mem_fmt("{\"type\":\"json_link\",\"next\":\"%s/gone\"}", server_url(world->server));
    server_says(world->server, 410, "", "expired");
    assert_failed(world, ERR_REMOTE, "the API answered 410: expired");
    assert_true(world->refused);
    assert_false(world->err.retriable);

    server_says(world->server, 401, "", "who are you");
    assert_failed(world, ERR_REMOTE, "401");
    assert_false(world->refused);
    free((char *)(uintptr_t)world->start.position);

    world->start.position = "{\"type\":\"offset\",\"number\":3}";
    assert_failed(world, ERR_DATA, "does not fit its pagination");
    assert_true(world->refused);

    world->start.position = NULL;
    server_says(world->server, 410, "", "expired");
    assert_failed(world, ERR_REMOTE, "410");
    assert_false(world->refused);
}

static void an_error_of_the_taker_ends_the_run_as_it_stands(void **state)
{
    struct world *world = *state;

    world->fail_at_page = 1;
    server_says(world->server, 200, "", "{\"data\":[1],\"next\":\"/2\"}");
    server_says(world->server, 200, "", "{\"data\":[2]}");

    assert_int_equal(run(world), -1);
    assert_string_equal(world->err.text, "the disk is full");
}

static void a_message_is_no_record_where_the_run_before_found_a_list(void **state)
{
    struct world *world = *state;

    world->resource.endpoint.data_selector = NULL;
    world->start.selector = "$";
    server_says(world->server, 200, "", "{\"message\":\"maintenance\"}");
    assert_failed(world, ERR_DATA, "there is nothing at \"$\"");
    assert_non_null(strstr(world->err.hint, "The run before found the records there."));

    world->resource.endpoint.missing_data = literal("empty");
    server_says(world->server, 200, "", "{\"message\":\"maintenance\"}");
    assert_ran(world, "");

    world->start.selector = "data";
    server_says(world->server, 200, "", "{\"meta\":{\"n\":0},\"data\":null}");
    assert_ran(world, "");
}

static void no_content_is_an_empty_page(void **state)
{
    struct world *world = *state;

    server_says_bytes(world->server, "HTTP/1.1 204 x\r\n\r\n", 18, SERVER_KEEPS);
    assert_ran(world, "");
    assert_string_equal(world->log.data, "page 1: 0 records;");
}

static void compressed_bodies_are_decoded(void **state)
{
    static const unsigned char body[] = {
        31,  139, 8,   0,   0,   0,   0,   0,   2,   3,   171, 86, 74, 73,
        44,  73,  84,  178, 138, 174, 86,  2,   146, 134, 181, 58, 96, 218,
        168, 54,  182, 22,  0,   224, 102, 147, 120, 26,  0,   0,  0,
    };
    struct world *world = *state;
    AUTO(buf) answer = {0};

    buf_printf(&answer, "HTTP/1.1 200 x\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
               sizeof body);
    buf_put(&answer, body, sizeof body);
    server_says_bytes(world->server, answer.data, answer.size, SERVER_KEEPS);

    assert_ran(world, "{\"a\":1},{\"a\":2}");
    assert_int_equal(world->stats.bytes, 26);
    assert_true(strstr(server_request(world->server, 0), "gzip") != NULL);
}

/* ---- trying again ---- */

static void passing_refusals_are_tried_again(void **state)
{
    struct world *world = *state;

    world->conf.retry.attempts = 5;
    server_says(world->server, 503, "Retry-After: 0\r\n", "busy");
    server_says(world->server, 429, "Retry-After: 3600\r\n", "slow down");
    server_says(world->server, 408, "", "");
    server_says(world->server, 500, "", "");
    server_says(world->server, 200, "", "{\"data\":[1]}");

    assert_ran(world, "1");
    assert_int_equal(world->stats.retries, 4);
    assert_int_equal(world->stats.requests, 5);
    assert_int_equal(world->stats.waiting_ms, 0);
}

static void attempts_come_to_an_end(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < 3; i++)
        server_says(world->server, 502, "", "bad\r\n gateway\x01");

    assert_failed(world, ERR_REMOTE, "resource \"things\", page 1, http://127.0.0.1:");
    assert_non_null(strstr(world->err.text, "/things: the API answered 502: bad gateway"));
    assert_non_null(strstr(world->err.text, " (after 3 attempts)"));
    assert_true(world->err.retriable);
    assert_int_equal(server_requests(world->server), 3);
}

static void refusals_that_stay_are_not_tried_again(void **state)
{
    static const int statuses[] = {400, 401, 403, 404, 422, 501};
    struct world *world = *state;

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        server_says(world->server, statuses[i], "", "no");
        assert_failed(world, ERR_REMOTE, "the API answered");
        assert_false(world->err.retriable);
        assert_int_equal(server_requests(world->server), i + 1);
    }
}

static void a_page_that_breaks_off_is_fetched_again_and_lands_once(void **state)
{
    static const char cut[] = "HTTP/1.1 200 x\r\nContent-Length: 99\r\n\r\n{\"data\":[1,2,3";
    static const char body[] = "{\"data\":[1,2,3,4,5,6,7,8]}";
    struct world *world = *state;

    world->conf.retry.attempts = 9;
    server_says_bytes(world->server, cut, sizeof cut - 1, SERVER_CLOSES);
    server_says_bytes(world->server, cut, sizeof cut - 1, SERVER_RESETS);
    server_says_bytes(world->server, "", 0, SERVER_CLOSES);
    server_says_bytes(world->server, "", 0, SERVER_RESETS);
    server_says_bytes(world->server, "HTTP/1.1 200", 12, SERVER_CLOSES);
    server_says_chunked(world->server, body, sizeof body - 1, 6, 3);
    server_says_bytes(world->server, "HTTP/1.0 200 x\r\n\r\n{\"data\":[1,2,", 31, SERVER_CLOSES);
    server_says(world->server, 200, "", body);

    assert_ran(world, "1,2,3,4,5,6,7,8");
    assert_string_equal(world->log.data, "page 1: 8 records;");
    assert_int_equal(world->stats.retries, 7);
}

static void a_server_that_is_not_there_is_told(void **state)
{
    struct world *world = *state;

    world->conf.base_url = literal("http://127.0.0.1:1");
    assert_failed(world, ERR_NET, "(after 3 attempts)");
    assert_true(world->err.retriable);
}

static void a_silent_connection_is_given_up(void **state)
{
    struct world *world = *state;

    world->conf.retry.timeout_ms = 300;
    server_says(world->server, 200, "", "{\"data\":[1]}");
    server_waits(world->server, 500);
    server_says(world->server, 200, "", "{\"data\":[2]}");

    assert_ran(world, "2");
    assert_int_equal(world->stats.retries, 1);
}

/* ---- large pages ---- */

/* A list of more than SOURCE_HOLD_BYTES. */
static void put_large_body(struct buf *to)
{
    char filler[1000];

    memset(filler, 'x', sizeof filler);
    buf_puts(to, "{\"data\":[0");
    for (int i = 1; i < 20000; i++)
        buf_printf(to, ",\"%.*s\"", (int)sizeof filler, filler);
    buf_puts(to, "],\"next\":null}");
}

static void a_page_too_large_to_hold_streams(void **state)
{
    struct world *world = *state;
    AUTO(buf) body = {0};

    put_large_body(&body);
    server_says(world->server, 503, "", "");
    server_says(world->server, 200, "", body.data);

    assert_int_equal(run(world), 0);
    assert_string_equal(world->log.data, "large 1;page 1: 20000 records;");
    assert_int_equal(world->stats.records, 20000);
}

static void a_streaming_page_that_breaks_is_left_to_the_caller(void **state)
{
    struct world *world = *state;
    AUTO(buf) body = {0};

    put_large_body(&body);
    server_says_chunked(world->server, body.data, body.size, 1 << 20, 19);
    server_lingers(world->server, 300);

    assert_failed(world, ERR_NET, "page 1");
    assert_true(world->err.retriable);
    assert_int_equal(server_requests(world->server), 1);
    assert_string_equal(world->log.data, "large 1;");
}

/* ---- bodies that are not what they should be ---- */

static void bodies_that_are_no_records_are_told_with_their_beginning(void **state)
{
    static const struct {
        const char *body;
        const char *says;
    } cases[] = {
        {"<!doctype html>\n<p>Sorry", ": the body is not JSON, at byte 0; the body begins with: "
                                      "<!doctype html> <p>Sorry"},
        {"", ": the body is empty"},
        {"{\"data\":[1,2", ": the body ends inside the list of records, at byte 12; the body"},
        {"{\"data\":[1,,2]}", ": a comma stands where a record should be, at byte 11;"},
        {"{\"data\":[1]}}", ": a bracket closes that none opened, at byte 12;"},
        {"{\"data\":\"x\"}", ": text stands where the list of records should be, at byte 8;"},
        {"{\"error\":\"x\"}", ": there is nothing at \"data\", where the records should be; the "
                              "body begins with: {\"error\":\"x\"}"},
        {"{\"data\":[1],\"next\":7}", ": \"next\" in the answer is no link"},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        server_says(world->server, 200, "Content-Type: text/plain\r\n", cases[i].body);
        assert_failed(world, ERR_DATA, cases[i].says);
        assert_non_null(strstr(world->err.text, "resource \"things\", page 1, http://127"));
        assert_false(world->err.retriable);
    }
    assert_int_equal(server_requests(world->server), sizeof cases / sizeof *cases);
}

static void missing_data_may_mean_an_empty_page(void **state)
{
    struct world *world = *state;

    world->resource.endpoint.missing_data = literal("empty");
    server_says(world->server, 200, "", "{\"message\":\"no results\"}");
    assert_ran(world, "");
    assert_string_equal(world->log.data, "page 1: 0 records;");
}

static void links_in_circles_are_an_error(void **state)
{
    struct world *world = *state;

    server_says(world->server, 200, "", "{\"data\":[1],\"next\":\"/2\"}");
    server_says(world->server, 200, "", "{\"data\":[2],\"next\":\"/things\"}");
    assert_failed(world, ERR_DATA, "page 2, ");
    assert_non_null(strstr(world->err.text, "the pagination runs in circles"));

    server_says(world->server, 200, "", "{\"data\":[1],\"next\":\"/things\"}");
    assert_failed(world, ERR_DATA, "the pagination runs in circles");
}

/* ---- other places ---- */

static void redirects_within_the_origin_are_followed(void **state)
{
    struct world *world = *state;
    struct field_conf header = {.name = literal("X-Mine"), .value = literal("yes")};

    world->resource.endpoint.headers = (struct fields_conf){&header, 1};
    server_says(world->server, 302, "Location: elsewhere?a=1\r\n", "moved");
    server_says(world->server, 307, "Location: /third\r\n", "");
    server_says(world->server, 200, "", "{\"data\":[1],\"next\":\"more\"}");
    server_says(world->server, 200, "", "{\"data\":[2]}");

    assert_ran(world, "1,2");
    assert_non_null(strstr(server_request(world->server, 1), "GET /elsewhere?a=1 "));
    assert_non_null(strstr(server_request(world->server, 3), "GET /more "));
    assert_true(server_request_has(world->server, 2, "X-Mine: yes"));
    assert_int_equal(world->stats.retries, 0);
}

static void redirects_do_not_go_on_for_ever(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < 20; i++)
        server_says(world->server, 301, "Location: /again\r\n", "");
    assert_failed(world, ERR_REMOTE, "more than 10 redirects");
    assert_int_equal(server_requests(world->server), 11);
}

static void another_origin_is_asked_only_if_allowed_and_gets_no_credentials(void **state)
{
    struct world *world = *state;
    struct field_conf header = {.name = literal("X-Mine"), .value = literal("secret-7")};
    char *location = mem_fmt("Location: %s/there\r\n", server_url(world->other));
    char *page = mem_fmt("{\"data\":[1],\"next\":\"%s/2?x=1\"}", server_url(world->other));

    world->resource.endpoint.headers = (struct fields_conf){&header, 1};
    world->resource.endpoint.auth =
        (struct auth_conf){.type = AUTH_BEARER, .token = literal("secret-8")};
    server_says(world->server, 302, location, "");
    assert_failed(world, ERR_REMOTE, "a redirect to another origin");
    server_says(world->server, 200, "", page);
    assert_failed(world, ERR_DATA, "the next link to another origin");
    assert_int_equal(server_requests(world->other), 0);
    assert_string_equal(world->log.data, "page 1: 1 records;");

    world->conf.allow_cross_origin = true;
    server_says(world->server, 302, location, "");
    server_says(world->other, 200, "", page);
    server_says(world->other, 200, "", "{\"data\":[2]}");
    assert_ran(world, "1,2");
    assert_true(server_request_has(world->server, 2, "Authorization: Bearer secret-8"));
    assert_lacks(server_request(world->other, 0), "secret");
    assert_lacks(server_request(world->other, 1), "secret");
    free(location);
    free(page);
}

/* ---- who we are ---- */

static void every_authentication_is_sent_with_every_page_and_never_shown(void **state)
{
    char *secret = literal("canary+1");
    const struct {
        struct auth_conf auth;
        const char *sent;
    } cases[] = {
        {{.type = AUTH_BEARER, .token = secret}, "\r\nAuthorization: Bearer canary+1\r\n"},
        {{.type = AUTH_API_KEY,
          .name = literal("X-Key"),
          .api_key = secret,
          .location = literal("header")},
         "\r\nX-Key: canary+1\r\n"},
        {{.type = AUTH_API_KEY,
          .name = literal("k e y"),
          .api_key = secret,
          .location = literal("query")},
         "?k%20e%20y=canary%2B1 HTTP"},
        {{.type = AUTH_HTTP_BASIC, .username = literal("me"), .password = secret},
         "\r\nAuthorization: Basic bWU6Y2FuYXJ5KzE=\r\n"},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t first = server_requests(world->server);

        world->resource.endpoint.auth = cases[i].auth;
        server_says(world->server, 200, "", "{\"data\":[1],\"next\":\"/2\"}");
        server_says(world->server, 403, "", "not with canary+1 or canary%2b1");
        assert_failed(world, ERR_REMOTE, "403: not with *** or ***");
        assert_non_null(strstr(server_request(world->server, first), cases[i].sent));
        assert_non_null(strstr(server_request(world->server, first + 1), cases[i].sent));
        assert_lacks(world->err.text, "canary");
        assert_lacks(world->urls.data, "canary");
        assert_lacks(world->positions.data, "canary");
    }
}

static void a_secret_in_a_next_link_is_kept_by_name_and_put_back(void **state)
{
    struct world *world = *state;
    struct field_conf param = {.name = literal("appid"),
                               .value = literal("canary/1"),
                               .is_secret = true};
    char *position;

    world->resource.endpoint.params = (struct fields_conf){&param, 1};
    server_says(world->server, 200, "", "{\"data\":[1],\"next\":\"/2?appid=canary%2F1&page=2\"}");
    server_says(world->server, 200, "", "{\"data\":[2]}");
    assert_ran(world, "1,2");
    assert_lacks(world->urls.data, "canary");
    assert_lacks(world->positions.data, "canary");

    position = mem_strn(world->positions.data, strcspn(world->positions.data, "\n"));
    param.value = literal("renewed");
    world->start = (struct source_start){.position = position, .next_page = 2};
    server_says(world->server, 200, "", "{\"data\":[2]}");
    assert_ran(world, "2");
    assert_non_null(strstr(server_request(world->server, 2), "/2?appid=renewed&page=2 "));
    free(position);
}

static void control_characters_never_reach_a_header(void **state)
{
    struct world *world = *state;
    struct field_conf header = {.name = literal("X"), .value = literal("a\r\nInjected: 1")};

    world->resource.endpoint.headers = (struct fields_conf){&header, 1};
    assert_failed(world, ERR_USAGE, "the header \"X\" holds control characters");
    assert_int_equal(server_requests(world->server), 0);
}

/* ---- what is sent ---- */

static void the_cursor_is_written_into_path_params_headers_and_body(void **state)
{
    struct world *world = *state;
    struct field_conf params[] = {
        {.name = literal("since"), .value = literal("{incremental.start_value}")},
        {.name = literal("from"), .value = literal("<{incremental.initial_value}>{{x}}")},
        {.name = literal("none"), .value = NULL},
    };
    struct field_conf header = {.name = literal("X-Since"),
                                .value = literal("{incremental.last_value}")};

    world->resource.endpoint.path = literal("/at/{incremental.start_value}");
    world->resource.endpoint.params = (struct fields_conf){params, 3};
    world->resource.endpoint.headers = (struct fields_conf){&header, 1};
    world->resource.endpoint.method = literal("POST");
    world->resource.endpoint.json = literal("{\"q\":{\"since\":\"{incremental.start_value}\"}}");
    world->resource.endpoint.incremental =
        (struct incremental_conf){.is_set = true, .unit = literal("ms"), .as = literal("iso8601")};
    world->start.start_value = "1517443200500";
    world->start.initial_value = "0";
    server_says(world->server, 200, "", "{\"data\":[1]}");

    assert_ran(world, "1");
    assert_non_null(strstr(server_request(world->server, 0),
                           "POST /at/2018-02-01T00:00:00.500Z?since=2018-02-01T00%3A00%3A00.500Z&"
                           "from=%3C1970-01-01T00%3A00%3A00Z%3E%7Bx%7D HTTP"));
    assert_true(server_request_has(world->server, 0, "X-Since: 2018-02-01T00:00:00.500Z"));
    assert_true(server_request_has(world->server, 0, "Content-Type: application/json"));
    assert_non_null(strstr(server_request(world->server, 0),
                           "\r\n\r\n{\"q\":{\"since\":\"2018-02-01T00:00:00.500Z\"}}"));
}

static void without_a_cursor_its_parameter_is_left_out(void **state)
{
    struct world *world = *state;
    struct field_conf params[] = {
        {.name = literal("since"), .value = literal("{incremental.start_value}")},
        {.name = literal("a"), .value = literal("1")},
    };

    world->resource.endpoint.params = (struct fields_conf){params, 2};
    world->resource.endpoint.incremental.is_set = true;
    server_says(world->server, 200, "", "{\"data\":[1]}");
    assert_ran(world, "1");
    assert_non_null(strstr(server_request(world->server, 0), "GET /things?a=1 HTTP"));
}

static void a_cursor_in_the_body_keeps_its_type_and_its_digits(void **state)
{
    struct world *world = *state;

    world->resource.endpoint.method = literal("POST");
    world->resource.endpoint.json = literal("{\"page\":{\"size\":2}}");
    world->resource.endpoint.paginator =
        (struct paginator_conf){.is_set = true,
                                .type = PAGINATOR_CURSOR,
                                .cursor_path = literal("meta.next"),
                                .cursor_body_path = literal("page.after.id")};
    server_says(world->server, 200, "",
                "{\"data\":[1],\"meta\":{\"next\":12345678901234567890123.50}}");
    server_says(world->server, 200, "", "{\"data\":[2],\"meta\":{\"next\":\"a\\\"b\"}}");
    server_says(world->server, 200, "", "{\"data\":[3],\"meta\":{\"next\":\"\"}}");

    assert_ran(world, "1,2,3");
    assert_string_equal(world->why, "no next cursor");
    assert_non_null(strstr(server_request(world->server, 0), "\r\n\r\n{\"page\":{\"size\":2}}"));
    assert_non_null(
        strstr(server_request(world->server, 1),
               "{\"page\":{\"size\":2,\"after\":{\"id\":12345678901234567890123.50}}}"));
    assert_non_null(strstr(server_request(world->server, 2), "\"after\":{\"id\":\"a\\\"b\"}"));
}

static void the_rate_limit_is_asked_before_every_request(void **state)
{
    struct world *world = *state;

    world->has_gate = true;
    world->gate_wait_ms = 20;
    server_says(world->server, 503, "", "");
    server_says(world->server, 302, "Location: /there\r\n", "");
    server_says(world->server, 200, "", "{\"data\":[1],\"next\":\"/2\"}");
    server_says(world->server, 200, "", "{\"data\":[2]}");

    assert_ran(world, "1,2");
    assert_int_equal(world->gate_calls, 8); /* each request waited once, then had its token */
    assert_int_equal(server_requests(world->server), 4);
}

static void a_probe_tells_whether_the_api_answers(void **state)
{
    struct world *world = *state;
    AUTO(buf) text = {0};

    server_says(world->server, 302, "Location: /there\r\n", "");
    server_says(world->server, 200, "", "{}");
    assert_int_equal(source_probe(&world->conf, &world->resource, &text, &world->err), 0);
    assert_non_null(strstr(text.data, "/things answers 200 in "));

    server_says(world->server, 403, "", "no");
    assert_int_equal(source_probe(&world->conf, &world->resource, &text, &world->err), -1);
    assert_non_null(strstr(world->err.text, "/things: the API answered 403: no"));
}

static void *run_in_thread(void *ctx)
{
    return run(ctx) == 0 ? ctx : NULL;
}

static void runs_side_by_side_do_not_mix(void **state)
{
    struct world *worlds[4];
    pthread_t threads[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        void *made;
        char *page = mem_fmt("{\"data\":[%d],\"next\":\"?page=2\"}", i);

        assert_int_equal(set_up(&made), 0);
        worlds[i] = made;
        server_says(worlds[i]->server, 503, "", "");
        server_says(worlds[i]->server, 200, "", page);
        server_says(worlds[i]->server, 200, "", "{\"data\":[9]}");
        assert_int_equal(pthread_create(&threads[i], NULL, run_in_thread, made), 0);
        free(page);
    }
    for (int i = 0; i < 4; i++) {
        void *done;
        char *records = mem_fmt("%d,9", i);

        assert_int_equal(pthread_join(threads[i], &done), 0);
        assert_ptr_equal(done, worlds[i]);
        assert_string_equal(worlds[i]->records.data, records);
        free(records);
        tear_down(&done);
    }
}

/* The last test: a stop cannot be taken back. */
static void a_stop_ends_the_waiting(void **state)
{
    struct world *world = *state;

    world->stops_while_waiting = true;
    server_says(world->server, 200, "", "{\"data\":[1]}");
    server_waits(world->server, 700);
    assert_failed(world, ERR_STOPPED, "stopped");
    assert_false(world->err.retriable);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pages_come_in_order_over_one_connection),
        TEST(the_next_page_is_asked_for_before_this_one_is_handed_over),
        TEST(a_run_goes_on_where_a_position_says),
        TEST(what_was_found_without_being_told_is_kept_in_the_position),
        TEST(a_position_that_the_api_refuses_is_told),
        TEST(an_error_of_the_taker_ends_the_run_as_it_stands),
        TEST(a_message_is_no_record_where_the_run_before_found_a_list),
        TEST(no_content_is_an_empty_page),
        TEST(compressed_bodies_are_decoded),
        TEST(passing_refusals_are_tried_again),
        TEST(attempts_come_to_an_end),
        TEST(refusals_that_stay_are_not_tried_again),
        TEST(a_page_that_breaks_off_is_fetched_again_and_lands_once),
        TEST(a_server_that_is_not_there_is_told),
        TEST(a_silent_connection_is_given_up),
        TEST(a_page_too_large_to_hold_streams),
        TEST(a_streaming_page_that_breaks_is_left_to_the_caller),
        TEST(bodies_that_are_no_records_are_told_with_their_beginning),
        TEST(missing_data_may_mean_an_empty_page),
        TEST(links_in_circles_are_an_error),
        TEST(redirects_within_the_origin_are_followed),
        TEST(redirects_do_not_go_on_for_ever),
        TEST(another_origin_is_asked_only_if_allowed_and_gets_no_credentials),
        TEST(every_authentication_is_sent_with_every_page_and_never_shown),
        TEST(a_secret_in_a_next_link_is_kept_by_name_and_put_back),
        TEST(control_characters_never_reach_a_header),
        TEST(the_cursor_is_written_into_path_params_headers_and_body),
        TEST(without_a_cursor_its_parameter_is_left_out),
        TEST(a_cursor_in_the_body_keeps_its_type_and_its_digits),
        TEST(the_rate_limit_is_asked_before_every_request),
        TEST(a_probe_tells_whether_the_api_answers),
        cmocka_unit_test(runs_side_by_side_do_not_mix),
        TEST(a_stop_ends_the_waiting),
    };

    source_global_setup();
    return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
