/*
 * What each kind of query does: its statements, one after another.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "board/query.h"
#include "board/query_check.h"
#include "board/query_files.h"
#include "board/query_measures.h"
#include "board/query_sql.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"

#define MOST_ROWS 1000
#define MOST_SQL_ROWS 10000
#define LATE_ROWS 20000 /* of the average file */

static int read_count(yyjson_val *request, const char *name, int64_t least, int64_t most,
                      int64_t otherwise, int64_t *ret_count, struct err *err)
{
    const int64_t count = json_int(request, name, otherwise);

    if (count < least || count > most)
        return err_set(err, ERR_USAGE, "\"%s\" is between %" PRId64 " and %" PRId64, name, least,
                       most);
    *ret_count = count;
    return 0;
}

/* ---- rows ---- */

/* The columns that are wanted, in the order of the request; all if it names none. */
static int choose_columns(yyjson_val *request, const struct query_columns *all,
                          struct query_columns *ret_chosen, struct err *err)
{
    yyjson_val *names = yyjson_obj_get(request, "columns");
    const size_t count = yyjson_arr_size(names);

    for (size_t i = 0; i < (count ? count : all->count); i++) {
        const char *name = count ? yyjson_get_str(yyjson_arr_get(names, i)) : all->items[i].name;
        const struct query_column *column = query_column_find(all, name);

        if (column == NULL)
            return err_set(err, ERR_USAGE, "there is no column \"%.200s\"", name ? name : "");
        *MEM_PUSH(ret_chosen->items, ret_chosen->count) =
            (struct query_column){mem_str(column->name), mem_str(column->type)};
    }
    return 0;
}

static void put_cells(const struct query_columns *columns, struct buf *to)
{
    for (size_t i = 0; i < columns->count; i++) {
        AUTO(buf) name = {0};

        sql_put_name(&name, columns->items[i].name);
        buf_puts(to, i ? ", " : "");
        query_put_cell(buf_text(&name), columns->items[i].type, to);
    }
}

static void put_names(const struct query_columns *columns, struct buf *to)
{
    for (size_t i = 0; i < columns->count; i++) {
        buf_puts(to, i ? ", " : "");
        sql_put_name(to, columns->items[i].name);
    }
}

static int tell_count(struct query_run *run, const char *relation, const char *where,
                      struct err *err)
{
    AUTO(buf) sql = {0};
    int64_t total;

    buf_puts(&sql, "SELECT count(*) FROM ");
    buf_puts(&sql, relation);
    buf_puts(&sql, where);
    TRY(duck_number(run->conn, buf_text(&sql), &total, err));
    query_tell_total(run, total);
    return 0;
}

struct page {
    int64_t offset; /* into the relation */
    int64_t limit;
};

/* The cells are made of the rows of the page alone. */
static int tell_page(struct query_run *run, const char *relation, const char *where,
                     const struct query_columns *all, const struct page *page, struct err *err)
{
    AUTO(query_columns) chosen = {0};
    AUTO(buf) sql = {0};

    TRY(choose_columns(run->request, all, &chosen, err));
    query_tell_columns(run, &chosen);
    buf_puts(&sql, "SELECT ");
    put_cells(&chosen, &sql);
    buf_puts(&sql, " FROM (SELECT ");
    put_names(&chosen, &sql);
    buf_puts(&sql, " FROM ");
    buf_puts(&sql, relation);
    buf_puts(&sql, where);
    TRY(query_put_order(run->request, all, &sql, err));
    buf_printf(&sql, " LIMIT %" PRId64 " OFFSET %" PRId64 ")", page->limit, page->offset);
    return query_tell_rows(run, buf_text(&sql), page->limit, err);
}

static int tell_known_count(struct query_run *run, const struct query_target *target,
                            struct err *err)
{
    int64_t total = 0;

    TRY(query_count_rows(run, target, &total, err));
    query_tell_total(run, total);
    return 0;
}

/* Rows as they landed: only the files that hold them are opened, and the ledger knows how many there are. */
static int run_plain_rows(struct query_run *run, const struct query_target *target,
                          struct page page, struct err *err)
{
    AUTO(query_columns) columns = {0};
    AUTO(buf) relation = {0};
    int64_t skipped = 0;

    TRY(tell_known_count(run, target, err));
    TRY(query_put_files_of_rows(run, target, page.offset, page.limit, &columns, &relation, &skipped,
                                err));
    page.offset -= skipped;
    return tell_page(run, buf_text(&relation), "", &columns, &page, err);
}

