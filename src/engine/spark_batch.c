/*
 * SQL for Spark.
 */
#include "engine/spark_batch.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/spark_output.h"
#include "engine/spark_place.h"
#include "engine/user_sql.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define INPUT "riacho__input"
#define INPUT_NAME "riacho__name" /* of the file that a row is from */

/* ---- the landed files, as Spark reads them ---- */

static const char *name_of(const struct engine_job *job)
{
    const char *slash = strrchr(job->input_path, '/');

    return slash ? slash + 1 : job->input_path;
}

/* Paths are names, not patterns. */
static const struct spark_option plain_paths = {"__globPaths__", "false"};

static struct spark_relation read_files(const char *schema, char *const *paths, size_t count)
{
    return (struct spark_relation){.format = "parquet",
                                   .schema = schema,
                                   .paths = (const char *const *)paths,
                                   .path_count = count,
                                   .options = &plain_paths,
                                   .option_count = 1};
}

/* ---- a batch ---- */

struct spark_batch {
    const struct spark_bench *bench;
    const struct planned *planned;
    struct engine_job *const *jobs;
    size_t count;
    struct buf schema;
    char **paths; /* of the jobs' files, for Spark */
};

static void spark_batch_close(struct spark_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        free(batch->paths[i]);
    free(batch->paths);
    buf_close(&batch->schema);
}

static void spark_batch_open(struct spark_batch *batch)
{
    batch->paths = mem_alloc((batch->count + 1) * sizeof *batch->paths);
    spark_put_schema(batch->jobs[0]->schema, &batch->schema);
    for (size_t i = 0; i < batch->count; i++)
        batch->paths[i] = spark_path_of(batch->bench->roots, batch->bench->root_count,
                                        batch->jobs[i]->input_path);
}

static const char *run_of(const struct engine_job *job)
{
    return job->input->run ? job->input->run : job->input->id;
}

/* The name of a row's run: one for all, or by the file. */
static void put_run(const struct spark_batch *batch, struct buf *to)
{
    bool is_one = true;

    for (size_t i = 1; i < batch->count; i++)
        is_one = is_one && str_same(run_of(batch->jobs[i]), run_of(batch->jobs[0]));
    if (is_one) {
        dialect_spark.put_text(to, run_of(batch->jobs[0]));
        return;
    }
    buf_puts(to, "element_at(map(");
    for (size_t i = 0; i < batch->count; i++) {
        buf_puts(to, i ? ", " : "");
        dialect_spark.put_text(to, name_of(batch->jobs[i]));
        buf_puts(to, ", ");
        dialect_spark.put_text(to, run_of(batch->jobs[i]));
    }
    buf_puts(to, "), " TABLE_FILE_COLUMN ")");
}

/*
 * Keeps, of rows whose keys are alike within a file, the last. What is not the last is seldom much, so it is sent
 * to where the rows are; the rows stay where they were read.
 */
static void put_filter(const struct table_plan *plan, const struct table_parts *parts,
                       struct buf *to)
{
    buf_puts(to,
             "NOT EXISTS (SELECT /*+ BROADCAST(riacho__old) */ 1 FROM (SELECT " TABLE_FILE_COLUMN
             ", " TABLE_PLACE " FROM (SELECT " TABLE_FILE_COLUMN ", " TABLE_PLACE
             ", max(" TABLE_PLACE ") OVER (PARTITION BY " TABLE_FILE_COLUMN);
    for (size_t i = 0; i < plan->key_count; i++)
        buf_printf(to, ", " TABLE_KEY "%zu", i);
    buf_puts(to, ") AS riacho__last FROM (");
    table_fill(plan->keys, parts, to);
    buf_puts(to, ") AS riacho__keys WHERE ");
    for (size_t i = 0; i < plan->key_count; i++)
        buf_printf(to, "%s" TABLE_KEY "%zu IS NOT NULL", i ? " AND " : "", i);
    buf_puts(to, ") AS riacho__lasts WHERE " TABLE_PLACE " < riacho__last) AS riacho__old WHERE "
                 "riacho__old." TABLE_PLACE " = riacho__all." TABLE_PLACE
                 " AND riacho__old." TABLE_FILE_COLUMN " = riacho__all." TABLE_FILE_COLUMN ")");
}

static bool is_to_be_sorted(const struct spark_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->jobs[i]->input->rows > TABLE_SORT_MOST_ROWS)
            return false;
    return true;
}

