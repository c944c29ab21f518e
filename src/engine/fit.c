/*
 * Fitting columns to their fixed types.
 */
#include "engine/fit.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/convert.h"

#include <stdlib.h>
#include <strings.h>

#include "base/banned.h"

#define MOST_NAMES 100 /* tries for a misfit column's name */

/* A column as it will be written. */
struct written {
    struct fixed_column fixed; /* its type before and after the journal was asked */
    char *expression;
};

struct writing {
    const struct table_plan *plan;
    const struct dialect *dialect;
    struct written *columns;
    size_t count;
};

static void writing_close(struct writing *writing)
{
    for (size_t i = 0; i < writing->count; i++) {
        free(writing->columns[i].fixed.name);
        free(writing->columns[i].fixed.type);
        free(writing->columns[i].expression);
    }
    free(writing->columns);
    writing->columns = NULL;
    writing->count = 0;
}

static char *words_of(const struct sql_type *type)
{
    struct buf words = {0};

    sql_type_put(type, &words);
    return buf_take(&words);
}

static char *quoted(const struct dialect *dialect, const char *name)
{
    struct buf sql = {0};

    dialect->put_name(&sql, name);
    return buf_take(&sql);
}

static struct written *add_written(struct writing *writing, const char *name,
                                   const struct sql_type *type, char *expression_taken)
{
    *MEM_PUSH(writing->columns, writing->count) =
        (struct written){.fixed = {.name = mem_str(name), .type = words_of(type)},
                         .expression = expression_taken};
    return &writing->columns[writing->count - 1];
}

/* ---- one value: what of it fits into the fixed type; null where it does not ---- */

static bool is_scalar(const struct sql_type *type)
{
    return type->kind > SQL_NULL && type->kind < SQL_LIST;
}

static bool is_number(const struct sql_type *type)
{
    return type->kind == SQL_BIGINT || type->kind == SQL_DOUBLE || type->kind == SQL_DECIMAL;
}

static bool is_time(const struct sql_type *type)
{
    return type->kind == SQL_DATE || type->kind == SQL_TIMESTAMP;
}

/* There and back. */
static void put_round_trip(const struct dialect *dialect, const char *value,
                           const struct sql_type *type, const struct sql_type *fixed,
                           struct buf *to)
{
    AUTO(buf) own = {0};
    AUTO(buf) wanted = {0};

    dialect->put_type(type, &own);
    dialect->put_type(fixed, &wanted);
    SQL_FILL(to, "CASE WHEN TRY_CAST(TRY_CAST($1 AS $3) AS $2) = $1 THEN TRY_CAST($1 AS $3) END",
             value, own.data, wanted.data);
}

/* Fifteen digits survive a double; of more, those that come back the same. */
static void put_text_as_double(const struct dialect *dialect, const char *value, struct buf *to)
{
    AUTO(buf) pattern = {0};
    AUTO(buf) matches = {0};

    dialect->put_text(&pattern, "-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]{1,2})?");
    SQL_FILL(&matches, dialect->matches, value, pattern.data);
    SQL_FILL(to,
             "CASE WHEN $2 AND (length($1) <= 15 OR CAST(TRY_CAST($1 AS DOUBLE) AS $3) = $1) "
             "THEN TRY_CAST($1 AS DOUBLE) END",
             value, matches.data, dialect->text);
}

static void put_text_fit(const struct dialect *dialect, const char *value,
                         const struct sql_type *fixed, struct buf *to)
{
    static const struct sql_type text = {.kind = SQL_TEXT};

    if (fixed->kind == SQL_DOUBLE)
        put_text_as_double(dialect, value, to);
    else if (fixed->kind == SQL_BOOLEAN)
        SQL_FILL(to, "CASE $1 WHEN 'true' THEN true WHEN 'false' THEN false END", value);
    else
        put_round_trip(dialect, value, &text, fixed, to);
}

/* JSON texts: strings without their quotes, then as texts. */
static void put_json_fit(const struct dialect *dialect, const char *value,
                         const struct sql_type *fixed, struct buf *to)
{
    AUTO(buf) text = {0};

    SQL_FILL(&text, dialect->json_text, value, "'$'");
    if (fixed->kind == SQL_TEXT)
        buf_puts(to, text.data);
    else
        put_text_fit(dialect, text.data, fixed, to);
}

