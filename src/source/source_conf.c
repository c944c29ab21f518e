/*
 * The option tables of `source:`. Keys, types, defaults and the list of what exists are those of
 * dlt's rest_api source (dlt/sources/rest_api/typing.py, rest_client/paginators.py, auth.py).
 */
#include "source/source_conf.h"

#include "base/str.h"
#include "source/fields_conf.h"
#include "source/resource_tree.h"
#include "source/variants_conf.h"

#include <stddef.h>
#include <string.h>

#include "base/banned.h"

#define RETRY(member) offsetof(struct retry_conf, member)
#define INCREMENTAL(member) offsetof(struct incremental_conf, member)
#define ENDPOINT(member) offsetof(struct endpoint_conf, member)
#define RESOURCE(member) offsetof(struct resource_conf, member)
#define SOURCE(member) offsetof(struct source_conf, member)

#define REFUSED(name, why)                                                                         \
    {                                                                                              \
        .key = (name), .type = OPT_REFUSED, .help = (why)                                          \
    }

static const struct opt retry_rows[] = {
    {.key = "attempts",
     .type = OPT_INT,
     .at = RETRY(attempts),
     .standard = "5",
     .least = 1,
     .most = 100,
     .flags = OPT_OWN,
     .help = "How often a request is tried in all."},
    {.key = "max_delay",
     .type = OPT_MS,
     .at = RETRY(max_delay_ms),
     .standard = "60s",
     .least = 1,
     .most = 86400000,
     .flags = OPT_OWN,
     .help = "The longest wait between two tries, also if `Retry-After` asks for more."},
    {.key = "timeout",
     .type = OPT_MS,
     .at = RETRY(timeout_ms),
     .standard = "60s",
     .least = 100,
     .most = 86400000,
     .flags = OPT_OWN,
     .help = "How long a connection may be silent before the try has failed."},
    {0}};

/* "10/s", "600/m" */
static int parse_rate(const char *text, void *target, struct err *err)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    struct source_conf *conf = target;
    const char *slash = strchr(text, '/');
    char count[16] = "";
    int64_t burst;

    if (slash && slash > text && slash - text < (ptrdiff_t)sizeof count)
        memcpy(count, text, (size_t)(slash - text));
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (slash && str_same(slash + 1, units[i].name) &&
            str_to_int(count, 1, 1000000, &burst, err) == 0) {
            conf->rate_burst = burst;
            conf->rate_per_s = (double)burst / units[i].seconds;
            return 0;
        }
    return err_set(err, ERR_USAGE, "a rate such as 10/s, 600/m or 5000/h");
}

#define AUTH_ROW(place, ...)                                                                       \
    {                                                                                              \
        .key = "auth", .type = OPT_VARIANT, .at = place(auth), .type_at = place(auth.type),        \
        .variants = auth_variants, .bare = "type", .flags = OPT_TYPE_OPTIONAL, __VA_ARGS__         \
    }

#define PAGINATOR_ROW(place, ...)                                                                  \
    {                                                                                              \
        .key = "paginator", .type = OPT_VARIANT, .at = place(paginator),                           \
        .type_at = place(paginator.type), .set_at_plus_1 = place(paginator.is_set) + 1,            \
        .variants = paginator_variants, .bare = "type", __VA_ARGS__                                \
    }

