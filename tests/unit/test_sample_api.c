/*
 * The sample API over HTTP: its answers have the shape of the USGS event API's, and it refuses what
 * that refuses.
 */
#include "cmd/sample_api.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#include <curl/curl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

#define ALL "format=geojson&starttime=2018-01-01"
#define EVENTS 1707

/* What came back. */
struct reply {
    long status;
    struct buf body;
    struct buf headers;
    struct json json; /* open if the body is JSON */
};

static void reply_close(struct reply *reply)
{
    json_close(&reply->json);
    buf_close(&reply->body);
    buf_close(&reply->headers);
}

static struct sample_api api;

static int set_up(void **state)
{
    struct err err = {0};

    (void)state;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return sample_api_start(&api, "127.0.0.1:0", false, &err);
}

static int tear_down(void **state)
{
    (void)state;
    sample_api_close(&api);
    curl_global_cleanup();
    return 0;
}

static size_t keep(char *bytes, size_t one, size_t count, void *to)
{
    buf_put(to, bytes, one * count);
    return one * count;
}

/* `encoding`: what curl asks for and undoes; NULL: the bytes as they come. */
static void ask(const char *method, const char *path, const char *encoding, struct reply *ret_reply)
{
    CURL *curl = curl_easy_init();
    char *url = mem_fmt("http://%s%s", api.address, path);
    struct err err = {0};

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_NOBODY, str_same(method, "HEAD") ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, encoding);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &ret_reply->body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &ret_reply->headers);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret_reply->status);
    if (buf_text(&ret_reply->body)[0] == '{')
        assert_int_equal(json_parse(&ret_reply->json, ret_reply->body.data, ret_reply->body.size,
                                    &err),
                         0);
    curl_easy_cleanup(curl);
    free(url);
}

static void query(const char *parameters, struct reply *ret_reply)
{
    char *path = mem_fmt("/fdsnws/event/1/query?%s", parameters);

    ask("GET", path, NULL, ret_reply);
    free(path);
}

static yyjson_val *at(const struct reply *reply, const char *pointer)
{
    return yyjson_ptr_get(json_root(&reply->json), pointer);
}

static size_t count_of(const char *parameters)
{
    AUTO(reply) reply = {0};

    query(parameters, &reply);
    assert_int_equal(reply.status, 200);
    assert_int_equal(json_int(at(&reply, "/metadata"), "count", -1),
                     yyjson_arr_size(at(&reply, "/features")));
    return yyjson_arr_size(at(&reply, "/features"));
}

static void refused(const char *parameters, const char *why)
{
    AUTO(reply) reply = {0};

    query(parameters, &reply);
    assert_int_equal(reply.status, 400);
    assert_true(str_starts(buf_text(&reply.body), "Error 400: Bad Request\n"));
    assert_non_null(strstr(buf_text(&reply.body), why));
    assert_non_null(strstr(buf_text(&reply.headers), "text/plain"));
}

static void the_answer_has_the_shape_of_the_real_one(void **state)
{
    AUTO(reply) reply = {0};

    (void)state;
    query(ALL "&limit=2&offset=3", &reply);

    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(buf_text(&reply.headers), "Content-Type: application/json"));
    assert_string_equal(json_str(json_root(&reply.json), "type"), "FeatureCollection");
    assert_true(json_int(at(&reply, "/metadata"), "generated", 0) > 1500000000000);
    assert_non_null(strstr(json_str(at(&reply, "/metadata"), "url"), "&limit=2&offset=3"));
    assert_string_equal(json_str(at(&reply, "/metadata"), "title"), "USGS Earthquakes");
    assert_int_equal(json_int(at(&reply, "/metadata"), "status", 0), 200);
    assert_non_null(json_str(at(&reply, "/metadata"), "api"));
    assert_int_equal(json_int(at(&reply, "/metadata"), "limit", 0), 2);
    assert_int_equal(json_int(at(&reply, "/metadata"), "offset", 0), 3);
    assert_int_equal(json_int(at(&reply, "/metadata"), "count", 0), 2);
    assert_int_equal(yyjson_arr_size(at(&reply, "/bbox")), 6);
    assert_string_equal(json_str(at(&reply, "/features/0"), "type"), "Feature");
    assert_int_equal(yyjson_obj_size(at(&reply, "/features/0/properties")), 26);
}

