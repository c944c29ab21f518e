/*
 * From the ledger to read_parquet().
 */
#include "board/query_files.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "board/query_sql.h"
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

/* Paths as a query reads them. */
struct paths {
    struct buf text; /* with PATH_END between them */
    size_t count;
};

#define PATH_END '\x01' /* in no path that anybody uses */

static void paths_close(struct paths *paths)
{
    buf_close(&paths->text);
    *paths = (struct paths){0};
}

/* A table's file may be a folder of part files. A file that is gone is left out: false. */
static bool add_path(const struct board_setup *setup, const char *root, const char *path,
                     struct paths *paths)
{
    const char *dir = dir_of_root(setup, root);
    const bool is_folder = !str_ends(path, ".parquet") && !str_ends(path, ".csv");
    const size_t before = paths->text.size;

    if (dir == NULL)
        return false;
    if (paths->count > 0)
        buf_putc(&paths->text, PATH_END);
    const size_t begin = paths->text.size;

    buf_puts(&paths->text, dir);
    buf_putc(&paths->text, '/');
    buf_puts(&paths->text, path);
    if (!fs_exists(buf_text(&paths->text) + begin)) {
        buf_cut(&paths->text, before);
        return false;
    }
    if (is_folder)
        buf_puts(&paths->text, "/*.parquet");
    paths->count++;
    return true;
}

/*
 * The list becomes a variable: a statement that names it is parsed and bound in moments, where one that holds
 * 100,000 paths is not.
 */
static int put_variable(struct query_run *run, const struct paths *paths, struct buf *to,
                        struct err *err)
{
    AUTO(buf) sql = {0};

    buf_printf(&sql, "SET VARIABLE files_%zu = string_split(", run->list_count);
    sql_put_text(&sql, buf_text(&paths->text));
    buf_printf(&sql, ", chr(%d))", PATH_END);
    TRY(duck_exec(run->conn, buf_text(&sql), err));
    buf_printf(to, "getvariable('files_%zu')", run->list_count++);
    return 0;
}

void query_forget_files(struct query_run *run)
{
    while (run->list_count > 0) {
        char sql[64];
        struct err ignored;

        snprintf(sql, sizeof sql, "RESET VARIABLE files_%zu", --run->list_count);
        (void)!duck_exec(run->conn, sql, &ignored);
    }
}

/* ---- one file ---- */

static int put_one_file(struct query_run *run, const struct query_target *target, struct buf *to,
                        struct err *err)
{
    AUTO(paths) paths = {0};
    char *root = NULL;
    char *path = NULL;
    int got = browse_place_of(run->journal, target->seq, &root, &path, err);

    if (got == 1 && add_path(query_setup(run), root, path, &paths)) {
        const bool is_csv = str_ends(path, ".csv");

        buf_puts(to, is_csv ? "read_csv(" : "read_parquet(");
        sql_put_text(to, buf_text(&paths.text));
        buf_puts(to, is_csv ? ", header = true)" : ", hive_partitioning = false)");
    }
    free(root);
    free(path);
    if (got < 0)
        return -1;
    return paths.count > 0 ? 0 : refuse_unknown(target, err);
}

/* ---- the columns of many files ---- */

#define PRESENT " FROM files WHERE removed IS NULL AND stage = ?1 AND subject = ?2"

/* Adds the files that the rows name. `*ret_missing`: some are gone. */
static int add_paths(struct query_run *run, struct lite_rows *rows, struct paths *paths,
                     bool *ret_missing, struct err *err)
{
    int got;

    *ret_missing = false;
    while ((got = lite_next(rows, err)) > 0)
        if (!add_path(query_setup(run), lite_col_text(rows, 0), lite_col_text(rows, 1), paths))
            *ret_missing = true;
    return got;
}