static const struct opt client_rows[] = {
    {.key = "base_url",
     .type = OPT_TEXT,
     .at = SOURCE(base_url),
     .flags = OPT_REQUIRED,
     .pattern = "https?://.+",
     .kind = "a URL such as https://api.example.com",
     .help = "The beginning that the URLs of all requests share."},
    {.key = "headers",
     .type = OPT_CUSTOM,
     .at = SOURCE(headers),
     .take = source_take_headers,
     .schema = FIELDS_SCHEMA,
     .kind = "a map of texts",
     .help = "Headers of every request."},
    AUTH_ROW(SOURCE, .help = "How requests are authenticated. A bare text is the type."),
    PAGINATOR_ROW(SOURCE, .help = "How pages follow one another, where an endpoint does not say. "
                                  "A bare text is the type."),
    REFUSED("session", "it is an object of Python"),
    {.key = "rate_limit",
     .type = OPT_PARSED,
     .parse = parse_rate,
     .flags = OPT_OWN,
     .pattern = "[1-9][0-9]{0,6}/(s|m|min|h|d)",
     .kind = "a rate: 10/s, 600/m, 5000/h",
     .help = "The most requests in a time. It survives restarts, and the processes of one state "
             "share it."},
    {.key = "retry",
     .type = OPT_MAP,
     .at = SOURCE(retry),
     .rows = retry_rows,
     .flags = OPT_OWN,
     .help = "How failed requests (429, 5xx, 408, broken connections) are tried again: after "
             "waits that grow exponentially, with jitter. `Retry-After` is honoured."},
    {.key = "concurrency",
     .type = OPT_INT,
     .at = SOURCE(concurrency),
     .standard = "4",
     .least = 1,
     .most = 64,
     .flags = OPT_OWN,
     .help = "How many resources are fetched side by side."},
    {.key = "allow_cross_origin",
     .type = OPT_BOOL,
     .at = SOURCE(allow_cross_origin),
     .standard = "false",
     .flags = OPT_OWN,
     .help = "Whether next links and redirects may lead to another origin. Credentials and "
             "headers do not go along."},
    {0}};

static const struct opt_choice methods[] = {
    {.name = "GET"},
    {.name = "POST"},
    {.name = "PUT", .refused = "only GET and POST are supported yet"},
    {.name = "PATCH", .refused = "only GET and POST are supported yet"},
    {.name = "DELETE", .refused = "only GET and POST are supported yet"},
    {0}};

static const struct opt_choice missing_choices[] = {{.name = "error",
                                                     .help = "the run fails and says so"},
                                                    {.name = "empty",
                                                     .help = "the page has no records"},
                                                    {0}};

static const struct opt_choice cursor_missing[] = {{.name = "raise", .help = "the run fails"},
                                                   {.name = "include",
                                                    .help = "the record is taken"},
                                                   {.name = "exclude",
                                                    .help = "the record is left out"},
                                                   {0}};

static const struct opt_choice units[] = {
    {.name = "s"}, {.name = "ms"}, {.name = "us"}, {.name = "ns"}, {0}};
static const struct opt_choice request_forms[] = {{.name = "iso8601",
                                                   .help = "2026-11-22T09:00:00Z"},
                                                  {.name = "date", .help = "2026-11-22"},
                                                  {.name = "s", .help = "seconds since 1970"},
                                                  {.name = "ms", .help = "milliseconds since 1970"},
                                                  {0}};
static const struct opt_choice only_max[] = {{.name = "max"},
                                             {.name = "min", .refused = "min is not supported yet"},
                                             {0}};
static const struct opt_choice only_closed[] = {
    {.name = "closed"}, {.name = "open", .refused = "open is not supported yet"}, {0}};

