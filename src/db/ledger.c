/*
 * Reading the ledger.
 */
#include "db/ledger.h"

#include "base/clock.h"
#include "base/mem.h"
#include "db/recover.h"

#include <stdlib.h>

#include "base/banned.h"

#define FILE_COLUMNS                                                                               \
    "f.seq, f.id, f.stage, f.subject, f.root, f.path, f.bytes, f.rows, f.first_page, f.last_page," \
    " f.run, f.request, f.time, f.event, f.removed IS NOT NULL"

void known_file_close(struct known_file *file)
{
    free(file->id);
    free(file->stage);
    free(file->subject);
    free(file->root);
    free(file->path);
    free(file->run);
    free(file->request);
    free(file->time);
    free(file->event);
    *file = (struct known_file){0};
}

static void read_file(const struct lite_rows *rows, struct known_file *ret_file)
{
    char time[CLOCK_TEXT];

    known_file_close(ret_file);
    *ret_file = (struct known_file){
        .seq = lite_col_int(rows, 0),
        .id = lite_col_copy(rows, 1),
        .stage = lite_col_copy(rows, 2),
        .subject = lite_col_copy(rows, 3),
        .root = lite_col_copy(rows, 4),
        .path = lite_col_copy(rows, 5),
        .bytes = lite_col_int(rows, 6),
        .rows = lite_col_int(rows, 7),
        .first_page = lite_col_int(rows, 8),
        .last_page = lite_col_int(rows, 9),
        .run = lite_col_copy(rows, 10),
        .request = lite_col_copy(rows, 11),
        .time = mem_str(clock_iso8601(lite_col_int(rows, 12), time)),
        .event = lite_col_copy(rows, 13),
        .removed = lite_col_int(rows, 14) != 0,
    };
}

static int read_first(struct journal *journal, const char *sql, const struct lite_value *values,
                      struct known_file *ret_file, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got = lite_first(&journal->lite, sql, values, &rows, err);

    if (got == 1)
        read_file(&rows, ret_file);
    return got;
}

int ledger_find(struct journal *journal, const char *id, struct known_file *ret_file,
                struct err *err)
{
    TRY(journal_settle(journal, err));
    return read_first(journal, "SELECT " FILE_COLUMNS " FROM files f WHERE f.id = ?",
                      BIND(lite_text(id)), ret_file, err);
}

int ledger_output(struct journal *journal, const char *origin, const char *stage,
                  const char *subject, struct known_file *ret_file, struct err *err)
{
    TRY(journal_settle(journal, err));
    return read_first(journal,
                      "SELECT " FILE_COLUMNS " FROM origins o JOIN files f ON f.seq = o.file"
                      " WHERE o.origin = ? AND f.stage = ? AND f.subject = ? AND f.removed IS NULL"
                      " ORDER BY f.seq DESC LIMIT 1",
                      BIND(lite_text(origin), lite_text(stage), lite_text(subject)), ret_file, err);
}

/* The first one after `seq`. Each is a query of its own, so that no reader holds back the writers' log. */
static int next_file(struct journal *journal, const char *stage, const char *subject, int64_t seq,
                     struct known_file *ret_file, struct err *err)
{
    if (subject)
        return read_first(journal,
                          "SELECT " FILE_COLUMNS " FROM files f WHERE f.stage = ? AND f.subject = ?"
                          " AND f.seq > ? AND f.removed IS NULL ORDER BY f.seq LIMIT 1",
                          BIND(lite_text(stage), lite_text(subject), lite_int(seq)), ret_file, err);
    return read_first(journal,
                      "SELECT " FILE_COLUMNS " FROM files f WHERE f.stage = ? AND f.seq > ?"
                      " AND f.removed IS NULL ORDER BY f.seq LIMIT 1",
                      BIND(lite_text(stage), lite_int(seq)), ret_file, err);
}

int ledger_each(struct journal *journal, const char *stage, const char *subject, int64_t after,
                int64_t most, void *ctx,
                int (*each)(void *ctx, const struct known_file *file, struct err *err),
                struct err *err)
{
    TRY(journal_settle(journal, err));
    for (int64_t count = 0; most == 0 || count < most; count++) {
        AUTO(known_file) file = {0};
        const int got = next_file(journal, stage, subject, after, &file, err);

        if (got <= 0)
            return got;
        after = file.seq;
        TRY(each(ctx, &file, err));
    }
    return 0;
}

int ledger_origins(struct journal *journal, int64_t seq, void *ctx,
                   int (*each)(void *ctx, const char *id, struct err *err), struct err *err)
{
    char *last = mem_str("");
    int got = 1;

    while (got == 1) {
        AUTO(lite_rows) rows = {0};

        got = lite_first(&journal->lite,
                         "SELECT origin FROM origins WHERE file = ? AND origin > ?"
                         " ORDER BY origin LIMIT 1",
                         BIND(lite_int(seq), lite_text(last)), &rows, err);
        if (got != 1)
            break;
        free(last);
        last = lite_col_copy(&rows, 0);
        lite_rows_close(&rows);
        if (each(ctx, last, err) < 0)
            got = -1;
    }
    free(last);
    return got;
}
