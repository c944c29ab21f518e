/*
 * The root table of the pipeline file, and what is made of it: the JSON Schema and the reference
 * page.
 */
#include "river/pipeline_options.h"

#include "river/pipeline.h"

#include <stddef.h>

#include "base/banned.h"

#define AT(member) offsetof(struct pipeline, member)

static const struct opt schedule_rows[] = {
    {.key = "every",
     .type = OPT_MS,
     .at = AT(every_ms),
     .standard = "60s",
     .least = 100,
     .most = 366LL * 86400000,
     .help = "With `--follow`: how long after a run began the next begins."},
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
    {.key = "dashboard",
     .type = OPT_MAP,
     .at = AT(dashboard),
     .rows = dashboard_options,
     .help = "The live page."},
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
