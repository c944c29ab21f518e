/*
 * From a haul to its files.
 */
#include "landing/haul.h"

#include "base/logger.h"
#include "base/mem.h"
#include "db/duck_files.h"
#include "landing/feed_table.h"

#include <stdlib.h>

#include "base/banned.h"

/* Those of the haul's files that have rows. */
struct catch
{
    const struct part *part;
    struct haul_file *files[HAUL_MOST];
    char *made[HAUL_MOST]; /* as DuckDB named them */
    char *temp[HAUL_MOST]; /* as they are to be named until the commit */
    int64_t rows[HAUL_MOST];
    size_t count;
};

static void catch_close(struct catch *catch)
{
    for (size_t i = 0; i < catch->count; i++) {
        free(catch->made[i]);
        free(catch->temp[i]);
    }
    *catch = (struct catch){0};
}

static int copy(const struct part *part, struct haul *haul, const char *fingerprint,
                int64_t *ret_rows, struct err *err)
{
    struct feed_job job = {.feed = part->feed,
                           .layout = part->layout,
                           .filter = part->filter,
                           .haul = haul,
                           .threads = 1};
    AUTO(buf) sql = {0};
    int done;

    feed_job_open(&job);
    part_put_copy(part, job.number, &sql);
    buf_puts(&sql, "COMPRESSION zstd, " DUCK_FILES_OPTIONS ", ");
    part_put_metadata(part, fingerprint, &sql);
    buf_putc(&sql, ')');
    done = duck_copy(part->conn, buf_text(&sql), ret_rows, err);
    feed_job_close(&job);
    return done;
}

static void name_files(const struct part *part, struct haul *haul, struct catch *catch)
{
    for (size_t i = 0; i < haul->count; i++) {
        if (haul->files[i].fed.rows == 0)
            continue;
        catch->files[catch->count] = &haul->files[i];
        catch->made[catch->count] = duck_files_name(part->path, catch->count);
        catch->rows[catch->count] = haul->files[i].fed.rows;
        catch->temp[catch->count] = mem_fmt("%s.%zu", part->path, catch->count + 1);
        catch->count++;
    }
}

static bool has_failed(const struct haul *haul)
{
    for (size_t i = 0; i < haul->count; i++)
        if (haul->files[i].fed.has_failed)
            return true;
    return false;
}

static int copy_whole(struct catch *catch, struct haul *haul, const char *fingerprint,
                      struct err *err)
{
    const struct part *part = catch->part;
    int64_t rows = 0;
    const int copied = copy(part, haul, fingerprint, &rows, err);

    TRY(part_judge_copy(part, has_failed(haul), copied, err));
    name_files(part, haul, catch);
    return duck_files_check(part->conn, part->path, catch->rows, catch->count, rows, err);
}

/* Out of DuckDB's folder. */
static int keep_files(struct catch *catch, struct err *err)
{
    for (size_t i = 0; i < catch->count; i++) {
        const int renamed = fs_rename_new(catch->made[i], catch->temp[i], err);

        TRY(renamed);
        if (renamed == 0)
            return err_set(err, ERR_IO, "\"%s\" is there already", catch->temp[i]);
    }
    return 0;
}

static void describe_files(const struct catch *catch, const char *fingerprint,
                           struct landed_file **last)
{
    for (size_t i = 0; i < catch->count; i++) {
        const struct haul_file *file = catch->files[i];

        *last = part_describe(catch->part, &file->fed, fingerprint, catch->temp[i]);
        (*last)->url = mem_str(file->parcels->batch->url);
        last = &(*last)->next;
    }
}

static int write_files(struct catch *catch, struct haul *haul, struct landed_file **last,
                       struct err *err)
{
    const struct part *part = catch->part;
    char fingerprint[17];

    schema_fingerprint(&part->layout->schema, fingerprint);
    TRY(copy_whole(catch, haul, fingerprint, err));
    TRY(keep_files(catch, err));
    describe_files(catch, fingerprint, last);
    return 0;
}

int haul_write(const struct part *part, struct haul *haul, struct landed_file **last,
               struct err *err)
{
    AUTO(catch) catch = {.part = part};
    const int written = write_files(&catch, haul, last, err);
    struct err ignored = {0};
    int removed = 0;

    for (size_t i = 0; i < catch.count && written < 0 && removed == 0; i++)
        removed = fs_remove_file(catch.temp[i], &ignored);
    /* DuckDB begins another file after the last one; what stays goes with the temporary folder. */
    if (removed < 0 || fs_remove_tree(part->path, &ignored) < 0)
        log_debug("a temporary file is left behind: %s", ignored.text);
    return written;
}