/* Our own SQL, over all files at once. */
static void put_ours(const struct spark_batch *batch, size_t index, struct buf *to)
{
    const struct table_plan *plan = &batch->planned->plans.items[index];
    AUTO(buf) run = {0};
    AUTO(buf) filter = {0};
    struct table_parts parts = {.input = INPUT, .file = INPUT_NAME};

    put_run(batch, &run);
    parts.run = run.data;
    if (plan->key_count > 0) {
        put_filter(plan, &parts, &filter);
        parts.filter = filter.data;
    }
    buf_printf(to, "SELECT %s, " TABLE_FILE_COLUMN " FROM (", batch->planned->lists[index]);
    table_fill(plan->relation, &parts, to);
    buf_puts(to, ") AS riacho__table");
    if (is_to_be_sorted(batch))
        buf_printf(to, " SORT BY " TABLE_FILE_COLUMN ", %s", plan->order);
}

/* The user's SQL, file by file. */
static void put_users(const struct spark_batch *batch, size_t index, struct buf *to)
{
    const struct table_plan *plan = &batch->planned->plans.items[index];

    for (size_t i = 0; i < batch->count; i++) {
        char *input = mem_fmt(INPUT "%zu", i);

        buf_printf(to, "%sSELECT %s, ", i ? " UNION ALL " : "", batch->planned->lists[index]);
        dialect_spark.put_text(to, name_of(batch->jobs[i]));
        buf_puts(to, " AS " TABLE_FILE_COLUMN " FROM (");
        table_fill(plan->relation, &(struct table_parts){.input = input}, to);
        buf_puts(to, ") AS riacho__table");
        free(input);
    }
}

/* ---- running ---- */

/* Where Spark writes one table; removed with what is left in it, to make room early. */
struct staging_dir {
    char *path;
};

static void staging_dir_close(struct staging_dir *dir)
{
    struct err ignored;
    int removed = 0;

    if (dir->path)
        removed = fs_remove_tree(dir->path, &ignored);
    /* If not, a task of a failed job still writes, and all of it goes after the run. */
    (void)removed;
    free(dir->path);
    dir->path = NULL;
}

static void staging_dir_open(struct staging_dir *dir, const char *staging)
{
    static atomic_llong made;

    dir->path = mem_fmt("%s/%lld", staging, atomic_fetch_add(&made, 1) + 1);
}

static int write_query(const struct spark_batch *batch, const struct spark_relation *query,
                       const char *dir, bool is_partitioned, struct err *err)
{
    static const char *const by[] = {SPARK_FILE_COLUMN};
    static const struct spark_option zstd = {"compression", "zstd"};
    char *path = spark_path_of(batch->bench->roots, batch->bench->root_count, dir);
    const struct spark_write write = {.from = query,
                                      .format = "parquet",
                                      .path = path,
                                      .partition_by = by,
                                      .partition_count = is_partitioned ? 1 : 0,
                                      .options = &zstd,
                                      .option_count = 1};
    const int done =
        spark_session_write(batch->bench->session, &write, &batch->bench->handlers, err);

    free(path);
    return done;
}

/* Runs the SQL over what it reads: all files under one name, or each under its own. */
static int write_table(const struct spark_batch *batch, const char *sql, bool each_apart,
                       const char *dir, bool is_partitioned, struct err *err)
{
    static const char *const named[] = {"*", "_metadata.file_name AS " INPUT_NAME};
    const size_t count = each_apart ? batch->count : 1;
    struct spark_relation *files = mem_alloc(count * sizeof *files);
    struct spark_input *inputs = mem_alloc(count * sizeof *inputs);
    char **names = mem_alloc(count * sizeof *names);
    int done;

    for (size_t i = 0; i < count; i++) {
        files[i] = read_files(batch->schema.data, batch->paths + i, each_apart ? 1 : batch->count);
        if (!each_apart) {
            files[i].columns = named;
            files[i].column_count = 2;
        }
        names[i] = each_apart ? mem_fmt(INPUT "%zu", i) : mem_str(INPUT);
        inputs[i] = (struct spark_input){.name = names[i], .relation = &files[i]};
    }
    done =
        write_query(batch,
                    &(struct spark_relation){.query = sql, .inputs = inputs, .input_count = count},
                    dir, is_partitioned, err);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
    free(inputs);
    free(files);
    return done;
}

static bool is_whole(const struct engine_job *job)
{
    char found[FS_SHA256_TEXT];
    int64_t bytes;
    struct err ignored = {0};

    return job->input->sha256 && fs_sha256(job->input_path, found, &bytes, &ignored) == 0 &&
           str_same(found, job->input->sha256);
}