static const struct opt incremental_rows[] = {
    {.key = "cursor_path",
     .type = OPT_TEXT,
     .at = INCREMENTAL(cursor_path),
     .flags = OPT_REQUIRED | OPT_JSON_PATH | OPT_ONE_ITEM,
     .help = "Where a record holds the value that tells new from old. The greatest is kept for "
             "the next run."},
    {.key = "initial_value",
     .type = OPT_SCALAR,
     .at = INCREMENTAL(initial_value),
     .help = "The value to start from at the first run."},
    {.key = "unit",
     .type = OPT_WORD,
     .at = INCREMENTAL(unit),
     .choices = units,
     .flags = OPT_OWN,
     .help = "What a cursor that is a number counts since 1970."},
    {.key = "as",
     .type = OPT_WORD,
     .at = INCREMENTAL(as),
     .choices = request_forms,
     .flags = OPT_OWN,
     .help = "How the cursor is written into the request: as it came if not "
             "given."},
    {.key = "on_cursor_value_missing",
     .type = OPT_WORD,
     .at = INCREMENTAL(on_cursor_value_missing),
     .standard = "raise",
     .choices = cursor_missing,
     .help = "What to do with a record that has no cursor."},
    {.key = "start_param",
     .type = OPT_TEXT,
     .flags = OPT_ELSEWHERE,
     .help = "A query parameter that carries the start value. `{incremental.start_value}` in "
             "`params` does the same and more."},
    {.key = "last_value_func",
     .type = OPT_WORD,
     .choices = only_max,
     .flags = OPT_CHECKED,
     .help = "Which value counts as the last."},
    {.key = "range_start",
     .type = OPT_WORD,
     .choices = only_closed,
     .flags = OPT_CHECKED,
     .help = "Records at the start value are taken again, and known ones left out."},
    REFUSED("end_param", NULL),
    REFUSED("end_value", NULL),
    REFUSED("range_end", NULL),
    REFUSED("primary_key", "the resource's own primary_key is used"),
    REFUSED("row_order", NULL),
    REFUSED("lag", NULL),
    REFUSED("allow_external_schedulers", NULL),
    REFUSED("convert", "it is a function of Python; see \"as\""),
    REFUSED("transform", "it is a function of Python; see \"as\""),
    {0}};

static const struct opt endpoint_rows[] = {
    {.key = "path",
     .type = OPT_TEXT,
     .at = ENDPOINT(path),
     .help = "The path behind `base_url`, or a whole URL: the resource's name if it is not given. "
             "`{name}` takes a parameter out of `params`."},
    {.key = "method",
     .type = OPT_WORD,
     .at = ENDPOINT(method),
     .standard = "GET",
     .choices = methods,
     .help = "The HTTP method."},
    {.key = "params",
     .type = OPT_CUSTOM,
     .at = ENDPOINT(params),
     .take = source_take_params,
     .schema = PARAMS_SCHEMA,
     .kind = "a map of texts",
     .help =
         "Query parameters. A list gives the parameter several times, null leaves it out; "
         "`{type: incremental, cursor_path: …}` is short for `incremental` with a `start_param`."},
    {.key = "headers",
     .type = OPT_CUSTOM,
     .at = ENDPOINT(headers),
     .take = source_take_headers,
     .schema = FIELDS_SCHEMA,
     .kind = "a map of texts",
     .help = "Headers, beside those of the client."},
    {.key = "json", .type = OPT_JSON, .at = ENDPOINT(json), .help = "The JSON body of a request."},
    REFUSED("data", "see \"json\""),
    PAGINATOR_ROW(ENDPOINT, .help = "How pages follow one another: the client's if not given, and "
                                    "`auto` if there is none either."),
    AUTH_ROW(ENDPOINT, .set_at_plus_1 = ENDPOINT(auth_set) + 1,
             .help = "How requests are authenticated: as the client's if not given."),
    {.key = "data_selector",
     .type = OPT_TEXT,
     .at = ENDPOINT(data_selector),
     .flags = OPT_JSON_PATH,
     .help = "Where the answer holds the records; `$` is the answer itself. If it is not given, "
             "it is found in the first page, and said. Later runs look where a list was found."},
    {.key = "missing_data",
     .type = OPT_WORD,
     .at = ENDPOINT(missing_data),
     .standard = "error",
     .choices = missing_choices,
     .flags = OPT_OWN,
     .help = "What an answer means that has nothing at `data_selector`."},
    {.key = "incremental",
     .type = OPT_MAP,
     .at = ENDPOINT(incremental),
     .set_at_plus_1 = ENDPOINT(incremental.is_set) + 1,
     .rows = incremental_rows,
     .help = "Fetches only what is new since the last run. `{incremental.start_value}`, "
             "`{incremental.initial_value}` and `{incremental.last_value}` stand for values in "
             "`path`, `params`, `headers` and `json`."},
    REFUSED("response_actions", NULL),
    {0}};

