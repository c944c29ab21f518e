/*
 * From a landed file to its outputs.
 */
#include "engine/duckdb_job.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/duckdb_look.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define ROW_GROUP_ROWS 30720

char *duckdb_input_sql(const struct engine_job *job)
{
    struct buf sql = {0};

    buf_puts(&sql, "read_parquet(");
    sql_put_text(&sql, job->input_path);
    buf_putc(&sql, ')');
    return buf_take(&sql);
}

const char *duckdb_run_of(const struct engine_job *job)
{
    return job->input->run ? job->input->run : job->input->id;
}

/* ---- outputs ---- */

struct engine_output *duckdb_job_add(struct engine_job *job, const char *table)
{
    static atomic_llong made; /* tells the files apart within the process */
    struct engine_output *output = mem_alloc(sizeof *output);
    struct engine_output **last = &job->outputs;

    while (*last)
        last = &(*last)->next;
    *last = output;
    output->table = mem_str(table);
    output->temp_path = mem_fmt("%s/adjusted-%lld", job->temp_dir, atomic_fetch_add(&made, 1) + 1);
    return output;
}

static int sync_outputs(struct engine_job *const *jobs, size_t count, struct err *err)
{
    const char **paths = NULL;
    size_t path_count = 0;
    int synced;

    for (size_t i = 0; i < count; i++)
        for (const struct engine_output *output = jobs[i]->outputs; output; output = output->next)
            *MEM_PUSH(paths, path_count) = output->temp_path;
    synced = fs_sync_files(paths, path_count, err);
    free(paths);
    return synced;
}

int duckdb_jobs_finish(struct engine_job *const *jobs, size_t count, struct err *err)
{
    TRY(sync_outputs(jobs, count, err));
    for (size_t i = 0; i < count; i++)
        for (struct engine_output *output = jobs[i]->outputs; output; output = output->next)
            TRY(fs_sha256(output->temp_path, output->sha256, &output->bytes, err));
    return 0;
}

void duckdb_job_undo(struct engine_job *job)
{
    struct err ignored;

    for (struct engine_output *output = job->outputs; output; output = output->next)
        if (fs_remove_file(output->temp_path, &ignored) < 0)
            continue; /* the temporary folder goes as a whole in the end */
    engine_job_close(job);
}

/* ---- one file ---- */

/* One file on its way through its plans. */
struct passage {
    struct duck_conn *conn;
    struct engine_job *job;
    char *input;        /* the file, as SQL */
    struct buf run;     /* the run's name, as SQL */
    const char *looked; /* the plan's look that was taken; NULL: none yet */
    struct look look;
};

static void passage_open(struct passage *passage, struct duck_conn *conn, struct engine_job *job)
{
    *passage = (struct passage){.conn = conn, .job = job, .input = duckdb_input_sql(job)};
    sql_put_text(&passage->run, duckdb_run_of(job));
}

static void passage_close(struct passage *passage)
{
    free(passage->input);
    buf_close(&passage->run);
}

static int look_at(struct passage *passage, const struct table_plan *plan, struct err *err)
{
    if (plan->look == NULL || str_same(passage->looked, plan->look))
        return 0;
    TRY(duckdb_look(passage->conn, plan, &(struct table_parts){.input = passage->input}, 1,
                    &passage->look, err));
    passage->looked = plan->look;
    return 0;
}

static void put_select(const struct passage *passage, const struct table_plan *plan,
                       const char *list, struct buf *to)
{
    const bool is_ours = !plan->is_user_sql;
    struct table_parts parts = {.input = passage->input, .run = passage->run.data};
    AUTO(buf) plain = {0};
    AUTO(buf) filter = {0};

    if (is_ours && passage->look.has_duplicates) {
        table_put_filter(plan, &plain);
        table_fill(plain.data, &parts, &filter);
        parts.filter = filter.data;
    }
    buf_printf(to, "SELECT %s FROM (", list);
    table_fill(plan->relation, &parts, to);
    buf_puts(to, ") AS riacho__table");
    if (is_ours && passage->look.is_unordered && passage->job->input->rows <= TABLE_SORT_MOST_ROWS)
        buf_printf(to, " ORDER BY %s", plan->order);
}

void duckdb_put_options(const struct table_plan *plan, struct buf *to)
{
    buf_puts(to, "FORMAT parquet, COMPRESSION zstd, KV_METADATA {riacho: '" RIACHO_VERSION
                 "', \"table\": ");
    sql_put_text(to, plan->table);
    buf_putc(to, '}');
}

static int write_file(struct passage *passage, const struct table_plan *plan, const char *list,
                      struct engine_output *output, struct err *err)
{
    AUTO(buf) sql = {0};

    TRY(look_at(passage, plan, err));
    buf_puts(&sql, "COPY (");
    put_select(passage, plan, list, &sql);
    buf_puts(&sql, ") TO ");
    sql_put_text(&sql, output->temp_path);
    buf_printf(&sql, " (USE_TMP_FILE false, ROW_GROUP_SIZE %d, ", ROW_GROUP_ROWS);
    duckdb_put_options(plan, &sql);
    buf_putc(&sql, ')');
    return duck_number(passage->conn, sql.data, &output->rows, err);
}

static int make_output(struct passage *passage, const struct planned *planned, size_t index,
                       struct err *err)
{
    const struct table_plan *plan = &planned->plans.items[index];
    struct engine_output *output = duckdb_job_add(passage->job, plan->table);

    if (write_file(passage, plan, planned->lists[index], output, err) < 0)
        return err_wrap(err, "table \"%s\"", plan->table);
    return 0;
}

int duckdb_job_make(struct duck_conn *conn, struct engine_job *job, const struct planned *planned,
                    size_t index, struct err *err)
{
    AUTO(passage) passage = {0};

    passage_open(&passage, conn, job);
    return make_output(&passage, planned, index, err);
}

/* ---- faults ---- */

bool duckdb_blames_data(const struct err *err)
{
    return err->code == ERR_SQL || err->code == ERR_DATA;
}

/* A message of our own begins with the column, DuckDB puts its class of error before that. */
static void strip_class(struct err *err)
{
    static const char class[] = "Invalid Input Error: column \"";
    char *at = strstr(err->text, class);

    if (at) {
        const size_t cut = sizeof class - sizeof "column \"";

        memmove(at, at + cut, strlen(at + cut) + 1);
    }
}

void duckdb_job_fail(struct engine_job *job, const struct err *err)
{
    job->failed = true;
    job->err = *err;
    job->err.code = ERR_DATA;
    strip_class(&job->err);
}

static int make_outputs(struct passage *passage, const struct planned *planned,
                        const atomic_bool *stopped, struct err *err)
{
    for (size_t i = 0; i < planned->plans.count; i++) {
        if (atomic_load(stopped))
            return err_set(err, ERR_STOPPED, "interrupted");
        TRY(make_output(passage, planned, i, err));
    }
    return duckdb_jobs_finish(&passage->job, 1, err);
}

int duckdb_job_run(struct duck_conn *conn, struct engine_job *job, const struct planned *planned,
                   const atomic_bool *stopped, struct err *err)
{
    AUTO(passage) passage = {0};
    struct err why = {0};

    passage_open(&passage, conn, job);
    if (make_outputs(&passage, planned, stopped, &why) == 0)
        return 0;
    duckdb_job_undo(job);
    if (duckdb_blames_data(&why)) {
        duckdb_job_fail(job, &why);
        return 0;
    }
    *err = why;
    return -1;
}
