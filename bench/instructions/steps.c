/*
 * The steps of a record's way whose instructions are counted: pages of fixed bytes are split and landed, then the
 * landed file is transformed. Runs under `valgrind --tool=callgrind`; each phase ends with a dump of its counts.
 * usage: steps PAGE_FILE...
 */
#include "base/fs.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "landing_bed.h"
#include "source/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

#include <cmocka.h>

#include "base/banned.h"

enum { PAGE_CEILING = 64 << 20, CHUNK = 16 << 10 }; /* libcurl hands over 16 KiB at most */

static char *literal(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* ---- landing ---- */

static int feed(struct split *split, const struct buf *body, struct err *err)
{
    for (size_t at = 0; at < body->size; at += CHUNK) {
        const size_t part = body->size - at < CHUNK ? body->size - at : CHUNK;

        TRY(split_feed(split, body->data + at, part, err));
    }
    return 0;
}

static int hand_over(struct bed *bed, struct batch *batches, struct err *err)
{
    while (batches) {
        struct batch *batch = batches;

        batches = batch->next;
        batch->next = NULL;
        batch->url = mem_str("http://api/");
        TRY(landing_batch(&bed->landing, batch, err));
    }
    return 0;
}

static int land_page(struct bed *bed, const char *path, int64_t page, struct err *err)
{
    AUTO(buf) body = {0};
    AUTO(split) split = {0};
    AUTO(json) envelope = {0};

    TRY(fs_read(path, PAGE_CEILING, &body, err));
    TRY(split_open(&split, "features", page, err));
    TRY(feed(&split, &body, err));
    TRY(split_finish(&split, &envelope, err));
    TRY(hand_over(bed, records_take(&split.records), err));
    bed_end_page(bed, page, false);
    return 0;
}

static int land(struct bed *bed, int pages, char **paths, struct err *err)
{
    bed_open(bed);
    for (int i = 0; i < pages; i++)
        TRY(land_page(bed, paths[i], i + 1, err));
    bed_finish(bed);
    return 0;
}

/* ---- transform ---- */

/* The texts are not written to; the types are those of what a pipeline file is read into. */
static int run_table(struct engine *engine, struct journal *journal, struct engine_job *job,
                     struct err *err)
{
    struct column_conf columns[] = {
        {.name = literal("id"), .path = literal("id")},
        {.name = literal("magnitude"), .path = literal("properties.mag"), .type = COLUMN_DOUBLE},
        {.name = literal("place"),
         .path = literal("properties.place"),
         .trim = true,
         .empty_as_null = true},
        {.name = literal("time"),
         .path = literal("properties.time"),
         .type = COLUMN_TIMESTAMP,
         .unit = UNIT_MS},
        {.name = literal("longitude"),
         .path = literal("geometry.coordinates[0]"),
         .type = COLUMN_DOUBLE},
        {.name = literal("latitude"),
         .path = literal("geometry.coordinates[1]"),
         .type = COLUMN_DOUBLE},
    };
    char *distinct[] = {literal("id")};
    const struct table_conf table = {.name = literal("quakes"),
                                     .from = literal("quakes"),
                                     .columns = columns,
                                     .column_count = sizeof columns / sizeof *columns,
                                     .where = literal("magnitude IS NOT NULL"),
                                     .distinct = distinct,
                                     .distinct_count = 1};
    const struct table_conf *const tables[] = {&table};
    const struct engine_tables wanted = {.resource = "quakes", .tables = tables, .table_count = 1};

    return engine_run(engine, &wanted, job, 1, journal, err);
}

static int run_once(struct engine *engine, struct journal *journal, const struct bed *bed,
                    struct err *err)
{
    const struct ref ref = {.id = literal("quakes-abc123-000001-0001-0"),
                            .type = literal(REF_LANDED),
                            .subject = literal("quakes"),
                            .run = literal("quakes-abc123-000001")};
    struct engine_job job = {.input = &ref,
                             .input_path = bed->files[0].path,
                             .schema = &bed->files[0].schema,
                             .known = &bed->files[0].schema,
                             .temp_dir = bed->temp_dir};

    TRY(run_table(engine, journal, &job, err));
    if (job.failed)
        return err_set(err, ERR_DATA, "%s", job.err.text);
    engine_job_close(&job);
    return 0;
}

static int transform(const struct bed *bed, struct err *err)
{
    const char *const dirs[] = {bed->dir};
    const struct engine_conf conf = {.type = "duckdb",
                                     .memory_bytes = (int64_t)256 << 20,
                                     .dirs = dirs,
                                     .dir_count = 1,
                                     .temp_dir = bed->temp_dir};
    AUTO(engine) engine = {0};
    AUTO(journal) journal = {0};
    char *state = fs_join(bed->dir, "state");
    int opened = journal_open(&journal, state, "bench", "local", JOURNAL_CREATE, err);

    free(state);
    TRY(opened);
    TRY(engine_open(&engine, &engine_duckdb, &conf, err));
    TRY(run_once(&engine, &journal, bed, err)); /* what is made ready once is not a record's cost */
    CALLGRIND_DUMP_STATS_AT("ready");
    TRY(run_once(&engine, &journal, bed, err));
    CALLGRIND_DUMP_STATS_AT("transform");
    return 0;
}

static int go(struct bed *bed, int pages, char **paths, struct err *err)
{
    TRY(land(bed, pages, paths, err));
    CALLGRIND_DUMP_STATS_AT("landing");
    return transform(bed, err);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    void *state = NULL;
    int done;

    bed_set_up(&state);
    done = go(state, argc - 1, argv + 1, &err);
    if (done < 0)
        fprintf(stderr, "steps: %s\n", err.text);
    bed_tear_down(&state);
    return done < 0 ? 1 : 0;
}
