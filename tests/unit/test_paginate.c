/* Paginators: what they ask for, where they stop and why, and their places. */
#include "base/json.h"
#include "base/mem.h"
#include "source/link_header.h"
#include "source/paginate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

static const struct secrets no_secrets;

static char *literal(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* An answer comes. Returns as paginator_advance(). */
static int answer(struct paginator *paginator, const char *json, int64_t records, const char *link,
                  struct err *err)
{
    yyjson_doc *doc = yyjson_read(json, strlen(json), YYJSON_READ_NUMBER_AS_RAW);
    AUTO(json) envelope = {.doc = doc};
    struct page_want want;

    assert_non_null(envelope.doc);
    paginator_want(paginator, &want);
    return paginator_advance(paginator,
                             &(struct page_facts){.envelope = json_root(&envelope),
                                                  .selector = "data",
                                                  .link = link,
                                                  .url = want.url ? want.url : "http://x/first",
                                                  .records = records},
                             err);
}

static void goes_on(struct paginator *paginator, const char *json, int64_t records)
{
    struct err err = {0};

    if (answer(paginator, json, records, NULL, &err) < 0)
        fail_msg("%s: %s", json, err.text);
    if (paginator->is_end)
        fail_msg("%s: ended: %s", json, paginator->why);
}

static void ends(struct paginator *paginator, const char *json, int64_t records, const char *why)
{
    struct err err = {0};

    if (answer(paginator, json, records, NULL, &err) < 0)
        fail_msg("%s: %s", json, err.text);
    assert_true(paginator->is_end);
    assert_string_equal(paginator->why, why);
}

static void fails(struct paginator *paginator, const char *json, int64_t records,
                  enum err_code code, const char *says)
{
    struct err err = {0};

    assert_int_equal(answer(paginator, json, records, NULL, &err), -1);
    assert_int_equal(err.code, code);
    if (strstr(err.text, says) == NULL)
        fail_msg("%s: \"%s\", not \"%s\"", json, err.text, says);
}

/* What the next request says, as "name=value name=value" or a link. */
static void wants(const struct paginator *paginator, const char *expected)
{
    struct page_want want;
    AUTO(buf) text = {0};

    paginator_want(paginator, &want);
    buf_puts(&text, want.url ? want.url : "");
    for (size_t i = 0; i < want.count; i++)
        buf_printf(&text, "%s%s%s=%s", i ? " " : "", want.sets[i].param ? "" : "body:",
                   want.sets[i].param ? want.sets[i].param : want.sets[i].body_path,
                   want.sets[i].json);
    assert_string_equal(buf_text(&text), expected);
}

static struct paginator_conf offset_conf(void)
{
    return (struct paginator_conf){.is_set = true,
                                   .type = PAGINATOR_OFFSET,
                                   .limit = 100,
                                   .offset_param = literal("offset"),
                                   .limit_param = literal("limit"),
                                   .total_path = literal("total"),
                                   .maximum_offset = -1,
                                   .stop_after_empty_page = true};
}

static struct paginator_conf page_conf(int64_t base_page)
{
    return (struct paginator_conf){.is_set = true,
                                   .type = PAGINATOR_PAGE_NUMBER,
                                   .base_page = base_page,
                                   .page = -1,
                                   .page_param = literal("page"),
                                   .total_path = literal("total"),
                                   .maximum_page = -1,
                                   .stop_after_empty_page = true};
}

static void offset_counts_up_to_the_total(void **state)
{
    const struct paginator_conf conf = offset_conf();
    AUTO(paginator) paginator = {0};

    (void)state;
    paginator_open(&paginator, &conf);
    wants(&paginator, "offset=0 limit=100");
    goes_on(&paginator, "{\"total\":250}", 100);
    wants(&paginator, "offset=100 limit=100");
    goes_on(&paginator, "{\"total\":\"250\"}", 100);
    wants(&paginator, "offset=200 limit=100");
    ends(&paginator, "{\"total\":250}", 50, "total 250 reached");
}

static void an_offset_passes_over_no_record_of_an_api_that_caps_its_pages(void **state)
{
    struct paginator_conf conf = offset_conf();
    AUTO(paginator) paginator = {0};

    (void)state;
    conf.limit = 200;
    paginator_open(&paginator, &conf);
    goes_on(&paginator, "{\"total\":250}", 100);
    wants(&paginator, "offset=100 limit=200");
    goes_on(&paginator, "{\"total\":250}", 100);
    wants(&paginator, "offset=200 limit=200");
    ends(&paginator, "{\"total\":250}", 50, "total 250 reached");

    paginator_open(&paginator, &conf);
    goes_on(&paginator, "{}", 300); /* it does not know the limit, but maybe the offset */
    wants(&paginator, "offset=200 limit=200");
}

static void an_offset_goes_by_the_limit_where_records_cannot_be_counted(void **state)
{
    struct paginator_conf conf = offset_conf();
    const struct page_facts one_object = {.url = "http://x", .records = 1, .is_object = true};
    AUTO(paginator) paginator = {0};
    struct err err = {0};

    (void)state;
    conf.stop_after_empty_page = false;
    paginator_open(&paginator, &conf);
    goes_on(&paginator, "{\"total\":900}", 0);
    wants(&paginator, "offset=100 limit=100");
    conf.total_path = NULL;
    assert_int_equal(paginator_advance(&paginator, &one_object, &err), 0);
    wants(&paginator, "offset=200 limit=100");
}

static void the_last_record_is_asked_for_where_offsets_begin_at_1(void **state)
{
    struct paginator_conf conf = offset_conf();
    AUTO(paginator) paginator = {0};

    (void)state;
    conf.offset = 1;
    paginator_open(&paginator, &conf);
    goes_on(&paginator, "{\"total\":101}", 100);
    wants(&paginator, "offset=101 limit=100");
    ends(&paginator, "{\"total\":101}", 1, "total 101 reached");
}

static void a_total_of_less_than_what_came_is_not_believed(void **state)
{
    struct paginator_conf conf = offset_conf();
    AUTO(paginator) paginator = {0};

    (void)state;
    paginator_open(&paginator, &conf);
    assert_false(paginator.doubts_total);
    goes_on(&paginator, "{\"total\":0}", 100);
    assert_true(paginator.doubts_total);
    goes_on(&paginator, "{\"total\":3}", 100);
    ends(&paginator, "{\"total\":0}", 0, "empty page");

    conf.stop_after_empty_page = false;
    paginator_open(&paginator, &conf);
    goes_on(&paginator, "{\"total\":0}", 100);
    ends(&paginator, "{\"total\":0}", 0, "total 0 reached");
}

static void offset_stops_at_an_empty_page_even_without_a_total(void **state)
{
    const struct paginator_conf conf = offset_conf();
    AUTO(paginator) paginator = {0};

    (void)state;
    paginator_open(&paginator, &conf);
    goes_on(&paginator, "{}", 100);
    goes_on(&paginator, "{\"total\":null}", 100);
    ends(&paginator, "{}", 0, "empty page");
}

static void a_total_is_missed_where_nothing_else_would_stop(void **state)
{
    struct paginator_conf conf = offset_conf();
    AUTO(paginator) paginator = {0};

    (void)state;
    conf.stop_after_empty_page = false;
    paginator_open(&paginator, &conf);
    fails(&paginator, "{}", 100, ERR_DATA, "the answer has no \"total\", which total_path names");
    fails(&paginator, "{\"total\":\"many\"}", 100, ERR_DATA, "\"total\" in the answer is no whole");
    goes_on(&paginator, "{\"total\":900}", 0);
}

static void a_maximum_ends_whatever_the_answer_says(void **state)
{
    struct paginator_conf conf = offset_conf();
    AUTO(paginator) paginator = {0};

    (void)state;
    conf.maximum_offset = 200;
    conf.has_more_path = literal("more");
    paginator_open(&paginator, &conf);
    goes_on(&paginator, "{\"total\":50,\"more\":true}", 100);
    ends(&paginator, "{\"total\":5000,\"more\":true}", 100, "maximum offset 200 reached");
}

static void page_numbers_begin_at_the_base(void **state)
{
    struct paginator_conf from_0 = page_conf(0);
    struct paginator_conf from_1 = page_conf(1);
    AUTO(paginator) paginator = {0};

    (void)state;
    paginator_open(&paginator, &from_0);
    wants(&paginator, "page=0");
    goes_on(&paginator, "{\"total\":2}", 10);
    wants(&paginator, "page=1");
    ends(&paginator, "{\"total\":2}", 10, "total 2 pages reached");

    paginator_open(&paginator, &from_1);
    wants(&paginator, "page=1");
    goes_on(&paginator, "{\"total\":2}", 10);
    ends(&paginator, "{\"total\":2}", 10, "total 2 pages reached");

    from_1.page = 5;
    from_1.maximum_page = 6;
    from_1.page_param = NULL;
    from_1.page_body_path = literal("query.page");
    paginator_open(&paginator, &from_1);
    wants(&paginator, "body:query.page=5");
    ends(&paginator, "{}", 10, "maximum page 6 reached");
}

static void has_more_is_read_as_dlt_reads_it(void **state)
{
    struct paginator_conf conf = page_conf(1);
    AUTO(paginator) paginator = {0};

    (void)state;
    conf.total_path = NULL;
    conf.has_more_path = literal("meta.more");
    paginator_open(&paginator, &conf);
    goes_on(&paginator, "{\"meta\":{\"more\":true}}", 1);
    goes_on(&paginator, "{\"meta\":{\"more\":\"Yes\"}}", 1);
    fails(&paginator, "{}", 1, ERR_DATA, "which has_more_path names");
    fails(&paginator, "{\"meta\":{\"more\":1}}", 1, ERR_DATA, "neither true nor false");
    ends(&paginator, "{\"meta\":{\"more\":\"f\"}}", 1, "meta.more is false");
}

static struct paginator_conf cursor_conf(void)
{
    return (struct paginator_conf){.is_set = true,
                                   .type = PAGINATOR_CURSOR,
                                   .cursor_path = literal("cursors.next"),
                                   .cursor_param = literal("cursor")};
}

static void a_cursor_is_followed_until_there_is_none(void **state)
{
    const struct paginator_conf conf = cursor_conf();
    AUTO(paginator) paginator = {0};

    (void)state;
    paginator_open(&paginator, &conf);
    wants(&paginator, "");
    goes_on(&paginator, "{\"cursors\":{\"next\":\"a b\"}}", 0);
    wants(&paginator, "cursor=\"a b\"");
    goes_on(&paginator, "{\"cursors\":{\"next\":17.50}}", 1);
    wants(&paginator, "cursor=17.50");
    ends(&paginator, "{\"cursors\":{\"next\":null}}", 1, "no next cursor");
}

static void what_python_takes_for_false_is_no_cursor(void **state)
{
    static const char *const none[] = {"\"\"", "0", "false", "null", "0.0"};
    const struct paginator_conf conf = cursor_conf();

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        AUTO(paginator) paginator = {0};
        char *json = mem_fmt("{\"cursors\":{\"next\":%s}}", none[i]);

        paginator_open(&paginator, &conf);
        ends(&paginator, json, 1, "no next cursor");
        free(json);
    }
}

