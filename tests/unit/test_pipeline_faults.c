/*
 * Every fault of a pipeline file is told with its place: the cases of pipeline_faults.txt. With
 * RIACHO_ACCEPT set, the expected lines are written anew, for a reader to look at in the diff.
 */
#include "base/fs.h"
#include "base/str.h"
#include "river/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CASES "tests/unit/pipeline_faults.txt"
#define NAME "p.yaml"

/* What is told of the file, without its name. */
static void tell(const char *yaml, struct buf *ret_lines)
{
    AUTO(pipeline) pipeline = {0};
    AUTO(faults) faults = {0};
    struct err err = {0};
    char *printed = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&printed, &size);
    const int got = pipeline_parse(&pipeline, NAME, yaml, strlen(yaml), &faults, &err);

    assert_int_equal(got<0, faults.errors> 0);
    assert_true(got == 0 || err.code == ERR_USAGE);
    faults_print(&faults, to);
    fclose(to);
    for (char *line = printed; *line; line = strchr(line, '\n') + 1) {
        const char *after = line + strlen(NAME ":");

        buf_put(ret_lines, after, (size_t)(strchr(line, '\n') + 1 - after));
    }
    free(printed);
}

/* Where the next line that begins so begins, or the text's end. */
static char *find_line(char *text, const char *with)
{
    while (*text && !str_starts(text, with)) {
        char *line_end = strchr(text, '\n');

        text = line_end ? line_end + 1 : text + strlen(text);
    }
    return text;
}

static char *copy(const char *from, const char *to)
{
    char *text = calloc(1, (size_t)(to - from) + 1);

    memcpy(text, from, (size_t)(to - from));
    return text;
}

/* One case: checks it, and adds it with what was told to `accepted`. */
static void check_case(char *at, char *end, struct buf *accepted)
{
    char *yaml_at = strchr(at, '\n') + 1;
    char *lines_at = find_line(yaml_at, "---\n");
    char *title = copy(at, yaml_at - 1);
    char *yaml = copy(yaml_at, lines_at);
    char *expected = copy(lines_at + 4, *end ? end - 1 : end);
    AUTO(buf) lines = {0};

    tell(yaml, &lines);
    buf_printf(accepted, "\n%s\n%s---\n%s", title, yaml, buf_text(&lines));
    assert_null(strstr(buf_text(&lines), "s3cret"));
    if (getenv("RIACHO_ACCEPT") == NULL && !str_same(buf_text(&lines), expected)) {
        print_message("%s\n%s", title, yaml);
        assert_string_equal(buf_text(&lines), expected);
    }
    free(title);
    free(yaml);
    free(expected);
}

static void every_fault_is_told_with_its_place(void **state)
{
    AUTO(buf) file = {0};
    AUTO(buf) accepted = {0};
    struct err err = {0};
    size_t count = 0;
    char *at;

    (void)state;
    assert_int_equal(fs_read(CASES, 1 << 20, &file, &err), 0);
    at = find_line(file.data, "===");
    buf_put(&accepted, file.data, (size_t)(at - 1 - file.data));

    while (*at) {
        char *end = find_line(at + 1, "===");

        check_case(at, end, &accepted);
        at = end;
        count++;
    }
    assert_true(count > 100);
    if (getenv("RIACHO_ACCEPT"))
        assert_int_equal(fs_write(CASES, accepted.data, accepted.size, 0644, &err), 0);
}

static void a_line_is_told_once_however_often_it_was_read(void **state)
{
    AUTO(buf) lines = {0};

    (void)state;
    tell("name: p\nsource:\n  client: {base_url: https://x}\n"
         "  resource_defaults: {endpoint: {methd: 1}}\n  resources: [a, b, c]\n",
         &lines);
    assert_string_equal(buf_text(&lines), "4:34: key \"source.resource_defaults.endpoint.methd\": "
                                          "there is no such key; did you mean \"method\"?\n");
}

static void what_is_too_much_to_tell_is_counted(void **state)
{
    AUTO(buf) yaml = {0};
    AUTO(pipeline) pipeline = {0};
    AUTO(faults) faults = {0};
    struct err err = {0};

    (void)state;
    buf_puts(&yaml, "name: p\nsource: {client: {base_url: http://x}, resources: [a]}\n");
    for (int i = 0; i < 300; i++)
        buf_printf(&yaml, "k%d: 1\n", i);
    assert_int_equal(pipeline_parse(&pipeline, NAME, yaml.data, yaml.size, &faults, &err), -1);
    assert_int_equal(faults.errors, 300);
    assert_int_equal(faults.count, FAULTS_MOST);
    assert_int_equal(faults.unkept, 100);
    assert_non_null(strstr(err.text, "300 faults"));
}

static void faults_become_json(void **state)
{
    static const char yaml[] = "name: p\nsourc: 1\n";
    AUTO(pipeline) pipeline = {0};
    AUTO(faults) faults = {0};
    AUTO(buf) json = {0};
    struct err err = {0};

    (void)state;
    assert_int_equal(pipeline_parse(&pipeline, NAME, yaml, strlen(yaml), &faults, &err), -1);
    faults_put_json(&faults, &json);
    assert_string_equal(buf_text(&json),
                        "{\"file\":\"p.yaml\",\"ok\":false,\"errors\":2,\"faults\":["
                        "{\"line\":1,\"column\":1,\"severity\":\"error\",\"key\":\"source\","
                        "\"text\":\"is missing\"},"
                        "{\"line\":2,\"column\":1,\"severity\":\"error\",\"key\":\"sourc\","
                        "\"text\":\"there is no such key\",\"nearest\":\"source\"}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_is_told_with_its_place),
        cmocka_unit_test(a_line_is_told_once_however_often_it_was_read),
        cmocka_unit_test(what_is_too_much_to_tell_is_counted),
        cmocka_unit_test(faults_become_json),
    };

    setenv("RIACHO_TOKEN", "s3cret-token", 1);
    unsetenv("RIACHO_NONE");
    unsetenv("RIACHO_NONE2");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
