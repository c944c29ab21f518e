/*
 * From a landed file to its outputs.
 */
#include "engine/duckdb_job.h"

#include "base/mem.h"
#include "base/str.h"

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

/* What a look at the rows' places and keys told. */
struct look {
    const char *keys; /* the plan's whose keys were looked at; NULL: none yet */
    bool is_unordered;
    bool has_duplicates;
};

/* One file on its way through its plans. */
struct passage {
    struct duck_conn *conn;
    struct engine_job *job;
    char *input; /* the file, as SQL */
    char *run;   /* the run's name, as SQL */
    struct look look;
};

static void passage_close(struct passage *passage)
{
    free(passage->input);
    free(passage->run);
}

static void put_key(size_t count, struct buf *to)
{
    if (count == 1) {
        buf_puts(to, TABLE_KEY "0");
        return;
    }
    buf_puts(to, "CASE WHEN ");
    for (size_t i = 0; i < count; i++)
        buf_printf(to, "%s" TABLE_KEY "%zu IS NOT NULL", i ? " AND " : "", i);
    buf_puts(to, " THEN (");
    for (size_t i = 0; i < count; i++)
        buf_printf(to, "%s" TABLE_KEY "%zu", i ? ", " : "", i);
    buf_puts(to, ") END");
}

/* A bit for rows out of order, a bit for keys that come twice. */
static void put_look(const struct table_plan *plan, const char *input, struct buf *to)
{
    AUTO(buf) key = {0};

    buf_puts(to, "SELECT CASE WHEN coalesce(bool_or(" TABLE_PLACE " < riacho__before), false)"
                 " THEN 1 ELSE 0 END");
    if (plan->key_count > 0) {
        put_key(plan->key_count, &key);
        SQL_FILL(to, " + CASE WHEN count($1) > count(DISTINCT $1) THEN 2 ELSE 0 END", key.data);
    }
    buf_puts(to, " FROM (SELECT *, lag(" TABLE_PLACE ") OVER () AS riacho__before FROM (");
    table_fill(plan->keys, &(struct table_parts){.input = input}, to);
    buf_puts(to, ") AS riacho__looked)");
}

/* Sorting and telling duplicates apart are dear, and landed files seldom need either. */
static int look_at(struct passage *passage, const struct table_plan *plan, struct err *err)
{
    AUTO(buf) sql = {0};
    int64_t found;

    if (plan->keys == NULL || str_same(passage->look.keys, plan->keys))
        return 0;
    put_look(plan, passage->input, &sql);
    TRY(duck_number(passage->conn, sql.data, &found, err));
    passage->look = (struct look){.keys = plan->keys,
                                  .is_unordered = (found & 1) != 0,
                                  .has_duplicates = (found & 2) != 0};
    return 0;
}

static void put_select(const struct passage *passage, const struct table_plan *plan,
                       const char *list, struct buf *to)
{
    AUTO(buf) filter = {0};
    AUTO(buf) text = {0};
    const bool is_ours = !plan->is_user_sql;

    if (is_ours && passage->look.has_duplicates)
        table_put_filter(plan, &filter);
    table_fill(buf_text(&filter), &(struct table_parts){.input = passage->input}, &text);
    buf_printf(to, "SELECT %s FROM (", list);
    table_fill(plan->relation,
               &(struct table_parts){.input = passage->input,
                                     .run = passage->run,
                                     .filter = buf_text(&text)},
               to);
    buf_puts(to, ") AS riacho__table");
    if (is_ours && passage->look.is_unordered)
        buf_printf(to, " ORDER BY %s", plan->order);
}

static void put_copy(const struct passage *passage, const struct table_plan *plan, const char *list,
                     const char *temp_path, struct buf *to)
{
    buf_puts(to, "COPY (");
    put_select(passage, plan, list, to);
    buf_puts(to, ") TO ");
    sql_put_text(to, temp_path);
    buf_printf(to,
               " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE %d, USE_TMP_FILE false, "
               "KV_METADATA {riacho: '%s', \"table\": ",
               ROW_GROUP_ROWS, RIACHO_VERSION);
    sql_put_text(to, plan->table);
    buf_puts(to, ", origin: ");
    sql_put_text(to, passage->job->input->id);
    buf_puts(to, "})");
}

static int write_file(struct passage *passage, const struct table_plan *plan, const char *list,
                      struct engine_output *output, struct err *err)
{
    AUTO(buf) sql = {0};

    TRY(look_at(passage, plan, err));
    put_copy(passage, plan, list, output->temp_path, &sql);
    TRY(duck_number(passage->conn, sql.data, &output->rows, err));
    TRY(fs_sync_file(output->temp_path, err));
    return fs_sha256(output->temp_path, output->sha256, &output->bytes, err);
}

/* Names of temporary files are told apart within the process. */
static char *next_temp_path(const char *dir)
{
    static atomic_llong last;

    return mem_fmt("%s/adjusted-%lld", dir, atomic_fetch_add(&last, 1) + 1);
}

static int make_output(struct passage *passage, const struct table_plan *plan, const char *list,
                       struct err *err)
{
    struct engine_job *job = passage->job;
    struct engine_output *output = mem_alloc(sizeof *output);
    struct engine_output **last = &job->outputs;

    while (*last)
        last = &(*last)->next;
    *last = output;
    output->table = mem_str(plan->table);
    output->temp_path = next_temp_path(job->temp_dir);
    if (write_file(passage, plan, list, output, err) < 0)
        return err_wrap(err, "table \"%s\"", plan->table);
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

int duckdb_job_run(struct duck_conn *conn, struct engine_job *job, const struct planned *planned,
                   const atomic_bool *stopped, struct err *err)
{
    AUTO(passage) passage = {.conn = conn, .job = job, .input = duckdb_input_sql(job)};
    struct buf run = {0};
    struct err why = {0};

    sql_put_text(&run, job->input->run ? job->input->run : job->input->id);
    passage.run = buf_take(&run);
    for (size_t i = 0; i < planned->plans.count; i++) {
        if (atomic_load(stopped))
            err_set(&why, ERR_STOPPED, "interrupted");
        else if (make_output(&passage, &planned->plans.items[i], planned->lists[i], &why) == 0)
            continue;
        duckdb_job_undo(job);
        if (duckdb_blames_data(&why)) {
            duckdb_job_fail(job, &why);
            return 0;
        }
        *err = why;
        return -1;
    }
    return 0;
}
