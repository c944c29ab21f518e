/*
 * From the ledger to read_parquet().
 */
#include "board/query_files.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/browse.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/banned.h"

/* ---- what is asked for ---- */

int query_target_read(yyjson_val *of, struct query_target *ret_target, struct err *err)
{
    const char *table = json_str(of, "table");
    const char *resource = json_str(of, "resource");
    const int64_t seq = json_int(of, "file", -1);

    if ((table != NULL) + (resource != NULL) + (seq >= 0) != 1)
        return err_set(err, ERR_USAGE,
                       "\"of\" is {\"table\": NAME}, {\"resource\": NAME} or {\"file\": NUMBER}");
    *ret_target = (struct query_target){
        .stage = table      ? "transform"
                 : resource ? "extract"
                            : NULL,
        .name = table ? table : resource,
        .seq = seq,
    };
    return 0;
}

void query_put_target_name(const struct query_target *target, struct buf *to)
{
    if (target->name)
        buf_puts(to, target->name);
    else
        buf_printf(to, "file-%" PRId64, target->seq);
}

static int refuse_unknown(const struct query_target *target, struct err *err)
{
    AUTO(buf) name = {0};

    query_put_target_name(target, &name);
    return err_set(err, ERR_DATA, "there are no files of \"%.200s\"", buf_text(&name));
}

/* ---- where files lie ---- */

static const char *dir_of_root(const struct board_setup *setup, const char *root)
{
    for (size_t i = 0; i < setup->root_count; i++)
        if (str_same(setup->roots[i].name, root))
            return setup->roots[i].dir;
    return NULL;
}

/* A table's file may be a folder of part files. A file that is gone is left out. */
static bool put_file(const struct board_setup *setup, const char *root, const char *path,
                     struct buf *to)
{
    const char *dir = dir_of_root(setup, root);
    const bool is_folder = !str_ends(path, ".parquet") && !str_ends(path, ".csv");
    char *whole = dir ? mem_fmt(is_folder ? "%s/%s/*.parquet" : "%s/%s", dir, path) : NULL;
    const bool is_there = whole && (is_folder || fs_exists(whole));

    if (is_there)
        sql_put_text(to, whole);
    free(whole);
    return is_there;
}

static void begin_files(struct buf *to)
{
    buf_puts(to, "read_parquet([");
}

static void end_files(struct buf *to)
{
    buf_puts(to, "], union_by_name = true, hive_partitioning = false)");
}

/* ---- all of them ---- */

static int put_one_file(struct query_run *run, const struct query_target *target, struct buf *to,
                        struct err *err)
{
    char *root = NULL;
    char *path = NULL;
    int got = browse_place_of(run->journal, target->seq, &root, &path, err);
    bool is_there = false;

    if (got == 1) {
        const bool is_csv = str_ends(path, ".csv");

        buf_puts(to, is_csv ? "read_csv(" : "read_parquet(");
        is_there = put_file(query_setup(run), root, path, to);
        buf_puts(to, is_csv ? ", header = true)" : ", hive_partitioning = false)");
    }
    free(root);
    free(path);
    if (got < 0)
        return -1;
    return is_there ? 0 : refuse_unknown(target, err);
}

static int put_all_files(struct query_run *run, const struct query_target *target, struct buf *to,
                         struct err *err)
{
    AUTO(lite_rows) rows = {0};
    size_t count = 0;
    int got;

    TRY(lite_query(&run->journal->lite,
                   "SELECT root, path FROM files WHERE removed IS NULL AND stage = ?"
                   " AND subject = ? ORDER BY seq",
                   BIND(lite_text(target->stage), lite_text(target->name)), &rows, err));
    begin_files(to);
    while ((got = lite_next(&rows, err)) > 0) {
        buf_puts(to, count ? "," : "");
        if (put_file(query_setup(run), lite_col_text(&rows, 0), lite_col_text(&rows, 1), to))
            count++;
        else
            to->size -= count > 0;
    }
    TRY(got);
    end_files(to);
    return count > 0 ? 0 : refuse_unknown(target, err);
}

int query_put_files(struct query_run *run, const struct query_target *target, struct buf *to,
                    struct err *err)
{
    if (target->stage == NULL)
        return put_one_file(run, target, to, err);
    return put_all_files(run, target, to, err);
}

int query_target_exists(struct query_run *run, const struct query_target *target, struct err *err)
{
    int64_t found;

    if (target->stage == NULL)
        return lite_number(&run->journal->lite,
                           "SELECT 1 FROM files WHERE seq = ? AND removed IS NULL",
                           BIND(lite_int(target->seq)), &found, err);
    return lite_number(&run->journal->lite,
                       "SELECT 1 FROM files WHERE removed IS NULL AND stage = ? AND subject = ?"
                       " LIMIT 1",
                       BIND(lite_text(target->stage), lite_text(target->name)), &found, err);
}

/* ---- a few of them ---- */

static int count_rows(struct query_run *run, const struct query_target *target, int64_t *ret_total,
                      struct err *err)
{
    return lite_number(&run->journal->lite,
                       "SELECT coalesce(sum(rows), 0) FROM totals WHERE stage = ? AND subject = ?",
                       BIND(lite_text(target->stage), lite_text(target->name)), ret_total, err);
}

int query_put_files_of_rows(struct query_run *run, const struct query_target *target,
                            int64_t offset, int64_t limit, struct buf *to, int64_t *ret_skipped,
                            int64_t *ret_total, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    size_t count = 0;
    int got;

    TRY(count_rows(run, target, ret_total, err));
    TRY(lite_query(&run->journal->lite,
                   "SELECT root, path, before FROM (SELECT seq, root, path, rows,"
                   " sum(rows) OVER (ORDER BY seq) - rows AS before,"
                   " seq = max(seq) OVER () AS is_newest FROM files"
                   " WHERE removed IS NULL AND stage = ?1 AND subject = ?2)"
                   " WHERE (rows > 0 AND before < ?3 + ?4 AND before + rows > ?3) OR is_newest"
                   " ORDER BY seq",
                   BIND(lite_text(target->stage), lite_text(target->name), lite_int(offset),
                        lite_int(limit)),
                   &rows, err));
    begin_files(to);
    while ((got = lite_next(&rows, err)) > 0) {
        buf_puts(to, count ? "," : "");
        if (!put_file(query_setup(run), lite_col_text(&rows, 0), lite_col_text(&rows, 1), to))
            return refuse_unknown(target, err);
        if (count++ == 0)
            *ret_skipped = lite_col_int(&rows, 2);
    }
    TRY(got);
    end_files(to);
    return count > 0 ? 0 : refuse_unknown(target, err);
}