/* Whether a table's files have so many rows that it pays to read them late. */
static int read_late_if_large(struct query_run *run, const struct query_target *target,
                              struct err *err)
{
    int64_t rows = 0;
    int64_t files = 1;

    TRY(query_count_rows(run, target, &rows, err));
    if (target->stage)
        TRY(query_count_files(run, target, &files, err));
    if (rows / (files ? files : 1) >= LATE_ROWS)
        query_read_late(run);
    return 0;
}

static int run_rows(struct query_run *run, struct err *err)
{
    AUTO(query_columns) columns = {0};
    AUTO(buf) relation = {0};
    AUTO(buf) where = {0};
    struct query_target target;
    struct page page;

    TRY(query_target_read(yyjson_obj_get(run->request, "of"), &target, err));
    TRY(read_count(run->request, "limit", 1, MOST_ROWS, 100, &page.limit, err));
    TRY(read_count(run->request, "offset", 0, INT64_MAX / 2, 0, &page.offset, err));
    if (target.stage && !query_narrows(run->request) && !query_orders(run->request))
        return run_plain_rows(run, &target, page, err);
    if (query_orders(run->request))
        TRY(read_late_if_large(run, &target, err));
    TRY(query_put_files(run, &target, &columns, &relation, err));
    if (!query_narrows(run->request))
        TRY(tell_known_count(run, &target, err));
    TRY(query_put_where(run->request, &columns, &where, err));
    TRY(tell_page(run, buf_text(&relation), buf_text(&where), &columns, &page, err));
    if (!query_narrows(run->request) || !json_bool(run->request, "count", true))
        return 0;
    return tell_count(run, buf_text(&relation), buf_text(&where), err);
}

/* ---- SQL ---- */

/* "c1, c2, …": columns of a statement may have the same names, or none. */
static void put_numbered(size_t count, struct buf *to)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(to, i ? ", c%zu" : "c%zu", i);
}

/* A comment at its end must not hide what comes behind. */
static void put_in_brackets(const char *sql, struct buf *to)
{
    size_t size = strlen(sql);

    while (size > 0 && strchr("; \t\r\n", sql[size - 1]))
        size--;
    buf_putc(to, '(');
    buf_put(to, sql, size);
    buf_puts(to, "\n)");
}

static int tell_sql_rows(struct query_run *run, const char *bracketed, int64_t limit,
                         struct err *err)
{
    AUTO(query_columns) columns = {0};
    AUTO(buf) sql = {0};

    TRY(query_describe(run, bracketed, &columns, err));
    query_tell_columns(run, &columns);
    buf_puts(&sql, "SELECT ");
    for (size_t i = 0; i < columns.count; i++) {
        char *name = mem_fmt("c%zu", i);

        buf_puts(&sql, i ? ", " : "");
        query_put_cell(name, columns.items[i].type, &sql);
        free(name);
    }
    buf_puts(&sql, " FROM ");
    buf_puts(&sql, bracketed);
    buf_puts(&sql, " AS t(");
    put_numbered(columns.count, &sql);
    buf_printf(&sql, ") LIMIT %" PRId64, limit + 1);
    return query_tell_rows(run, buf_text(&sql), limit, err);
}

static int read_sql(struct query_run *run, struct buf *ret_bracketed, struct err *err)
{
    const char *sql = json_str(run->request, "sql");

    if (sql == NULL || *sql == '\0')
        return err_set(err, ERR_USAGE, "\"sql\" is missing");
    TRY(query_prepare_sql(run, sql, err));
    put_in_brackets(sql, ret_bracketed);
    return 0;
}

static int run_sql(struct query_run *run, struct err *err)
{
    AUTO(buf) bracketed = {0};
    int64_t limit = 0;

    TRY(read_count(run->request, "limit", 1, MOST_SQL_ROWS, 1000, &limit, err));
    TRY(read_sql(run, &bracketed, err));
    return tell_sql_rows(run, buf_text(&bracketed), limit, err);
}

/* ---- relations with filters, for the rest ---- */

int query_read_relation(struct query_run *run, struct query_columns *ret_columns,
                        struct buf *ret_relation, struct err *err)
{
    AUTO(buf) files = {0};
    struct query_target target;

