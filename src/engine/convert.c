/*
 * SQL that converts, strictly. `$1` is the value throughout.
 */
#include "engine/convert.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* Patterns of whole texts, blanks at their ends already off. */
#define DIGITS "[+-]?[0-9]+([.]0*)?"
#define REAL "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
#define DAY "[0-9]{4}-[0-9]{2}-[0-9]{2}"
#define ZONE " ?([Zz]|UTC|[+-][0-9]{2}(:?[0-9]{2})?)"
#define MOMENT DAY "([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(" ZONE ")?)?"

#define LARGEST_DOUBLE "1.7976931348623157e308"

/* ---- the first layer ---- */

static bool is_text(enum kind kind)
{
    return kind == KIND_TEXT || kind == KIND_NUMBER || kind == KIND_JSON;
}

static void put_case(const struct column_conf *column, const char *text, struct buf *to)
{
    buf_puts(to, column->upper ? "upper(" : column->lower ? "lower(" : "");
    buf_puts(to, text);
    buf_puts(to, column->upper || column->lower ? ")" : "");
}

/*
 * Blanks around what is no text in the end are no part of it. What stays a text is cleaned in the second layer,
 * where it has a name; and of nullif() here Spark would read the whole object that the text is a member of.
 */
static enum form put_text_source(const struct dialect *dialect, const struct column_conf *column,
                                 const struct landed *landed, bool stays_text, struct buf *to)
{
    AUTO(buf) text = {0};
    AUTO(buf) trimmed = {0};

    landed_put_text(landed, dialect, stays_text ? to : &text);
    if (stays_text)
        return FORM_READY;
    SQL_FILL(&trimmed, dialect->trim, text.data);
    buf_puts(to, column->empty_as_null ? "nullif(" : "");
    put_case(column, trimmed.data, to);
    buf_puts(to, column->empty_as_null ? ", '')" : "");
    return FORM_TEXT;
}

static enum form put_as_landed(const struct dialect *dialect, const struct column_conf *column,
                               const struct landed *landed, struct buf *to)
{
    if (landed->kind == KIND_TEXT || landed->kind == KIND_NUMBER)
        return put_text_source(dialect, column, landed, true, to);
    landed_put_stored(landed, dialect, to);
    return FORM_READY;
}

enum form convert_put_source(const struct dialect *dialect, const struct column_conf *column,
                             const struct landed *landed, struct buf *to)
{
    if (landed->kind == KIND_NULL) {
        buf_puts(to, "NULL");
        return FORM_NULL;
    }
    if (column->type == COLUMN_AS_LANDED)
        return put_as_landed(dialect, column, landed, to);
    if (column->type == COLUMN_JSON) {
        landed_put_json(landed, dialect, to);
        return FORM_READY;
    }
    if (column->type == COLUMN_TEXT || is_text(landed->kind))
        return put_text_source(dialect, column, landed, column->type == COLUMN_TEXT, to);
    if (landed->kind == KIND_STRUCT || landed->kind == KIND_LIST) {
        landed_put_json(landed, dialect, to);
        return FORM_NESTED;
    }
    landed_put_stored(landed, dialect, to);
    return landed->kind == KIND_BOOL   ? FORM_BOOL
           : landed->kind == KIND_INT  ? FORM_INT
           : landed->kind == KIND_UINT ? FORM_DECIMAL
                                       : FORM_DOUBLE;
}

/* ---- the second layer: each puts an expression that is null where $1 does not convert ---- */

static void put_matches(const struct dialect *dialect, const char *value, const char *pattern,
                        struct buf *to)
{
    AUTO(buf) literal = {0};

    dialect->put_text(&literal, pattern);
    SQL_FILL(to, dialect->matches, value, literal.data);
}

/* CASE WHEN the text matches THEN … */
static void put_when(const struct dialect *dialect, const char *value, const char *pattern,
                     const char *then, struct buf *to)
{
    buf_puts(to, "CASE WHEN ");
    put_matches(dialect, value, pattern, to);
    buf_puts(to, " THEN ");
    SQL_FILL(to, then, value);
    buf_puts(to, " END");
}

