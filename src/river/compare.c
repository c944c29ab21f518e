/*
 * Sample → both engines → differences → report.
 */
#include "river/compare.h"

#include "base/logger.h"
#include "base/mem.h"
#include "base/stop.h"
#include "base/str.h"
#include "db/ledger.h"
#include "engine/table_diff.h"
#include "river/compare_sample.h"
#include "river/interrupter.h"
#include "river/outputs.h"
#include "river/scratch.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/banned.h"

#define FILES_AT_ONCE 64

static const enum engine_type types[2] = {ENGINE_DUCKDB, ENGINE_SPARK};

/* One engine, and the state in which it fixes column types. */
struct contestant {
    struct engine engine;
    struct interrupter interrupter;
    char *state_dir;
    struct journal journal;
};

/* What was found of a table in all files together. */
struct tally {
    char *table;
    int64_t files;
    struct table_diff sums; /* without items */
};

struct comparison {
    struct river *river;
    const struct compare_conf *conf;
    struct scratch scratch;
    struct contestant contestants[2];
    struct duck duck;
    struct duck_conn conn;
    struct tally *tallies;
    size_t tally_count;
    struct json_out *report;
    yyjson_mut_val *differences;
    yyjson_mut_val *failures;
    size_t told;
    bool differs;
};

/* ---- opening and closing ---- */

static void contestant_close(struct contestant *contestant)
{
    struct err ignored = {0};

    interrupter_close(&contestant->interrupter);
    engine_close(&contestant->engine);
    journal_close(&contestant->journal);
    if (contestant->state_dir && fs_remove_tree(contestant->state_dir, &ignored) < 0)
        log_warn("%s", ignored.text);
    free(contestant->state_dir);
    *contestant = (struct contestant){0};
}

static void comparison_close(struct comparison *comparison)
{
    for (size_t i = 0; i < 2; i++)
        contestant_close(&comparison->contestants[i]);
    duck_conn_close(&comparison->conn);
    duck_close(&comparison->duck);
    scratch_close(&comparison->scratch);
    for (size_t i = 0; i < comparison->tally_count; i++) {
        free(comparison->tallies[i].table);
        table_diff_close(&comparison->tallies[i].sums);
    }
    free(comparison->tallies);
}

/* In the system's folder for such: a state must not lie where Spark's workers write. */
static int open_state(struct comparison *comparison, struct contestant *contestant, struct err *err)
{
    const struct river *river = comparison->river;
    const char *parent = getenv("TMPDIR");
    char *dir = mem_fmt("%s/riacho-compare-XXXXXX", parent && *parent ? parent : "/tmp");

    if (mkdtemp(dir) == NULL) {
        err_errno(err, "could not make \"%s\"", dir);
        free(dir);
        return -1;
    }
    contestant->state_dir = dir;
    TRY(journal_open(&contestant->journal, dir, river->conf.name, river->broker_ops->name,
                     JOURNAL_CREATE, err));
    return journal_copy_columns(&comparison->river->journal, &contestant->journal, err);
}

static int open_contestant(struct comparison *comparison, size_t side, struct err *err)
{
    struct contestant *contestant = &comparison->contestants[side];

    TRY(open_state(comparison, contestant, err));
    TRY(outputs_open_engine(comparison->river, engine_of(types[side]),
                            comparison->scratch.staging.dir, &contestant->engine, err));
    interrupter_open(&contestant->interrupter, &contestant->engine);
    return 0;
}

static int open_comparison(struct comparison *comparison, struct err *err)
{
    struct river *river = comparison->river;
    AUTO(buf) found = {0};

    TRY(scratch_open(&comparison->scratch, river->conf.transform.dir, river->journal.process, err));
    for (size_t side = 0; side < 2; side++)
        TRY(open_contestant(comparison, side, err));
    TRY(duck_open(&comparison->duck,
                  &(struct duck_conf){.memory_bytes = river_memory(river, EXTRACT_MEMORY),
                                      .temp_dir = comparison->scratch.staging.dir},
                  err));
    TRY(duck_connect(&comparison->duck, &comparison->conn, err));
    return engine_probe(&comparison->contestants[1].engine, &found, err);
}

