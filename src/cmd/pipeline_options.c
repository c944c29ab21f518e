/*
 * The root table of the pipeline file, and what is made of it: the JSON Schema and the reference
 * page.
 */
#include "cmd/pipeline_options.h"

#include "base/mem.h"
#include "base/str.h"
#include "cmd/pipeline.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define AT(member) offsetof(struct pipeline, member)

/* "127.0.0.1:8321", "[::1]:8321" */
static int parse_listen(const char *text, void *target, struct err *err)
{
    struct pipeline *pipeline = target;
    const char *colon = strrchr(text, ':');
    const bool is_bracketed = *text == '[';
    const char *host = text + is_bracketed;
    size_t size = colon ? (size_t)(colon - host) : 0;
    int64_t port;

    if (is_bracketed && size > 0 && host[size - 1] == ']')
        size--;
    else if (is_bracketed || (colon && memchr(host, ':', size)))
        size = 0;
    if (size == 0 || str_to_int(colon + 1, 0, 65535, &port, err) < 0)
        return err_set(err, ERR_USAGE, "an address such as 127.0.0.1:8321 or [::1]:8321");
    free(pipeline->listen);
    free(pipeline->listen_host);
    pipeline->listen = mem_str(text);
    pipeline->listen_host = mem_strn(host, size);
    pipeline->listen_port = port;
    return 0;
}

static const struct opt schedule_rows[] = {
    {.key = "every",
     .type = OPT_MS,
     .at = AT(every_ms),
     .standard = "60s",
     .least = 100,
     .most = 366LL * 86400000,
     .help = "With `--follow`: how long after a run began the next begins."},
    {0}};

static const struct opt dashboard_rows[] = {
    {.key = "listen",
     .type = OPT_PARSED,
     .parse = parse_listen,
     .standard = "127.0.0.1:8321",
     .pattern = ".+:[0-9]{1,5}",
     .kind = "an address: 127.0.0.1:8321",
     .help = "Where the dashboard is served. Port 0 takes any free one."},
    {0}};

const struct opt pipeline_options[] = {
    {.key = "name",
     .type = OPT_TEXT,
     .at = AT(name),
     .flags = OPT_REQUIRED,
     .pattern = "[a-z0-9][a-z0-9_-]{0,63}",
     .kind = "a name of a-z, 0-9, _ and -",
     .help = "The pipeline's name. Topics and references carry it."},
    {.key = "source",
     .type = OPT_MAP,
     .at = AT(source),
     .rows = source_options,
     .flags = OPT_REQUIRED | OPT_ELSEWHERE,
     .help = "The API, by the grammar of dlt's `rest_api` source."},
    {.key = "landing",
     .type = OPT_MAP,
     .at = AT(landing),
     .rows = landing_options,
     .help = "The files as they came."},
    {.key = "broker",
     .type = OPT_VARIANT,
     .at = AT(broker),
     .type_at = AT(broker.type),
     .variants = broker_variants,
     .standard = "local",
     .bare = "type",
     .help = "What carries references from stage to stage. A bare text is the type."},
    {.key = "transform",
     .type = OPT_MAP,
     .at = AT(transform),
     .rows = transform_options,
     .help = "From landing files to tables."},
    {.key = "exports",
     .type = OPT_MAPS,
     .at = AT(exports),
     .count_at = AT(export_count),
     .item_bytes = sizeof(struct export_conf),
     .rows = export_options,
     .bare = "type",
     .help = "From tables to files of other kinds; each is a consumer group of its own."},
    {.key = "schedule", .type = OPT_MAP, .rows = schedule_rows, .help = "When to fetch again."},
    {.key = "dashboard", .type = OPT_MAP, .rows = dashboard_rows, .help = "The live page."},
    {.key = "state",
     .type = OPT_PATH,
     .at = AT(state_dir),
     .standard = "output/.riacho",
     .help = "The folder of the state: what was done, and what is still to do."},
    {.key = "memory_limit",
     .type = OPT_BYTES,
     .at = AT(memory_limit_bytes),
     .standard = "256MiB",
     .least = 64 << 20,
     .most = 1LL << 44,
     .help = "The memory that the whole process may take."},
    {0}};
