/*
 * A lab for engines: JSON records land as Parquet (by DuckDB, with the types that a landing would give),
 * an engine makes tables of them, and DuckDB reads those back.
 */
#ifndef RIACHO_LAB_H
#define RIACHO_LAB_H

#include "db/duck.h"
#include "engine/engine.h"

struct lab {
    char *dir; /* NULL: closed */
    char *temp_dir;
    struct duck duck;
    struct duck_conn conn;
    struct journal journal;
    struct engine engine;
    struct schema known; /* of the resource so far */
    int landed;
};

/* One landed file and its job. */
struct lab_file {
    struct schema schema;
    char *path;
    struct ref ref;
};

/* Makes the folder, the state and the engine; ends the program if that fails. */
void lab_open(struct lab *lab, const struct engine_ops *ops);
void lab_close(struct lab *lab);
/* Closes the engine and opens it again. */
void lab_reopen_engine(struct lab *lab, const struct engine_ops *ops);

/*
 * Lands records: a JSON array in which ' stands for ". Pages have `page_rows` records. The file's schema is that
 * of all files so far with this one's, as a landing would have it. It is file "quakes-abc123-000001-<n>".
 */
void lab_land(struct lab *lab, const char *records, int page_rows, struct lab_file *ret_file);
/* As it stands, with what of it `sql` (a SELECT over `landed`) leaves: to shuffle rows, for one. */
void lab_rewrite(struct lab *lab, const struct lab_file *file, const char *sql);
void lab_file_close(struct lab_file *file);

/* A job for the file, which must outlive it. */
struct engine_job lab_job(const struct lab *lab, const struct lab_file *file);
/* Puts the job's outputs under <dir>/<table>/<reference>.parquet. */
void lab_keep(const struct lab *lab, struct engine_job *job);
/* Lands the records, runs them, keeps the outputs. Returns what engine_run() did; -1 also if the job failed. */
int lab_pass(struct lab *lab, const struct engine_tables *tables, const char *records,
             struct err *err);

/*
 * The rows of a query as text: "a|b|NULL" and a newline each. In it "@table" stands for all files of that
 * table. The caller frees.
 */
char *lab_rows(struct lab *lab, const char *sql);
/* The same, compared; tells both if they differ. */
void lab_expect_at(struct lab *lab, const char *sql, const char *expected, const char *file,
                   int line);
#define lab_expect(lab, sql, expected) lab_expect_at((lab), (sql), (expected), __FILE__, __LINE__)
/* The columns and types of the table's files: "name type\n" each. */
#define lab_expect_columns(lab, table, expected)                                                   \
    lab_expect(lab, "SELECT column_name, column_type FROM (DESCRIBE FROM @" table ")", expected)

#endif
