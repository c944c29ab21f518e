/*
 * The ledger: which files were made, of what, and which are still there.
 */
#ifndef RIACHO_LEDGER_H
#define RIACHO_LEDGER_H

#include "db/journal.h"

struct known_file {
    int64_t seq;   /* in the order in which they became true */
    char *id;      /* the reference's */
    char *stage;   /* "extract", "transform", "export" */
    char *subject; /* the resource or the table */
    char *root;
    char *path; /* relative to the root */
    int64_t bytes;
    int64_t rows;
    int64_t first_page;
    int64_t last_page;
    char *run;
    char *request; /* landing: URL of its first page without secrets */
    char *time;    /* RFC 3339 */
    char *event;   /* the reference as it travels; ref_read() */
    bool removed;  /* replaced or pruned */
};

void known_file_close(struct known_file *file);

/* The file of that reference id: 1, 0 unknown. */
MUST_CHECK int ledger_find(struct journal *journal, const char *id, struct known_file *ret_file,
                           struct err *err);
/* The file that a stage made of the reference `origin` for `subject` and that is still there: 1, 0 none. */
MUST_CHECK int ledger_output(struct journal *journal, const char *origin, const char *stage,
                             const char *subject, struct known_file *ret_file, struct err *err);

/*
 * Files of a stage that are still there, oldest first, each to `each` (-1 from it ends the walk; it may use
 * the journal). `subject` NULL: of all. Begins behind `after` (a seq; 0: at the first), ends after `most`
 * files (0: all of them).
 */
MUST_CHECK int ledger_each(struct journal *journal, const char *stage, const char *subject,
                           int64_t after, int64_t most, void *ctx,
                           int (*each)(void *ctx, const struct known_file *file, struct err *err),
                           struct err *err);

/* The ids that a file was made from, each to `each`. */
MUST_CHECK int ledger_origins(struct journal *journal, int64_t seq, void *ctx,
                              int (*each)(void *ctx, const char *id, struct err *err),
                              struct err *err);

#endif
