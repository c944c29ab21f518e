/*
 * Runs, and what is remembered of each resource between them.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "db/journal.h"
#include "db/recover.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/banned.h"

void run_state_close(struct run_state *run)
{
    free(run->position);
    free(run->start_value);
    free(run->start_boundary);
    free(run->cursor);
    free(run->boundary);
    free(run->selector);
    *run = (struct run_state){0};
}

/* ---- starting ---- */

/* What the unfinished run left. 1 there is one, 0 the next run is a fresh one. */
static int read_unfinished(struct lite *lite, const char *resource, struct run_state *run,
                           struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got = lite_first(lite,
                               "SELECT run, next_page, position, start_value, start_boundary,"
                               " run_cursor, run_boundary FROM resources"
                               " WHERE name = ? AND position IS NOT NULL",
                               BIND(lite_text(resource)), &rows, err);

    if (got <= 0)
        return got;
    run->resumes = lite_col_int(&rows, 0);
    run->next_page = lite_col_int(&rows, 1);
    run->position = lite_col_copy(&rows, 2);
    run->start_value = lite_col_copy(&rows, 3);
    run->start_boundary = lite_col_copy(&rows, 4);
    run->cursor = lite_col_copy(&rows, 5);
    run->boundary = lite_col_copy(&rows, 6);
    return 1;
}

static int begin_fresh(struct lite *lite, const char *resource, const char *initial_value,
                       struct run_state *run, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got = lite_first(lite,
                               "SELECT cursor, boundary FROM resources"
                               " WHERE name = ? AND cursor IS NOT NULL",
                               BIND(lite_text(resource)), &rows, err);

    TRY(got);
    run->next_page = 1;
    if (got == 0) {
        run->start_value = mem_str(initial_value);
        return 0;
    }
    run->start_value = lite_col_copy(&rows, 0);
    run->start_boundary = lite_col_copy(&rows, 1);
    run->cursor = lite_col_copy(&rows, 0);
    run->boundary = lite_col_copy(&rows, 1);
    return 0;
}

static int read_selector(struct lite *lite, const char *resource, struct run_state *run,
                         struct err *err)
{
    AUTO(lite_rows) rows = {0};
    AUTO(json) counts = {0};
    struct err ignored = {0};
    const int got =
        lite_first(lite,
                   "SELECT coalesce(counts, '') FROM runs WHERE resource = ? AND status = 'ended'"
                   " ORDER BY number DESC LIMIT 1",
                   BIND(lite_text(resource)), &rows, err);
    TRY(got);
    if (got > 0 &&
        json_parse(&counts, lite_col_text(&rows, 0), lite_col_size(&rows, 0), &ignored) == 0)
        run->selector = mem_str(json_str(json_root(&counts), "selector"));
    return 0;
}

static int write_run(struct journal *journal, const char *resource, struct run_state *run,
                     struct err *err)
{
    struct lite *lite = &journal->lite;

    TRY(lite_run(
        lite,
        "INSERT INTO runs(resource, resumes, status, process, started, first_page, last_page)"
        " VALUES (?, ?, 'running', ?, ?, ?, ?)",
        BIND(lite_text(resource), lite_int(run->resumes), lite_text(journal->process),
             lite_int(clock_wall_ms()), lite_int(run->next_page), lite_int(run->next_page - 1)),
        err));
    run->number = lite_last_id(lite);
    return lite_run(lite,
                    "INSERT INTO resources(name, run, next_page, position, start_value,"
                    " start_boundary, run_cursor, run_boundary) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT(name) DO UPDATE SET run = excluded.run,"
                    " next_page = excluded.next_page, position = excluded.position,"
                    " start_value = excluded.start_value, start_boundary = excluded.start_boundary,"
                    " run_cursor = excluded.run_cursor, run_boundary = excluded.run_boundary",
                    BIND(lite_text(resource), lite_int(run->number), lite_int(run->next_page),
                         lite_text(run->position), lite_text(run->start_value),
                         lite_text(run->start_boundary), lite_text(run->cursor),
                         lite_text(run->boundary)),
                    err);
}

int journal_run_start(struct journal *journal, const char *resource, const char *initial_value,
                      struct run_state *ret_run, struct err *err)
{
    AUTO(run_state) run = {0};
    AUTO(lite_txn) txn = {0};
    int resumed;

