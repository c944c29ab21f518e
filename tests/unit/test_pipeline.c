/* The pipeline file: short forms, defaults and secrets, and what the examples and the docs say. */
#include "base/fs.h"
#include "base/str.h"
#include "river/pipeline.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "name: p\nsource:\n  client:\n    base_url: https://x.y/api\n"
#define ONE "  resources: [{name: a, endpoint: {path: a, "

/* Reads a text that must be right, warnings allowed. The caller closes the pipeline. */
static struct pipeline parse(const char *text)
{
    struct pipeline pipeline = {0};
    struct err err = {0};
    AUTO(faults) faults = {0};
    const int got = pipeline_parse(&pipeline, "/dir/p.yaml", text, strlen(text), &faults, &err);

    if (got < 0)
        faults_print(&faults, stdout);
    assert_int_equal(got, 0);
    return pipeline;
}

static const struct endpoint_conf *endpoint_of(const struct pipeline *pipeline, const char *name)
{
    const struct resource_conf *resource = pipeline_find_resource(pipeline, name);

    assert_non_null(resource);
    return &resource->endpoint;
}

static const struct field_conf *field_of(const struct fields_conf *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++)
        if (str_same(fields->items[i].name, name))
            return &fields->items[i];
    return NULL;
}

static void assert_field(const struct fields_conf *fields, const char *name, const char *value)
{
    const struct field_conf *field = field_of(fields, name);

    assert_non_null(field);
    assert_string_equal(field->value, value);
}

static void name_and_source_alone_are_complete(void **state)
{
    AUTO(pipeline) p = parse(HEAD "  resources: [users]\n");
    const struct endpoint_conf *endpoint = endpoint_of(&p, "users");

    (void)state;
    assert_string_equal(p.path, "/dir/p.yaml");
    assert_string_equal(p.landing.dir, "/dir/output/landing");
    assert_int_equal(p.landing.roll_rows, 100000);
    assert_int_equal(p.landing.roll_bytes, 64 << 20);
    assert_int_equal(p.landing.roll_after_ms, 30000);
    assert_int_equal(p.broker.type, BROKER_LOCAL);
    assert_int_equal(p.transform.engine, ENGINE_DUCKDB);
    assert_string_equal(p.transform.dir, "/dir/output/adjusted");
    assert_int_equal(p.transform.table_count, 0);
    assert_int_equal(p.export_count, 0);
    assert_int_equal(p.every_ms, 60000);
    assert_string_equal(p.dashboard.listen_host, "127.0.0.1");
    assert_int_equal(p.dashboard.listen_port, 8321);
    assert_string_equal(p.state_dir, "/dir/output/.riacho");
    assert_int_equal(p.memory_limit_bytes, 256 << 20);

    assert_int_equal(p.source.concurrency, 4);
    assert_int_equal(p.source.retry.attempts, 5);
    assert_int_equal(p.source.retry.max_delay_ms, 60000);
    assert_int_equal(p.source.retry.timeout_ms, 60000);
    assert_true(p.source.rate_per_s == 0);
    assert_string_equal(endpoint->path, "users");
    assert_string_equal(endpoint->method, "GET");
    assert_int_equal(endpoint->paginator.type, PAGINATOR_AUTO);
    assert_int_equal(endpoint->auth.type, AUTH_NONE);
    assert_null(endpoint->data_selector);
    assert_string_equal(endpoint->missing_data, "error");
    assert_false(endpoint->incremental.is_set);
    assert_string_equal(p.source.resources[0].write_disposition, "append");
}

static void endpoints_and_names_have_short_forms(void **state)
{
    AUTO(pipeline)
    p = parse(HEAD "    paginator: header_link\n"
                   "  resources:\n"
                   "    - Pull-Requests\n"
                   "    - {name: b, endpoint: x/b}\n"
                   "    - {name: c}\n"
                   "    - {name: d, endpoint: {params: {q: 1}}, primary_key: [k, l]}\n");

    (void)state;
    assert_string_equal(endpoint_of(&p, "pull_requests")->path, "Pull-Requests");
    assert_string_equal(endpoint_of(&p, "b")->path, "x/b");
    assert_string_equal(endpoint_of(&p, "c")->path, "c");
    assert_string_equal(endpoint_of(&p, "d")->path, "d");
    assert_int_equal(pipeline_find_resource(&p, "d")->primary_keys, 2);
    assert_int_equal(endpoint_of(&p, "c")->paginator.type, PAGINATOR_HEADER_LINK);
    assert_string_equal(endpoint_of(&p, "c")->paginator.links_next_key, "next");
}