static int add_all_paths(struct query_run *run, const struct query_target *target,
                         struct paths *paths, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    bool ignored;

    TRY(lite_query(&run->journal->lite, "SELECT root, path" PRESENT " ORDER BY seq",
                   BIND(lite_text(target->stage), lite_text(target->name)), &rows, err));
    TRY(add_paths(run, &rows, paths, &ignored, err));
    return paths->count > 0 ? 0 : refuse_unknown(target, err);
}

/* What a resource's files look like is said by their schemas; most resources have one. */
static const char *samples_sql(const struct query_target *target, int64_t schemas)
{
    if (str_same(target->stage, "extract") && schemas > 1)
        return "SELECT root, path FROM files WHERE seq IN (SELECT max(seq)" PRESENT
               " GROUP BY schema) ORDER BY seq";
    return "SELECT root, path FROM files WHERE seq IN ((SELECT min(seq)" PRESENT
           "), (SELECT max(seq)" PRESENT ")) ORDER BY seq";
}

/* Files that have all columns of a resource; of a table, most of them (add_fixed() has the others). */
static int add_samples(struct query_run *run, const struct query_target *target,
                       struct paths *paths, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    bool is_missing = false;
    int64_t schemas = 0;

    TRY(lite_number(&run->journal->lite, "SELECT count(*) FROM schemas WHERE resource = ?",
                    BIND(lite_text(target->name)), &schemas, err));
    TRY(lite_query(&run->journal->lite, samples_sql(target, schemas),
                   BIND(lite_text(target->stage), lite_text(target->name)), &rows, err));
    TRY(add_paths(run, &rows, paths, &is_missing, err));
    if (paths->count > 0 && !is_missing)
        return 0;
    paths_close(paths);
    return add_all_paths(run, target, paths, err);
}

static void add_column(struct query_columns *columns, const char *name, const char *type)
{
    if (query_column_find(columns, name) == NULL)
        *MEM_PUSH(columns->items, columns->count) =
            (struct query_column){mem_str(name), mem_str(type)};
}

/* The columns of a table are fixed when they are first seen: none is missing there. */
static int add_fixed(struct query_run *run, const struct query_target *target,
                     struct query_columns *columns, struct err *err)
{
    struct fixed_column *fixed = NULL;
    size_t count = 0;

    if (str_same(target->stage, "extract"))
        return 0;
    TRY(journal_columns(run->journal, target->name, &fixed, &count, err));
    for (size_t i = 0; i < count; i++)
        add_column(columns, fixed[i].name,
                   str_same(fixed[i].type, "JSON") ? "VARCHAR" : fixed[i].type);
    fixed_columns_free(fixed, count);
    return 0;
}

/*
 * A column that is JSON in one file may be plain text, which is no JSON, in another.
 */
static void read_json_as_text(struct query_columns *columns)
{
    for (size_t i = 0; i < columns->count; i++)
        if (str_same(columns->items[i].type, "JSON")) {
            free(columns->items[i].type);
            columns->items[i].type = mem_str("VARCHAR");
        }
}

static int find_columns(struct query_run *run, const struct query_target *target,
                        struct query_columns *ret_columns, struct err *err)
{
    AUTO(paths) samples = {0};
    AUTO(buf) relation = {0};

    TRY(add_samples(run, target, &samples, err));
    buf_puts(&relation, "read_parquet(");
    TRY(put_variable(run, &samples, &relation, err));
    buf_puts(&relation, ", union_by_name = true, hive_partitioning = false)");
    TRY(query_describe(run, buf_text(&relation), ret_columns, err));
    TRY(add_fixed(run, target, ret_columns, err));
    if (samples.count > 1)
        read_json_as_text(ret_columns);
    return 0;
}

/* ---- many files ---- */

