/* The dashboard's parts that need no server: who may ask, sessions, places in the journal, live figures. */
#include "board/guard.h"
#include "board/login.h"
#include "db/browse.h"
#include "db/live_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- guard ---- */

static unsigned judge(const struct guard *guard, const char *method, const char *path,
                      const char *host, const char *origin, const char *site, const char *type)
{
    struct refusal refusal = {0};
    const struct guard_request request = {
        .method = method,
        .path = path,
        .host = host,
        .origin = origin,
        .fetch_site = site,
        .content_type = type,
        .host_count = 1,
        .header_count = 3,
    };

    return guard_check(guard, &request, &refusal) ? 0 : refusal.status;
}

static unsigned host(const struct guard *guard, const char *name)
{
    return judge(guard, "GET", "/api/v1/snapshot", name, NULL, NULL, NULL);
}

static void a_loopback_dashboard_answers_to_its_own_names_alone(void **state)
{
    char *names[] = {(char *)(uintptr_t) "data.example.org", (char *)(uintptr_t) "other:99"};
    struct guard guard = {0};

    (void)state;
    guard_open(&guard, "127.0.0.1:8321", names, 2);

    assert_int_equal(host(&guard, "127.0.0.1:8321"), 0);
    assert_int_equal(host(&guard, "localhost:8321"), 0);
    assert_int_equal(host(&guard, "LocalHost:8321"), 0);
    assert_int_equal(host(&guard, "[::1]:8321"), 0);
    assert_int_equal(host(&guard, "data.example.org"), 0);
    assert_int_equal(host(&guard, "data.example.org:8443"), 0);
    assert_int_equal(host(&guard, "other:99"), 0);
    assert_int_equal(host(&guard, "other"), 421);
    assert_int_equal(host(&guard, "localhost"), 421);
    assert_int_equal(host(&guard, "localhost:80"), 421);
    assert_int_equal(host(&guard, "localhost.evil:8321"), 421);
    assert_int_equal(host(&guard, "evil"), 421);
    assert_int_equal(host(&guard, "[::1"), 421);
    assert_int_equal(host(&guard, "]"), 421);
    assert_int_equal(host(&guard, ""), 421);
    assert_int_equal(host(&guard, "10.0.0.1:8321"), 421);
    guard_close(&guard);
}

static void a_dashboard_for_all_answers_to_any_address(void **state)
{
    struct guard guard = {0};

    (void)state;
    guard_open(&guard, "0.0.0.0:80", NULL, 0);

    assert_int_equal(host(&guard, "10.0.0.1:80"), 0);
    assert_int_equal(host(&guard, "localhost"), 0);
    assert_int_equal(host(&guard, "evil:80"), 421);
    guard_close(&guard);
}

static void what_changes_something_comes_from_the_page_itself(void **state)
{
    static const char here[] = "localhost:1";
    static const char json[] = "application/json";
    static const char path[] = "/api/v1/queries";
    struct guard guard = {0};

    (void)state;
    guard_open(&guard, "localhost:1", NULL, 0);

    assert_int_equal(judge(&guard, "POST", path, here, "http://localhost:1", "same-origin", json),
                     0);
    assert_int_equal(judge(&guard, "POST", path, here, NULL, NULL, json), 0);
    assert_int_equal(judge(&guard, "POST", path, here, "http://localhost:2", NULL, json), 403);
    assert_int_equal(judge(&guard, "POST", path, here, "null", NULL, json), 403);
    assert_int_equal(judge(&guard, "POST", path, here, NULL, "same-site", json), 403);
    assert_int_equal(judge(&guard, "POST", path, here, NULL, "none", json), 403);
    assert_int_equal(judge(&guard, "POST", path, here, NULL, NULL, "text/plain"), 415);
    assert_int_equal(judge(&guard, "POST", path, here, NULL, NULL, "application/jsonp"), 415);
    assert_int_equal(judge(&guard, "POST", path, here, NULL, NULL, NULL), 415);
    assert_int_equal(judge(&guard, "PUT", path, here, NULL, NULL, json), 405);
    assert_int_equal(judge(&guard, "GET", "/", here, NULL, "cross-site", NULL), 0);
    guard_close(&guard);
}

/* ---- login ---- */