static void the_endpoint_wins_over_defaults_and_these_over_the_client(void **state)
{
    AUTO(pipeline)
    p = parse(HEAD
              "    headers: {A: client, B: client, C: '{as it is}'}\n"
              "    paginator: json_link\n"
              "    auth: {token: \"${RIACHO_TOKEN}\"}\n"
              "  resource_defaults:\n"
              "    primary_key: id\n"
              "    endpoint:\n"
              "      params: {p: default, q: default}\n"
              "      json: {x: 1, y: {z: 2}}\n"
              "      paginator: {type: cursor, cursor_path: next}\n"
              "  resources:\n"
              "    - a\n"
              "    - name: b\n"
              "      primary_key: key\n"
              "      endpoint:\n"
              "        method: post\n"
              "        params: {q: own}\n"
              "        json: {y: 3}\n"
              "        headers: {b: own}\n"
              "        paginator: single_page\n"
              "        auth: {type: api_key, api_key: \"${RIACHO_TOKEN}\", location: param}\n");
    const struct endpoint_conf *a = endpoint_of(&p, "a");
    const struct endpoint_conf *b = endpoint_of(&p, "b");

    (void)state;
    assert_int_equal(a->paginator.type, PAGINATOR_CURSOR);
    assert_string_equal(a->paginator.cursor_param, "cursor");
    assert_false(a->paginator.stop_after_empty_page);
    assert_int_equal(a->auth.type, AUTH_BEARER);
    assert_string_equal(a->auth.token, "s3cret-token");
    assert_field(&a->params, "q", "default");
    assert_field(&a->headers, "A", "client");
    assert_field(&a->headers, "C", "{{as it is}}");
    assert_string_equal(p.source.resources[0].primary_key[0], "id");

    assert_int_equal(b->paginator.type, PAGINATOR_SINGLE_PAGE);
    assert_string_equal(b->method, "POST");
    assert_int_equal(b->auth.type, AUTH_API_KEY);
    assert_string_equal(b->auth.name, "Authorization");
    assert_string_equal(b->auth.location, "query");
    assert_field(&b->params, "p", "default");
    assert_field(&b->params, "q", "own");
    assert_string_equal(b->json, "{\"x\":1,\"y\":3}");
    assert_field(&b->headers, "b", "own");
    assert_null(field_of(&b->headers, "B")); /* the same header in other letters */
    assert_string_equal(p.source.resources[1].primary_key[0], "key");
}

static void paginators_have_the_defaults_of_dlt(void **state)
{
    AUTO(pipeline)
    p = parse(HEAD
              "  resources:\n"
              "    - {name: a, endpoint: {paginator: {type: json_response}}}\n"
              "    - {name: b, endpoint: {paginator: {type: offset, limit: 7}}}\n"
              "    - {name: c, endpoint: {paginator: page_number}}\n"
              "    - name: d\n"
              "      endpoint: {paginator: {type: offset, limit: 5, offset_body_path: a.b,\n"
              "                 limit_body_path: a.c, total_path: null, maximum_offset: 9}}\n"
              "    - {name: e, endpoint: {paginator: {type: cursor, cursor_body_path: q.next}}}\n");
    const struct paginator_conf *b = &endpoint_of(&p, "b")->paginator;
    const struct paginator_conf *c = &endpoint_of(&p, "c")->paginator;
    const struct paginator_conf *d = &endpoint_of(&p, "d")->paginator;

    (void)state;
    assert_int_equal(endpoint_of(&p, "a")->paginator.type, PAGINATOR_JSON_LINK);
    assert_string_equal(endpoint_of(&p, "a")->paginator.next_url_path, "next");
    assert_int_equal(b->limit, 7);
    assert_int_equal(b->offset, 0);
    assert_string_equal(b->offset_param, "offset");
    assert_string_equal(b->limit_param, "limit");
    assert_string_equal(b->total_path, "total");
    assert_int_equal(b->maximum_offset, -1);
    assert_true(b->stop_after_empty_page);
    assert_int_equal(c->base_page, 0);
    assert_int_equal(c->page, -1);
    assert_int_equal(c->maximum_page, -1);
    assert_string_equal(c->page_param, "page");
    assert_null(d->offset_param);
    assert_null(d->limit_param);
    assert_null(d->total_path);
    assert_int_equal(d->maximum_offset, 9);
    assert_string_equal(endpoint_of(&p, "e")->paginator.cursor_path, "cursors.next");
    assert_null(endpoint_of(&p, "e")->paginator.cursor_param);
}