static void try_boolean(const struct dialect *dialect, enum form form, const char *value,
                        struct buf *to)
{
    (void)dialect;
    if (form == FORM_BOOL)
        buf_puts(to, value);
    else if (form == FORM_TEXT)
        SQL_FILL(to,
                 "CASE lower($1) WHEN 'true' THEN true WHEN 'false' THEN false "
                 "WHEN '1' THEN true WHEN '0' THEN false END",
                 value);
    else
        SQL_FILL(to, "CASE $1 WHEN 1 THEN true WHEN 0 THEN false END", value);
}

/* By way of DECIMAL, as not every engine reads "12.0" as an integer. */
static void try_bigint(const struct dialect *dialect, enum form form, const char *value,
                       struct buf *to)
{
    if (form == FORM_INT)
        buf_puts(to, value);
    else if (form == FORM_DECIMAL)
        SQL_FILL(to, "TRY_CAST($1 AS BIGINT)", value);
    else if (form == FORM_DOUBLE)
        SQL_FILL(to, "CASE WHEN floor($1) = $1 THEN TRY_CAST($1 AS BIGINT) END", value);
    else
        put_when(dialect, value, DIGITS, "TRY_CAST(TRY_CAST($1 AS DECIMAL(38,0)) AS BIGINT)", to);
}

static void try_double(const struct dialect *dialect, enum form form, const char *value,
                       struct buf *to)
{
    if (form != FORM_TEXT) {
        SQL_FILL(to, "CAST($1 AS DOUBLE)", value);
        return;
    }
    buf_puts(to, "CASE WHEN ");
    put_matches(dialect, value, REAL, to);
    SQL_FILL(to,
             " AND abs(TRY_CAST($1 AS DOUBLE)) <= " LARGEST_DOUBLE
             " THEN TRY_CAST($1 AS DOUBLE) END",
             value);
}

/* No digit after the point is rounded away; zeros at the end are none. */
static void try_decimal(const struct dialect *dialect, enum form form, const char *value,
                        const struct sql_type *type, struct buf *to)
{
    char pattern[96] = DIGITS;
    char words[24];

    snprintf(words, sizeof words, "DECIMAL(%d,%d)", type->precision, type->scale);
    if (form == FORM_INT || form == FORM_DECIMAL) {
        SQL_FILL(to, "TRY_CAST($1 AS $2)", value, words);
        return;
    }
    if (form == FORM_DOUBLE) {
        SQL_FILL(to,
                 "CASE WHEN CAST(TRY_CAST($1 AS $2) AS DOUBLE) = $1 THEN TRY_CAST($1 AS $2) END",
                 value, words);
        return;
    }
    if (type->scale > 0)
        snprintf(pattern, sizeof pattern, "[+-]?([0-9]+([.][0-9]{0,%d}0*)?|[.][0-9]{1,%d}0*)",
                 type->scale, type->scale);
    buf_puts(to, "CASE WHEN ");
    put_matches(dialect, value, pattern, to);
    SQL_FILL(to, " THEN TRY_CAST($1 AS $2) END", value, words);
}

/* From year 1 to year 9999, which everybody can read. */
static void put_in_range(const char *value, enum column_unit unit, const char *micros,
                         const struct dialect *dialect, struct buf *to)
{
    static const char *const zeros[] = {"", "", "000", "000000", "000000000"};
    AUTO(buf) instant = {0};
    AUTO(buf) expression = {0};

    SQL_FILL(&expression, micros, value);
    SQL_FILL(&instant, dialect->of_micros, expression.data);
    SQL_FILL(to, "CASE WHEN $1 BETWEEN -62135596800$2 AND 253402300799$2 THEN $3 END", value,
             zeros[unit], instant.data);
}

/* Whole numbers stay whole; of nanoseconds the last three digits go. */
static void put_instant_of_int(const struct dialect *dialect, const char *value,
                               enum column_unit unit, struct buf *to)
{
    static const char *const micros[] = {
        [UNIT_S] = "$1 * 1000000", [UNIT_MS] = "$1 * 1000", [UNIT_US] = "$1"};
    AUTO(buf) whole = {0};
    AUTO(buf) quotient = {0};
    AUTO(buf) instant = {0};