static void a_cursor_that_comes_again_is_an_error(void **state)
{
    const struct paginator_conf conf = cursor_conf();
    AUTO(paginator) paginator = {0};

    (void)state;
    paginator_open(&paginator, &conf);
    for (int i = 1; i <= 1000; i++) {
        char *json = mem_fmt("{\"cursors\":{\"next\":%d}}", i);

        goes_on(&paginator, json, 1);
        free(json);
    }
    fails(&paginator, "{\"cursors\":{\"next\":1000}}", 1, ERR_DATA, "names a cursor again");
    fails(&paginator, "{\"cursors\":{\"next\":17}}", 1, ERR_DATA, "names a cursor again");
    fails(&paginator, "{\"cursors\":{\"next\":[]}}", 1, ERR_DATA, "neither a text nor a number");
}

static void cursors_stop_as_they_are_told_to(void **state)
{
    struct paginator_conf conf = cursor_conf();
    AUTO(paginator) paginator = {0};

    (void)state;
    conf.has_more_path = literal("more");
    paginator_open(&paginator, &conf);
    goes_on(&paginator, "{\"more\":true,\"cursors\":{\"next\":1}}", 0);
    fails(&paginator, "{\"more\":true}", 0, ERR_DATA, "\"more\" says there is more, but there is");
    ends(&paginator, "{\"more\":false,\"cursors\":{\"next\":2}}", 0, "more is false");

    conf.stop_after_empty_page = true;
    paginator_open(&paginator, &conf);
    ends(&paginator, "{\"more\":true,\"cursors\":{\"next\":1}}", 0, "empty page");
}