static bool all_are_whole(const struct spark_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (!is_whole(batch->jobs[i]))
            return false;
    return true;
}

/* Files that are here, whole, and that Spark does not find or cannot read: no fault of theirs. */
static int blame_place(const struct spark_batch *batch, struct err *err)
{
    const char *error_class = spark_session_fault(batch->bench->session)->error_class;
    const bool is_missing = str_same(error_class, "PATH_NOT_FOUND") ||
                            str_same(error_class, "FAILED_READ_FILE.FILE_NOT_EXIST");
    const bool is_unread =
        error_class && str_starts(error_class, "FAILED_READ_FILE") &&
        !str_same(error_class, "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH");

    if (!(is_missing || is_unread) || !all_are_whole(batch))
        return -1;
    if (is_missing)
        err_set(err, ERR_REMOTE, "Spark does not find \"%s\"", batch->paths[0]);
    else
        err->code = ERR_REMOTE;
    return err_hint(err, "Spark's workers and riacho must see the same folder: look at "
                         "transform.roots.landing, and at what is mounted where.");
}

static int write_staged(const struct spark_batch *batch, const char *sql, bool each_apart,
                        const char *dir, bool is_partitioned, struct err *err)
{
    const struct spark_bench *bench = batch->bench;

    if (write_table(batch, sql, each_apart, dir, is_partitioned, err) < 0)
        return blame_place(batch, err);
    return fs_exists(dir) ? 0 : spark_unseen(bench->roots, bench->root_count, dir, err);
}

static bool all_are_made(const struct spark_batch *batch, const char *table)
{
    for (size_t i = 0; i < batch->count; i++)
        if (!spark_output_is_made(batch->jobs[i], table))
            return false;
    return true;
}

/* Files that gave no row have no partition: they get a typed file without rows. */
static int make_empty(const struct spark_batch *batch, size_t index, const char *sql,
                      struct err *err)
{
    const struct table_plan *plan = &batch->planned->plans.items[index];
    AUTO(staging_dir) staging = {0};
    AUTO(buf) empty = {0};

    if (all_are_made(batch, plan->table))
        return 0;
    staging_dir_open(&staging, batch->bench->staging);
    buf_puts(&empty, "SELECT * EXCEPT (" TABLE_FILE_COLUMN ") FROM (");
    buf_puts(&empty, sql);
    buf_puts(&empty, ") AS riacho__none WHERE false");
    TRY(write_staged(batch, empty.data, plan->is_user_sql, staging.path, false, err));
    return spark_output_copy(batch->bench->rows, plan->table, staging.path, batch->jobs,
                             batch->count, err);
}

static int make_table(const struct spark_batch *batch, size_t index, struct err *err)
{
    const struct table_plan *plan = &batch->planned->plans.items[index];
    AUTO(staging_dir) staging = {0};
    AUTO(buf) sql = {0};

    staging_dir_open(&staging, batch->bench->staging);
    if (plan->is_user_sql)
        put_users(batch, index, &sql);
    else
        put_ours(batch, index, &sql);
    TRY(write_staged(batch, sql.data, plan->is_user_sql, staging.path, true, err));
    TRY(spark_output_take(batch->bench->rows, plan->table, staging.path, batch->jobs, batch->count,
                          err));
    return make_empty(batch, index, sql.data, err);
}

int spark_batch_run(const struct spark_bench *bench, struct engine_job *const *jobs, size_t count,
                    const struct planned *planned, struct err *err)
{
    AUTO(spark_batch)
    batch = {.bench = bench, .planned = planned, .jobs = jobs, .count = count};

    spark_batch_open(&batch);
    for (size_t i = 0; i < planned->plans.count; i++) {
        if (make_table(&batch, i, err) == 0)
            continue;
        for (size_t k = 0; k < count; k++)
            spark_output_undo(jobs[k]);
        return err_wrap(err, "table \"%s\"", planned->plans.items[i].table);
    }
    return 0;
}

/* ---- describing ---- */