static void limit_and_offset_stand_in_the_metadata_only_if_a_limit_was_given(void **state)
{
    AUTO(reply) reply = {0};

    (void)state;
    query(ALL "&minmagnitude=6", &reply);

    assert_null(at(&reply, "/metadata/limit"));
    assert_null(at(&reply, "/metadata/offset"));
}

static void pages_counted_from_one_give_every_event_once_in_order(void **state)
{
    int64_t before = 0;
    size_t seen = 0;

    (void)state;
    for (int offset = 1; offset <= EVENTS; offset += 500) {
        AUTO(reply) reply = {0};
        char *parameters = mem_fmt(ALL "&orderby=time-asc&limit=500&offset=%d", offset);
        yyjson_arr_iter each;
        yyjson_val *feature;

        query(parameters, &reply);
        free(parameters);
        yyjson_arr_iter_init(at(&reply, "/features"), &each);
        while ((feature = yyjson_arr_iter_next(&each)) != NULL) {
            const int64_t time = json_int(yyjson_obj_get(feature, "properties"), "time", 0);

            assert_true(time > before); /* all times differ */
            before = time;
            seen++;
        }
    }

    assert_int_equal(seen, EVENTS);
}

static void a_page_behind_the_last_is_empty_and_no_error(void **state)
{
    (void)state;
    assert_int_equal(count_of(ALL "&limit=500&offset=1707"), 1);
    assert_int_equal(count_of(ALL "&limit=500&offset=1708"), 0);
    assert_int_equal(count_of(ALL "&limit=20000&offset=99999999"), 0);
}

static void without_a_start_only_the_last_thirty_days_are_asked_for(void **state)
{
    (void)state;
    assert_int_equal(count_of("format=geojson"), 0);
    assert_int_equal(count_of("format=geojson&starttime="), 0);
}

static void times_bound_on_both_sides_in_whole_seconds(void **state)
{
    (void)state;
    /* The latest event is of 2018-02-07T01:26:13.840Z. */
    assert_int_equal(count_of("format=geojson&starttime=2018-02-07T01:26:13"), 1);
    assert_int_equal(count_of("format=geojson&starttime=2018-02-07T01:26:13.999"), 1);
    assert_int_equal(count_of("format=geojson&starttime=2018-02-07T01:26:14Z"), 0);
    assert_int_equal(count_of("format=geojson&starttime=2018-02-06T20:26:13-05:00"), 1);
    assert_int_equal(count_of(ALL "&endtime=2018-02-07T01:26:13"), EVENTS - 1);
    assert_int_equal(count_of(ALL "&endtime=2018-02-07T01:26:14"), EVENTS);
    assert_int_equal(count_of(ALL "&end=2018-01-01"), 0);
}

static void updatedafter_takes_the_second_it_names(void **state)
{
    (void)state;
    /* The latest change is of 2018-02-07T01:45:04.877Z. */
    assert_int_equal(count_of(ALL "&updatedafter=2018-02-07T01:45:04.877Z"), 1);
    assert_int_equal(count_of(ALL "&updatedafter=2018-02-07T01:45:05Z"), 0);
    assert_int_equal(count_of(ALL "&updatedafter=2018-01-01"), EVENTS);
    assert_int_equal(count_of(ALL "&updatedafter="), EVENTS);
}

static void bounds_choose_and_null_is_within_none(void **state)
{
    (void)state;
    assert_int_equal(count_of(ALL "&minmagnitude=6.4"), 1);
    assert_int_equal(count_of(ALL "&minmag=6.4&maxmag=6.4"), 1);
    assert_int_equal(count_of(ALL "&minfelt=0"), 127);
    assert_int_equal(count_of(ALL "&mingap=0"), EVENTS - 303);
    assert_int_equal(count_of(ALL "&minlatitude=-90&maxlatitude=90"), EVENTS);
    assert_true(count_of(ALL "&mindepth=100") < 200);
    assert_int_equal(count_of(ALL "&minlongitude=170&maxlongitude=190"),
                     count_of(ALL "&minlongitude=170") + count_of(ALL "&maxlongitude=-170"));
}

static void words_choose(void **state)
{
    const size_t reviewed = count_of(ALL "&reviewstatus=reviewed");
    const size_t quakes = count_of(ALL "&eventtype=earthquake");

    (void)state;
    assert_int_equal(reviewed + count_of(ALL "&reviewstatus=automatic"), EVENTS);
    assert_true(quakes < EVENTS);
    assert_true(count_of(ALL "&eventtype=earthquake,explosion") > quakes);
    assert_true(count_of(ALL "&alertlevel=green") > 0);
}

