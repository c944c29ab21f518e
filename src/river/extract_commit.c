/*
 * The only place where an extraction becomes true. The committer's thread comes here.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/recover.h"
#include "db/step.h"
#include "river/extract_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/* "<resource>-<epoch>-<run>-<first page>-<part>": never names other bytes, as run numbers never repeat. */
static char *next_reference(struct extraction *work, const struct landed_file *file)
{
    char *stem = mem_fmt("%s-%s-%06" PRId64 "-%04" PRId64, work->resource->name,
                         work->commit_journal.epoch, work->run.number, file->first_page);
    char *name;

    work->last_part = str_same(stem, work->last_name) ? work->last_part + 1 : 0;
    snprintf(work->last_name, sizeof work->last_name, "%s", stem);
    name = mem_fmt("%s-%" PRId64, stem, work->last_part);
    free(stem);
    return name;
}

static void describe_file(struct extraction *work, const struct landed_file *file,
                          struct ref *ret_ref)
{
    const struct river *river = work->pass->river;
    char now[CLOCK_TEXT];
    struct ref ref = {
        .id = next_reference(work, file),
        .source = mem_fmt("/riacho/%s", river->conf.name),
        .type = mem_str(REF_LANDED),
        .subject = mem_str(work->resource->name),
        .time = mem_str(clock_iso8601(clock_wall_ms(), now)),
        .root = mem_str("landing"),
        .format = mem_str("parquet"),
        .bytes = file->bytes,
        .rows = file->rows,
        .sha256 = mem_str(file->sha256),
        .schema = mem_str(file->fingerprint),
        .first_page = file->first_page,
        .last_page = file->last_page,
        .cursor_from = mem_str(file->cursor_from),
        .cursor_to = mem_str(file->cursor_to),
        .run = mem_fmt("%s-%s-%06" PRId64, work->resource->name, work->commit_journal.epoch,
                       work->run.number),
    };

    ref.path = mem_fmt("%s/%s.parquet", work->resource->name, ref.id);
    *ret_ref = ref;
}

/* The schema stands beside the files too, so that a consumer elsewhere has it. */
static int write_schema_file(const struct extraction *work, const struct landed_file *file,
                             struct err *err)
{
    char *dir =
        mem_fmt("%s/%s/_schemas", work->pass->river->conf.landing.dir, work->resource->name);
    char *path = mem_fmt("%s/%s.json", dir, file->fingerprint);
    AUTO(buf) text = {0};
    int written = 0;

    if (!fs_exists(path)) {
        schema_write(&file->schema, &text);
        buf_putc(&text, '\n');
        written = fs_make_dirs(dir, 0777, err);
        if (written == 0)
            written = fs_write(path, text.data, text.size, 0666, err);
    }
    free(path);
    free(dir);
    return written;
}

static int add_landed_file(struct extraction *work, struct step *step,
                           const struct landed_file *file, const char *url, struct err *err)
{
    AUTO(ref) ref = {0};
    char *final_path;

    TRY(write_schema_file(work, file, err));
    describe_file(work, file, &ref);
    final_path = fs_join(work->pass->river->conf.landing.dir, ref.path);
    step_add_schema(step, work->resource->name, file->fingerprint, &file->schema);
    step_add_file(step, &(struct step_file){.temp_path = file->temp_path,
                                            .final_path = final_path,
                                            .stage = "extract",
                                            .topic = work->pass->river->landed_topic,
                                            .ref = &ref,
                                            .request = url});
    free(final_path);
    return 0;
}

char *extract_counts(const struct extract_live *live, const char *selector)
{
    AUTO(buf) counts = {0};

    buf_printf(&counts,
               "{\"requests\":%lld,\"retries\":%lld,\"pages\":%lld,\"records\":%lld,"
               "\"bytes\":%lld,\"rows\":%lld,\"files\":%lld,\"skipped\":%lld",
               atomic_load(&live->source.requests), atomic_load(&live->source.retries),
               atomic_load(&live->source.pages), atomic_load(&live->source.records),
               atomic_load(&live->source.bytes), atomic_load(&live->landing.rows),
               atomic_load(&live->landing.files), atomic_load(&live->landing.skipped));
    if (selector) {
        buf_puts(&counts, ",\"selector\":");
        json_put_string(&counts, selector);
    }
    buf_putc(&counts, '}');
    return buf_take(&counts);
}

/*
 * Whether a step that failed came true all the same: once its INTENT stands, that is decided by what can be settled.
 * 1 yes, 0 no, -1 it stays open.
 */
static int find_out(struct extraction *work, int64_t page, struct err *err)
{
    struct journal *journal = &work->commit_journal;
    const int64_t intent = journal->unsettled;
    int64_t committed;

    if (intent == 0)
        return 0;
    if (journal_settle(journal, err) < 0 ||
        journal_run_page(journal, work->run.number, &committed, err) < 0) {
        journal->unsettled = intent;
        return -1;
    }
    return committed >= page;
}

/* What was committed is where a restart within this process goes on from. */
static void remember_committed(struct extraction *work, const struct landed *landed)
{
    work->run.next_page = landed->page + 1;
    mem_replace(&work->run.position, landed->position);
    mem_replace(&work->run.cursor, landed->cursor);
    mem_replace(&work->run.boundary, landed->boundary);
}

int extract_commit(void *ctx, const struct landed *landed, struct err *err)
{
    struct extraction *work = ctx;
    char *counts = extract_counts(work->live, landed->is_last ? work->selector : NULL);
    AUTO(step) step = {0};
    int committed = 1;

    step_open(&step);
    for (const struct landed_file *file = landed->files; file && committed > 0; file = file->next)
        if (add_landed_file(work, &step, file, file->url ? file->url : landed->url, err) < 0)
            committed = -1;
    step_add_run(&step, &(struct step_run){.resource = work->resource->name,
                                           .number = work->run.number,
                                           .page = landed->page,
                                           .position = landed->is_last ? NULL : landed->position,
                                           .cursor = landed->cursor,
                                           .boundary = landed->boundary,
                                           .counts = counts,
                                           .why = landed->is_last ? work->live->why : NULL,
                                           .ended = landed->is_last});
    free(counts);
    if (committed > 0)
        committed = step_commit(&step, &work->commit_journal, NULL, err);
    if (committed == 0)
        return err_set(err, ERR_IO, "a landing file of run %" PRId64 " is there already",
                       work->run.number);
    if (committed < 0) {
        struct err also = {0};
        const int found = find_out(work, landed->page, &also);

        if (found < 0)
            log_debug("resource \"%s\": whether page %" PRId64 " landed stays open: %s",
                      work->resource->name, landed->page, also.text);
        if (found <= 0)
            return -1;
    }
    remember_committed(work, landed);
    return 0;
}
