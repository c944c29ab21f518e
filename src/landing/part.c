/*
 * DuckDB writes and closes the file; that it is whole, and on the disk, is seen to here.
 */
#include "landing/part.h"

#include "base/mem.h"
#include "landing/feed_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/*
 * Texts that are nearly all different gain nothing from a dictionary, and building it takes long.
 */
#define DICTIONARY_MOST 500

void landed_file_free(struct landed_file *file)
{
    if (file == NULL)
        return;
    free(file->temp_path);
    schema_close(&file->schema);
    free(file->cursor_from);
    free(file->cursor_to);
    free(file);
}

static void put_copy(const struct part *part, const struct feed_job *job, const char *fingerprint,
                     struct buf *sql)
{
    buf_printf(sql, "COPY (SELECT * FROM riacho_records(%" PRId64 ")) TO ", job->number);
    sql_put_text(sql, part->path);
    buf_printf(sql,
               " (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false, ROW_GROUP_SIZE %" PRId64
               ", ROW_GROUP_SIZE_BYTES %" PRId64 ", DICTIONARY_SIZE_LIMIT %d"
               ", STRING_DICTIONARY_PAGE_SIZE_LIMIT %" PRId64 ", KV_METADATA {%s%sschema: '%s'})",
               part->budget.row_group_rows, part->budget.row_group_bytes, DICTIONARY_MOST,
               part->budget.dictionary_bytes, part->metadata ? part->metadata : "",
               part->metadata ? ", " : "", fingerprint);
}

static int copy(const struct part *part, const char *fingerprint, int64_t *ret_rows,
                struct err *err)
{
    struct feed_job job = {.feed = part->feed,
                           .layout = part->layout,
                           .filter = part->filter,
                           .threads = part->budget.threads};
    AUTO(buf) sql = {0};
    int done;

    feed_job_open(&job);
    put_copy(part, &job, fingerprint, &sql);
    done = duck_number(part->conn, buf_text(&sql), ret_rows, err);
    feed_job_close(&job);
    return done;
}

static int copy_error(const struct part *part, struct err *err)
{
    err_wrap(err, "could not write \"%s\"", part->path);
    return err->code == ERR_LIMIT
               ? err_hint(err, "Raise memory_limit, or lower source.concurrency.")
               : -1;
}

/* What the feed saw matters more than what DuckDB made of it. */
static int copy_whole(const struct part *part, const char *fingerprint, int64_t *ret_rows,
                      struct err *err)
{
    int64_t rows = 0;
    const int copied = copy(part, fingerprint, &rows, err);

    TRY(feed_failure(part->feed, err));
    if (copied < 0)
        return copy_error(part, err);
    if (rows != part->feed->file.rows)
        return err_set(err, ERR_IO, "\"%s\" has %" PRId64 " rows where %" PRId64 " were read",
                       part->path, rows, part->feed->file.rows);
    *ret_rows = rows;
    return 0;
}

static int describe(const struct part *part, struct landed_file *file, struct err *err)
{
    const struct feed_file *fed = &part->feed->file;

    TRY(fs_sync_file(part->path, err));
    TRY(fs_sha256(part->path, file->sha256, &file->bytes, err));
    file->temp_path = mem_str(part->path);
    schema_copy(&part->layout->schema, &file->schema);
    file->first_page = fed->first_page;
    file->last_page = fed->last_page;
    file->cursor_from = cursor_json(&fed->mark.least);
    file->cursor_to = cursor_json(&fed->mark.greatest);
    return 0;
}

static int write_file(const struct part *part, struct landed_file *file, struct err *err)
{
    schema_fingerprint(&part->layout->schema, file->fingerprint);
    TRY(copy_whole(part, file->fingerprint, &file->rows, err));
    if (file->rows == 0)
        return 0;
    TRY(describe(part, file, err));
    return 1;
}

int part_write(const struct part *part, struct landed_file **ret_file, struct err *err)
{
    struct landed_file *file = mem_alloc(sizeof *file);
    const int written = write_file(part, file, err);
    struct err unimportant = {0};

    if (written == 1) {
        *ret_file = file;
        return 1;
    }
    landed_file_free(file);
    if (fs_remove_file(part->path, written < 0 ? &unimportant : err) < 0)
        return -1;
    return written;
}