static void the_order_is_as_asked_for(void **state)
{
    AUTO(reply) standard = {0};
    AUTO(reply) greatest = {0};
    AUTO(reply) least = {0};

    (void)state;
    query(ALL "&limit=2", &standard);
    query(ALL "&limit=1&orderby=magnitude", &greatest);
    query(ALL "&limit=1&orderby=magnitude-asc", &least);

    assert_true(json_int(at(&standard, "/features/0/properties"), "time", 0) >
                json_int(at(&standard, "/features/1/properties"), "time", 0));
    assert_true(yyjson_get_num(at(&greatest, "/features/0/properties/mag")) == 6.4);
    assert_true(yyjson_get_num(at(&least, "/features/0/properties/mag")) < 0);
}

static void one_event_comes_by_any_of_its_names(void **state)
{
    AUTO(reply) by_id = {0};
    AUTO(reply) by_other = {0};
    AUTO(reply) unknown = {0};

    (void)state;
    query("format=geojson&eventid=ak18383983", &by_id);
    query("format=geojson&eventid=us1000chw0", &by_other);
    query("format=geojson&eventid=us1000ch", &unknown);

    assert_string_equal(json_str(json_root(&by_id.json), "type"), "Feature");
    assert_string_equal(buf_text(&by_id.body), buf_text(&by_other.body));
    assert_int_equal(unknown.status, 404);
}

static void bad_parameters_are_refused_with_the_reason(void **state)
{
    (void)state;
    refused(ALL "&minmagnitud=3", "Unknown parameter \"minmagnitud\".");
    refused(ALL "&minmagnitude=big", "Bad minmagnitude value \"big\"");
    refused(ALL "&minmagnitude=0x10", "Valid values are numeric");
    refused(ALL "&minlatitude=91", "-90 <= minlatitude <= 90");
    refused(ALL "&minlatitude=10&maxlatitude=0", "minlatitude must be less than maxlatitude");
    refused(ALL "&minlongitude=-190", "date line");
    refused(ALL "&limit=0", "1 <= limit <= 20000");
    refused(ALL "&limit=20001", "Bad limit value \"20001\"");
    refused(ALL "&limit=1.5", "Bad limit value \"1.5\"");
    refused(ALL "&offset=0", "1 <= offset");
    refused(ALL "&offset=-1", "Bad offset value \"-1\"");
    refused(ALL "&orderby=place", "\"time-asc\"");
    refused(ALL "&latitude=0&longitude=0&maxradius=5", "does not serve");
}

static void times_that_are_not_iso_8601_are_refused(void **state)
{
    (void)state;
    refused("format=geojson&starttime=yesterday", "ISO-8601");
    refused("format=geojson&starttime=1517443200000", "ISO-8601");
    refused("format=geojson&endtime=2018-13-01", "Bad endtime value \"2018-13-01\"");
    /* An unescaped + is a blank, so the offset is lost. */
    refused("format=geojson&starttime=2018-01-01T00:00:00+01:00", "Bad starttime");
    assert_int_equal(count_of("format=geojson&starttime=2018-01-01T00:00:00%2B01:00"), EVENTS);
}

static void other_formats_are_refused_clearly(void **state)
{
    (void)state;
    refused("starttime=2018-01-01", "The format \"quakeml\" is not served");
    refused("starttime=2018-01-01&format=csv", "The format \"csv\" is not served");
    refused("starttime=2018-01-01&format=pdf", "Bad format value \"pdf\"");
}

static void a_refusal_is_json_if_that_was_asked_for(void **state)
{
    AUTO(reply) reply = {0};

    (void)state;
    query("limit=0&format=geojson&jsonerror=true", &reply);

    assert_int_equal(reply.status, 400);
    assert_int_equal(json_int(at(&reply, "/metadata"), "status", 0), 400);
    assert_int_equal(json_int(at(&reply, "/metadata"), "count", -1), 0);
    assert_non_null(strstr(json_str(at(&reply, "/metadata"), "error"), "limit"));
    assert_int_equal(yyjson_arr_size(at(&reply, "/features")), 0);
}