static void a_path_into_the_records_is_refused(void **state)
{
    struct paginator_conf conf = cursor_conf();
    AUTO(paginator) paginator = {0};

    (void)state;
    conf.cursor_path = literal("data[0].id");
    paginator_open(&paginator, &conf);
    fails(&paginator, "{\"data\":[]}", 1, ERR_USAGE, "leads into the records");
    ends(&paginator, "{\"data\":{\"x\":1}}", 1, "no next cursor");
}

static void links_are_resolved(void **state)
{
    const struct paginator_conf conf = {.is_set = true,
                                        .type = PAGINATOR_JSON_LINK,
                                        .next_url_path = literal("next")};
    AUTO(paginator) paginator = {0};

    (void)state;
    paginator_open(&paginator, &conf);
    goes_on(&paginator, "{\"next\":\"?page=2#part\"}", 1);
    wants(&paginator, "http://x/first?page=2");
    goes_on(&paginator, "{\"next\":\"//y:80/a b\"}", 1);
    wants(&paginator, "http://y:80/a%20b");
    fails(&paginator, "{\"next\":\"ftp://x/\"}", 1, ERR_DATA, "neither http nor https");
    fails(&paginator, "{\"next\":\"http://x/first\"}", 1, ERR_DATA, "names a next link again");
    ends(&paginator, "{\"next\":\"\"}", 1, "no next link");
}

