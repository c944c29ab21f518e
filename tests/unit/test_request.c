/* URLs, secrets in them, placeholders, and cursor values as an API wants them. */
#include "base/json.h"
#include "base/mem.h"
#include "source/secrets.h"
#include "source/template.h"
#include "source/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

static char *literal(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void base_and_path_are_joined_by_one_slash(void **state)
{
    static const char *const cases[][3] = {
        {"http://x", "a/b", "http://x/a/b"},
        {"http://x/v1//", "//a?b=1", "http://x/v1/a?b=1"},
        {"http://x/v1", "", "http://x/v1"},
        {"http://x", "", "http://x/"},
        {"http://x/v1", "HTTPS://y/z", "https://y/z"},
        {"", "http://y/z", "http://y/z"},
        {"http://x", "caf\xc3\xa9 1#part", "http://x/caf%c3%a9%201"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        char *url = NULL;

        if (url_join(cases[i][0], cases[i][1], &url, &err) < 0)
            fail_msg("%s", err.text);
        assert_string_equal(url, cases[i][2]);
        free(url);
    }
}

static void what_is_no_web_address_is_refused(void **state)
{
    static const char *const bases[] = {
        "", "x", "example.org/api", "ftp://x", "file:///etc/passwd", "http://"};

    (void)state;
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        struct err err = {0};
        char *url = NULL;

        assert_int_equal(url_join(bases[i], "a", &url, &err), -1);
        assert_int_equal(err.code, ERR_USAGE);
        assert_null(url);
    }
}

static void origins_are_scheme_host_and_port(void **state)
{
    (void)state;
    assert_true(url_same_origin("http://x/a", "http://X:80/b?c"));
    assert_true(url_same_origin("https://x/", "https://u:p@x:443/"));
    assert_false(url_same_origin("http://x/", "https://x/"));
    assert_false(url_same_origin("http://x/", "http://x:81/"));
    assert_false(url_same_origin("http://x/", "http://x.y/"));
    assert_false(url_same_origin("http://x/", "nonsense"));
}

static void a_parameter_is_set_once(void **state)
{
    static const char *const cases[][2] = {
        {"http://x/", "http://x/?k=a%20b"},
        {"http://x/?a=1", "http://x/?a=1&k=a%20b"},
        {"http://x/?k=1&a=1&%6b=2&kk", "http://x/?a=1&kk&k=a%20b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *url = url_with_param(cases[i][0], "k", "a b");

        assert_string_equal(url, cases[i][1]);
        free(url);
    }
}

/* A source with a secret of every sort. */
static void collect(struct secrets *secrets)
{
    struct field_conf params[] = {
        {.name = literal("appid"), .value = literal("pa/ram{{}}"), .is_secret = true},
        {.name = literal("n"), .value = literal("1"), .is_secret = true},
        {.name = literal("open"), .value = literal("known")},
    };
    struct field_conf header = {.name = literal("X-H"),
                                .value = literal("headervalue"),
                                .is_secret = true};
    const struct resource_conf resource = {
        .endpoint = {.params = {params, 3},
                     .headers = {&header, 1},
                     .auth = {.type = AUTH_HTTP_BASIC,
                              .username = literal("user"),
                              .password = literal("pass word")}}};
    struct opt_pair variables[20];
    struct source_conf conf = {.base_url = literal("http://me:userinfo@x/"),
                               .secrets = {.items = variables, .count = 20}};

    for (int i = 0; i < 20; i++)
        variables[i] = (struct opt_pair){literal("IN_PATH"), literal("in-the-path")};
    secrets_collect(secrets, &conf, &resource);
}

static void texts_show_no_secret_however_it_is_written(void **state)
{
    static const char *const cases[][2] = {
        {"pa/ram{} pa%2Fram%7b%7d pa\\/ram{} known 1", "*** *** *** known 1"},
        {"pass word pass+word pass%20word user", "*** *** *** user"},
        {"Basic dXNlcjpwYXNzIHdvcmQ=", "Basic ***"},
        {"headervalue userinfo pa/ram in-the-path", "*** *** pa/ram ***"},
    };
    AUTO(secrets) secrets = {0};

    (void)state;
    collect(&secrets);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(buf) text = {0};

        secrets_hide(&secrets, cases[i][0], &text);
        assert_string_equal(text.data, cases[i][1]);
    }
}

static void urls_for_people_show_no_secret(void **state)
{
    static const char *const cases[][2] = {
        {"http://u:p@x/a?b=c", "http://***@x/a?b=c"},
        {"http://x/?appid=z&n=1&open=1&b", "http://x/?appid=***&n=***&open=1&b"},
        {"http://x/?Access_Token=z&pageToken=z&key=z&token=z&sig=",
         "http://x/?Access_Token=***&pageToken=z&key=***&token=***&sig=***"},
        {"http://x/headervalue/?q=pa%2fram%7B}", "http://x/***/?q=***"},
    };
    AUTO(secrets) secrets = {0};

    (void)state;
    collect(&secrets);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(buf) text = {0};

        secrets_url_for_people(&secrets, cases[i][0], &text);
        assert_string_equal(text.data, cases[i][1]);
    }
}