static void count_and_version_answer_in_plain_text(void **state)
{
    AUTO(reply) count = {0};
    AUTO(reply) json = {0};
    AUTO(reply) version = {0};

    (void)state;
    ask("GET", "/fdsnws/event/1/count?starttime=2018-01-01", NULL, &count);
    ask("GET", "/fdsnws/event/1/count?" ALL, NULL, &json);
    ask("GET", "/fdsnws/event/1/version", NULL, &version);

    assert_string_equal(buf_text(&count.body), "1707");
    assert_string_equal(buf_text(&json.body), "{\"count\":1707,\"maxAllowed\":20000}");
    assert_int_equal(version.status, 200);
    assert_true(strlen(buf_text(&version.body)) > 0);
}

static void head_tells_the_size_and_sends_no_body(void **state)
{
    AUTO(reply) head = {0};
    AUTO(reply) get = {0};
    char *length;

    (void)state;
    ask("HEAD", "/fdsnws/event/1/query?" ALL "&minmagnitude=6&updatedafter=2018-01-01", NULL,
        &head);
    query(ALL "&minmagnitude=6&updatedafter=2018-01-01", &get);
    length = mem_fmt("Content-Length: %zu\r\n", get.body.size);

    assert_int_equal(head.status, 200);
    assert_int_equal(head.body.size, 0);
    assert_non_null(strstr(buf_text(&head.headers), length));
    free(length);
}

static void gzip_comes_only_when_asked_for_and_holds_the_same(void **state)
{
    const char *path = "/fdsnws/event/1/query?" ALL "&limit=100";
    AUTO(reply) packed = {0};
    AUTO(reply) plain = {0};

    (void)state;
    ask("GET", path, "gzip", &packed);
    ask("GET", path, NULL, &plain);

    assert_non_null(strstr(buf_text(&packed.headers), "Content-Encoding: gzip"));
    assert_null(strstr(buf_text(&plain.headers), "Content-Encoding"));
    assert_string_equal(strstr(buf_text(&packed.body), "\"features\""),
                        strstr(buf_text(&plain.body), "\"features\""));
}

static void other_paths_and_methods_are_refused(void **state)
{
    AUTO(reply) path = {0};
    AUTO(reply) method = {0};

    (void)state;
    ask("GET", "/fdsnws/event/1/catalogs", NULL, &path);
    ask("DELETE", "/fdsnws/event/1/query?" ALL, NULL, &method);

    assert_int_equal(path.status, 404);
    assert_int_equal(method.status, 405);
    assert_non_null(strstr(buf_text(&method.headers), "Allow: GET, HEAD"));
}

static void an_address_that_is_taken_or_wrong_is_an_error(void **state)
{
    AUTO(sample_api) other = {0};
    struct err err = {0};

    (void)state;
    assert_int_equal(sample_api_start(&other, api.address, false, &err), -1);
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.text, api.address));

    assert_int_equal(sample_api_start(&other, "8320", false, &err), -1);
    assert_int_equal(err.code, ERR_USAGE);
    assert_int_equal(sample_api_start(&other, "127.0.0.1:70000", false, &err), -1);
    assert_int_equal(err.code, ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_has_the_shape_of_the_real_one),
        cmocka_unit_test(limit_and_offset_stand_in_the_metadata_only_if_a_limit_was_given),
        cmocka_unit_test(pages_counted_from_one_give_every_event_once_in_order),
        cmocka_unit_test(a_page_behind_the_last_is_empty_and_no_error),
        cmocka_unit_test(without_a_start_only_the_last_thirty_days_are_asked_for),
        cmocka_unit_test(times_bound_on_both_sides_in_whole_seconds),
        cmocka_unit_test(updatedafter_takes_the_second_it_names),
        cmocka_unit_test(bounds_choose_and_null_is_within_none),
        cmocka_unit_test(words_choose),
        cmocka_unit_test(the_order_is_as_asked_for),
        cmocka_unit_test(one_event_comes_by_any_of_its_names),
        cmocka_unit_test(bad_parameters_are_refused_with_the_reason),
        cmocka_unit_test(times_that_are_not_iso_8601_are_refused),
        cmocka_unit_test(other_formats_are_refused_clearly),
        cmocka_unit_test(a_refusal_is_json_if_that_was_asked_for),
        cmocka_unit_test(count_and_version_answer_in_plain_text),
        cmocka_unit_test(head_tells_the_size_and_sends_no_body),
        cmocka_unit_test(gzip_comes_only_when_asked_for_and_holds_the_same),
        cmocka_unit_test(other_paths_and_methods_are_refused),
        cmocka_unit_test(an_address_that_is_taken_or_wrong_is_an_error),
    };

    return cmocka_run_group_tests_name("sample_api", tests, set_up, tear_down);
}