    if (unit != UNIT_NS) {
        put_in_range(value, unit, micros[unit], dialect, to);
        return;
    }
    SQL_FILL(&whole, "($1 - (($1 % 1000) + 1000) % 1000)", value);
    SQL_FILL(&quotient, dialect->quotient, whole.data, "1000");
    SQL_FILL(&instant, dialect->of_micros, quotient.data);
    SQL_FILL(to, "CASE WHEN $1 > -9223372036854775000 THEN $2 END", value, instant.data);
}

static void put_instant_of_double(const struct dialect *dialect, const char *value,
                                  enum column_unit unit, struct buf *to)
{
    static const char *const micros[] = {
        [UNIT_S] = "CAST(round($1 * 1e6) AS BIGINT)",
        [UNIT_MS] = "CAST(round($1 * 1e3) AS BIGINT)",
        [UNIT_US] = "CAST(round($1) AS BIGINT)",
        [UNIT_NS] = "CAST(floor($1 / 1e3) AS BIGINT)",
    };

    put_in_range(value, unit, micros[unit], dialect, to);
}

/* The second try is for other ways to write the same, the third for a time without seconds. */
static void put_instant_of_text(const struct dialect *dialect, const char *value, struct buf *to)
{
    AUTO(buf) clock = {0};

    SQL_FILL(&clock, "replace(upper(replace(substr($1, 12), ' ', '')), 'UTC', 'Z')", value);
    buf_puts(to, "CASE WHEN ");
    put_matches(dialect, value, MOMENT, to);
    SQL_FILL(to,
             " THEN COALESCE(TRY_CAST($1 AS $2), "
             "TRY_CAST(concat(left($1, 10), ' ', $3) AS $2), "
             "TRY_CAST(concat(left($1, 10), ' ', left($3, 5), ':00', substr($3, 6)) AS $2)) END",
             value, dialect->instant, clock.data);
}

static void put_instant_of_number_text(const struct dialect *dialect, const char *value,
                                       enum column_unit unit, struct buf *to)
{
    AUTO(buf) whole = {0};
    AUTO(buf) real = {0};

    try_bigint(dialect, FORM_TEXT, value, &whole);
    try_double(dialect, FORM_TEXT, value, &real);
    put_instant_of_int(dialect, whole.data, unit, to);
    buf_puts(to, ", ");
    put_instant_of_double(dialect, real.data, unit, to);
}

static void try_timestamp(const struct dialect *dialect, enum form form, const char *value,
                          enum column_unit unit, struct buf *to)
{
    AUTO(buf) whole = {0};

    if (form == FORM_TEXT) {
        buf_puts(to, "COALESCE(");
        put_instant_of_text(dialect, value, to);
        if (unit != UNIT_NONE) {
            buf_puts(to, ", ");
            put_instant_of_number_text(dialect, value, unit, to);
        }
        buf_puts(to, ")");
        return;
    }
    if (unit == UNIT_NONE)
        SQL_FILL(to, "CAST(NULL AS $1)", dialect->instant);
    else if (form == FORM_DOUBLE)
        put_instant_of_double(dialect, value, unit, to);
    else {
        try_bigint(dialect, form, value, &whole);
        put_instant_of_int(dialect, whole.data, unit, to);
    }
}

static void try_date(const struct dialect *dialect, enum form form, const char *value,
                     enum column_unit unit, struct buf *to)
{
    AUTO(buf) instant = {0};

    try_timestamp(dialect, form, value, unit, &instant);
    if (form == FORM_TEXT) {
        buf_puts(to, "COALESCE(");
        put_when(dialect, value, DAY, "TRY_CAST($1 AS DATE)", to);
        SQL_FILL(to, ", CAST($1 AS DATE))", instant.data);
    } else
        SQL_FILL(to, "CAST($1 AS DATE)", instant.data);
}

/* Whether a value of that form can be of that type at all. */
static bool is_possible(enum form form, const struct column_conf *column)
{
    const bool is_number = form == FORM_INT || form == FORM_DECIMAL || form == FORM_DOUBLE;

    if (form == FORM_NESTED)
        return false;
    if (column->type == COLUMN_BOOLEAN || form == FORM_TEXT)
        return true;
    return is_number && ((column->type != COLUMN_DATE && column->type != COLUMN_TIMESTAMP) ||
                         column->unit != UNIT_NONE);
}