static bool put_list_fit(const struct dialect *dialect, const char *value,
                         const struct sql_type *type, const struct sql_type *fixed, struct buf *to)
{
    const struct sql_type *items = &type->fields[0];
    const struct sql_type *wanted = &fixed->fields[0];
    AUTO(buf) texts = {0};

    if (!is_scalar(items) || !is_scalar(wanted))
        return false;
    if (wanted->kind == SQL_JSON) {
        SQL_FILL(to, dialect->jsons, value);
        return true;
    }
    if (items->kind != SQL_JSON) {
        put_round_trip(dialect, value, type, fixed, to);
        return true;
    }
    SQL_FILL(&texts, dialect->json_texts, value);
    if (wanted->kind == SQL_TEXT)
        buf_puts(to, texts.data);
    else
        put_round_trip(dialect, texts.data, type, fixed, to);
    return true;
}

/* Adds the part of the value that fits; false if none ever does. */
static bool put_fit(const struct dialect *dialect, const char *value, const struct sql_type *type,
                    const struct sql_type *fixed, struct buf *to)
{
    if (fixed->kind == SQL_JSON) {
        SQL_FILL(to, dialect->json, value);
        return true;
    }
    if (type->kind == SQL_LIST && fixed->kind == SQL_LIST)
        return put_list_fit(dialect, value, type, fixed, to);
    if (!is_scalar(fixed))
        return false;
    if (type->kind == SQL_JSON)
        put_json_fit(dialect, value, fixed, to);
    else if (type->kind == SQL_TEXT)
        put_text_fit(dialect, value, fixed, to);
    else if (fixed->kind == SQL_TEXT && (type->kind == SQL_LIST || type->kind == SQL_STRUCT))
        SQL_FILL(to, dialect->json, value);
    else if (fixed->kind == SQL_TEXT)
        SQL_FILL(to, "CAST($1 AS $2)", value, dialect->text);
    else if ((is_number(type) && is_number(fixed)) || (is_time(type) && is_time(fixed)))
        put_round_trip(dialect, value, type, fixed, to);
    else
        return false;
    return true;
}

/* Everything fits into texts and into JSON. */
static bool fits_always(const struct sql_type *type, const struct sql_type *fixed)
{
    if (type->kind == SQL_LIST && fixed->kind == SQL_LIST)
        return is_scalar(&type->fields[0]) &&
               (fixed->fields[0].kind == SQL_JSON ||
                (fixed->fields[0].kind == SQL_TEXT && type->fields[0].kind == SQL_JSON));
    return fixed->kind == SQL_JSON || fixed->kind == SQL_TEXT;
}

/* ---- columns for what does not fit ---- */

