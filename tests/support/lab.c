/*
 * The lab.
 */
#include "lab.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/banned.h"

static void must(int done, const struct err *err)
{
    if (done < 0) {
        fprintf(stderr, "lab: %s\n", err->text);
        abort();
    }
}

static void open_engine(struct lab *lab, const struct engine_ops *ops)
{
    const char *const dirs[] = {lab->dir};
    const struct engine_conf conf = {.type = (char *)(uintptr_t)ops->name,
                                     .remote = getenv("RIACHO_SPARK"),
                                     .memory_bytes = (int64_t)512 << 20,
                                     .dirs = dirs,
                                     .dir_count = 1,
                                     .temp_dir = lab->temp_dir};
    struct err err = {0};

    must(engine_open(&lab->engine, ops, &conf, &err), &err);
}

void lab_open(struct lab *lab, const struct engine_ops *ops)
{
    char dir[] = "/tmp/riacho-lab-XXXXXX";
    struct err err = {0};
    char *state;

    *lab = (struct lab){0};
    if (mkdtemp(dir) == NULL)
        abort();
    lab->dir = mem_str(dir);
    lab->temp_dir = fs_join(dir, ".tmp");
    state = fs_join(dir, ".riacho");
    must(fs_make_dirs(lab->temp_dir, 0777, &err), &err);
    must(duck_open(&lab->duck, &(struct duck_conf){.threads = 1}, &err), &err);
    must(duck_connect(&lab->duck, &lab->conn, &err), &err);
    must(journal_open(&lab->journal, state, "lab", "local", JOURNAL_CREATE, &err), &err);
    open_engine(lab, ops);
    free(state);
}

void lab_close(struct lab *lab)
{
    struct err err = {0};

    engine_close(&lab->engine);
    journal_close(&lab->journal);
    duck_conn_close(&lab->conn);
    duck_close(&lab->duck);
    schema_close(&lab->known);
    if (lab->dir)
        must(fs_remove_tree(lab->dir, &err), &err);
    free(lab->temp_dir);
    free(lab->dir);
    *lab = (struct lab){0};
}

void lab_reopen_engine(struct lab *lab, const struct engine_ops *ops)
{
    engine_close(&lab->engine);
    open_engine(lab, ops);
}

/* ---- landing ---- */

static void infer(struct schema *schema, yyjson_val *value);

static void infer_object(struct schema *schema, yyjson_val *object)
{
    yyjson_obj_iter iter = yyjson_obj_iter_with(object);
    yyjson_val *key;

    while ((key = yyjson_obj_iter_next(&iter)))
        infer(schema_field(schema, yyjson_get_str(key), yyjson_get_len(key), true),
              yyjson_obj_iter_get_val(key));
}

static void infer_list(struct schema *schema, yyjson_val *list)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(list);
    yyjson_val *item;

    while ((item = yyjson_arr_iter_next(&iter)))
        infer(schema_items(schema), item);
}

static void infer_nested(struct schema *schema, yyjson_val *value)
{
    const enum kind kind = yyjson_is_obj(value) ? KIND_STRUCT : KIND_LIST;

    if (schema->kind == KIND_NULL)
        schema_become(schema, kind);
    if (schema->kind != kind)
        schema_become(schema, KIND_JSON);
    else if (kind == KIND_STRUCT)
        infer_object(schema, value);
    else
        infer_list(schema, value);
}

static void infer(struct schema *schema, yyjson_val *value)
{
    const bool is_int = yyjson_is_int(value);
    const int64_t number = is_int ? yyjson_get_sint(value) : 0;
    const bool is_uint = yyjson_is_uint(value) && number < 0;
    const enum kind kind = yyjson_is_null(value)   ? KIND_NULL
                           : yyjson_is_bool(value) ? KIND_BOOL
                           : is_uint               ? KIND_UINT
                           : is_int                ? KIND_INT
                           : yyjson_is_real(value) ? KIND_DOUBLE
                           : yyjson_is_raw(value)  ? KIND_NUMBER
                                                   : KIND_TEXT;

    if (schema->kind == KIND_JSON)
        return;
    if (yyjson_is_ctn(value))
        infer_nested(schema, value);
    else
        schema_merge_scalar(schema, kind, is_uint || llabs(number) > ((int64_t)1 << 53),
                            is_int && !is_uint && number < 0);
}