static void parameters_may_be_lists_numbers_and_null(void **state)
{
    AUTO(pipeline) p = parse(HEAD ONE "params: {l: [1, x], n: 1.50, b: true, z: null}}}]\n");
    const struct fields_conf *params = &endpoint_of(&p, "a")->params;

    (void)state;
    assert_int_equal(params->count, 5);
    assert_string_equal(params->items[0].value, "1");
    assert_string_equal(params->items[1].name, "l");
    assert_string_equal(params->items[1].value, "x");
    assert_field(params, "n", "1.50");
    assert_field(params, "b", "true");
    assert_null(field_of(params, "z")->value);
}

static void the_path_takes_its_parameters_and_then_names_one_thing(void **state)
{
    AUTO(pipeline)
    p = parse(HEAD "    paginator: header_link\n"
                   "  resources:\n"
                   "    - {name: a, endpoint: {path: 'u/{id}', params: {id: 7, q: 1}}}\n"
                   "    - {name: b, endpoint: {path: 'u/{id}/x{{y}}', params: {id: 7}}}\n");
    const struct endpoint_conf *a = endpoint_of(&p, "a");

    (void)state;
    assert_string_equal(a->path, "u/7");
    assert_null(field_of(&a->params, "id"));
    assert_field(&a->params, "q", "1");
    assert_string_equal(a->data_selector, "$");
    assert_int_equal(a->paginator.type, PAGINATOR_SINGLE_PAGE);
    assert_string_equal(endpoint_of(&p, "b")->path, "u/7/x{{y}}");
    assert_int_equal(endpoint_of(&p, "b")->paginator.type, PAGINATOR_HEADER_LINK);
}

static void incremental_has_three_spellings(void **state)
{
    AUTO(pipeline)
    p = parse(HEAD
              "  resources:\n"
              "    - {name: a, endpoint: {params: {since: {type: incremental, cursor_path: u,\n"
              "       initial_value: '2024'}}}}\n"
              "    - {name: b, endpoint: {incremental: {cursor_path: u, start_param: since}}}\n"
              "    - {name: c, endpoint: {params: {since: '{incremental.start_value}'},\n"
              "       incremental: {cursor_path: u, initial_value: 5, unit: s, as: date,\n"
              "       on_cursor_value_missing: exclude, last_value_func: max}}}\n");
    const struct incremental_conf *c = &endpoint_of(&p, "c")->incremental;

    (void)state;
    for (const char *const *name = (const char *const[]){"a", "b", "c", NULL}; *name; name++) {
        const struct endpoint_conf *endpoint = endpoint_of(&p, *name);

        assert_true(endpoint->incremental.is_set);
        assert_string_equal(endpoint->incremental.cursor_path, "u");
        assert_field(&endpoint->params, "since", "{incremental.start_value}");
    }
    assert_string_equal(endpoint_of(&p, "a")->incremental.initial_value, "\"2024\"");
    assert_null(endpoint_of(&p, "b")->incremental.initial_value);
    assert_string_equal(endpoint_of(&p, "b")->incremental.on_cursor_value_missing, "raise");
    assert_string_equal(c->initial_value, "5");
    assert_string_equal(c->unit, "s");
    assert_string_equal(c->as, "date");
    assert_string_equal(c->on_cursor_value_missing, "exclude");
}

static void rates_and_times_and_sizes_have_units(void **state)
{
    AUTO(pipeline)
    p = parse(HEAD "    rate_limit: 600/m\n"
                   "    retry: {attempts: 1, max_delay: 2m, timeout: 1.5s}\n"
                   "  resources: [a]\n"
                   "landing: {roll: {rows: 0x10, bytes: 1.5MiB, after: 500ms}}\n"
                   "dashboard: {listen: '[::1]:0'}\n"
                   "memory_limit: 1GiB\n");

    (void)state;
    assert_true(p.source.rate_per_s == 10.0);
    assert_int_equal(p.source.rate_burst, 600);
    assert_int_equal(p.source.retry.max_delay_ms, 120000);
    assert_int_equal(p.source.retry.timeout_ms, 1500);
    assert_int_equal(p.landing.roll_rows, 16);
    assert_int_equal(p.landing.roll_bytes, 3 << 19);
    assert_int_equal(p.landing.roll_after_ms, 500);
    assert_string_equal(p.dashboard.listen_host, "::1");
    assert_int_equal(p.dashboard.listen_port, 0);
    assert_int_equal(p.memory_limit_bytes, 1 << 30);
}

