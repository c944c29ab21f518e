/*
 * Wires broker → sink → journal for one export.
 */
#include "river/export.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/ledger.h"
#include "db/staging.h"
#include "river/consume.h"
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

/* A file that was exported before, and that another now stands in for. */
struct predecessor {
    char *id;   /* NULL: there is none */
    char *path; /* absolute */
};

static void predecessor_close(struct predecessor *predecessor)
{
    free(predecessor->id);
    free(predecessor->path);
    *predecessor = (struct predecessor){0};
}

/* 1 it was exported, 0 not; then `ret_before` is the adjusted file that it stood in for itself, or NULL. */
static int look_at_predecessor(struct export *export, const char *adjusted_id,
                               struct predecessor *ret_found, char **ret_before, struct err *err)
{
    struct predecessor found = {.id = mem_fmt("%s.%s", adjusted_id, export->conf->name)};
    AUTO(known_file) file = {0};
    AUTO(known_file) adjusted = {0};
    AUTO(ref) ref = {0};
    int known = ledger_find(&export->journal, found.id, &file, err);

    if (known == 1 && !file.removed) {
        found.path = fs_join(export->conf->dir, file.path);
        *ret_found = found;
        return 1;
    }
    predecessor_close(&found);
    TRY(known);
    known = ledger_find(&export->journal, adjusted_id, &adjusted, err);
    TRY(known);
    if (known == 1)
        TRY(ref_read(adjusted.event, strlen(adjusted.event), &ref, err));
    *ret_before = mem_str(ref.replaces);
    return 0;
}

/* Of several replays without an export between them only the last one's files are exported, so the file
 * to take away may be some generations back. */
static int find_predecessor(struct export *export, const struct ref *adjusted,
                            struct predecessor *ret_found, struct err *err)
{
    char *id = mem_str(adjusted->replaces);
    int found = 0;

    while (id && found == 0) {
        char *before = NULL;

        found = look_at_predecessor(export, id, ret_found, &before, err);
        free(id);
        id = before;
    }
    return found;
}

static int add_file(struct export *export, const struct ref *adjusted, const char *temp_path,
                    const struct sink_output *output, struct step *step, struct err *err)
{
    AUTO(predecessor) replaced = {0};
    char *final_path;
    char *origin[] = {adjusted->id};
    struct ref ref = {
        .source = adjusted->source,
        .type = adjusted->type,
        .subject = adjusted->subject,
        .time = adjusted->time,
        .root = export->group,
        .format = (char *)(uintptr_t) export->sink.ops->name,
        .bytes = output->bytes,
        .rows = output->rows,
        .sha256 = (char *)(uintptr_t)output->sha256,
        .run = adjusted->run,
        .origin = origin,
        .origins = 1,
    };

    TRY(find_predecessor(export, adjusted, &replaced, err));
    final_path = export_path(export, adjusted->path);
    ref.id = mem_fmt("%s.%s", adjusted->id, export->conf->name);
    ref.path = final_path + strlen(export->conf->dir) + 1;
    ref.replaces = replaced.id;
    step_add_file(step, &(struct step_file){.temp_path = temp_path,
                                            .final_path = final_path,
                                            .stage = "export",
                                            .ref = &ref,
                                            .unlink_path = replaced.path});
    free(ref.id);
    free(final_path);
    return 0;
}

/* What came of one file. */
static int export_file(struct export *export, struct work *work, const struct sink_job *job,
                       struct step *step, struct err *err)
{
    work->failed = job->failed;
    work->err = job->err;
    if (job->failed)
        return 0;
    TRY(add_file(export, &work->ref, job->temp_path, &job->output, step, err));
    atomic_fetch_add(&export->live->files, 1);
    atomic_fetch_add(&export->live->rows, job->output.rows);
    atomic_fetch_add(&export->live->bytes, job->output.bytes);
    return 0;
}

static int export_files(struct export *export, struct work *const *works, size_t count,
                        struct step *step, struct err *err)
{
    struct sink_job jobs[CONSUME_MOST] = {0};
    char *temp_paths[CONSUME_MOST];
    int written;

    for (size_t i = 0; i < count; i++) {
        temp_paths[i] = mem_fmt("%s/%" PRId64, export->staging.dir, ++export->made);
        jobs[i].parquet_path = works[i]->path;
        jobs[i].temp_path = temp_paths[i];
    }
    written = sink_write(&export->sink, export->conf, jobs, count, err);
    for (size_t i = 0; i < count && written == 0; i++)
        written = export_file(export, works[i], &jobs[i], step, err);
    for (size_t i = 0; i < count; i++)
        free(temp_paths[i]);
    return written;
}

static int export_group(void *ctx, struct work *const *works, size_t count, struct step *step,
                        struct err *err)
{
    struct export *export = ctx;
    struct work *wanted[CONSUME_MOST];
    size_t wanted_count = 0;

    for (size_t i = 0; i < count; i++) {
        works[i]->failed = false;
        if (wants_table(export->conf, works[i]->ref.subject))
            wanted[wanted_count++] = works[i];
    }
    return wanted_count > 0 ? export_files(export, wanted, wanted_count, step, err) : 0;
}

char *export_group_of(const struct export_conf *conf)
{
    return mem_fmt("export:%s", conf->name);
}

static int export_open(struct export *export, struct err *err)
{
    const struct river *river = export->river;
    const char *dirs[RIVER_MOST_DIRS];
    const size_t count = river_dirs(river, dirs);

    export->group = export_group_of(export->conf);
    TRY(journal_share(&river->journal, &export->journal, err));
    TRY(staging_open(&export->staging, export->conf->dir, river->journal.process, err));
    return sink_open(&export->sink, &sink_csv,
                     &(struct sink_conf){
                         .memory_bytes =
                             river_memory(river, EXPORT_MEMORY / (double)river->conf.export_count),
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
                                      .group = export.group,
                                      .topic = river->adjusted_topic,
                                      .live = export.live,
                                      .follow = follow,
                                      .upstream_done = upstream_done,
                                      .ctx = &export,
                                      .work_off = export_group},
                   err);
}
