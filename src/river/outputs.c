/*
 * Jobs, tables and names of outputs.
 */
#include "river/outputs.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

#include "base/banned.h"

const struct engine_ops *engine_of(enum engine_type type)
{
    return type == ENGINE_SPARK ? &engine_spark : &engine_duckdb;
}

#define SCHEMA_MOST_BYTES (16 << 20)

/* What the job on the server has come to, for the progress line. */
static void see_progress(void *ctx, int64_t tasks_done, int64_t tasks)
{
    struct consume_live *live = ctx;

    atomic_store(&live->tasks, tasks);
    atomic_store(&live->tasks_done, tasks_done);
}

int outputs_open_engine(struct river *river, const struct engine_ops *ops, const char *temp_dir,
                        struct engine *ret_engine, struct err *err)
{
    const struct transform_conf *transform = &river->conf.transform;
    const char *dirs[RIVER_MOST_DIRS];
    const size_t count = river_dirs(river, dirs);
    const struct engine_root roots[] = {{.dir = river->conf.landing.dir,
                                         .elsewhere = transform->roots.landing},
                                        {.dir = transform->dir,
                                         .elsewhere = transform->roots.adjusted}};

    return engine_open(ret_engine, ops,
                       &(struct engine_conf){.type = ops->name,
                                             .remote = transform->remote,
                                             .roots = roots,
                                             .root_count = sizeof roots / sizeof *roots,
                                             .on_progress = see_progress,
                                             .progress_ctx = &river->transform,
                                             .memory_bytes = river_memory(river, TRANSFORM_MEMORY),
                                             .dirs = dirs,
                                             .dir_count = count,
                                             .temp_dir = temp_dir},
                       err);
}

/* Default rules give no child table the name of another resource. */
static void name_others(const struct river *river, const char *resource, struct tables *tables)
{
    const struct source_conf *source = &river->conf.source;

    tables->others = mem_alloc((source->resource_count + 1) * sizeof *tables->others);
    for (size_t i = 0; i < source->resource_count; i++)
        if (!str_same(source->resources[i].name, resource))
            tables->others[tables->engine.other_count++] = source->resources[i].name;
    tables->engine.others = tables->others;
}

void tables_of(const struct river *river, const char *resource, const char *only,
               struct tables *ret_tables)
{
    const struct transform_conf *conf = &river->conf.transform;
    const struct resource_conf *known = pipeline_find_resource(&river->conf, resource);
    struct tables tables = {.engine = {.resource = resource, .only = only}};

    if (known) {
        tables.engine.primary_key = known->primary_key;
        tables.engine.primary_keys = known->primary_keys;
    }
    name_others(river, resource, &tables);
    tables.items = mem_alloc((conf->table_count + 1) * sizeof *tables.items);
    for (size_t i = 0; i < conf->table_count; i++)
        if (str_same(conf->tables[i].from, resource) &&
            (only == NULL || str_same(conf->tables[i].name, only)))
            tables.items[tables.engine.table_count++] = &conf->tables[i];
    /* No list, unlike an empty one (the default rules), says that the pipeline's tables leave it out. */
    if (tables.engine.table_count == 0 && conf->table_count > 0) {
        free(tables.items);
        tables.items = NULL;
    }
    tables.engine.tables = tables.items;
    *ret_tables = tables;
}

void tables_close(struct tables *tables)
{
    free(tables->items);
    free(tables->others);
    *tables = (struct tables){0};
}

bool tables_are_none(const struct tables *tables)
{
    return tables->items == NULL;
}

void jobs_open(struct jobs *jobs, size_t count)
{
    jobs->items = mem_alloc(count * sizeof *jobs->items);
    jobs->schemas = mem_alloc(count * sizeof *jobs->schemas);
    jobs->count = count;
}

void jobs_close(struct jobs *jobs)
{
    for (size_t i = 0; i < jobs->count; i++) {
        engine_job_close(&jobs->items[i]);
        schema_close(&jobs->schemas[i]);
    }
    schema_close(&jobs->known);
    free(jobs->items);
    free(jobs->schemas);
    *jobs = (struct jobs){0};
}

static int read_schema_file(const struct river *river, const struct ref *ref,
                            struct schema *ret_schema, struct err *err)
{
    char *name = mem_fmt("%s/_schemas/%s.json", ref->subject, ref->schema);
    char *path = NULL;
    AUTO(buf) text = {0};
    int got = fs_beneath(river->conf.landing.dir, name, &path, err);

    if (got == 0)
        got = fs_read(path, SCHEMA_MOST_BYTES, &text, err);
    if (got == 0)
        got = schema_read(buf_text(&text), text.size, ret_schema, err);
    free(path);
    free(name);
    return got;
}

int jobs_find_schemas(struct jobs *jobs, size_t index, const struct river *river,
                      struct journal *journal, struct err *err)
{
    struct engine_job *job = &jobs->items[index];
    struct schema *schema = &jobs->schemas[index];
    const struct ref *ref = job->input;
    int found = journal_schema_by(journal, ref->subject, ref->schema, schema, err);

    if (!jobs->has_known && found >= 0) {
        TRY(journal_schema(journal, ref->subject, &jobs->known, err));
        jobs->has_known = true;
    }
    if (found == 0)
        found = read_schema_file(river, ref, schema, err) == 0 ? 1 : -1;
    if (found < 0 && err->code == ERR_DATA) {
        job->failed = true;
        job->err = *err;
        return 0;
    }
    TRY(found);
    job->schema = schema;
    job->known = jobs->known.kind == KIND_STRUCT ? &jobs->known : schema;
    return 0;
}

void output_add(const struct river *river, const struct ref *input,
                const struct engine_output *output, const struct output_replay *replay,
                struct step *step)
{
    const char *dot = replay ? "." : "";
    const char *generation = replay ? replay->generation : "";
    char now[CLOCK_TEXT];
    char *origin[] = {input->id};
    const struct ref ref = {
        .id = mem_fmt("%s.%s%s%s", input->id, output->table, dot, generation),
        .source = input->source,
        .type = (char *)(uintptr_t)REF_ADJUSTED,
        .subject = output->table,
        .time = (char *)(uintptr_t)clock_iso8601(clock_wall_ms(), now),
        .root = (char *)(uintptr_t) "adjusted",
        .path = mem_fmt("%s/%s%s%s.parquet", output->table, input->id, dot, generation),
        .format = (char *)(uintptr_t) "parquet",
        .bytes = output->bytes,
        .rows = output->rows,
        .sha256 = output->file_count ? NULL : (char *)(uintptr_t)output->sha256,
        .files = output->files,
        .file_count = output->file_count,
        .first_page = input->first_page,
        .last_page = input->last_page,
        .cursor_from = input->cursor_from,
        .cursor_to = input->cursor_to,
        .run = input->run,
        .replaces = replay ? (char *)(uintptr_t)replay->replaces_id : NULL,
        .origin = origin,
        .origins = 1,
    };
    char *final_path = fs_join(river->conf.transform.dir, ref.path);

    step_add_file(step, &(struct step_file){.temp_path = output->temp_path,
                                            .final_path = final_path,
                                            .stage = "transform",
                                            .topic = river->adjusted_topic,
                                            .ref = &ref,
                                            .unlink_path = replay ? replay->replaces_path : NULL});
    free(final_path);
    free(ref.path);
    free(ref.id);
}