/* With the columns given, DuckDB opens no file before it reads it. */
static int put_relation(struct query_run *run, const struct paths *paths,
                        const struct query_columns *columns, struct buf *to, struct err *err)
{
    buf_puts(to, "read_parquet(");
    TRY(put_variable(run, paths, to, err));
    buf_puts(to, ", hive_partitioning = false, schema = MAP {");
    for (size_t i = 0; i < columns->count; i++) {
        buf_puts(to, i ? ", " : "");
        sql_put_text(to, columns->items[i].name);
        buf_puts(to, ": {name: ");
        sql_put_text(to, columns->items[i].name);
        buf_puts(to, ", type: ");
        sql_put_text(to, columns->items[i].type);
        buf_puts(to, ", default_value: NULL}");
    }
    buf_puts(to, "})");
    return 0;
}

int query_put_files(struct query_run *run, const struct query_target *target,
                    struct query_columns *ret_columns, struct buf *to, struct err *err)
{
    AUTO(paths) paths = {0};
    const size_t begin = to->size;
    int64_t files = 0;

    if (target->stage == NULL) {
        TRY(put_one_file(run, target, to, err));
        return query_describe(run, buf_text(to) + begin, ret_columns, err);
    }
    TRY(query_count_files(run, target, &files, err));
    TRY(query_open_files(run, files, err));
    TRY(find_columns(run, target, ret_columns, err));
    TRY(add_all_paths(run, target, &paths, err));
    return put_relation(run, &paths, ret_columns, to, err);
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

int query_count_rows(struct query_run *run, const struct query_target *target, int64_t *ret_total,
                     struct err *err)
{
    if (target->stage == NULL)
        return lite_number(&run->journal->lite, "SELECT rows FROM files WHERE seq = ?",
                           BIND(lite_int(target->seq)), ret_total, err);
    return lite_number(&run->journal->lite,
                       "SELECT coalesce(sum(rows), 0) FROM totals WHERE stage = ? AND subject = ?",
                       BIND(lite_text(target->stage), lite_text(target->name)), ret_total, err);
}

int query_count_files(struct query_run *run, const struct query_target *target, int64_t *ret_files,
                      struct err *err)
{
    return lite_number(&run->journal->lite,
                       "SELECT coalesce(sum(files), 0) FROM totals WHERE stage = ? AND subject = ?",
                       BIND(lite_text(target->stage), lite_text(target->name)), ret_files, err);
}

/* ---- a few of them ---- */

/* The files that hold a range of rows; none if there are no such rows. */
static int add_paths_of_rows(struct query_run *run, const struct query_target *target,
                             int64_t offset, int64_t limit, struct paths *paths,
                             int64_t *ret_skipped, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    int64_t before = 0;
    int got = 0;

    TRY(lite_query(&run->journal->lite, "SELECT root, path, rows" PRESENT " ORDER BY seq",
                   BIND(lite_text(target->stage), lite_text(target->name)), &rows, err));
    while (before < offset + limit && (got = lite_next(&rows, err)) > 0) {
        const int64_t count = lite_col_int(&rows, 2);

        if (before + count > offset) {
            if (!add_path(query_setup(run), lite_col_text(&rows, 0), lite_col_text(&rows, 1),
                          paths))
                return refuse_unknown(target, err);
            if (paths->count == 1)
                *ret_skipped = before;
        }
        before += count;
    }
    return got < 0 ? -1 : 0;
}

int query_put_files_of_rows(struct query_run *run, const struct query_target *target,
                            int64_t offset, int64_t limit, struct query_columns *ret_columns,
                            struct buf *to, int64_t *ret_skipped, struct err *err)
{
    AUTO(paths) paths = {0};

    TRY(find_columns(run, target, ret_columns, err));
    TRY(add_paths_of_rows(run, target, offset, limit, &paths, ret_skipped, err));
    if (paths.count == 0) {
        buf_puts(to, "(SELECT * FROM ");
        TRY(add_samples(run, target, &paths, err));
        TRY(put_relation(run, &paths, ret_columns, to, err));
        buf_puts(to, " LIMIT 0)");
        return 0;
    }
    return put_relation(run, &paths, ret_columns, to, err);
}