/* ---- the report ---- */

static const char *name_of(size_t side)
{
    return engine_of(types[side])->name;
}

static void add_text(struct comparison *comparison, yyjson_mut_val *to, const char *key,
                     const char *text)
{
    yyjson_mut_doc *doc = comparison->report->doc;

    yyjson_mut_obj_put(to, yyjson_mut_str(doc, key),
                       text ? yyjson_mut_strcpy(doc, text) : yyjson_mut_null(doc));
}

static void add_failure(struct comparison *comparison, const struct ref *ref, const char *engine,
                        const struct err *why)
{
    yyjson_mut_val *failure = yyjson_mut_arr_add_obj(comparison->report->doc, comparison->failures);

    add_text(comparison, failure, "file", ref->id);
    add_text(comparison, failure, "engine", engine);
    add_text(comparison, failure, "error", why->text);
}

static void add_difference(struct comparison *comparison, const struct ref *ref, const char *table,
                           const struct difference *found)
{
    static const char *const kinds[] = {[DIFFERENCE_VALUE] = "value",
                                        [DIFFERENCE_ROW] = "row",
                                        [DIFFERENCE_COLUMN] = "column",
                                        [DIFFERENCE_TYPE] = "type"};
    const bool is_one_sided = found->kind == DIFFERENCE_ROW || found->kind == DIFFERENCE_COLUMN;
    yyjson_mut_val *to = yyjson_mut_arr_add_obj(comparison->report->doc, comparison->differences);

    add_text(comparison, to, "table", table);
    add_text(comparison, to, "file", ref->id);
    add_text(comparison, to, "kind", kinds[found->kind]);
    add_text(comparison, to, "only", is_one_sided ? name_of(found->side) : NULL);
    add_text(comparison, to, "row", found->row);
    add_text(comparison, to, "column", found->column);
    for (size_t side = 0; side < 2; side++)
        add_text(comparison, to, name_of(side), found->values[side]);
}

/* ---- tallies ---- */

static struct tally *tally_of(struct comparison *comparison, const char *table)
{
    struct tally *made;

    for (size_t i = 0; i < comparison->tally_count; i++)
        if (str_same(comparison->tallies[i].table, table))
            return &comparison->tallies[i];
    made = MEM_PUSH(comparison->tallies, comparison->tally_count);
    *made = (struct tally){.table = mem_str(table)};
    return made;
}

static void sum_column(struct table_diff *sums, const struct differing_column *column)
{
    for (size_t i = 0; i < sums->column_count; i++)
        if (str_same(sums->columns[i].name, column->name)) {
            sums->columns[i].rows += column->rows;
            return;
        }
    *MEM_PUSH(sums->columns, sums->column_count) =
        (struct differing_column){.name = mem_str(column->name), .rows = column->rows};
}

static void sum(struct tally *tally, const struct table_diff *diff)
{
    tally->files++;
    tally->sums.pairs += diff->pairs;
    for (size_t side = 0; side < 2; side++) {
        tally->sums.rows[side] += diff->rows[side];
        tally->sums.only[side] += diff->only[side];
    }
    for (size_t i = 0; i < diff->column_count; i++)
        sum_column(&tally->sums, &diff->columns[i]);
}

static yyjson_mut_val *add_pair(struct comparison *comparison, yyjson_mut_val *to, const char *key,
                                const int64_t counts[2])
{
    yyjson_mut_val *pair = yyjson_mut_obj_add_obj(comparison->report->doc, to, key);

    for (size_t side = 0; side < 2; side++)
        yyjson_mut_obj_add_sint(comparison->report->doc, pair, name_of(side), counts[side]);
    return pair;
}