    TRY(query_target_read(yyjson_obj_get(run->request, "of"), &target, err));
    TRY(query_put_files(run, &target, ret_columns, &files, err));
    buf_puts(ret_relation, "(SELECT * FROM ");
    buf_puts(ret_relation, buf_text(&files));
    TRY(query_put_where(run->request, ret_columns, ret_relation, err));
    buf_putc(ret_relation, ')');
    return 0;
}

static int run_summary(struct query_run *run, struct err *err)
{
    AUTO(query_columns) columns = {0};
    AUTO(buf) relation = {0};
    AUTO(buf) sql = {0};

    TRY(query_read_relation(run, &columns, &relation, err));
    buf_puts(&sql, "(SUMMARIZE SELECT * FROM ");
    buf_puts(&sql, buf_text(&relation));
    buf_putc(&sql, ')');
    return tell_sql_rows(run, buf_text(&sql), MOST_SQL_ROWS, err);
}

/* ---- downloads ---- */

struct format {
    const char *name;
    const char *copy; /* COPY's options */
    const char *type;
};

static const struct format formats[] = {
    {"csv", "(FORMAT csv, HEADER)", "text/csv; charset=utf-8"},
    {"parquet", "(FORMAT parquet, COMPRESSION zstd)", "application/vnd.apache.parquet"},
};

static const struct format *find_format(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (str_same(formats[i].name, name))
            return &formats[i];
    return NULL;
}

/* What is to be written: the rows of a target, chosen and ordered, or those of a statement. */
static int put_wanted(struct query_run *run, struct buf *name, struct buf *sql, struct err *err)
{
    AUTO(query_columns) all = {0};
    AUTO(query_columns) chosen = {0};
    AUTO(buf) relation = {0};
    struct query_target target;

    if (json_str(run->request, "sql")) {
        buf_puts(name, "query");
        return read_sql(run, sql, err);
    }
    TRY(query_read_relation(run, &all, &relation, err));
    TRY(query_target_read(yyjson_obj_get(run->request, "of"), &target, err));
    query_put_target_name(&target, name);
    TRY(choose_columns(run->request, &all, &chosen, err));
    buf_puts(sql, "(SELECT ");
    put_names(&chosen, sql);
    buf_puts(sql, " FROM ");
    buf_puts(sql, buf_text(&relation));
    TRY(query_put_order(run->request, &all, sql, err));
    buf_putc(sql, ')');
    return 0;
}

static void tell_download(struct query_run *run, const char *path, int64_t rows)
{
    AUTO(json_out) out = {0};
    yyjson_mut_val *root = json_out_open(&out);
    char *href = mem_fmt("/api/v1/queries/%s/file", run->query->id);
    struct stat info = {0};

    if (stat(path, &info) != 0)
        info.st_size = 0;
    yyjson_mut_obj_add_int(out.doc, root, "bytes", info.st_size);
    yyjson_mut_obj_add_int(out.doc, root, "rows", rows);
    yyjson_mut_obj_add_str(out.doc, root, "href", href);
    query_tell_result(run, &out);
    free(href);
}

static int run_download(struct query_run *run, struct err *err)
{
    const struct format *format = find_format(json_str(run->request, "format"));
    AUTO(buf) wanted = {0};
    AUTO(buf) name = {0};
    AUTO(buf) sql = {0};
    char *path;
    int64_t rows;

    if (format == NULL)
        return err_set(err, ERR_USAGE, "\"format\" is csv or parquet");
    TRY(put_wanted(run, &name, &wanted, err));
    buf_printf(&name, ".%s", format->name);
    path = mem_fmt("%s/%s.%s", query_folder(run), run->query->id, format->name);
    buf_puts(&sql, "COPY ");
    buf_puts(&sql, buf_text(&wanted));
    buf_puts(&sql, " TO ");
    sql_put_text(&sql, path);
    buf_printf(&sql, " %s", format->copy);
    query_tell_file(run, path, buf_take(&name), format->type);
    TRY(duck_number(run->conn, buf_text(&sql), &rows, err));
    tell_download(run, path, rows);
    return 0;
}

const struct query_kind query_kinds[] = {
    {"rows", 600000, run_rows},          {"sql", 60000, run_sql},
    {"summary", 600000, run_summary},    {"profile", 600000, query_run_profile},
    {"chart", 600000, query_run_chart},  {"map", 600000, query_run_map},
    {"download", 1800000, run_download}, {.name = NULL},
};