static const struct opt_choice dispositions[] = {
    {.name = "append", .help = "what comes is added"},
    {.name = "replace", .refused = "replace is not supported yet"},
    {.name = "merge", .refused = "merge is not supported yet"},
    {.name = "skip", .refused = "skip is not supported yet"},
    {0}};
static const struct opt_choice only_true[] = {
    {.name = "true"}, {.name = "false", .refused = "only true is supported yet"}, {0}};
static const struct opt_choice parallel_choices[] = {
    {.name = "true"},
    {.name = "false",
     .refused = "only true is supported yet: source.client.concurrency says how "
                "many resources are fetched side by side"},
    {0}};
static const struct opt_choice only_parquet[] = {
    {.name = "parquet"},
    {.name = "jsonl", .refused = "files land as Parquet"},
    {.name = "csv", .refused = "files land as Parquet; see \"exports\" for CSV"},
    {.name = "insert_values", .refused = "files land as Parquet"},
    {0}};

/* The name comes first: what stands behind it are the rows of resource_defaults. */
static const struct opt resource_rows[] = {
    {.key = "name",
     .type = OPT_TEXT,
     .at = RESOURCE(name),
     .flags = OPT_REQUIRED,
     .help = "The resource's name. What is not a-z, 0-9 or _ in it is turned into that "
             "(`pull-requests` becomes `pull_requests`)."},
    {.key = "endpoint",
     .type = OPT_MAP,
     .at = RESOURCE(endpoint),
     .rows = endpoint_rows,
     .bare = "path",
     .help = "What to ask for. A bare text is the path."},
    {.key = "primary_key",
     .type = OPT_TEXTS,
     .at = RESOURCE(primary_key),
     .count_at = RESOURCE(primary_keys),
     .help = "The field or fields that tell records apart: for duplicates within a file, and at "
             "the boundary of an incremental run."},
    {.key = "write_disposition",
     .type = OPT_WORD,
     .at = RESOURCE(write_disposition),
     .standard = "append",
     .choices = dispositions,
     .help = "What a new run does with the old."},
    {.key = "selected",
     .type = OPT_WORD,
     .choices = only_true,
     .flags = OPT_CHECKED,
     .help = "Whether the resource lands."},
    {.key = "parallelized",
     .type = OPT_WORD,
     .choices = parallel_choices,
     .flags = OPT_CHECKED,
     .help = "Resources are fetched side by side anyhow."},
    {.key = "file_format",
     .type = OPT_WORD,
     .choices = only_parquet,
     .flags = OPT_CHECKED,
     .help = "Files land as Parquet anyhow."},
    REFUSED("include_from_parent", NULL),
    REFUSED("processing_steps", "they are functions of Python; see \"transform\""),
    REFUSED("max_table_nesting", NULL),
    REFUSED("table_name", "see \"transform.tables\""),
    REFUSED("merge_key", NULL),
    REFUSED("columns", "see \"transform.tables\""),
    REFUSED("schema_contract", NULL),
    REFUSED("table_format", NULL),
    REFUSED("references", NULL),
    REFUSED("nested_hints", NULL),
    REFUSED("parent_table_name", NULL),
    {0}};

const struct opt source_options[] = {
    {.key = "client",
     .type = OPT_MAP,
     .rows = client_rows,
     .flags = OPT_REQUIRED,
     .help = "What all resources share."},
    {.key = "resources",
     .type = OPT_MAPS,
     .at = SOURCE(resources),
     .count_at = SOURCE(resource_count),
     .item_bytes = sizeof(struct resource_conf),
     .rows = resource_rows,
     .bare = "name",
     .flags = OPT_REQUIRED,
     .help = "What is fetched. A bare text is the name and the path."},
    {.key = "resource_defaults",
     .type = OPT_MAP,
     .rows = resource_rows + 1,
     .flags = OPT_ELSEWHERE | OPT_PARTIAL,
     .help = "What resources are laid upon: their own keys win; `params` and `json` of the "
             "endpoint are merged key by key."},
    {0}};

const struct opt *const resource_default_options = resource_rows + 1;