static void variables_serve_in_quotes_where_a_number_is_needed(void **state)
{
    AUTO(pipeline) p = {0};

    (void)state;
    setenv("RIACHO_N", "12", 1);
    p = parse(HEAD ONE "paginator: {type: offset, limit: \"${RIACHO_N}\","
                       " stop_after_empty_page: \"${RIACHO_B:-true}\"}}}]\n");
    assert_int_equal(endpoint_of(&p, "a")->paginator.limit, 12);
    assert_true(endpoint_of(&p, "a")->paginator.stop_after_empty_page);
}

static void tables_and_columns_are_read_in_order(void **state)
{
    AUTO(pipeline)
    p = parse(HEAD
              "  resources: [Quakes]\n"
              "transform:\n  dir: ../made/./x/../t\n  tables:\n"
              "    - name: quakes\n"
              "      columns:\n"
              "        id: id\n"
              "        mag: {path: p.mag, type: 'decimal(10, 2)', on_error: null, default: 1.50}\n"
              "        at: {type: Timestamp, unit: ms, default: '2020-01-01'}\n"
              "        odd.name:\n"
              "        place: {type: text, trim: true, empty_as_null: true, lower: true}\n"
              "      where: mag > 1\n"
              "      distinct: id\n"
              "    - {name: b, from: Quakes, sql: SELECT 1}\n"
              "    - {name: c, from: quakes, sql: {duckdb: SELECT 2}}\n");
    const struct table_conf *table = pipeline_find_table(&p, "quakes");
    const struct column_conf *c = table->columns;

    (void)state;
    assert_string_equal(p.transform.dir, "/made/t");
    assert_string_equal(table->from, "quakes");
    assert_int_equal(table->column_count, 5);
    assert_string_equal(c[0].name, "id");
    assert_string_equal(c[0].path, "id");
    assert_int_equal(c[0].type, COLUMN_AS_LANDED);
    assert_int_equal(c[0].on_error, ON_ERROR_FAIL);
    assert_int_equal(c[1].type, COLUMN_DECIMAL);
    assert_int_equal(c[1].precision, 10);
    assert_int_equal(c[1].scale, 2);
    assert_int_equal(c[1].on_error, ON_ERROR_NULL);
    assert_string_equal(c[1].default_json, "1.50");
    assert_int_equal(c[2].type, COLUMN_TIMESTAMP);
    assert_int_equal(c[2].unit, UNIT_MS);
    assert_string_equal(c[2].path, "at");
    assert_string_equal(c[3].path, "['odd.name']");
    assert_true(c[4].trim && c[4].empty_as_null && c[4].lower && !c[4].upper);
    assert_string_equal(table->where, "mag > 1");
    assert_string_equal(table->distinct[0], "id");
    assert_string_equal(p.transform.tables[1].sql_duckdb, "SELECT 1");
    assert_string_equal(p.transform.tables[1].sql_spark, "SELECT 1");
    assert_string_equal(p.transform.tables[1].from, "quakes");
    assert_null(p.transform.tables[2].sql_spark);
}

static void exports_and_brokers_are_read(void **state)
{
    AUTO(pipeline)
    p = parse(HEAD
              "  resources: [a]\n"
              "broker: {type: kafka, brokers: 'h:1,i:2', config: {linger.ms: 1, client.id: 1}}\n"
              "exports:\n"
              "  - csv\n"
              "  - {type: csv, dir: two, tables: [a, a__list], formula_safe: true}\n"
              "  - {type: csv, dir: three, name: mine}\n");

    (void)state;
    assert_int_equal(p.broker.type, BROKER_KAFKA);
    assert_string_equal(p.broker.brokers, "h:1,i:2");
    assert_int_equal(p.broker.config.count, 2);
    assert_string_equal(p.broker.config.items[1].key, "client.id");
    assert_string_equal(p.broker.config.items[1].value, "1");
    assert_true(p.broker.create_topics);
    assert_int_equal(p.broker.partitions, 12);
    assert_int_equal(p.broker.replication, -1);
    assert_string_equal(p.exports[0].name, "csv");
    assert_string_equal(p.exports[0].dir, "/dir/output/csv");
    assert_int_equal(p.exports[0].table_count, 0);
    assert_string_equal(p.exports[1].name, "csv_2");
    assert_true(p.exports[1].formula_safe);
    assert_string_equal(p.exports[2].name, "mine");
}