static void kept_urls_hold_names_in_place_of_secrets(void **state)
{
    static const char *const cases[][3] = {
        {"http://x/2?appid=pa%2Fram%7B%7D&page=11&n=1&n=2",
         "http://x/2?appid={params.appid}&page=11&"
         "n={params.n}&n=***",
         NULL},
        {"http://x/2?appid=pa%2fram{}&n=1", "http://x/2?appid={params.appid}&n={params.n}",
         "http://x/2?appid=pa%2Fram%7B%7D&n=1"},
        {"http://x/headervalue?q=x+headervalue&token=abc&b",
         "http://x/{headers.X-H}?q=x+{headers.X-H}&token=abc&b",
         "http://x/headervalue?q=x+headervalue&token=abc&b"},
        {"http://x/?sig=from-the-api", "http://x/?sig=***", NULL},
        {"http://x/{a}?f={params.n}&{g}=}{&{headers.X-H}",
         "http://x/%7Ba%7D?f=%7Bparams.n%7D&%7Bg%7D=%7D%7B&%7Bheaders.X-H%7D",
         "http://x/%7Ba%7D?f=%7Bparams.n%7D&%7Bg%7D=%7D%7B&%7Bheaders.X-H%7D"},
        {"http://x/=***?f=***&g=a***&h==***&i=*", "http://x/=%2A**?f=%2A**&g=a***&h==%2A**&i=*",
         "http://x/=%2A**?f=%2A**&g=a***&h==%2A**&i=*"},
    };
    AUTO(secrets) secrets = {0};

    (void)state;
    collect(&secrets);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(buf) kept = {0};
        AUTO(buf) restored = {0};
        bool is_whole;

        secrets_url_to_keep(&secrets, cases[i][0], &kept);
        assert_string_equal(kept.data, cases[i][1]);
        is_whole = secrets_url_from_kept(&secrets, kept.data, &restored);
        assert_int_equal(is_whole, cases[i][2] != NULL);
        if (is_whole)
            assert_string_equal(restored.data, cases[i][2]);
    }
}