static void the_link_header_is_read_by_its_grammar(void **state)
{
    static const char *const cases[][2] = {
        {"<http://x/2>; rel=\"next\", <http://x/9>; rel=\"last\"", "http://x/2"},
        {"</prev>; rel=prev, </a,b;c>; title=\"x, \\\" y\" ; REL = Next", "/a,b;c"},
        {"<a>; rel=\"first next\"", "a"},
        {"<a>; rel=prev; rel=next", NULL},
        {"<a>;rel=nextish,<b>", NULL},
        {"<a>; anchor; rel=next", "a"},
        {"<a; rel=next", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *found = link_header_find(cases[i][0], "next");

        if (cases[i][1])
            assert_string_equal(found, cases[i][1]);
        else
            assert_null(found);
        free(found);
    }
}

static void header_links_are_followed(void **state)
{
    const struct paginator_conf conf = {.is_set = true,
                                        .type = PAGINATOR_HEADER_LINK,
                                        .links_next_key = literal("next")};
    AUTO(paginator) paginator = {0};
    struct err err;

    (void)state;
    paginator_open(&paginator, &conf);
    assert_int_equal(answer(&paginator, "[]", 1, "</2>; rel=next", &err), 0);
    wants(&paginator, "http://x/2");
    assert_int_equal(answer(&paginator, "[]", 1, "</1>; rel=prev", &err), 0);
    assert_true(paginator.is_end);
}

static void auto_finds_what_the_answer_offers(void **state)
{
    static const struct {
        const char *json;
        const char *link;
        const char *log;
        const char *wants;
    } cases[] = {
        {"{\"next\":\"/b\"}", "</a>; rel=next", "header_link", "http://x/a"},
        {"{\"m\":{\"next_page\":\"http://x/a\"}}", NULL, "json_link by \"m.next_page\"",
         "http://x/a"},
        {"{\"next\":{\"href\":\"/a\"}}", NULL, "json_link by \"next.href\"", "http://x/a"},
        {"{\"links\":{\"a b\":{\"next\":\"?p=2\"}}}", NULL, "json_link by \"links['a b'].next\"",
         "http://x/first?p=2"},
        {"{\"next\":2,\"page\":1,\"total_pages\":3}", NULL,
         "page_number by \"total_pages\", sent as \"page\" (a guess)", "page=2"},
        {"{\"m\":{\"number\":0,\"totalPages\":\"3\"}}", NULL,
         "page_number by \"m.totalPages\", sent as \"page\" (a guess)", "page=1"},
        {"{\"m\":{\"next\":\"abc\"}}", NULL, "cursor by \"m.next\", sent as \"cursor\" (a guess)",
         "cursor=\"abc\""},
        {"{\"next\":null,\"nextish\":true}", NULL, "single_page, as the answer names no other", ""},
        {"{\"pages\":1}", NULL, "single_page, as the answer says so", ""},
        {"[]", "</a>; rel=prev", "single_page, as the answer names no other", ""},
    };
    const struct paginator_conf conf = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(paginator) paginator = {0};
        struct err err = {0};

        paginator_open(&paginator, &conf);
        if (answer(&paginator, cases[i].json, 1, cases[i].link, &err) < 0)
            fail_msg("%s: %s", cases[i].json, err.text);
        assert_string_equal(paginator.log, cases[i].log);
        wants(&paginator, cases[i].wants);
    }
}

