/*
 * Plans: what a pipeline says of its tables, or the default rules, as SQL over one landed file. A plan
 * depends on the landing's schema alone, not on the file; so it is made once per schema.
 */
#ifndef RIACHO_TABLE_PLAN_H
#define RIACHO_TABLE_PLAN_H

#include "base/err.h"
#include "engine/dialect.h"
#include "engine/engine.h"

/* Columns that plans use for themselves. */
#define TABLE_PLACE "riacho__place" /* orders the rows as the API gave them */
#define TABLE_FILE_COLUMN "riacho__file"
#define TABLE_KEY "riacho__key" /* and a number: keys by which rows are told apart */

/*
 * A file of at most so many rows is given the API's order; to sort a larger one would take memory that grows
 * with it. Its rows stand in the landing's order, which is nearly the API's.
 */
#define TABLE_SORT_MOST_ROWS 30720

/* Stand in a plan's SQL for what differs from file to file; see table_fill(). */
#define TABLE_INPUT "\x01"
#define TABLE_RUN "\x02"
#define TABLE_OPEN "\x03" /* rows that may be filtered lie between these two */
#define TABLE_CLOSE "\x04"
#define TABLE_UNTYPED "\x05"   /* a null that has no type yet */
#define TABLE_FILE "\x06"      /* in a list of columns: the file's number, of several; … */
#define TABLE_FILE_FROM "\x07" /* … where it comes from the input */

struct table_column {
    char *name;
    struct sql_type type;
    bool is_declared; /* the pipeline file gives the type */
};

struct table_plan {
    char *table;
    struct table_column *columns; /* none of a user's SQL until it was described */
    size_t column_count;
    char *relation; /* a SELECT that gives the columns, and TABLE_PLACE unless is_user_sql */
    char *keys; /* a SELECT that gives TABLE_PLACE and TABLE_KEY 0, 1, …; NULL of a user's SQL */
    char *look; /* the same for a quick look: more rows, and null for what does not convert */
    size_t key_count;   /* 0: all rows are kept */
    char **key_columns; /* the keys as SQL over `relation`; NULL: it does not give them */
    const char *order;  /* ORDER BY's list */
    bool is_user_sql;
    char *user_sql; /* the one statement as the user wrote it */
};

struct table_plans {
    struct table_plan *items;
    size_t count;
};

struct table_request {
    const struct dialect *dialect;
    const struct engine_tables *tables;
    const struct schema *schema; /* of the file */
    const struct schema *known;  /* the resource's widest so far */
};

/* ERR_USAGE: the pipeline file's words make no SQL. */
MUST_CHECK int table_plans_make(const struct table_request *request, struct table_plans *ret_plans,
                                struct err *err);
void table_plan_close(struct table_plan *plan);
void table_plans_close(struct table_plans *plans);

/* Adds a column at the end. */
struct table_column *table_plan_add(struct table_plan *plan, const char *name, bool is_declared);
/* Whether it has a column of that name, in whatever case. */
bool table_plan_has(const struct table_plan *plan, const char *name);

/* What the stand-ins stand for; each is SQL. */
struct table_parts {
    const char *input;
    const char *run;
    const char *filter;  /* NULL: all rows */
    const char *untyped; /* NULL: NULL */
    const char *file;    /* the number, from 0, of a row's file in the input; NULL: it is one */
};

/* Adds the text with its stand-ins replaced. */
void table_fill(const char *text, const struct table_parts *parts, struct buf *to);
/*
 * Adds the condition that keeps, of rows whose keys are alike, the last; rows with a null key are all kept.
 */
void table_put_filter(const struct table_plan *plan, struct buf *to);

/* Each adds plans to those that are there. */
void table_by_default(const struct table_request *request, struct table_plans *plans);
MUST_CHECK int table_by_columns(const struct table_request *request, const struct table_conf *table,
                                struct table_plans *plans, struct err *err);
MUST_CHECK int table_by_sql(const struct table_request *request, const struct table_conf *table,
                            struct table_plans *plans, struct err *err);

/* Adds the SQL of a row's place, from the landing's columns. */
#define TABLE_PLACE_SQL "(" SCHEMA_PAGE_COLUMN " * 4294967296 + " SCHEMA_INDEX_COLUMN ")"

#endif
