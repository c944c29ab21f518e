/*
 * One COPY for many files: its partitions are the files.
 */
#include "engine/duckdb_batch.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/duckdb_look.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define FILE_NUMBER                                                                                \
    "file_index" /* what DuckDB calls a file's place among those of read_parquet() */

/* Jobs on their way through their plans together. */
struct party {
    struct duck_conn *conn;
    const struct planned *planned;
    struct engine_job *jobs[DUCKDB_BATCH_MOST];
    size_t count;
    struct buf input; /* the files, as SQL */
    struct buf run;   /* the name of the row's run, as SQL */
};

static void party_close(struct party *party)
{
    buf_close(&party->input);
    buf_close(&party->run);
}

static struct table_parts parts_of(const struct party *party)
{
    return (struct table_parts){.input = party->input.data,
                                .run = party->run.data,
                                .file = FILE_NUMBER};
}

static bool is_one_run(const struct party *party)
{
    for (size_t i = 1; i < party->count; i++)
        if (!str_same(duckdb_run_of(party->jobs[i]), duckdb_run_of(party->jobs[0])))
            return false;
    return true;
}

/* Says in SQL what the jobs are: their files, and which row is of which run. */
static void describe(struct party *party)
{
    buf_reset(&party->input);
    buf_reset(&party->run);
    buf_puts(&party->input, "read_parquet([");
    for (size_t i = 0; i < party->count; i++) {
        buf_puts(&party->input, i ? ", " : "");
        sql_put_text(&party->input, party->jobs[i]->input_path);
    }
    buf_puts(&party->input, "])");
    if (is_one_run(party)) {
        sql_put_text(&party->run, duckdb_run_of(party->jobs[0]));
        return;
    }
    for (size_t i = 0; i < party->count; i++) {
        buf_puts(&party->run, i ? ", " : "list_extract([");
        sql_put_text(&party->run, duckdb_run_of(party->jobs[i]));
    }
    buf_puts(&party->run, "], " TABLE_FILE_COLUMN " + 1)");
}

bool duckdb_batch_may(const struct planned *planned)
{
    for (size_t i = 0; i < planned->plans.count; i++)
        if (planned->plans.items[i].is_user_sql)
            return false;
    return true;
}

/* ---- looking ---- */

/* Jobs that need sorting, or have duplicates, are marked. */
static int look_at_all(struct party *party, bool *ret_left, struct err *err)
{
    const struct table_plans *plans = &party->planned->plans;
    const struct table_parts parts = parts_of(party);
    struct look looks[DUCKDB_BATCH_MOST];

    for (size_t i = 0; i < plans->count; i++) {
        if (i > 0 && str_same(plans->items[i].look, plans->items[i - 1].look))
            continue;
        TRY(duckdb_look(party->conn, &plans->items[i], &parts, party->count, looks, err));
        for (size_t k = 0; k < party->count; k++)
            ret_left[k] = ret_left[k] || looks[k].is_unordered || looks[k].has_duplicates;
    }
    return 0;
}

/* ---- writing ---- */

/* A folder with a partition per file. */
struct partitions {
    char *dir;
};

static void partitions_close(struct partitions *partitions)
{
    struct err ignored;
    int removed = 0;

    if (partitions->dir)
        removed = fs_remove_tree(partitions->dir, &ignored);
    (void)removed; /* if not: the temporary folder goes as a whole in the end */
    free(partitions->dir);
    partitions->dir = NULL;
}

static void open_partitions(struct partitions *partitions, const char *temp_dir)
{
    static atomic_llong made;

    partitions->dir = mem_fmt("%s/batch-%lld", temp_dir, atomic_fetch_add(&made, 1) + 1);
}

static void put_copy(const struct party *party, size_t index, const char *dir, struct buf *to)
{
    const struct table_plan *plan = &party->planned->plans.items[index];
    const struct table_parts parts = parts_of(party);

    buf_printf(to, "COPY (SELECT %s, " TABLE_FILE_COLUMN " FROM (", party->planned->lists[index]);
    table_fill(plan->relation, &parts, to);
    buf_puts(to, ") AS riacho__table) TO ");
    sql_put_text(to, dir);
    buf_puts(to, " (PARTITION_BY (" TABLE_FILE_COLUMN "), RETURN_STATS, ");
    duckdb_put_options(plan, to);
    buf_putc(to, ')');
}