static void put_try(const struct dialect *dialect, const struct column_conf *column, enum form form,
                    const struct sql_type *type, const char *value, struct buf *to)
{
    AUTO(buf) words = {0};

    if (!is_possible(form, column)) {
        dialect->put_type(type, &words);
        SQL_FILL(to, "CAST(NULL AS $1)", words.data);
        return;
    }
    switch (type->kind) {
    case SQL_BOOLEAN:
        try_boolean(dialect, form, value, to);
        return;
    case SQL_BIGINT:
        try_bigint(dialect, form, value, to);
        return;
    case SQL_DOUBLE:
        try_double(dialect, form, value, to);
        return;
    case SQL_DECIMAL:
        try_decimal(dialect, form, value, type, to);
        return;
    case SQL_DATE:
        try_date(dialect, form, value, column->unit, to);
        return;
    default:
        try_timestamp(dialect, form, value, column->unit, to);
    }
}

/* ---- what does not convert ---- */

static void put_type_name(const struct sql_type *type, struct buf *to)
{
    static const char *const names[] = {
        [SQL_BOOLEAN] = "boolean", [SQL_BIGINT] = "bigint",       [SQL_DOUBLE] = "double",
        [SQL_DATE] = "date",       [SQL_TIMESTAMP] = "timestamp",
    };

    if (type->kind == SQL_DECIMAL)
        buf_printf(to, "decimal(%d,%d)", type->precision, type->scale);
    else
        buf_puts(to, names[type->kind]);
}

static bool needs_unit(enum form form, const struct column_conf *column)
{
    return column->unit == UNIT_NONE && form != FORM_TEXT && form != FORM_NESTED &&
           form != FORM_BOOL && (column->type == COLUMN_DATE || column->type == COLUMN_TIMESTAMP);
}

/* column "magnitude": "abc" is not a double (page 3, index 17) */
static void put_fault(const struct dialect *dialect, const struct column_conf *column,
                      enum form form, const struct sql_type *type, const char *value,
                      struct buf *to)
{
    AUTO(buf) before = {0};
    AUTO(buf) after = {0};
    AUTO(buf) parts = {0};

    buf_printf(&before, "column \"%s\": %s", column->name, form == FORM_TEXT ? "\"" : "");
    buf_puts(&after, form == FORM_TEXT ? "\"" : "");
    buf_puts(&after,
             needs_unit(form, column) ? " needs a unit (s, ms, us or ns) to be a " : " is not a ");
    put_type_name(type, &after);
    buf_puts(&after, " (page ");
    dialect->put_text(&parts, before.data);
    SQL_FILL(&parts, ", left(CAST($1 AS $2), 100), ", value, dialect->text);
    dialect->put_text(&parts, after.data);
    buf_puts(&parts, ", " SCHEMA_PAGE_COLUMN ", ', index ', " SCHEMA_INDEX_COLUMN ", ')'");
    SQL_FILL(to, dialect->fail, parts.data);
}

/* Every value of that form converts. */
static bool is_total(enum form form, const struct sql_type *type)
{
    return (form == FORM_BOOL && type->kind == SQL_BOOLEAN) ||
           (form == FORM_INT && type->kind == SQL_BIGINT) ||
           (type->kind == SQL_DOUBLE &&
            (form == FORM_INT || form == FORM_DECIMAL || form == FORM_DOUBLE));
}

/* A text that stays one. */
static void put_cleaned(const struct dialect *dialect, const struct column_conf *column,
                        const char *value, struct buf *to)
{
    AUTO(buf) text = {0};

    if (column->trim)
        dialect_put_trimmed(dialect, value, column->empty_as_null, &text);
    else
        SQL_FILL(&text, column->empty_as_null ? "nullif($1, '')" : "$1", value);
    put_case(column, text.data, to);
}