static void auto_asks_rather_than_lose_a_page(void **state)
{
    const struct paginator_conf conf = {0};
    AUTO(paginator) paginator = {0};

    (void)state;
    paginator_open(&paginator, &conf);
    fails(&paginator, "{\"m\":{\"total_pages\":3}}", 1, ERR_DATA,
          "\"m.total_pages\" tells that there are 3 pages");
}

/*
 * Writes the place, reads it into another paginator of that conf, and sees that both want the
 * same.
 */
static void survives(const struct paginator *paginator, const struct paginator_conf *conf,
                     const char *expected)
{
    AUTO(paginator) again = {0};
    AUTO(buf) place = {0};
    AUTO(json) json = {0};
    struct err err;

    buf_putc(&place, '{');
    paginator_write(paginator, &no_secrets, &place);
    buf_putc(&place, '}');
    assert_string_equal(place.data, expected);
    assert_int_equal(json_parse(&json, place.data, place.size, &err), 0);
    paginator_open(&again, conf);
    assert_true(paginator_restore(&again, &no_secrets, json_root(&json)));
    for (int i = 0; i < 2; i++) {
        struct page_want a;
        struct page_want b;

        paginator_want(paginator, &a);
        paginator_want(&again, &b);
        assert_int_equal(a.count, b.count);
        assert_true((a.url == NULL) == (b.url == NULL));
        if (a.url)
            assert_string_equal(a.url, b.url);
        if (a.count > 0)
            assert_string_equal(a.sets[0].json, b.sets[0].json);
    }
}