static void secrets_are_marked(void **state)
{
    AUTO(pipeline) p = {0};
    const struct endpoint_conf *a;

    (void)state;
    setenv("RIACHO_DAY", "2024-05-06", 1);
    p = parse(HEAD ONE
              "params: {api_key: '{{x}}', v: '${RIACHO_TOKEN}', day: '${RIACHO_DAY:-2020}',"
              " pageToken: x}}},\n"
              "  {name: b, endpoint: 'bot${RIACHO_TOKEN}/get'}]\n");
    a = endpoint_of(&p, "a");
    assert_true(field_of(&a->params, "api_key")->is_secret);
    assert_true(field_of(&a->params, "v")->is_secret);
    assert_false(field_of(&a->params, "day")->is_secret);
    assert_false(field_of(&a->params, "pageToken")->is_secret);
    assert_int_equal(p.source.secrets.count, 1);
    assert_string_equal(p.source.secrets.items[0].key, "RIACHO_TOKEN");
    assert_string_equal(p.source.secrets.items[0].value, "s3cret-token");
}

static void braces_in_values_of_variables_are_no_placeholders(void **state)
{
    AUTO(pipeline) p = {0};

    (void)state;
    setenv("RIACHO_ODD", "a{b}c", 1);
    p = parse(HEAD "    auth: {token: \"${RIACHO_ODD}\"}\n" ONE
                   "params: {v: 'x${RIACHO_ODD}'}}}]\n");
    assert_field(&endpoint_of(&p, "a")->params, "v", "xa{{b}}c");
    assert_string_equal(p.source.auth.token, "a{b}c");
}

/* Reads the file, and counts its faults that are no warnings. */
static size_t faults_in(const char *path)
{
    AUTO(pipeline) pipeline = {0};
    AUTO(faults) faults = {0};
    struct err err = {0};

    if (pipeline_read(&pipeline, path, &faults, &err) == 0)
        return 0;
    print_message("%s: %s\n", path, err.text);
    faults_print(&faults, stdout);
    return faults.errors + 1;
}

static void all_examples_are_valid(void **state)
{
    glob_t files;

    (void)state;
    assert_int_equal(glob("examples/*.yaml", 0, NULL, &files), 0);
    assert_true(files.gl_pathc >= 5);
    for (size_t i = 0; i < files.gl_pathc; i++)
        assert_int_equal(faults_in(files.gl_pathv[i]), 0);
    globfree(&files);
}

static void the_template_is_valid_as_it_stands(void **state)
{
    AUTO(pipeline) p = parse(pipeline_template());

    (void)state;
    assert_string_equal(p.name, "earthquakes");
}

static void assert_file(const char *path, const struct buf *expected)
{
    AUTO(buf) found = {0};
    struct err err = {0};

    assert_int_equal(fs_read(path, 1 << 20, &found, &err), 0);
    if (!str_same(buf_text(&found), buf_text(expected)))
        print_message("%s is not what the option tables say: make docs\n", path);
    assert_string_equal(buf_text(&found), buf_text(expected));
}

static void the_reference_and_the_schema_are_up_to_date(void **state)
{
    AUTO(buf) reference = {0};
    AUTO(buf) schema = {0};

    (void)state;
    pipeline_put_reference(&reference);
    assert_file("docs/pipeline-file.md", &reference);
    pipeline_put_schema(&schema);
    assert_file("docs/pipeline.schema.json", &schema);
}

static void a_file_that_is_not_there_is_a_fault_of_the_command_line(void **state)
{
    AUTO(pipeline) pipeline = {0};
    AUTO(faults) faults = {0};
    struct err err = {0};

    (void)state;
    assert_int_equal(pipeline_read(&pipeline, "nowhere.yaml", &faults, &err), -1);
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.text, "nowhere.yaml"));
    assert_int_equal(faults.errors, 0);
}

