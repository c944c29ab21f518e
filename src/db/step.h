/*
 * A step: files that are ready under temporary names, and all that becomes true with them.
 *
 * step_commit() is the only way anything is published:
 *   1. an INTENT row holds the whole step as JSON (one transaction);
 *   2. each file is renamed without replacing, each replaced file unlinked, each folder made durable;
 *   3. one transaction applies the step and deletes the INTENT.
 * A step without files needs only 3. After a crash journal_recover() does 2 and 3 again from the INTENT,
 * if every file is there (by size and SHA-256) under its temporary or final name; else it removes what is
 * there and forgets the step, which will then be done afresh.
 */
#ifndef RIACHO_STEP_H
#define RIACHO_STEP_H

#include "base/json.h"
#include "db/journal.h"
#include "riacho.h"

struct step {
    struct json_out doc; /* the step as it will stand in the INTENT */
    size_t files;        /* to publish or to remove */
    size_t entries;      /* anything at all was added */
};

/* A file to publish. Already durable under temp_path (written, fsync'ed). */
struct step_file {
    const char *temp_path;  /* absolute, on the same file system */
    const char *final_path; /* absolute */
    const char *stage;      /* "extract", "transform", "export" */
    const char *topic;      /* its reference goes there; NULL: to none (an export's file) */
    const struct ref *ref; /* bytes, rows, sha256, path, origin, … are kept in the journal; what it
                               `replaces` counts as removed from then on */
    const char *request;   /* landing: URL of its first page without secrets; or NULL */
    const char *unlink_path; /* absolute path of a file that this one replaces; or NULL */
};

/* A message that was worked off by a consumer group. */
struct step_consumed {
    const char *group;
    const char *topic;
    const char *id; /* the reference's; known for ever after */
    int64_t offset; /* local: its place in the topic */
};

struct step_dead {
    const char *group;
    const char *topic;
    const char *id;
    int64_t partition;
    int64_t offset;
    const char *error;
    int64_t attempts;
    const char *value; /* the message untouched, … */
    size_t value_size;
    int64_t whole_size; /* … or its begin, if this is greater than 0: so many bytes it had; … */
    const char *whole_sha256; /* … and this was their hash */
};

/* A message this long or longer is no reference: only so much of it is kept, which any topic takes. */
#define STEP_DEAD_MOST 1000000

struct step_run {
    const char *resource;
    int64_t number;
    int64_t page;         /* the last one that this step commits */
    const char *position; /* JSON; NULL when the run ended */
    const char *cursor;   /* greatest so far; NULL: as it was */
    const char *boundary; /* at that cursor */
    const char *counts;   /* JSON object for status, or NULL; its "selector" is the next run's */
    const char *why;      /* why the pagination ended, or NULL */
    bool ended;           /* the cursor advances now */
};

void step_open(struct step *step);
void step_close(struct step *step);
void step_add_file(struct step *step, const struct step_file *file);
void step_add_consumed(struct step *step, const struct step_consumed *consumed);
/*
 * The dead letter goes to the topic "<pipeline>.dead" too, and counts as consumed by its group. A message of
 * STEP_DEAD_MOST bytes and more is cut; its whole size and hash are put down here.
 */
void step_add_dead(struct step *step, const struct step_dead *dead);
void step_add_run(struct step *step, const struct step_run *run);
void step_add_schema(struct step *step, const char *resource, const char *fingerprint,
                     const struct schema *schema);
/* The table has these columns from then on, and no others. */
void step_add_columns(struct step *step, const char *table, const struct fixed_column *columns,
                      size_t count);
/* The file of that reference id, at that absolute path, is removed; its id stays known. */
void step_add_removed(struct step *step, const char *id, const char *path);

/*
 * Consumers on other hosts may publish files under the same names at the same time, without this state's
 * knowledge. So none of the step's files leaves its final name again: whatever lies there is whole, and others
 * may count on it already. If the step fails, whoever does it again takes them over.
 */
void step_share(struct step *step);

/* Counts the rows of a file that was found under a final name. */
typedef int step_rows_fn(void *ctx, const char *path, int64_t *ret_rows, struct err *err);

/*
 * For a shared step whose final name step_commit() found taken by other bytes: what is there (a file, or a folder
 * of parts) becomes the output, its reference is made anew from it, and our own work is dropped with the next
 * step_commit(). `count_rows` NULL: rows stay as they were. On failure the step is as before.
 */
MUST_CHECK int step_adopt(struct step *step, const char *final_path, void *ctx,
                          step_rows_fn *count_rows, struct err *err);

/*
 * 1 committed (also an empty step); 0 a final name is taken by a file with other bytes, nothing was
 * published (of a shared step: perhaps a part of its files) and the temporary files are still there (`ret_taken`, if not NULL, gets its path; free it);
 * -1 failed. A name taken by the same bytes is no obstacle.
 *
 * ERR_LOCKED with `retriable`: one of the messages was worked off by another process or its file was replaced,
 * or either is about to happen; or a file that this step replaces is just being worked off. Nothing was published. After any other failure the step may still become true (at the next use of this
 * journal, or at the next start of any process): what is read from the journal then tells.
 */
MUST_CHECK int step_commit(struct step *step, struct journal *journal, char **ret_taken,
                           struct err *err);

#endif