static void put_converted(const struct dialect *dialect, const struct column_conf *column,
                          enum form form, const struct sql_type *type, const char *value,
                          struct buf *to)
{
    if (form == FORM_READY) {
        if (type->kind == SQL_TEXT)
            put_cleaned(dialect, column, value, to);
        else
            buf_puts(to, value);
        return;
    }
    if (column->on_error == ON_ERROR_NULL || is_total(form, type)) {
        put_try(dialect, column, form, type, value, to);
        return;
    }
    buf_puts(to, "COALESCE(");
    put_try(dialect, column, form, type, value, to);
    SQL_FILL(to, ", CASE WHEN $1 IS NOT NULL THEN ", value);
    put_fault(dialect, column, form, type, value, to);
    buf_puts(to, " END)");
}

/* ---- defaults ---- */

/* The text of a JSON scalar, that of a string without quotes; and the type that it speaks of. */
static char *read_scalar(const char *json_text, enum sql_kind *ret_kind)
{
    AUTO(json) json = {0};
    struct err err;
    yyjson_val *value;

    *ret_kind = SQL_TEXT;
    if (json_parse(&json, json_text, strlen(json_text), &err) < 0)
        return mem_str(json_text);
    value = json_root(&json);
    if (yyjson_is_str(value))
        return mem_str(yyjson_get_str(value));
    *ret_kind = yyjson_is_bool(value)   ? SQL_BOOLEAN
                : yyjson_is_int(value)  ? SQL_BIGINT
                : yyjson_is_real(value) ? SQL_DOUBLE
                                        : SQL_TEXT;
    return mem_str(json_text);
}

static void put_default(const struct dialect *dialect, const struct column_conf *column,
                        const struct sql_type *type, struct buf *to)
{
    AUTO(buf) literal = {0};
    AUTO(buf) words = {0};
    enum sql_kind kind;
    char *text = read_scalar(column->default_json, &kind);

    dialect->put_text(&literal, type->kind == SQL_JSON ? column->default_json : text);
    if (type->kind == SQL_TEXT || type->kind == SQL_JSON)
        buf_puts(to, literal.data);
    else if (type->kind == SQL_DATE || type->kind == SQL_TIMESTAMP)
        put_converted(dialect, column, FORM_TEXT, type, literal.data, to);
    else {
        dialect->put_type(type, &words);
        SQL_FILL(to, "CAST($1 AS $2)", literal.data, words.data);
    }
    free(text);
}

/* ---- the whole ---- */

void convert_put(const struct dialect *dialect, const struct column_conf *column, enum form form,
                 const struct sql_type *type, const char *source, struct buf *to)
{
    const bool has_default = column->default_json != NULL && type->kind != SQL_NULL;
    AUTO(buf) words = {0};

    buf_puts(to, has_default ? "COALESCE(" : "");
    if (form == FORM_NULL && type->kind != SQL_NULL) {
        dialect->put_type(type, &words);
        SQL_FILL(to, "CAST(NULL AS $1)", words.data);
    } else if (form == FORM_NULL)
        buf_puts(to, "NULL");
    else
        put_converted(dialect, column, form, type, source, to);
    if (has_default) {
        buf_puts(to, ", ");
        put_default(dialect, column, type, to);
        buf_putc(to, ')');
    }
}

void convert_type(const struct column_conf *column, const struct landed *landed,
                  struct sql_type *ret_type)
{
    static const enum sql_kind kinds[] = {
        [COLUMN_TEXT] = SQL_TEXT,           [COLUMN_BOOLEAN] = SQL_BOOLEAN,
        [COLUMN_BIGINT] = SQL_BIGINT,       [COLUMN_DOUBLE] = SQL_DOUBLE,
        [COLUMN_DECIMAL] = SQL_DECIMAL,     [COLUMN_DATE] = SQL_DATE,
        [COLUMN_TIMESTAMP] = SQL_TIMESTAMP, [COLUMN_JSON] = SQL_JSON,
    };

    if (column->type == COLUMN_AS_LANDED) {
        landed_type(landed, ret_type);
        if (ret_type->kind == SQL_NULL && column->default_json)
            free(read_scalar(column->default_json, &ret_type->kind));
        return;
    }
    *ret_type = (struct sql_type){.kind = kinds[column->type],
                                  .precision = (int)column->precision,
                                  .scale = (int)column->scale};
}
