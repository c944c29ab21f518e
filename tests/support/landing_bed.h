/*
 * A landing in a folder of its own, fed from JSON in the test, with what it committed at hand.
 */
#ifndef RIACHO_LANDING_BED_H
#define RIACHO_LANDING_BED_H

#include "db/duck.h"
#include "landing/landing.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bed_file {
    char *path; /* under its final name */
    struct schema schema;
    char fingerprint[17];
    char *url; /* of its first page */
    char *cursor_from;
    char *cursor_to;
    int64_t rows;
    int64_t first_page;
    int64_t last_page;
    size_t commit; /* number of its commit, from 0 */
};

struct bed_commit {
    int64_t page;
    char *position;
    char *url;
    char *cursor;
    char *boundary;
    size_t files;
    bool is_last;
};

struct bed {
    char dir[32];
    char *temp_dir;
    struct duck_soon duck;
    struct duck_conn conn;
    struct landing landing;
    struct landing_conf conf; /* 1,000,000 rows, 1 GiB, never by age; change before bed_open() */
    struct landing_run run;   /* filled but for what a test sets before bed_open() */
    struct landing_stats stats;
    struct bed_commit *commits;
    size_t commit_count;
    struct bed_file *files;
    size_t file_count;
    bool refuses_commits;
    pthread_mutex_t gate; /* a commit waits while the test holds it */
    struct err err;
};

/* As cmocka's setup and teardown: `*state` is a struct bed. */
int bed_set_up(void **state);
int bed_tear_down(void **state);

/* Each fails the test if it does not succeed. */
void bed_open(struct bed *bed);
void bed_batch(struct bed *bed, int64_t page, int64_t first_index, const char *records);
void bed_end_page(struct bed *bed, int64_t page, bool is_last);
/* A page of one batch: "1, {\"a\": 2}"; "" is an empty page. */
void bed_page(struct bed *bed, int64_t page, const char *records);
void bed_finish(struct bed *bed);

/* A batch as the source makes them; the records' count is told by parsing. */
struct batch *bed_make_batch(int64_t page, int64_t first_index, const char *records);

/* Waits until so many commits were made (10 s at most). */
void bed_wait_for_commits(struct bed *bed, size_t count);

/*
 * One number, or text (to be freed by duckdb_free), of SQL over the table `landed`: all committed
 * files, united by name.
 */
int64_t bed_number(struct bed *bed, const char *sql);
char *bed_text(struct bed *bed, const char *sql);
void bed_assert_text(struct bed *bed, const char *sql, const char *expected);

/* A call failed so: `part` is in the text. Closes the landing; nothing temporary is left. */
void bed_assert_failed(struct bed *bed, int done, enum err_code code, const char *part);

/* Files in the folder of temporary files. */
size_t bed_temp_files(const struct bed *bed);

#endif
