/*
 * A chunk makes a row group, and a row group a file. That DuckDB keeps to it is checked in the files.
 */
#include "landing/haul.h"

#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/duck.h"
#include "landing/feed_table.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/banned.h"

/*
 * Measured on earthquakes: zstd makes files of ten rows no smaller than Snappy does, at twice the cost, and
 * of a hundred rows by a fifth.
 */
#define SNAPPY_ROWS 32

/* Those of the haul's files that have rows. */
struct catch
{
    const struct part *part;
    struct haul_file *files[HAUL_MOST];
    char *made[HAUL_MOST]; /* as DuckDB named them */
    char *temp[HAUL_MOST]; /* as they are to be named until the commit */
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

static const char *codec_for(const struct haul *haul)
{
    for (size_t i = 0; i < haul->count; i++)
        if (haul->files[i].fed.taken_rows > SNAPPY_ROWS)
            return "zstd";
    return "snappy";
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
    buf_printf(&sql,
               "COMPRESSION %s, ROW_GROUP_SIZE 1, ROW_GROUPS_PER_FILE 1, FILE_EXTENSION 'tmp', ",
               codec_for(haul));
    part_put_metadata(part, fingerprint, &sql);
    buf_putc(&sql, ')');
    done = duck_number(part->conn, buf_text(&sql), ret_rows, err);
    feed_job_close(&job);
    return done;
}

static void name_files(const struct part *part, struct haul *haul, struct catch *catch)
{
    for (size_t i = 0; i < haul->count; i++) {
        if (haul->files[i].fed.rows == 0)
            continue;
        catch->files[catch->count] = &haul->files[i];
        catch->made[catch->count] = mem_fmt("%s/data_%zu.tmp", part->path, catch->count);
        catch->temp[catch->count] = mem_fmt("%s.%zu", part->path, catch->count + 1);
        catch->count++;
    }
}

static int wrong_rows(const struct part *part, struct err *err)
{
    return err_set(err, ERR_IO, "DuckDB did not write the files in \"%s\" as it was told to",
                   part->path);
}

/* Whether the rows of that name's file are those that were meant for it. */
static bool has_its_rows(const struct catch *catch, const char *name, int64_t rows)
{
    for (size_t i = 0; i < catch->count; i++)
        if (str_same(catch->made[i], name))
            return catch->files[i]->fed.rows == rows;
    return false;
}

/* DuckDB tells of the files in any order. */
static int check_rows(const struct catch *catch, struct err *err)
{
    AUTO(duck_result) found = {0};
    AUTO(buf) sql = {0};
    bool is_right;

    buf_puts(&sql, "SELECT file_name, num_rows FROM parquet_file_metadata([");
    for (size_t i = 0; i < catch->count; i++) {
        buf_puts(&sql, i ? ", " : "");
        sql_put_text(&sql, catch->made[i]);
    }
    buf_puts(&sql, "])");
    TRY(duck_query(catch->part->conn, sql.data, &found, err));
    is_right = duckdb_row_count(&found.result) == catch->count;
    for (size_t i = 0; i < catch->count && is_right; i++) {
        char *name = duck_text(&found, 0, i);

        is_right = has_its_rows(catch, name, duckdb_value_int64(&found.result, 1, i));
        duckdb_free(name);
    }
    return is_right ? 0 : wrong_rows(catch->part, err);
}

static int copy_whole(const struct part *part, struct haul *haul, const char *fingerprint,
                      struct catch *catch, struct err *err)
{
    int64_t rows = 0, expected = 0;
    const int copied = copy(part, haul, fingerprint, &rows, err);

    TRY(part_judge_copy(part, copied, err));
    name_files(part, haul, catch);
    for (size_t i = 0; i < catch->count; i++)
        expected += catch->files[i]->fed.rows;
    if (rows != expected)
        return wrong_rows(part, err);
    return catch->count > 0 ? check_rows(catch, err) : 0;
}

/* Out of DuckDB's folder, and made durable together. */
static int keep_files(struct catch *catch, struct err *err)
{
    for (size_t i = 0; i < catch->count; i++) {
        const int renamed = fs_rename_new(catch->made[i], catch->temp[i], err);

        TRY(renamed);
        if (renamed == 0)
            return err_set(err, ERR_IO, "\"%s\" is there already", catch->temp[i]);
    }
    return fs_sync_files((const char *const *)catch->temp, catch->count, err);
}

static int describe_files(const struct catch *catch, const char *fingerprint,
                          struct landed_file **last, struct err *err)
{
    struct landed_file **first = last;
    int described = 0;

    for (size_t i = 0; i < catch->count && described == 0; i++) {
        const char *url = catch->files[i]->parcels->batch->url;

        *last = part_describe(catch->part, &catch->files[i]->fed, fingerprint, catch->temp[i], err);
        if (*last == NULL)
            described = -1;
        else {
            (*last)->url = mem_str(url);
            last = &(*last)->next;
        }
    }
    while (described < 0 && *first) {
        struct landed_file *file = *first;

        *first = file->next;
        landed_file_free(file);
    }
    return described;
}

static int write_files(struct catch *catch, struct haul *haul, struct landed_file **last,
                       struct err *err)
{
    const struct part *part = catch->part;
    char fingerprint[17];

    schema_fingerprint(&part->layout->schema, fingerprint);
    TRY(copy_whole(part, haul, fingerprint, catch, err));
    TRY(keep_files(catch, err));
    return describe_files(catch, fingerprint, last, err);
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
