/*
 * One query for the rows of all files, and one COPY for their outputs.
 */
#include "engine/duckdb_batch.h"

#include "base/mem.h"
#include "base/str.h"
#include "db/duck_files.h"
#include "engine/duckdb_gather.h"
#include "engine/duckdb_look.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define FILE_NUMBER                                                                                \
    "file_index" /* what DuckDB calls a file's place among those of read_parquet() */

/* Jobs on their way through their plans together. */
struct party {
    struct duck_conn *conn;
    const struct planned *planned;
    struct engine_job *jobs[DUCKDB_BATCH_MOST];
    bool is_left[DUCKDB_BATCH_MOST]; /* jobs to be run alone, as was seen while gathering */
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

/* Records that have such a member hide DuckDB's own number. */
static bool hides_number(const struct schema *schema)
{
    for (size_t i = 0; i < schema->field_count; i++)
        if (schema->fields[i].name && strcasecmp(schema->fields[i].name, FILE_NUMBER) == 0)
            return true;
    return false;
}

bool duckdb_batch_may(const struct planned *planned, const struct engine_job *job)
{
    if (job->input->rows > DUCK_FILES_ROWS || hides_number(job->schema))
        return false;
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

/* A folder that DuckDB writes files to. */
struct folder {
    char *dir;
};

static void folder_close(struct folder *folder)
{
    struct err ignored;
    int removed = 0;

    if (folder->dir)
        removed = fs_remove_tree(folder->dir, &ignored);
    (void)removed; /* if not: the temporary folder goes as a whole in the end */
    free(folder->dir);
    folder->dir = NULL;
}

static void name_folder(struct folder *folder, const char *temp_dir)
{
    static atomic_llong made;

    folder->dir = mem_fmt("%s/batch-%lld", temp_dir, atomic_fetch_add(&made, 1) + 1);
}

/* One table whose rows tell their keys needs no look of its own: it is taken while they are gathered. */
static bool looks_while_gathering(const struct party *party)
{
    return party->planned->plans.count == 1 && party->planned->plans.items[0].key_columns;
}

static void put_rows(const struct party *party, size_t index, struct buf *to)
{
    const struct table_plan *plan = &party->planned->plans.items[index];
    const struct table_parts parts = parts_of(party);

    buf_printf(to, "SELECT %s, ", party->planned->lists[index]);
    if (looks_while_gathering(party))
        look_put_columns((const char *const *)plan->key_columns, plan->key_count, true, to);
    else
        buf_puts(to, "CAST(" TABLE_FILE_COLUMN " AS BIGINT)");
    buf_puts(to, " FROM (");
    table_fill(plan->relation, &parts, to);
    buf_puts(to, ") AS riacho__table");
}

static int gather_looking(struct party *party, const char *sql, struct gathered *gathered,
                          struct err *err)
{
    AUTO(looking) looking = {0};
    struct look looks[DUCKDB_BATCH_MOST];

    looking_open(&looking, &party->planned->plans.items[0], looks, party->count);
    TRY(gathered_fill(gathered, party->conn, sql, party->count, &looking, err));
    for (size_t i = 0; i < party->count; i++) {
        party->is_left[i] = looks[i].is_unordered || looks[i].has_duplicates;
        gathered->files[i].is_left = party->is_left[i];
    }
    return 0;
}

static int gather(struct party *party, size_t index, struct gathered *gathered, struct err *err)
{
    AUTO(buf) sql = {0};

    put_rows(party, index, &sql);
    if (looks_while_gathering(party))
        return gather_looking(party, sql.data, gathered, err);
    return gathered_fill(gathered, party->conn, sql.data, party->count, NULL, err);
}

/* Takes DuckDB's file number `made` for the output of a job. */
static int take_file(struct engine_job *job, const char *table, const char *dir, size_t made,
                     int64_t rows, struct err *err)
{
    struct engine_output *output = duckdb_job_add(job, table);
    char *path = duck_files_name(dir, made);
    const int renamed = fs_rename_new(path, output->temp_path, err);

    output->rows = rows;
    free(path);
    if (renamed == 0)
        return err_set(err, ERR_IO, "\"%s\" is there already", output->temp_path);
    return renamed < 0 ? -1 : 0;
}

static int take_files(struct party *party, const char *table, const struct gathered *gathered,
                      const char *dir, struct err *err)
{
    size_t made = 0;

    for (size_t i = 0; i < party->count; i++)
        if (gathered_has(gathered, i))
            TRY(take_file(party->jobs[i], table, dir, made++, gathered->files[i].rows, err));
    return 0;
}

static int write_gathered(struct party *party, size_t index, const struct gathered *gathered,
                          struct err *err)
{
    const struct table_plan *plan = &party->planned->plans.items[index];
    AUTO(folder) folder = {0};
    AUTO(buf) options = {0};

    name_folder(&folder, party->jobs[0]->temp_dir);
    duckdb_put_options(plan, &options);
    TRY(gathered_write(gathered, party->conn, folder.dir, options.data, err));
    return take_files(party, plan->table, gathered, folder.dir, err);
}

/* A file without rows, or with very many, is made alone. */
static int make_others(struct party *party, size_t index, const struct gathered *gathered,
                       struct err *err)
{
    for (size_t i = 0; i < party->count; i++)
        if (!gathered_has(gathered, i) && !party->is_left[i])
            TRY(duckdb_job_make(party->conn, party->jobs[i], party->planned, index, err));
    return 0;
}

static bool has_any(const struct gathered *gathered)
{
    for (size_t i = 0; i < gathered->file_count; i++)
        if (gathered_has(gathered, i))
            return true;
    return false;
}

static int make_table(struct party *party, size_t index, struct err *err)
{
    AUTO(gathered) gathered = {0};

    TRY(gather(party, index, &gathered, err));
    if (has_any(&gathered))
        TRY(write_gathered(party, index, &gathered, err));
    return make_others(party, index, &gathered, err);
}

static int make_tables(struct party *party, const atomic_bool *stopped, struct err *err)
{
    for (size_t i = 0; i < party->planned->plans.count; i++) {
        if (atomic_load(stopped))
            return err_set(err, ERR_STOPPED, "interrupted");
        TRY(make_table(party, i, err));
    }
    return duckdb_jobs_finish(party->jobs, party->count, err);
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
    if (!looks_while_gathering(&party) && look_at_all(&party, ret_left, &why) < 0)
        return give_up(&party, jobs, count, ret_left, &why, err);
    keep_others(&party, ret_left);
    if (party.count > 0 && make_tables(&party, stopped, &why) < 0)
        return give_up(&party, jobs, count, ret_left, &why, err);
    for (size_t i = 0; i < count && looks_while_gathering(&party); i++)
        ret_left[i] = party.is_left[i];
    return 0;
}
