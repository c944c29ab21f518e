/*
 * The address of a Spark Connect server, by the grammar that Spark's clients share.
 */
#include "base/mem.h"
#include "engine/spark_remote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

static void expect(const char *text, const char *host, int port, bool is_secure)
{
    AUTO(spark_remote) remote = {0};
    struct err err = {0};

    if (spark_remote_read(text, &remote, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    assert_string_equal(remote.host, host);
    assert_int_equal(remote.port, port);
    assert_int_equal(remote.is_secure, is_secure);
}

static void expect_refused(const char *text, const char *part)
{
    AUTO(spark_remote) remote = {0};
    struct err err = {0};

    assert_int_equal(spark_remote_read(text, &remote, &err), -1);
    assert_int_equal(err.code, ERR_USAGE);
    if (strstr(err.text, part) == NULL)
        fail_msg("%s: \"%s\" is not in \"%s\"", text, part, err.text);
    assert_null(remote.host);
}

static void host_and_port_are_read(void **state)
{
    (void)state;
    expect("sc://spark", "spark", 15002, false);
    expect("sc://spark:15009", "spark", 15009, false);
    expect("sc://spark/", "spark", 15002, false);
    expect("sc://spark;user_id=a", "spark", 15002, false);
    expect("sc://spark-0.spark.svc:1/;user_id=a", "spark-0.spark.svc", 1, false);
    expect("sc://[::1]:5/", "::1", 5, false);
    expect("sc://[fe80::1]", "fe80::1", 15002, false);
}

static void tls_is_asked_for_or_follows_from_a_token(void **state)
{
    (void)state;
    expect("sc://spark/;use_ssl=true", "spark", 15002, true);
    expect("sc://spark/;use_ssl=TRUE;token=a", "spark", 15002, true);
    expect("sc://spark/;token=a", "spark", 15002, true);
    expect("sc://localhost/;token=a", "localhost", 15002, false);
    expect("sc://127.0.0.1/;token=a;use_ssl=true", "127.0.0.1", 15002, true);
    expect("sc://[::1]/;use_ssl=false;token=a", "::1", 15002, false);
}

static void parameters_are_decoded_and_the_rest_are_headers(void **state)
{
    AUTO(spark_remote) remote = {0};
    struct err err = {0};

    (void)state;
    assert_int_equal(spark_remote_read("sc://h/;token=a%3Bb%3d;user_id=J%C3%B3;user_agent=x;"
                                       "session_id=7b1c0ad2-8a3f-4c28-9d3e-0b6f6d1f7a01;"
                                       "grpc_max_message_size=1000000;X-Cluster-Id=7;;x-b=2=3;",
                                       &remote, &err),
                     0);
    assert_string_equal(remote.token, "a;b=");
    assert_string_equal(remote.user_id, "J\xc3\xb3");
    assert_string_equal(remote.user_agent, "x");
    assert_string_equal(remote.session_id, "7b1c0ad2-8a3f-4c28-9d3e-0b6f6d1f7a01");
    assert_int_equal(remote.most_message_bytes, 1000000);
    assert_int_equal(remote.header_count, 2);
    assert_string_equal(remote.headers[0].name, "x-cluster-id");
    assert_string_equal(remote.headers[0].value, "7");
    assert_string_equal(remote.headers[1].value, "2=3");
}

static void what_is_wrong_is_told_without_the_values(void **state)
{
    static const struct {
        const char *text;
        const char *part;
    } cases[] = {
        {"http://spark:15002", "does not begin with"},
        {"sc://", "there is no host"},
        {"sc://:15002", "there is no host"},
        {"sc://spark:0", "no port"},
        {"sc://spark:65536", "no port"},
        {"sc://spark:x", "no port"},
        {"sc://[::1", "closing bracket"},
        {"sc://[::1]x", "only a port"},
        {"sc://user@spark", "the character \"@\""},
        {"sc://spark/path", "nothing but"},
        {"sc://spark/;token", "name=value"},
        {"sc://spark/;=a", "name=value"},
        {"sc://spark/;token=", "no value"},
        {"sc://spark/;token=%zz", "percent-encoded"},
        {"sc://spark/;x-a=%0a", "percent-encoded"},
        {"sc://spark/;use_ssl=yes", "true or false"},
        {"sc://spark/;session_id=abc", "UUID"},
        {"sc://spark/;a b=c", "no name of a header"},
        {"sc://spark/;grpc_max_message_size=5", "64 KiB"},
        {"sc://spark/;token=hidden;use_ssl=false", "without use_ssl"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refused(cases[i].text, cases[i].part);
}

static void the_name_of_a_server_holds_no_parameter(void **state)
{
    AUTO(spark_remote) remote = {0};
    struct err err = {0};
    char *name;

    (void)state;
    assert_int_equal(spark_remote_read("sc://[::1]:7/;token=secret", &remote, &err), 0);
    name = spark_remote_name(&remote);
    assert_string_equal(name, "sc://[::1]:7");
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_and_port_are_read),
        cmocka_unit_test(tls_is_asked_for_or_follows_from_a_token),
        cmocka_unit_test(parameters_are_decoded_and_the_rest_are_headers),
        cmocka_unit_test(what_is_wrong_is_told_without_the_values),
        cmocka_unit_test(the_name_of_a_server_holds_no_parameter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