    TRY(journal_settle(journal, err));
    TRY(lite_begin(&txn, &journal->lite, err));
    resumed = read_unfinished(&journal->lite, resource, &run, err);
    TRY(resumed);
    if (resumed == 0)
        TRY(begin_fresh(&journal->lite, resource, initial_value, &run, err));
    TRY(read_selector(&journal->lite, resource, &run, err));
    TRY(write_run(journal, resource, &run, err));
    TRY(lite_commit(&txn, err));
    run_state_close(ret_run);
    *ret_run = run;
    run = (struct run_state){0};
    return 0;
}

/* ---- not ending well ---- */

int journal_run_over(struct journal *journal, const char *resource, struct run_state *run,
                     struct err *err)
{
    AUTO(lite_txn) txn = {0};

    TRY(journal_settle(journal, err));
    TRY(lite_begin(&txn, &journal->lite, err));
    TRY(lite_run(&journal->lite,
                 "UPDATE resources SET position = NULL, next_page = 1 WHERE name = ? AND run = ?",
                 BIND(lite_text(resource), lite_int(run->number)), err));
    TRY(lite_run(&journal->lite, "UPDATE runs SET first_page = 1, last_page = 0 WHERE number = ?",
                 BIND(lite_int(run->number)), err));
    TRY(lite_commit(&txn, err));
    free(run->position);
    run->position = NULL;
    run->next_page = 1;
    return 0;
}

int journal_run_failed(struct journal *journal, const char *resource, int64_t number,
                       const char *status, const char *error, const char *counts, struct err *err)
{
    AUTO(lite_txn) txn = {0};

    TRY(journal_settle(journal, err));
    TRY(lite_begin(&txn, &journal->lite, err));
    TRY(lite_run(&journal->lite,
                 "UPDATE runs SET status = ?, error = ?, counts = coalesce(?, counts), ended = ?"
                 " WHERE number = ? AND resource = ? AND status IN ('running', 'killed')",
                 BIND(lite_text(status), lite_text(error), lite_text(counts),
                      lite_int(clock_wall_ms()), lite_int(number), lite_text(resource)),
                 err));
    return lite_commit(&txn, err);
}

int journal_run_page(struct journal *journal, int64_t number, int64_t *ret_page, struct err *err)
{
    int got;

    TRY(journal_settle(journal, err));
    got = lite_number(&journal->lite, "SELECT last_page FROM runs WHERE number = ?",
                      BIND(lite_int(number)), ret_page, err);
    if (got == 0)
        return err_set(err, ERR_DATA, "the run %" PRId64 " is not known", number);
    return got < 0 ? -1 : 0;
}

int journal_reset(struct journal *journal, const char *resource, int64_t *ret_count,
                  struct err *err)
{
    AUTO(lite_txn) txn = {0};
    int64_t count;

    TRY(journal_settle(journal, err));
    TRY(lite_begin(&txn, &journal->lite, err));
    TRY(lite_run(&journal->lite, "DELETE FROM resources WHERE ?1 IS NULL OR name = ?1",
                 BIND(lite_text(resource)), err));
    count = lite_changes(&journal->lite);
    TRY(lite_run(&journal->lite,
                 "UPDATE runs SET counts = json_remove(counts, '$.selector')"
                 " WHERE (?1 IS NULL OR resource = ?1) AND instr(counts, '\"selector\"') > 0",
                 BIND(lite_text(resource)), err));
    TRY(lite_commit(&txn, err));
    *ret_count = count;
    return 0;
}

/* ---- schemas ---- */

static int read_schema(struct lite_rows *rows, struct schema *ret_schema, struct err *err)
{
    AUTO(schema) made = {0};
    const int got = lite_next(rows, err);

    if (got <= 0)
        return got;
    TRY(schema_read(lite_col_text(rows, 0), lite_col_size(rows, 0), &made, err));
    schema_close(ret_schema);
    *ret_schema = made;
    made = (struct schema){0};
    return 1;
}

int journal_schema(struct journal *journal, const char *resource, struct schema *ret_schema,
                   struct err *err)
{
    AUTO(lite_rows) rows = {0};

    TRY(journal_settle(journal, err));
    TRY(lite_query(&journal->lite,
                   "SELECT doc FROM schemas WHERE resource = ? ORDER BY seq DESC LIMIT 1",
                   BIND(lite_text(resource)), &rows, err));
    return read_schema(&rows, ret_schema, err);
}

int journal_schema_by(struct journal *journal, const char *resource, const char *fingerprint,
                      struct schema *ret_schema, struct err *err)
{
    AUTO(lite_rows) rows = {0};

    TRY(lite_query(&journal->lite, "SELECT doc FROM schemas WHERE resource = ? AND fingerprint = ?",
                   BIND(lite_text(resource), lite_text(fingerprint)), &rows, err));
    return read_schema(&rows, ret_schema, err);
}