static bool is_taken(const struct writing *writing, const char *name)
{
    for (size_t i = 0; i < writing->plan->column_count; i++)
        if (strcasecmp(writing->plan->columns[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < writing->count; i++)
        if (strcasecmp(writing->columns[i].fixed.name, name) == 0)
            return true;
    return false;
}

/* Fixes the type of the misfit column; under another name if that one is fixed to another type. */
static int add_misfits(struct writing *writing, struct journal *journal, const char *name,
                       const struct sql_type *type, char *expression_taken, struct err *err)
{
    struct written *column = add_written(writing, "", type, expression_taken);
    char *wanted = mem_str(column->fixed.type);
    AUTO(buf) base = {0};
    bool is_done = false;
    int got = 0;

    buf_printf(&base, "%s__v_", name);
    sql_type_put_short(type, &base);
    for (int n = 1; n < MOST_NAMES && got == 0 && !is_done; n++) {
        char *tried = n == 1 ? mem_str(base.data) : mem_fmt("%s_%d", base.data, n);
        const bool is_free = !is_taken(writing, tried);

        free(column->fixed.name);
        free(column->fixed.type);
        column->fixed = (struct fixed_column){.name = tried, .type = mem_str(wanted)};
        if (is_free)
            got = journal_fix_columns(journal, writing->plan->table, &column->fixed, 1, err);
        is_done = is_free && str_same(column->fixed.type, wanted);
    }
    free(wanted);
    if (got == 0 && !is_done)
        return err_set(err, ERR_LIMIT, "table \"%s\": no name is left for a column \"%s\"",
                       writing->plan->table, base.data);
    return got;
}

static int add_other_type(struct writing *writing, struct journal *journal,
                          const struct table_column *column, const char *value, const char *fitting,
                          struct err *err)
{
    static const struct sql_type json = {.kind = SQL_JSON};
    const bool is_nested =
        column->type.kind == SQL_STRUCT ||
        (column->type.kind == SQL_LIST && column->type.fields[0].kind == SQL_STRUCT);
    AUTO(buf) own = {0};
    AUTO(buf) rest = {0};

    if (is_nested)
        SQL_FILL(&own, writing->dialect->json, value);
    else
        buf_puts(&own, value);
    SQL_FILL(&rest, "CASE WHEN $1 IS NULL THEN $2 END", fitting, own.data);
    return add_misfits(writing, journal, column->name, is_nested ? &json : &column->type,
                       buf_take(&rest), err);
}

/* Of JSON texts each goes where its own type belongs: strings, numbers, and all else as JSON. */
static int add_other_json(struct writing *writing, struct journal *journal,
                          const struct table_column *column, const char *value, const char *fitting,
                          const struct sql_type *fixed, struct err *err)
{
    static const struct sql_type text = {.kind = SQL_TEXT};
    static const struct sql_type number = {.kind = SQL_DOUBLE};
    AUTO(buf) string = {0};
    AUTO(buf) strings = {0};
    AUTO(buf) real = {0};
    AUTO(buf) reals = {0};
    AUTO(buf) rest = {0};

    SQL_FILL(&string, writing->dialect->json_text, value, "'$'");
    SQL_FILL(&strings, "CASE WHEN $1 IS NULL AND left($2, 1) = '\"' THEN $3 END", fitting, value,
             string.data);
    put_text_as_double(writing->dialect, value, &real);
    SQL_FILL(&reals, "CASE WHEN $1 IS NULL THEN $2 END", fitting, real.data);
    SQL_FILL(&rest, "CASE WHEN $1 IS NULL AND left($2, 1) <> '\"'", fitting, value);
    if (fixed->kind != SQL_DOUBLE)
        buf_printf(&rest, " AND %s IS NULL", real.data);
    SQL_FILL(&rest, " THEN $1 END", value);
    TRY(add_misfits(writing, journal, column->name, &text, buf_take(&strings), err));
    if (fixed->kind != SQL_DOUBLE)
        TRY(add_misfits(writing, journal, column->name, &number, buf_take(&reals), err));
    return add_misfits(writing, journal, column->name, &column->type, buf_take(&rest), err);
}

/* ---- all columns ---- */

static int refuse(const char *table, const char *column, const char *declared, const char *fixed,
                  struct err *err)
{
    err_set(err, ERR_USAGE,
            "table \"%s\": column \"%s\" is to be %s, and is %s in the files that are there", table,
            column, declared, fixed);
    return err_hint(err,
                    "Name the new column otherwise, or make the table anew: riacho transform FILE "
                    "--replay %s",
                    table);
}

static int fit_one(struct writing *writing, struct journal *journal,
                   const struct table_column *column, const char *fixed_words,
                   char **ret_expression, struct err *err)
{
    const struct dialect *dialect = writing->dialect;
    char *value = quoted(dialect, column->name);
    AUTO(sql_type) fixed = {0};
    AUTO(buf) fitting = {0};
    int got = 0;

    sql_type_read(fixed_words, &fixed);
    if (!put_fit(dialect, value, &column->type, &fixed, &fitting))
        buf_puts(&fitting, "NULL");
    if (!fits_always(&column->type, &fixed))
        got = column->type.kind == SQL_JSON
                  ? add_other_json(writing, journal, column, value, fitting.data, &fixed, err)
                  : add_other_type(writing, journal, column, value, fitting.data, err);
    free(value);
    if (got == 0)
        *ret_expression = buf_take(&fitting);
    return got;
}

static const struct table_column *column_of(const struct table_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->column_count; i++)
        if (str_same(plan->columns[i].name, name))
            return &plan->columns[i];
    return NULL;
}

/* Columns that were never anything but null are not written, unless there is no other. */
static void add_typed(struct writing *writing)
{
    static const struct sql_type text = {.kind = SQL_TEXT};
    const struct table_plan *plan = writing->plan;

    for (int pass = 0; pass < 2 && writing->count == 0; pass++)
        for (size_t i = 0; i < plan->column_count; i++) {
            const struct table_column *column = &plan->columns[i];
            const bool is_typed = column->type.kind != SQL_NULL;

            if (is_typed || pass == 1)
                add_written(writing, column->name, is_typed ? &column->type : &text, NULL);
        }
}

static int ask_journal(struct writing *writing, struct journal *journal, struct err *err)
{
    const size_t count = writing->count;
    struct fixed_column *fixed = mem_alloc(count * sizeof *fixed);
    int got;

    for (size_t i = 0; i < count; i++)
        fixed[i] = writing->columns[i].fixed;
    got = journal_fix_columns(journal, writing->plan->table, fixed, count, err);
    for (size_t i = 0; i < count; i++)
        writing->columns[i].fixed = fixed[i];
    free(fixed);
    return got;
}

static int fit_all(struct writing *writing, struct journal *journal, struct err *err)
{
    size_t count;

    add_typed(writing);
    count = writing->count;
    TRY(ask_journal(writing, journal, err));
    for (size_t i = 0; i < count; i++) {
        const struct table_column *column =
            column_of(writing->plan, writing->columns[i].fixed.name);
        const char *fixed = writing->columns[i].fixed.type;
        char *expression = NULL;
        AUTO(buf) words = {0};

        sql_type_put(&column->type, &words);
        if (column->type.kind == SQL_NULL || str_same(words.data, fixed))
            continue;
        if (column->is_declared)
            return refuse(writing->plan->table, column->name, words.data, fixed, err);
        TRY(fit_one(writing, journal, column, fixed, &expression, err));
        writing->columns[i].expression = expression;
    }
    return 0;
}

int fit_put_columns(const struct table_plan *plan, const struct dialect *dialect,
                    struct journal *journal, struct buf *to, struct err *err)
{
    AUTO(writing) writing = {.plan = plan, .dialect = dialect};

    TRY(fit_all(&writing, journal, err));
    for (size_t i = 0; i < writing.count; i++) {
        const struct written *column = &writing.columns[i];
        const struct table_column *own = column_of(plan, column->fixed.name);

        buf_puts(to, i ? ", " : "");
        if (column->expression) {
            /* A bare NULL has no type of its own. */
            AUTO(sql_type) type = {0};
            AUTO(buf) words = {0};

            sql_type_read(column->fixed.type, &type);
            dialect->put_type(&type, &words);
            SQL_FILL(to, "CAST($1 AS $2) AS ", column->expression, words.data);
        } else if (own->type.kind == SQL_NULL)
            buf_printf(to, "CAST(NULL AS %s) AS ", dialect->text);
        dialect->put_name(to, column->fixed.name);
    }
    return 0;
}

static int check_declared(const char *table, const struct column_conf *column,
                          const struct fixed_column *fixed, size_t count, struct err *err)
{
    AUTO(sql_type) declared = {0};
    AUTO(buf) words = {0};

    if (column->type == COLUMN_AS_LANDED)
        return 0;
    convert_type(column, NULL, &declared);
    sql_type_put(&declared, &words);
    for (size_t i = 0; i < count; i++)
        if (str_same(fixed[i].name, column->name) && !str_same(fixed[i].type, words.data))
            return refuse(table, column->name, words.data, fixed[i].type, err);
    return 0;
}

int fit_check(const struct table_conf *table, struct journal *journal, struct err *err)
{
    struct fixed_column *fixed = NULL;
    size_t count = 0;
    int fits = journal_columns(journal, table->name, &fixed, &count, err);

    for (size_t i = 0; i < table->column_count && fits == 0; i++)
        fits = check_declared(table->name, &table->columns[i], fixed, count, err);
    fixed_columns_free(fixed, count);
    return fits;
}