static void report_tally(struct comparison *comparison, const struct tally *tally,
                         yyjson_mut_val *tables)
{
    yyjson_mut_doc *doc = comparison->report->doc;
    yyjson_mut_val *to = yyjson_mut_arr_add_obj(doc, tables);
    yyjson_mut_val *columns;

    add_text(comparison, to, "table", tally->table);
    yyjson_mut_obj_add_sint(doc, to, "files", tally->files);
    add_pair(comparison, to, "rows", tally->sums.rows);
    add_pair(comparison, to, "only", tally->sums.only);
    yyjson_mut_obj_add_sint(doc, to, "differ", tally->sums.pairs);
    columns = yyjson_mut_obj_add_obj(doc, to, "columns");
    for (size_t i = 0; i < tally->sums.column_count; i++)
        yyjson_mut_obj_put(columns, yyjson_mut_strcpy(doc, tally->sums.columns[i].name),
                           yyjson_mut_sint(doc, tally->sums.columns[i].rows));
}

/* ---- one table of one file ---- */

/* The paths of an output's files; the caller frees them. */
static struct table_side side_of(const struct engine_output *output)
{
    char **paths = NULL;
    size_t count = 0;

    for (size_t i = 0; i < output->file_count; i++)
        *MEM_PUSH(paths, count) = fs_join(output->temp_path, output->files[i].path);
    if (count == 0)
        *MEM_PUSH(paths, count) = mem_str(output->temp_path);
    return (struct table_side){.paths = paths, .path_count = count};
}

static void side_free(struct table_side *side)
{
    for (size_t i = 0; i < side->path_count; i++)
        free(side->paths[i]);
    free((void *)(uintptr_t)side->paths);
}

/* What tells the table's rows: as the pipeline says, or of the default rules the primary key. */
static void find_key(const struct comparison *comparison, const char *table, const char *resource,
                     char *const **ret_key, size_t *ret_count)
{
    const struct table_conf *conf = pipeline_find_table(&comparison->river->conf, table);
    const struct resource_conf *from = pipeline_find_resource(&comparison->river->conf, resource);

    *ret_key = conf ? conf->distinct : from && str_same(table, resource) ? from->primary_key : NULL;
    *ret_count = conf ? conf->distinct_count : *ret_key ? from->primary_keys : 0;
}

/* A column that differs as such does so in every file: once is enough. */
static bool is_told(const struct comparison *comparison, const char *table,
                    const struct difference *found)
{
    yyjson_mut_val *told;
    size_t index;
    size_t count;

    if (found->kind != DIFFERENCE_COLUMN && found->kind != DIFFERENCE_TYPE)
        return false;
    yyjson_mut_arr_foreach(
        comparison->differences, index, count,
        told) if (str_same(yyjson_mut_get_str(yyjson_mut_obj_get(told, "table")), table) &&
                  yyjson_mut_get_str(yyjson_mut_obj_get(told, "row")) == NULL &&
                  str_same(yyjson_mut_get_str(yyjson_mut_obj_get(told, "column")),
                           found->column)) return true;
    return false;
}

static int compare_outputs(struct comparison *comparison, const struct ref *ref,
                           const struct engine_output *const outputs[2], struct err *err)
{
    const char *table = outputs[0]->table;
    const size_t limit = comparison->conf->limit - comparison->told;
    struct table_side sides[2] = {side_of(outputs[0]), side_of(outputs[1])};
    AUTO(table_diff) diff = {0};
    char *const *key;
    size_t key_count;
    int done;

    find_key(comparison, table, ref->subject, &key, &key_count);
    done = table_diff_find(&comparison->conn, sides, key, key_count, limit, &diff, err);
    side_free(&sides[0]);
    side_free(&sides[1]);
    if (done < 0)
        return err_wrap(err, "could not compare table \"%s\" of \"%s\"", table, ref->id);
    sum(tally_of(comparison, table), &diff);
    comparison->differs = comparison->differs || !table_diff_is_none(&diff);
    for (size_t i = 0; i < diff.count && comparison->told < comparison->conf->limit; i++) {
        if (is_told(comparison, table, &diff.items[i]))
            continue;
        add_difference(comparison, ref, table, &diff.items[i]);
        comparison->told++;
    }
    return 0;
}

