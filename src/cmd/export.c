/*
 * Wires broker → sink → journal for one export.
 */
#include "cmd/export.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/consume.h"
#include "db/staging.h"
#include "sink/sink.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

struct export
{
    struct river *river;
    const struct export_conf *conf;
    struct consume_live *live;
    struct journal journal;
    struct sink sink;
    struct staging staging;
    char *group;
    int64_t made; /* names temporary files */
};

static void export_close(struct export *export)
{
    sink_close(&export->sink);
    staging_close(&export->staging);
    journal_close(&export->journal);
    free(export->group);
}

static bool wants_table(const struct export_conf *conf, const char *table)
{
    for (size_t i = 0; i < conf->table_count; i++)
        if (str_same(conf->tables[i], table))
            return true;
    return conf->table_count == 0;
}

/* "<table>/<input's id>.csv": the adjusted file's name with another ending. */
static char *export_path(const struct export *export, const char *parquet_path)
{
    const size_t stem = strlen(parquet_path) - (str_ends(parquet_path, ".parquet") ? 8 : 0);

    return mem_fmt("%s/%.*s.%s", export->conf->dir, (int)stem, parquet_path,
                   export->sink.ops->name);
}

/* The file that the reference's predecessor was exported to. */
static char *replaced_path(const struct export *export, const struct ref *ref)
{
    AUTO(buf) name = {0};
    const char *table;

    if (ref->replaces == NULL || ref->origins == 0)
        return NULL;
    table = ref->replaces + strlen(ref->origin[0]) + 1; /* "<input>.<table>[.<generation>]" */
    buf_printf(&name, "%s/%s%s.parquet", ref->subject, ref->origin[0],
               table + strlen(ref->subject));
    return export_path(export, name.data);
}

static void add_file(struct export *export, const struct ref *adjusted, const char *temp_path,
                     const struct sink_output *output, struct step *step)
{
    char *final_path = export_path(export, adjusted->path);
    char *unlink_path = replaced_path(export, adjusted);
    char *origin[] = {adjusted->id};
    const struct ref ref = {
        .id = mem_fmt("%s.%s", adjusted->id, export->conf->name),
        .source = adjusted->source,
        .type = adjusted->type,
        .subject = adjusted->subject,
        .time = adjusted->time,
        .root = export->group,
        .path = final_path + strlen(export->conf->dir) + 1,
        .format = (char *)(uintptr_t) export->sink.ops->name,
        .bytes = output->bytes,
        .rows = output->rows,
        .sha256 = (char *)(uintptr_t)output->sha256,
        .run = adjusted->run,
        .replaces =
            adjusted->replaces ? mem_fmt("%s.%s", adjusted->replaces, export->conf->name) : NULL,
        .origin = origin,
        .origins = 1,
    };

    step_add_file(step, &(struct step_file){.temp_path = temp_path,
                                            .final_path = final_path,
                                            .stage = "export",
                                            .ref = &ref,
                                            .unlink_path = unlink_path});
    free(ref.replaces);
    free(ref.id);
    free(unlink_path);
    free(final_path);
}

static int export_file(struct export *export, struct work *work, struct step *step, struct err *err)
{
    char *temp_path = mem_fmt("%s/%" PRId64, export->staging.dir, ++export->made);
    struct sink_output output;
    struct err fault = {0};
    int written = sink_write(&export->sink, export->conf, work->path, temp_path, &output, &fault);

    if (written == 0) {
        add_file(export, &work->ref, temp_path, &output, step);
        atomic_fetch_add(&export->live->files, 1);
        atomic_fetch_add(&export->live->rows, output.rows);
        atomic_fetch_add(&export->live->bytes, output.bytes);
    } else if (fault.code == ERR_DATA || fault.code == ERR_SQL) {
        work->failed = true;
        work->err = fault;
        written = 0;
    } else
        *err = fault;
    free(temp_path);
    return written;
}

static int export_group(void *ctx, struct work *const *works, size_t count, struct step *step,
                        struct err *err)
{
    struct export *export = ctx;

    for (size_t i = 0; i < count; i++) {
        works[i]->failed = false;
        if (wants_table(export->conf, works[i]->ref.subject))
            TRY(export_file(export, works[i], step, err));
    }
    return 0;
}

static int export_open(struct export *export, struct err *err)
{
    const struct river *river = export->river;
    const char *dirs[RIVER_MOST_DIRS];
    const size_t count = river_dirs(river, dirs);

    export->group = mem_fmt("export:%s", export->conf->name);
    TRY(journal_share(&river->journal, &export->journal, err));
    TRY(staging_open(&export->staging, export->conf->dir, river->journal.process, err));
    return sink_open(&export->sink, &sink_csv,
                     &(struct sink_conf){.memory_bytes = river_memory(river, 0.25),
                                         .dirs = dirs,
                                         .dir_count = count,
                                         .temp_dir = export->staging.dir},
                     err);
}

int export_one(struct river *river, size_t index, bool follow, const atomic_bool *upstream_done,
               struct err *err)
{
    AUTO(export)
    export = {.river = river, .conf = &river->conf.exports[index], .live = &river->exports[index]};

    TRY(export_open(&export, err));
    return consume(&(struct consumer){.river = river,
                                      .journal = &export.journal,
                                      .ops = &broker_local,
                                      .group = export.group,
                                      .topic = river->adjusted_topic,
                                      .live = export.live,
                                      .follow = follow,
                                      .upstream_done = upstream_done,
                                      .ctx = &export,
                                      .work_off = export_group},
                   err);
}