static void become(const struct spark_type *from, struct sql_type *type)
{
    static const enum sql_kind kinds[] = {
        [SPARK_NULL] = SQL_NULL,
        [SPARK_BOOLEAN] = SQL_BOOLEAN,
        [SPARK_BYTE] = SQL_BIGINT,
        [SPARK_SHORT] = SQL_BIGINT,
        [SPARK_INTEGER] = SQL_BIGINT,
        [SPARK_LONG] = SQL_BIGINT,
        [SPARK_FLOAT] = SQL_DOUBLE,
        [SPARK_DOUBLE] = SQL_DOUBLE,
        [SPARK_DECIMAL] = SQL_DECIMAL,
        [SPARK_STRING] = SQL_TEXT,
        [SPARK_BINARY] = SQL_OTHER,
        [SPARK_DATE] = SQL_DATE,
        [SPARK_TIMESTAMP] = SQL_TIMESTAMP,
        [SPARK_TIMESTAMP_NTZ] = SQL_TIMESTAMP,
        [SPARK_ARRAY] = SQL_LIST,
        [SPARK_STRUCT] = SQL_STRUCT,
        [SPARK_MAP] = SQL_JSON,
        [SPARK_VARIANT] = SQL_JSON,
        [SPARK_OTHER] = SQL_TEXT,
    };

    type->kind = kinds[from->kind];
    type->precision = from->precision;
    type->scale = from->scale;
    if (type->kind == SQL_OTHER)
        type->word = mem_str("BLOB");
    for (size_t i = 0; i < from->field_count && type->kind != SQL_JSON; i++)
        become(&from->fields[i], sql_type_add(type, from->fields[i].name));
}

static void put_typed(const struct spark_type *from, const struct table_column *column,
                      struct buf *to)
{
    AUTO(buf) name = {0};
    AUTO(buf) words = {0};

    dialect_spark.put_name(&name, column->name);
    dialect_spark.put_type(&column->type, &words);
    if (column->type.kind == SQL_JSON && from->kind != SPARK_STRING)
        SQL_FILL(to, "to_json($1) AS $1", name.data);
    else if (column->type.kind == SQL_NULL)
        buf_puts(to, name.data);
    else
        SQL_FILL(to, "CAST($1 AS $2) AS $1", name.data, words.data);
}

/* Where in the user's own text the fault is: "line 2, column 5". */
static void tell_place(const struct spark_fault *fault, const char *sql, const char *users,
                       struct err *err)
{
    const char *begin = strstr(sql, users);
    int line = 1;
    int column = 1;
    const char *at = begin;

    if (begin == NULL || (fault->start < 0 && fault->line == 0))
        return;
    if (fault->start >= 0) {
        const char *end = sql + fault->start;

        for (; at < end && *at; at++) {
            line += *at == '\n';
            column = *at == '\n' ? 1 : column + 1;
        }
        if (end < begin)
            return;
    } else {
        line = fault->line;
        column = fault->column + 1;
        for (at = sql; at < begin; at++)
            line -= *at == '\n';
    }
    err_wrap(err, "line %d, column %d of its SQL", line, column);
}

int spark_describe(struct spark_session *session, const struct schema *schema,
                   struct table_plan *plan, struct err *err)
{
    AUTO(buf) ddl = {0};
    AUTO(buf) sql = {0};
    AUTO(buf) columns = {0};
    AUTO(spark_type) type = {0};
    struct spark_relation none;
    struct spark_input input = {.name = INPUT, .relation = &none};
    char *wrapped;

    if (user_sql_breaks_out(plan->user_sql))
        return err_set(err, ERR_SQL, "syntax error: a parenthesis is closed that was not opened");
    spark_put_schema(schema, &ddl);
    /* No file is looked at: a schema is all that is needed. */
    none = (struct spark_relation){.format = "parquet", .schema = ddl.data};
    table_fill(plan->relation, &(struct table_parts){.input = INPUT}, &sql);
    if (spark_session_schema(
            session,
            &(struct spark_relation){.query = sql.data, .inputs = &input, .input_count = 1}, &type,
            err) < 0) {
        tell_place(spark_session_fault(session), sql.data, plan->user_sql, err);
        return -1;
    }
    for (size_t i = 0; i < type.field_count; i++) {
        const struct spark_type *field = &type.fields[i];
        struct table_column *column;

        if (table_plan_has(plan, field->name))
            return err_set(err, ERR_SQL, "the SQL gives two columns \"%s\"", field->name);
        column = table_plan_add(plan, field->name, false);
        become(field, &column->type);
        buf_puts(&columns, i ? ", " : "");
        put_typed(field, column, &columns);
    }
    wrapped = mem_fmt("SELECT %s FROM (%s) AS riacho__typed", columns.data, plan->relation);
    free(plan->relation);
    plan->relation = wrapped;
    return 0;
}