static void infer_record(struct schema *schema, yyjson_val *record)
{
    if (yyjson_is_obj(record))
        infer_object(schema, record);
    else
        infer(schema_field(schema, NULL, 0, true), record);
}

/* One line a record; those that are no objects as {"value": …}. */
static void put_lines(struct buf *to, yyjson_val *records, struct schema *schema)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(records);
    yyjson_val *record;

    while ((record = yyjson_arr_iter_next(&iter))) {
        const bool is_object = yyjson_is_obj(record);

        infer_record(schema, record);
        buf_puts(to, is_object ? "" : "{\"value\":");
        json_put_value(to, record);
        buf_puts(to, is_object ? "\n" : "}\n");
    }
}

static void put_landing(const struct schema *schema, const char *lines_path, int page_rows,
                        struct buf *sql)
{
    buf_puts(sql, "SELECT ");
    for (size_t i = 0; i < schema->field_count; i++) {
        sql_put_name(sql, schema->fields[i].name);
        buf_puts(sql, ", ");
    }
    buf_printf(sql, "(n // %d + 1) AS _riacho_page, n %% %d AS _riacho_index FROM ", page_rows,
               page_rows);
    buf_puts(sql, "(SELECT *, row_number() OVER () - 1 AS n FROM read_json(");
    sql_put_text(sql, lines_path);
    buf_puts(sql, ", format = 'newline_delimited', columns = {");
    for (size_t i = 0; i < schema->field_count; i++) {
        AUTO(buf) type = {0};

        schema_put_sql_type(&schema->fields[i], &type);
        sql_put_text(sql, schema->fields[i].name);
        buf_puts(sql, ": ");
        sql_put_text(sql, type.data);
        buf_puts(sql, ", ");
    }
    buf_puts(sql, "lab_none: 'INTEGER'}))");
}

static void copy_to(struct lab *lab, const char *select, const char *path)
{
    AUTO(buf) sql = {0};
    struct err err = {0};

    buf_printf(&sql, "COPY (%s) TO ", select);
    sql_put_text(&sql, path);
    buf_puts(&sql, " (FORMAT parquet)");
    must(duck_exec(&lab->conn, sql.data, &err), &err);
}

static void name_file(struct lab *lab, struct lab_file *file)
{
    const int number = ++lab->landed;

    file->ref = (struct ref){.id = mem_fmt("quakes-abc123-000001-%04d-0", number),
                             .type = mem_str(REF_LANDED),
                             .subject = mem_str("quakes"),
                             .run = mem_str("quakes-abc123-000001")};
    file->path = mem_fmt("%s/%s.parquet", lab->dir, file->ref.id);
}

void lab_land(struct lab *lab, const char *records, int page_rows, struct lab_file *ret_file)
{
    struct lab_file made = {0};
    char *text = mem_str(records);
    char *lines_path = fs_join(lab->dir, "lines.json");
    AUTO(json) json = {0};
    AUTO(buf) lines = {0};
    AUTO(buf) sql = {0};
    struct err err = {0};

    for (char *at = text; *at; at++)
        if (*at == '\'')
            *at = '"';
    must(json_parse(&json, text, strlen(text), &err), &err);
    if (lab->known.kind == KIND_NULL)
        schema_become(&lab->known, KIND_STRUCT);
    put_lines(&lines, json_root(&json), &lab->known);
    schema_settle(&lab->known);
    schema_copy(&lab->known, &made.schema);
    must(fs_write(lines_path, buf_text(&lines), lines.size, 0666, &err), &err);
    put_landing(&made.schema, lines_path, page_rows, &sql);
    name_file(lab, &made);
    copy_to(lab, sql.data, made.path);
    made.ref.rows = (int64_t)yyjson_arr_size(json_root(&json));
    free(lines_path);
    free(text);
    *ret_file = made;
}