/* ---- one file ---- */

static const struct engine_output *find_output(const struct engine_job *job, const char *table)
{
    for (const struct engine_output *output = job->outputs; output; output = output->next)
        if (str_same(output->table, table))
            return output;
    return NULL;
}

/* A file that neither engine takes is none that they differ in. */
static bool note_failures(struct comparison *comparison, const struct engine_job *const jobs[2])
{
    for (size_t side = 0; side < 2; side++)
        if (jobs[side]->failed)
            add_failure(comparison, jobs[side]->input, name_of(side), &jobs[side]->err);
    comparison->differs = comparison->differs || jobs[0]->failed != jobs[1]->failed;
    return jobs[0]->failed || jobs[1]->failed;
}

static int compare_jobs(struct comparison *comparison, const struct engine_job *const jobs[2],
                        struct err *err)
{
    if (note_failures(comparison, jobs))
        return 0;
    for (const struct engine_output *output = jobs[0]->outputs; output; output = output->next) {
        const struct engine_output *const outputs[2] = {output,
                                                        find_output(jobs[1], output->table)};

        if (outputs[1] == NULL)
            return err_set(err, ERR_DATA, "Spark made no table \"%s\" of \"%s\"", output->table,
                           jobs[0]->input->id);
        if (stop_asked())
            return err_set(err, ERR_STOPPED, "stopped");
        TRY(compare_outputs(comparison, jobs[0]->input, outputs, err));
    }
    return 0;
}

/* ---- files of one resource ---- */

/* A span of the sample. */
struct span {
    const struct compare_sample *sample;
    size_t first;
    size_t count;
};

static int run_engine(struct comparison *comparison, size_t side, const struct span *span,
                      const struct tables *tables, struct jobs *jobs, struct err *err)
{
    struct contestant *contestant = &comparison->contestants[side];

    jobs_open(jobs, span->count);
    for (size_t i = 0; i < span->count; i++) {
        jobs->items[i] = (struct engine_job){.input = &span->sample->refs[span->first + i],
                                             .input_path = span->sample->paths[span->first + i],
                                             .temp_dir = comparison->scratch.staging.dir};
        TRY(jobs_find_schemas(jobs, i, comparison->river, &comparison->river->journal, err));
    }
    return engine_run(&contestant->engine, &tables->engine, jobs->items, span->count,
                      &contestant->journal, err);
}

static void remove_outputs(const struct jobs *jobs)
{
    for (size_t i = 0; i < jobs->count; i++)
        for (const struct engine_output *output = jobs->items[i].outputs; output;
             output = output->next) {
            struct err ignored = {0};

            if (fs_remove_tree(output->temp_path, &ignored) < 0)
                log_debug("%s", ignored.text); /* the temporary folder goes as a whole in the end */
        }
}

static int compare_span(struct comparison *comparison, const struct span *span,
                        const struct tables *tables, struct err *err)
{
    AUTO(jobs) duckdb = {0};
    AUTO(jobs) spark = {0};
    int done = 0;

    TRY(run_engine(comparison, 0, span, tables, &duckdb, err));
    TRY(run_engine(comparison, 1, span, tables, &spark, err));
    for (size_t i = 0; i < span->count && done == 0; i++) {
        const struct engine_job *const jobs[2] = {&duckdb.items[i], &spark.items[i]};

        done = compare_jobs(comparison, jobs, err);
    }
    remove_outputs(&duckdb);
    remove_outputs(&spark);
    return done;
}

static int compare_table(struct comparison *comparison, const struct compare_sample *sample,
                         const char *resource, const char *table, struct err *err)
{
    AUTO(tables) tables = {0};

    tables_of(comparison->river, resource, table, &tables);
    for (size_t first = 0; first < sample->count; first += FILES_AT_ONCE) {
        const size_t left = sample->count - first;
        const struct span span = {.sample = sample,
                                  .first = first,
                                  .count = left < FILES_AT_ONCE ? left : FILES_AT_ONCE};

        TRY(compare_span(comparison, &span, &tables, err));
    }
    return 0;
}