/* The file's number in "<dir>/riacho__file=<number>/data_0.parquet"; -1 if it is another path. */
static long number_in(const char *path, const char *dir)
{
    const size_t size = strlen(dir);
    static const char before[] = "/" TABLE_FILE_COLUMN "=";
    char *end;
    long number;

    if (strncmp(path, dir, size) != 0 || !str_starts(path + size, before))
        return -1;
    number = strtol(path + size + sizeof before - 1, &end, 10);
    return str_same(end, "/data_0.parquet") ? number : -1;
}

/* Takes one file of the partitions for the output of its job. */
static int take_file(struct party *party, const char *table, const char *path, const char *dir,
                     int64_t rows, bool *is_made, struct err *err)
{
    const long number = number_in(path, dir);
    struct engine_output *output;
    int renamed;

    if (number < 0 || (size_t)number >= party->count || is_made[number])
        return err_set(err, ERR_SQL, "DuckDB wrote a file nobody asked for: \"%s\"", path);
    is_made[number] = true;
    output = duckdb_job_add(party->jobs[number], table);
    output->rows = rows;
    renamed = fs_rename_new(path, output->temp_path, err);
    if (renamed == 0)
        return err_set(err, ERR_IO, "\"%s\" is there already", output->temp_path);
    return renamed < 0 ? -1 : duckdb_output_finish(output, err);
}

/* A partition without rows has no file: that job's table is made alone. */
static int make_missing(struct party *party, size_t index, const bool *is_made, struct err *err)
{
    for (size_t i = 0; i < party->count; i++)
        if (!is_made[i])
            TRY(duckdb_job_make(party->conn, party->jobs[i], party->planned, index, err));
    return 0;
}

static int make_table(struct party *party, size_t index, struct err *err)
{
    const struct table_plan *plan = &party->planned->plans.items[index];
    bool is_made[DUCKDB_BATCH_MOST] = {0};
    AUTO(partitions) partitions = {0};
    AUTO(duck_result) files = {0};
    AUTO(buf) sql = {0};
    int taken = 0;

    open_partitions(&partitions, party->jobs[0]->temp_dir);
    put_copy(party, index, partitions.dir, &sql);
    TRY(duck_query(party->conn, sql.data, &files, err));
    for (idx_t row = 0; row < duckdb_row_count(&files.result) && taken == 0; row++) {
        char *path = duck_text(&files, 0, row);

        taken = take_file(party, plan->table, path, partitions.dir,
                          duckdb_value_int64(&files.result, 1, row), is_made, err);
        duckdb_free(path);
    }
    return taken < 0 ? -1 : make_missing(party, index, is_made, err);
}

static int make_tables(struct party *party, const atomic_bool *stopped, struct err *err)
{
    for (size_t i = 0; i < party->planned->plans.count; i++) {
        if (atomic_load(stopped))
            return err_set(err, ERR_STOPPED, "interrupted");
        TRY(make_table(party, i, err));
    }
    return 0;
}

/* ---- the whole ---- */

/* Without the jobs that are to be run alone. */
static void keep_others(struct party *party, const bool *is_left)
{
    size_t kept = 0;

    for (size_t i = 0; i < party->count; i++)
        if (!is_left[i])
            party->jobs[kept++] = party->jobs[i];
    party->count = kept;
    if (kept > 0)
        describe(party);
}

/* A fault that may be one file's, or of there being so many, is sought file by file. */
static int give_up(struct party *party, struct engine_job *const *jobs, size_t count,
                   bool *ret_left, const struct err *why, struct err *err)
{
    for (size_t i = 0; i < party->count; i++)
        duckdb_job_undo(party->jobs[i]);
    if (!duckdb_blames_data(why) && why->code != ERR_LIMIT) {
        *err = *why;
        return -1;
    }
    for (size_t i = 0; i < count; i++)
        ret_left[i] = ret_left[i] || jobs[i]->outputs == NULL;
    return 0;
}

int duckdb_batch_run(struct duck_conn *conn, struct engine_job *const *jobs, size_t count,
                     const struct planned *planned, const atomic_bool *stopped, bool *ret_left,
                     struct err *err)
{
    AUTO(party) party = {.conn = conn, .planned = planned, .count = count};
    struct err why = {0};

    assert(count <= DUCKDB_BATCH_MOST);
    memset(ret_left, 0, count * sizeof *ret_left);
    for (size_t i = 0; i < count; i++)
        party.jobs[i] = jobs[i];
    describe(&party);
    if (look_at_all(&party, ret_left, &why) < 0)
        return give_up(&party, jobs, count, ret_left, &why, err);
    keep_others(&party, ret_left);
    if (party.count > 0 && make_tables(&party, stopped, &why) < 0)
        return give_up(&party, jobs, count, ret_left, &why, err);
    return 0;
}