void lab_rewrite(struct lab *lab, const struct lab_file *file, const char *sql)
{
    AUTO(buf) select = {0};
    char *other = mem_fmt("%s.new", file->path);

    buf_puts(&select, "WITH landed AS (FROM read_parquet(");
    sql_put_text(&select, file->path);
    buf_printf(&select, ")) %s", sql);
    copy_to(lab, select.data, other);
    if (rename(other, file->path) != 0)
        abort();
    free(other);
}

void lab_file_close(struct lab_file *file)
{
    schema_close(&file->schema);
    ref_close(&file->ref);
    free(file->path);
    *file = (struct lab_file){0};
}

/* ---- running ---- */

struct engine_job lab_job(const struct lab *lab, const struct lab_file *file)
{
    return (struct engine_job){.input = &file->ref,
                               .input_path = file->path,
                               .schema = &file->schema,
                               .known = &lab->known,
                               .temp_dir = lab->temp_dir};
}

void lab_keep(const struct lab *lab, struct engine_job *job)
{
    struct err err = {0};

    for (struct engine_output *output = job->outputs; output; output = output->next) {
        char *dir = fs_join(lab->dir, output->table);
        char *path = mem_fmt("%s/%s.parquet", dir, job->input->id);

        must(fs_make_dirs(dir, 0777, &err), &err);
        must(fs_remove_tree(path, &err), &err);
        if (rename(output->temp_path, path) != 0)
            abort();
        free(path);
        free(dir);
    }
}

int lab_pass(struct lab *lab, const struct engine_tables *tables, const char *records,
             struct err *err)
{
    struct lab_file file;
    struct engine_job job;
    int done;

    lab_land(lab, records, 1000, &file);
    job = lab_job(lab, &file);
    done = engine_run(&lab->engine, tables, &job, 1, &lab->journal, err);
    if (done == 0 && job.failed) {
        *err = job.err;
        done = -1;
    }
    lab_keep(lab, &job);
    engine_job_close(&job);
    lab_file_close(&file);
    return done;
}

/* ---- reading back ---- */

/* "@quakes" becomes read_parquet('<dir>/quakes/…'). */
static void put_query(const struct lab *lab, const char *sql, struct buf *to)
{
    while (*sql) {
        const char *end = sql + 1;

        while (isalnum((unsigned char)*end) || *end == '_')
            end++;
        if (*sql == '@')
            buf_printf(to, "read_parquet('%s/%.*s/**/*.parquet', union_by_name = true)", lab->dir,
                       (int)(end - sql - 1), sql + 1);
        else
            buf_put(to, sql, (size_t)(end - sql));
        sql = end;
    }
}

char *lab_rows(struct lab *lab, const char *sql)
{
    AUTO(buf) plain = {0};
    AUTO(buf) query = {0};
    AUTO(duck_result) result = {0};
    struct buf rows = {0};
    struct err err = {0};

    put_query(lab, sql, &plain);
    buf_printf(&query, "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (%s)", plain.data);
    if (duck_query(&lab->conn, query.data, &result, &err) < 0)
        return mem_fmt("%s", err.text);
    for (idx_t row = 0; row < duckdb_row_count(&result.result); row++)
        for (idx_t i = 0; i < duckdb_column_count(&result.result); i++) {
            char *text = duck_text(&result, i, row);

            buf_puts(&rows, i ? "|" : "");
            buf_puts(&rows, text ? text : "NULL");
            buf_puts(&rows, i + 1 == duckdb_column_count(&result.result) ? "\n" : "");
            duckdb_free(text);
        }
    return buf_take(&rows);
}

void lab_expect_at(struct lab *lab, const char *sql, const char *expected, const char *file,
                   int line)
{
    char *rows = lab_rows(lab, sql);
    const bool same = str_same(rows, expected);

    if (!same)
        print_error("%s\ngave\n%sinstead of\n%s", sql, rows, expected);
    free(rows);
    if (!same)
        _fail(file, line);
}