/* An example with pieces cut out, doubled and swapped: whatever comes, it must not crash. */
static void damaged_pipelines_do_no_harm(void **state)
{
    AUTO(buf) file = {0};
    struct err err = {0};
    unsigned seed = 11;

    (void)state;
    assert_int_equal(fs_read("examples/github-issues.yaml", 1 << 20, &file, &err), 0);
    for (int round = 0; round < 3000; round++) {
        AUTO(pipeline) pipeline = {0};
        AUTO(faults) faults = {0};
        AUTO(buf) text = {0};

        for (int piece = 0; piece < 4; piece++) {
            const size_t from = (size_t)rand_r(&seed) % file.size;
            const size_t size = (size_t)rand_r(&seed) % (file.size - from);

            if (piece == 0)
                buf_put(&text, file.data, from);
            buf_put(&text, file.data + from, piece == 3 ? file.size - from : size % 60);
        }
        if (pipeline_parse(&pipeline, "p.yaml", text.data, text.size, &faults, &err) < 0)
            assert_true(faults.errors > 0);
    }
}

/* Words of real files replaced by values of all kinds: nothing crashes, and a refusal has a reason. */
static void values_of_any_kind_anywhere_do_no_harm(void **state)
{
    static const char *const values[] = {
        "~",
        "true",
        "-1",
        "1.5",
        "''",
        "x",
        "[]",
        "[a]",
        "{}",
        "{a: 1}",
        "${",
        "'{a}'",
        "'{'",
        "'[*]'",
        "[[a]]",
        "$",
        "cursor",
        "endpoint",
        "{type: offset}",
        "a.b",
        "\"${RIACHO_TOKEN}\"",
    };
    static const char ends[] = " {}[],:\n";
    AUTO(buf) file = {0};
    struct err err = {0};
    unsigned seed = 13;

    (void)state;
    assert_int_equal(fs_read("examples/github-issues.yaml", 1 << 20, &file, &err), 0);
    for (int round = 0; round < 3000; round++) {
        AUTO(pipeline) pipeline = {0};
        AUTO(faults) faults = {0};
        AUTO(buf) text = {0};
        size_t from = 0;

        for (int words = 1 + rand_r(&seed) % 4; words > 0 && from < file.size; words--) {
            const size_t skipped = (size_t)rand_r(&seed) % (file.size - from);
            const size_t word = from + skipped + strspn(file.data + from + skipped, ends);

            buf_put(&text, file.data + from, word - from);
            buf_puts(&text, values[(size_t)rand_r(&seed) % (sizeof values / sizeof *values)]);
            from = word + strcspn(file.data + word, ends);
        }
        buf_put(&text, file.data + from, file.size - from);
        if (pipeline_parse(&pipeline, "p.yaml", text.data, text.size, &faults, &err) < 0)
            assert_true(faults.errors > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_and_source_alone_are_complete),
        cmocka_unit_test(endpoints_and_names_have_short_forms),
        cmocka_unit_test(the_endpoint_wins_over_defaults_and_these_over_the_client),
        cmocka_unit_test(paginators_have_the_defaults_of_dlt),
        cmocka_unit_test(parameters_may_be_lists_numbers_and_null),
        cmocka_unit_test(the_path_takes_its_parameters_and_then_names_one_thing),
        cmocka_unit_test(incremental_has_three_spellings),
        cmocka_unit_test(rates_and_times_and_sizes_have_units),
        cmocka_unit_test(variables_serve_in_quotes_where_a_number_is_needed),
        cmocka_unit_test(tables_and_columns_are_read_in_order),
        cmocka_unit_test(exports_and_brokers_are_read),
        cmocka_unit_test(secrets_are_marked),
        cmocka_unit_test(braces_in_values_of_variables_are_no_placeholders),
        cmocka_unit_test(all_examples_are_valid),
        cmocka_unit_test(the_template_is_valid_as_it_stands),
        cmocka_unit_test(the_reference_and_the_schema_are_up_to_date),
        cmocka_unit_test(a_file_that_is_not_there_is_a_fault_of_the_command_line),
        cmocka_unit_test(damaged_pipelines_do_no_harm),
        cmocka_unit_test(values_of_any_kind_anywhere_do_no_harm),
    };

    setenv("RIACHO_TOKEN", "s3cret-token", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