/* Each table by itself, so that one which an engine refuses does not hide the others. */
static int compare_tables(struct comparison *comparison, const struct compare_sample *sample,
                          const char *resource, struct err *err)
{
    const struct transform_conf *conf = &comparison->river->conf.transform;
    const char *only = comparison->conf->table;

    if (conf->table_count == 0)
        return compare_table(comparison, sample, resource, only, err);
    for (size_t i = 0; i < conf->table_count; i++)
        if (str_same(conf->tables[i].from, resource) &&
            (only == NULL || str_same(only, conf->tables[i].name)))
            TRY(compare_table(comparison, sample, resource, conf->tables[i].name, err));
    return 0;
}

static int compare_resource(struct comparison *comparison, const char *resource, int64_t *ret_files,
                            int64_t *ret_rows, struct err *err)
{
    AUTO(compare_sample) sample = {0};
    AUTO(tables) tables = {0};

    tables_of(comparison->river, resource, comparison->conf->table, &tables);
    if (tables_are_none(&tables))
        return 0;
    TRY(compare_sample_take(comparison->river, resource, comparison->conf->rows, &sample, err));
    *ret_files += (int64_t)sample.count;
    *ret_rows += sample.rows;
    return compare_tables(comparison, &sample, resource, err);
}

/* ---- the whole ---- */

static int note_landed(void *ctx, const struct known_file *file, struct err *err)
{
    bool *has_landed = ctx;

    (void)file;
    (void)err;
    *has_landed = true;
    return 0;
}

/* What can be said without asking any engine. */
static int check_question(struct river *river, const struct compare_conf *conf, struct err *err)
{
    bool has_landed = false;

    if (conf->table)
        TRY(pipeline_check_table(&river->conf, conf->table, err));
    TRY(ledger_each(&river->journal, "extract", NULL, 0, 1, &has_landed, note_landed, err));
    if (has_landed)
        return 0;
    err_set(err, ERR_USAGE, "nothing has landed that could be compared");
    return err_hint(err, "Land something first: riacho extract %s", river->conf.path);
}

static int compare_all(struct comparison *comparison, yyjson_mut_val *root, struct err *err)
{
    const struct river *river = comparison->river;
    yyjson_mut_doc *doc = comparison->report->doc;
    yyjson_mut_val *tables;
    int64_t files = 0;
    int64_t rows = 0;

    comparison->differences = yyjson_mut_arr(doc);
    comparison->failures = yyjson_mut_arr(doc);
    for (size_t i = 0; i < river->conf.source.resource_count; i++)
        TRY(compare_resource(comparison, river->conf.source.resources[i].name, &files, &rows, err));
    yyjson_mut_obj_add_bool(doc, root, "same", !comparison->differs);
    yyjson_mut_obj_add_sint(doc, root, "files", files);
    yyjson_mut_obj_add_sint(doc, root, "landed_rows", rows);
    tables = yyjson_mut_obj_add_arr(doc, root, "tables");
    for (size_t i = 0; i < comparison->tally_count; i++)
        report_tally(comparison, &comparison->tallies[i], tables);
    yyjson_mut_obj_add_val(doc, root, "differences", comparison->differences);
    yyjson_mut_obj_add_val(doc, root, "failures", comparison->failures);
    return 0;
}

int compare_engines(struct river *river, const struct compare_conf *conf, struct json_out *report,
                    yyjson_mut_val *root, bool *ret_same, struct err *err)
{
    AUTO(comparison)
    comparison = {.river = river, .conf = conf, .report = report};

    TRY(check_question(river, conf, err));
    TRY(open_comparison(&comparison, err));
    TRY(compare_all(&comparison, root, err));
    *ret_same = !comparison.differs;
    return 0;
}
