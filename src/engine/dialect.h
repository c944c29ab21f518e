/*
 * What differs between the SQL of the engines, in one place. The SQL that table_plan.h makes is put together
 * from these, and from what all engines share (CASE, COALESCE, TRY_CAST, regular expressions that RE2 and
 * Java read alike).
 */
#ifndef RIACHO_DIALECT_H
#define RIACHO_DIALECT_H

#include "base/buf.h"
#include "base/json.h"
#include "engine/sql_type.h"

/* Templates: $1 to $9 stand for what sql_fill() is given. */
struct dialect {
    const char *name;
    void (*put_name)(struct buf *to, const char *name);              /* an identifier, quoted */
    void (*put_text)(struct buf *to, const char *text);              /* a literal */
    void (*put_type)(const struct sql_type *type, struct buf *to);   /* of what is stored */
    void (*put_landed)(const struct schema *schema, struct buf *to); /* of what the landing has */
    /*
     * The value `sql` of the schema `own` as `wanted`, which is `own` with more members and types; NULL: as what is
     * stored, without members that are never anything but null. NULL: a cast does it.
     */
    void (*put_shaped)(const struct schema *own, const struct schema *wanted, const char *sql,
                       struct buf *to);
    /* A path into JSON text, unquoted. */
    void (*put_steps)(const struct json_step *steps, size_t count, struct buf *to);
    const char *text;    /* the type of texts */
    const char *instant; /* the type of timestamps */
    const char *field;   /* member of a struct: $1 the struct, $2 its name, $3 that as a literal */
    const char *item;    /* item of a list, NULL if it is too short: $1 the list, $2 from 0 */
    const char *trim;    /* $1 without blanks at both ends; names $1 once */
    const char *unless_clean; /* $1 if it begins and ends with what is plainly no blank, else $2 */
    const char *matches;      /* whether the whole text $1 matches the pattern $2 */
    const char *fail;         /* fails the query with the message of the parts $1 */
    const char *of_micros;    /* a timestamp of microseconds since 1970 $1 */
    const char *quotient;     /* $1 by $2, integers, the rest dropped */
    const char *padded;       /* $1, not negative, as text of at least six digits */
    const char *json;         /* JSON text of any value $1 */
    const char *json_value;   /* in the JSON text $1, what is at path $2: as JSON text */
    const char *json_text;    /* the same, a string without quotes; null is NULL */
    const char *json_texts;   /* each item of the list $1 of JSON texts, a string without quotes */
    const char *jsons;        /* each item of the list $1 as JSON text */
    const char *whole;        /* a record of all columns: $1 "name, name, …" */
    /* The relation $1 with columns riacho__id, riacho__place$2 and riacho__list: a row per item, with
     * riacho__item and riacho__index (from 0) instead of the list. */
    const char *items;
};

/*
 * A text without blanks at both ends, quickly where it has none; with `empty_as_null` NULL if nothing is left. The
 * value is named several times, and should be cheap.
 */
void dialect_put_trimmed(const struct dialect *dialect, const char *value, bool empty_as_null,
                         struct buf *to);

extern const struct dialect dialect_duckdb;
extern const struct dialect dialect_spark;

/* Adds the template with $1 to $9 replaced. */
void sql_fill(struct buf *to, const char *template, const char *const *parts);
#define SQL_FILL(to, template, ...) sql_fill((to), (template), (const char *const[]){__VA_ARGS__})

#endif
