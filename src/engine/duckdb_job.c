/*
 * From a landed file to its outputs.
 */
#include "engine/duckdb_job.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/hash_set.h"

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

/*
 * A file of at most so many rows is given the API's order; to sort a larger one would take memory that grows
 * with it. Its rows stand in the landing's order, which is nearly the API's.
 */
#define SORT_MOST_ROWS 30720

/* What a look at the rows' places and keys told. */
struct look {
    const char *look; /* the plan's that was taken; NULL: none yet */
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

/* Of rows that have all keys a number that is the same for the same keys; DuckDB's hash is as good as any. */
static void put_look(const struct table_plan *plan, const char *input, struct buf *to)
{
    buf_puts(to, "SELECT " TABLE_PLACE);
    if (plan->key_count > 0)
        buf_puts(to, ", CASE WHEN ");
    for (size_t i = 0; i < plan->key_count; i++)
        buf_printf(to, "%s" TABLE_KEY "%zu IS NOT NULL", i ? " AND " : "", i);
    for (size_t i = 0; i < plan->key_count; i++)
        buf_printf(to, "%s" TABLE_KEY "%zu", i ? ", " : " THEN hash(", i);
    if (plan->key_count > 0)
        buf_puts(to, ") END");
    buf_puts(to, " FROM (");
    table_fill(plan->look, &(struct table_parts){.input = input}, to);
    buf_puts(to, ") AS riacho__look");
}

static void look_at_chunk(duckdb_data_chunk chunk, bool has_keys, struct hash_set *seen,
                          int64_t *last_place, struct look *look)
{
    const idx_t rows = duckdb_data_chunk_get_size(chunk);
    const int64_t *places = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
    duckdb_vector keys = has_keys ? duckdb_data_chunk_get_vector(chunk, 1) : NULL;
    const uint64_t *hashes = keys ? duckdb_vector_get_data(keys) : NULL;
    uint64_t *validity = keys ? duckdb_vector_get_validity(keys) : NULL;

    for (idx_t row = 0; row < rows; row++) {
        look->is_unordered = look->is_unordered || places[row] < *last_place;
        *last_place = places[row];
        if (keys && (!validity || duckdb_validity_row_is_valid(validity, row)))
            look->has_duplicates = hash_set_add(seen, hashes[row]) || look->has_duplicates;
    }
}

/*
 * Sorting and telling duplicates apart are dear, and landed files seldom need either. Two keys of one hash
 * make for work in vain, no more.
 */
static int look_at(struct passage *passage, const struct table_plan *plan, struct err *err)
{
    struct look look = {.look = plan->look};
    AUTO(hash_set) seen = {0};
    AUTO(duck_result) rows = {0};
    AUTO(buf) sql = {0};
    duckdb_data_chunk chunk;
    int64_t last_place = INT64_MIN;
    int got;

    if (plan->look == NULL || str_same(passage->look.look, plan->look))
        return 0;
    put_look(plan, passage->input, &sql);
    TRY(duck_stream(passage->conn, sql.data, &rows, err));
    while ((got = duck_next(&rows, &chunk, err)) > 0) {
        look_at_chunk(chunk, plan->key_count > 0, &seen, &last_place, &look);
        duckdb_destroy_data_chunk(&chunk);
    }
    if (got == 0)
        passage->look = look;
    return got;
}

static void put_select(const struct passage *passage, const struct table_plan *plan,
                       const char *list, struct buf *to)
{
    const bool is_ours = !plan->is_user_sql;
    const bool is_filtered = is_ours && passage->look.has_duplicates;
    struct table_parts parts = {.input = passage->input, .run = passage->run};
    AUTO(buf) plain = {0};
    AUTO(buf) filter = {0};

    if (is_filtered) {
        table_put_filter(plan, &plain);
        table_fill(plain.data, &parts, &filter);
        parts.filter = filter.data;
    }
    buf_printf(to, "SELECT %s FROM (", list);
    table_fill(plan->relation, &parts, to);
    buf_puts(to, ") AS riacho__table");
    if (is_ours && passage->look.is_unordered && passage->job->input->rows <= SORT_MOST_ROWS)
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
