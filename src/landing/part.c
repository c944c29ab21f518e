/*
 * DuckDB writes and closes the file; that it is whole is seen to here.
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
    free(file->url);
    schema_close(&file->schema);
    free(file->cursor_from);
    free(file->cursor_to);
    free(file);
}

void part_put_copy(const struct part *part, int64_t job, struct buf *sql)
{
    buf_printf(sql, "COPY (SELECT * FROM riacho_records(%" PRId64 ")) TO ", job);
    sql_put_text(sql, part->path);
    buf_printf(sql, " (FORMAT parquet, DICTIONARY_SIZE_LIMIT %d, WRITE_BLOOM_FILTER false, ",
               DICTIONARY_MOST);
}

void part_put_metadata(const struct part *part, const char *fingerprint, struct buf *sql)
{
    buf_printf(sql, "KV_METADATA {%s%sschema: '%s'}", part->metadata ? part->metadata : "",
               part->metadata ? ", " : "", fingerprint);
}

static int copy(const struct part *part, const char *fingerprint, int64_t *ret_rows,
                struct err *err)
{
    struct feed_job job = {.feed = part->feed,
                           .file = part->file,
                           .layout = part->layout,
                           .filter = part->filter,
                           .threads = part->budget.threads};
    AUTO(buf) sql = {0};
    int done;

    feed_job_open(&job);
    part_put_copy(part, job.number, &sql);
    buf_printf(&sql,
               "COMPRESSION zstd, USE_TMP_FILE false, ROW_GROUP_SIZE %" PRId64
               ", ROW_GROUP_SIZE_BYTES %" PRId64 ", STRING_DICTIONARY_PAGE_SIZE_LIMIT %" PRId64
               ", ",
               part->budget.row_group_rows, part->budget.row_group_bytes,
               part->budget.dictionary_bytes);
    part_put_metadata(part, fingerprint, &sql);
    buf_putc(&sql, ')');
    done = duck_copy(part->conn, buf_text(&sql), ret_rows, err);
    feed_job_close(&job);
    feed_leave(part->feed, part->file);
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
int part_judge_copy(const struct part *part, bool has_failed, int copied, struct err *err)
{
    if (has_failed)
        TRY(feed_failure(part->feed, err));
    return copied < 0 ? copy_error(part, err) : 0;
}

static int copy_whole(const struct part *part, const char *fingerprint, int64_t *ret_rows,
                      struct err *err)
{
    int64_t rows = 0;
    const int copied = copy(part, fingerprint, &rows, err);

    TRY(part_judge_copy(part, part->file->has_failed, copied, err));
    if (rows != part->file->rows)
        return err_set(err, ERR_IO, "\"%s\" has %" PRId64 " rows where %" PRId64 " were read",
                       part->path, rows, part->file->rows);
    *ret_rows = rows;
    return 0;
}

struct landed_file *part_describe(const struct part *part, const struct feed_file *fed,
                                  const char *fingerprint, const char *path)
{
    struct landed_file *file = mem_alloc(sizeof *file);

    memcpy(file->fingerprint, fingerprint, sizeof file->fingerprint);
    file->temp_path = mem_str(path);
    schema_copy(&part->layout->schema, &file->schema);
    file->rows = fed->rows;
    file->first_page = fed->first_page;
    file->last_page = fed->last_page;
    file->cursor_from = cursor_json(&fed->mark.least);
    file->cursor_to = cursor_json(&fed->mark.greatest);
    return file;
}

static int write_file(const struct part *part, struct landed_file **ret_file, struct err *err)
{
    char fingerprint[17];
    int64_t rows = 0;

    schema_fingerprint(&part->layout->schema, fingerprint);
    TRY(copy_whole(part, fingerprint, &rows, err));
    if (rows == 0)
        return 0;
    *ret_file = part_describe(part, part->file, fingerprint, part->path);
    return 1;
}

int part_write(const struct part *part, struct landed_file **ret_file, struct err *err)
{
    struct landed_file *file = NULL;
    const int written = write_file(part, &file, err);
    struct err unimportant = {0};

    if (written == 1) {
        *ret_file = file;
        return 1;
    }
    if (fs_remove_file(part->path, written < 0 ? &unimportant : err) < 0)
        return -1;
    return written;
}