static void places_are_found_again(void **state)
{
    const struct paginator_conf offset = offset_conf();
    const struct paginator_conf cursor = cursor_conf();
    const struct paginator_conf none = {0};
    AUTO(paginator) paginator = {0};

    (void)state;
    paginator_open(&paginator, &offset);
    goes_on(&paginator, "{}", 1);
    survives(&paginator, &offset, "{\"type\":\"offset\",\"number\":1}");

    paginator_open(&paginator, &cursor);
    goes_on(&paginator, "{\"cursors\":{\"next\":\"a\\\"\"}}", 1);
    survives(&paginator, &cursor, "{\"type\":\"cursor\",\"next\":\"\\\"a\\\\\\\"\\\"\"}");
    goes_on(&paginator, "{\"cursors\":{\"next\":1.10}}", 1);
    survives(&paginator, &cursor, "{\"type\":\"cursor\",\"next\":\"1.10\"}");

    paginator_open(&paginator, &none);
    goes_on(&paginator, "{\"m\":{\"next\":\"/2\"}}", 1);
    survives(&paginator, &none,
             "{\"type\":\"json_link\",\"next\":\"http://x/2\",\"auto\":true,\"path\":\"m.next\"}");

    paginator_open(&paginator, &none);
    goes_on(&paginator, "{\"page\":1,\"pages\":9}", 1);
    survives(&paginator, &none,
             "{\"type\":\"page_number\",\"number\":2,\"auto\":true,\"path\":\"pages\",\"base\":1}");
}

static void a_place_of_another_pagination_is_refused(void **state)
{
    static const char *const places[] = {
        "{}",
        "null",
        "{\"type\":\"cursor\",\"next\":\"1\"}",
        "{\"type\":\"offset\"}",
        "{\"type\":\"offset\",\"number\":-5}",
        "{\"type\":\"offset\",\"number\":5,\"auto\":true}",
        "{\"type\":\"offset\",\"number\":5,\"end\":true}",
    };
    const struct paginator_conf conf = offset_conf();

    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        AUTO(paginator) paginator = {0};
        AUTO(json) json = {0};
        struct err err;

        assert_int_equal(json_parse(&json, places[i], strlen(places[i]), &err), 0);
        paginator_open(&paginator, &conf);
        assert_false(paginator_restore(&paginator, &no_secrets, json_root(&json)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offset_counts_up_to_the_total),
        cmocka_unit_test(an_offset_passes_over_no_record_of_an_api_that_caps_its_pages),
        cmocka_unit_test(an_offset_goes_by_the_limit_where_records_cannot_be_counted),
        cmocka_unit_test(the_last_record_is_asked_for_where_offsets_begin_at_1),
        cmocka_unit_test(a_total_of_less_than_what_came_is_not_believed),
        cmocka_unit_test(offset_stops_at_an_empty_page_even_without_a_total),
        cmocka_unit_test(a_total_is_missed_where_nothing_else_would_stop),
        cmocka_unit_test(a_maximum_ends_whatever_the_answer_says),
        cmocka_unit_test(page_numbers_begin_at_the_base),
        cmocka_unit_test(has_more_is_read_as_dlt_reads_it),
        cmocka_unit_test(a_cursor_is_followed_until_there_is_none),
        cmocka_unit_test(what_python_takes_for_false_is_no_cursor),
        cmocka_unit_test(a_cursor_that_comes_again_is_an_error),
        cmocka_unit_test(cursors_stop_as_they_are_told_to),
        cmocka_unit_test(a_path_into_the_records_is_refused),
        cmocka_unit_test(links_are_resolved),
        cmocka_unit_test(the_link_header_is_read_by_its_grammar),
        cmocka_unit_test(header_links_are_followed),
        cmocka_unit_test(auto_finds_what_the_answer_offers),
        cmocka_unit_test(auto_asks_rather_than_lose_a_page),
        cmocka_unit_test(places_are_found_again),
        cmocka_unit_test(a_place_of_another_pagination_is_refused),
    };

    return cmocka_run_group_tests_name("paginate", tests, NULL, NULL);
}