static void a_session_is_known_until_it_is_left(void **state)
{
    struct login login = {0};
    struct err err = {0};
    char id[FS_SHA256_TEXT] = "";
    char cookie[160];

    (void)state;
    assert_int_equal(login_open(&login, "0123456789abcdef", true, &err), 0);
    assert_int_equal(login_enter(&login, "0123456789abcdeX", id, &err), 0);
    assert_int_equal(login_enter(&login, "0123456789abcdef", id, &err), 1);

    snprintf(cookie, sizeof cookie, "a=b; " LOGIN_COOKIE "=%s; c=d", id);
    assert_int_equal(login_knows(&login, cookie, NULL, &err), 1);
    assert_int_equal(login_knows(&login, NULL, "Bearer 0123456789abcdef", &err), 1);
    assert_int_equal(login_knows(&login, NULL, "Bearer 0123456789abcde", &err), 0);
    assert_int_equal(login_knows(&login, LOGIN_COOKIE "=", NULL, &err), 0);
    assert_int_equal(login_knows(&login, "x" LOGIN_COOKIE "=0", NULL, &err), 0);
    login_leave(&login, cookie);
    assert_int_equal(login_knows(&login, cookie, NULL, &err), 0);
    login_close(&login);
}

static void many_wrong_tokens_are_not_looked_at(void **state)
{
    struct login login = {0};
    struct err err = {0};
    char id[FS_SHA256_TEXT];

    (void)state;
    assert_int_equal(login_open(&login, NULL, false, &err), 0);
    for (int i = 0; i < LOGIN_MOST_FAILURES; i++)
        assert_int_equal(login_enter(&login, "wrong", id, &err), 0);
    assert_int_equal(login_enter(&login, login.token, id, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(login_knows(&login, NULL, "Bearer wrong", &err), -1);
    assert_int_equal(login_knows(&login, NULL, NULL, &err), 0);
    login_close(&login);
}

/* ---- places ---- */

static void places_are_read_as_they_were_written(void **state)
{
    const struct place place = {.epoch = "3fa9c1",
                                .files = 12,
                                .runs = 3,
                                .closed_ms = 1795356600000};
    struct place read = {0};
    char text[PLACE_TEXT];

    (void)state;
    place_write(&place, text);
    assert_true(place_read(text, &read));
    assert_string_equal(read.epoch, "3fa9c1");
    assert_int_equal(read.files, 12);
    assert_int_equal(read.runs, 3);
    assert_int_equal(read.closed_ms, 1795356600000);
    assert_false(place_read("", &read));
    assert_false(place_read("3fa9c1.1.2.3.4.5", &read));
    assert_false(place_read("3fa9c1.1.2.3.4.5.6.7", &read));
    assert_false(place_read("3fa9c1.1.2.3.4.5.x", &read));
}

/* ---- live figures ---- */

static char found[64];

static int take_text(void *ctx, const char *text, size_t size, struct err *err)
{
    (void)ctx;
    (void)err;
    snprintf(found, sizeof found, "%.*s", (int)size, text);
    return 0;
}

static void a_living_process_is_read_and_half_a_write_is_not(void **state)
{
    char dir[] = "/tmp/riacho-test-XXXXXX";
    struct journal journal = {0};
    struct live_file file = {0};
    struct err err = {0};

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(journal_open(&journal, dir, "p", "local", JOURNAL_CREATE, &err), 1);
    assert_int_equal(live_file_open(&file, &journal, &err), 0);
    assert_int_equal(live_file_write(&file, "{\"long\":\"text\"}", 15, &err), 0);
    assert_int_equal(live_file_write(&file, "{}", 2, &err), 0);

    assert_int_equal(live_files_each(&journal, NULL, take_text, &err), 0);
    assert_string_equal(found, "{}");

    found[0] = '\0';
    assert_int_equal(pwrite(file.fd_plus_1 - 1, "x", 1, 16), 1);
    assert_int_equal(live_files_each(&journal, NULL, take_text, &err), 0);
    assert_string_equal(found, "");
    assert_int_equal(truncate(file.path, 5), 0);
    assert_int_equal(live_files_each(&journal, NULL, take_text, &err), 0);
    assert_string_equal(found, "");

    live_file_close(&file);
    journal_close(&journal);
    assert_int_equal(fs_remove_tree(dir, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loopback_dashboard_answers_to_its_own_names_alone),
        cmocka_unit_test(a_dashboard_for_all_answers_to_any_address),
        cmocka_unit_test(what_changes_something_comes_from_the_page_itself),
        cmocka_unit_test(a_session_is_known_until_it_is_left),
        cmocka_unit_test(many_wrong_tokens_are_not_looked_at),
        cmocka_unit_test(places_are_read_as_they_were_written),
        cmocka_unit_test(a_living_process_is_read_and_half_a_write_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