static void cursor_values_are_written_as_the_api_wants_them(void **state)
{
    static const struct {
        const char *json, *unit, *as, *text;
        bool is_number;
    } cases[] = {
        {"1517443200000", "ms", "iso8601", "2018-02-01T00:00:00Z", false},
        {"1517443200123", "ms", "s", "1517443200", true},
        {"1517443200123", "ms", "date", "2018-02-01", false},
        {"-1", "ms", "iso8601", "1969-12-31T23:59:59.999Z", false},
        {"1517443200.25", "s", "ms", "1517443200250", true},
        {"1517443200123456", "us", "iso8601", "2018-02-01T00:00:00.123Z", false},
        {"1517443200123456789", "ns", "ms", "1517443200123", true},
        {"1517443200000", NULL, NULL, "1517443200000", true},
        {"17.50", NULL, NULL, "17.50", true},
        {"123456789012345678901234567890", NULL, NULL, "123456789012345678901234567890", true},
        {"\"2018-02-01T02:00:00.5+02:00\"", NULL, "ms", "1517443200500", true},
        {"\"2018-02-01\"", NULL, "iso8601", "2018-02-01T00:00:00Z", false},
        {"\"a b\"", NULL, NULL, "a b", false},
        {"null", NULL, NULL, NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct incremental_conf conf = {.is_set = true,
                                              .unit = literal(cases[i].unit),
                                              .as = literal(cases[i].as)};
        AUTO(template_values) values = {0};
        struct err err = {0};

        if (template_values_open(&values, &conf, cases[i].json, NULL, &err) < 0)
            fail_msg("%s: %s", cases[i].json, err.text);
        if (cases[i].text == NULL) {
            assert_null(values.start.text);
            continue;
        }
        assert_string_equal(values.start.text, cases[i].text);
        assert_int_equal(values.start.is_number, cases[i].is_number);
    }
}

static void cursor_values_that_are_no_time_are_refused(void **state)
{
    static const struct {
        const char *json, *unit, *as, *says;
    } cases[] = {
        {"5", NULL, "s", "its unit is not known"},
        {"\"yesterday\"", "ms", "s", "is no time in ISO 8601"},
        {"1e300", "s", "s", "is no time in s"},
        {"9223372036854775807", "s", "s", "is no time in s"},
        {"[1]", NULL, NULL, "neither a number nor a text"},
        {"5", "s", "years", "incremental.as"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct incremental_conf conf = {.is_set = true,
                                              .unit = literal(cases[i].unit),
                                              .as = literal(cases[i].as)};
        AUTO(template_values) values = {0};
        struct err err = {0};

        assert_int_equal(template_values_open(&values, &conf, cases[i].json, NULL, &err), -1);
        assert_int_equal(err.code, ERR_USAGE);
        if (strstr(err.text, cases[i].says) == NULL)
            fail_msg("%s", err.text);
    }
}

static void open_values(struct template_values *values)
{
    const struct incremental_conf conf = {.is_set = true};
    struct err err = {0};

    assert_int_equal(template_values_open(values, &conf, "\"a/b c\"", "7", &err), 0);
}

static void placeholders_are_replaced_and_doubled_braces_halved(void **state)
{
    static const struct {
        const char *text, *expanded;
        bool is_path;
    } cases[] = {
        {"x{incremental.start_value}y{incremental.initial_value}", "xa/b cy7", false},
        {"/x/{incremental.last_value}", "/x/a%2Fb c", true},
        {"{{incremental.start_value}} {{{incremental.initial_value}}}",
         "{incremental.start_value} {7}", false},
        {"", "", false},
    };
    static const char *const wrong[] = {"{", "}", "{x}", "{incremental.end_value}", "{{}", "a}b"};
    AUTO(template_values) values = {0};

    (void)state;
    open_values(&values);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(buf) text = {0};
        struct err err = {0};

        assert_int_equal(template_expand(&values, cases[i].text, cases[i].is_path, &text, &err), 1);
        assert_string_equal(buf_text(&text), cases[i].expanded);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        AUTO(buf) text = {0};
        struct err err = {0};

        assert_int_equal(template_expand(&values, wrong[i], false, &text, &err), -1);
        assert_int_equal(err.code, ERR_USAGE);
    }
}

static void a_placeholder_alone_in_a_body_keeps_its_type(void **state)
{
    static const struct {
        const char *json, *expanded;
        bool has_values;
    } cases[] = {
        {"{\"a\":\"{incremental.initial_value}\",\"b\":\"<{incremental.initial_value}>\"}",
         "{\"a\":7,\"b\":\"<7>\"}", true},
        {"[1,{\"{incremental.initial_value}\":\"{{x}}\"},\"{incremental.start_value}\"]",
         "[1,{\"7\":\"{x}\"},\"a/b c\"]", true},
        {"{\"a\":{\"since\":\"{incremental.start_value}\",\"n\":12345678901234567890123}}",
         "{\"a\":{\"n\":12345678901234567890123}}", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(template_values) values = {0};
        AUTO(json_out) body = {0};
        AUTO(buf) text = {0};
        struct err err = {0};

        if (cases[i].has_values)
            open_values(&values);
        if (template_expand_json(&values, cases[i].json, &body, &err) < 0)
            fail_msg("%s", err.text);
        json_out_write(&body, &text);
        assert_string_equal(text.data, cases[i].expanded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base_and_path_are_joined_by_one_slash),
        cmocka_unit_test(what_is_no_web_address_is_refused),
        cmocka_unit_test(origins_are_scheme_host_and_port),
        cmocka_unit_test(a_parameter_is_set_once),
        cmocka_unit_test(texts_show_no_secret_however_it_is_written),
        cmocka_unit_test(urls_for_people_show_no_secret),
        cmocka_unit_test(kept_urls_hold_names_in_place_of_secrets),
        cmocka_unit_test(cursor_values_are_written_as_the_api_wants_them),
        cmocka_unit_test(cursor_values_that_are_no_time_are_refused),
        cmocka_unit_test(placeholders_are_replaced_and_doubled_braces_halved),
        cmocka_unit_test(a_placeholder_alone_in_a_body_keeps_its_type),
    };

    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
