/*
 * The journal: the state folder's one SQLite database, which is the truth. What a stage has done
 * becomes true in one transaction (db/step.h); this header opens the state, recovers it, and answers
 * what is known.
 *
 * A state belongs to one host. One struct journal per thread (journal_share() makes another connection);
 * any number of processes. The format has a version; an unknown one is refused (ERR_USAGE, hint).
 */
#ifndef RIACHO_JOURNAL_H
#define RIACHO_JOURNAL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/fs.h"
#include "db/lite.h"
#include "db/schema.h"

#include <stdbool.h>
#include <stdint.h>

#define JOURNAL_FORMAT 2

struct journal {
    struct lite lite;
    char *dir; /* the state folder, absolute; mode 0700 */
    char *pipeline;
    char epoch[8];     /* six random hexadecimal digits, made with the state */
    char process[24];  /* names this process in leases, intents and temporary folders */
    struct lock alive; /* held while this process lives: how others tell that it does */
    int64_t unsettled; /* an INTENT of ours that failed half way; 0: none (db/step.h) */
    int64_t looked_ms; /* when this connection last looked for dead processes (monotonic) */
};

enum journal_access {
    JOURNAL_CREATE,   /* makes the state if there is none */
    JOURNAL_EXISTING, /* 0 if there is none */
};

/*
 * 1 open, 0 there is no state (JOURNAL_EXISTING only). Refuses a state of another pipeline name, of another
 * broker (hint: riacho state move; NULL: any is welcome), of an unknown format, a file that is no state, and
 * a too old SQLite (all ERR_USAGE).
 */
MUST_CHECK int journal_open(struct journal *journal, const char *dir, const char *pipeline,
                            const char *broker, enum journal_access access, struct err *err);
/* The state's references are in that broker: ERR_USAGE with a hint if not. */
MUST_CHECK int journal_check_broker(struct journal *journal, const char *broker, struct err *err);
/* Another connection of the same process, for another thread; closed before the first one. */
MUST_CHECK int journal_share(const struct journal *journal, struct journal *ret_other,
                             struct err *err);
void journal_close(struct journal *journal);

/*
 * Comes first at every start of a command that writes: rolls forward the steps that dead processes left half
 * done and undoes the rest; frees their leases and clears their temporary folders beneath `roots`
 * (db/staging.h). What was found is said in one log line.
 */
MUST_CHECK int journal_recover(struct journal *journal, const char *const *roots, size_t count,
                               struct err *err);

/* Takes "extractor" or "relay" for this process. Held by another: ERR_LOCKED, naming its process id. */
MUST_CHECK int journal_lock(const struct journal *journal, const char *what, struct lock *ret_lock,
                            struct err *err);

/*
 * Shares "transform" with other consumers; a replay takes it alone by journal_lock(). ERR_LOCKED while it is held
 * the other way.
 */
MUST_CHECK int journal_lock_shared(const struct journal *journal, const char *what,
                                   struct lock *ret_lock, struct err *err);

/* Changes whenever any process has committed anything: cheap to ask often, of one struct journal. */
MUST_CHECK int journal_version(struct journal *journal, int64_t *ret_version, struct err *err);

/* ---- runs ---- */

/* What a run starts with. Strings are JSON texts or NULL; owned. */
struct run_state {
    int64_t number;    /* of this attempt: never used before */
    int64_t resumes;   /* the attempt that it goes on from; 0: a fresh run */
    int64_t next_page; /* 1 for a fresh run */
    char *position;
    char *start_value;    /* frozen when the logical run began */
    char *start_boundary; /* hashes known at start_value (JSON array) */
    char *cursor; /* greatest so far; for a fresh run the one that the last run ended with */
    char *boundary;
    char *selector; /* a text: "selector" in the counts of the last run that ended */
};

void run_state_close(struct run_state *run);

/* Commits a new run number for the resource before its first request. `initial_value` (JSON or NULL) is
 * the start value if the resource has no cursor yet. */
MUST_CHECK int journal_run_start(struct journal *journal, const char *resource,
                                 const char *initial_value, struct run_state *ret_run,
                                 struct err *err);
/* The API refused the position: the run goes on from page 1 with the same start value. */
MUST_CHECK int journal_run_over(struct journal *journal, const char *resource,
                                struct run_state *run, struct err *err);
/*
 * The attempt failed or was stopped; its position stays. `status` is "failed" or "stopped"; `counts` is a JSON
 * object (requests, …) or NULL. A run that has ended meanwhile stays so.
 */
MUST_CHECK int journal_run_failed(struct journal *journal, const char *resource, int64_t number,
                                  const char *status, const char *error, const char *counts,
                                  struct err *err);

/* The last page of the attempt that is committed; 0: none is. */
MUST_CHECK int journal_run_page(struct journal *journal, int64_t number, int64_t *ret_page,
                                struct err *err);

/*
 * The next run begins from the start: forgets cursor, boundary, position and selector of the resource
 * (NULL: of all). Run numbers go on, so no name is used twice. `*ret_count`: how many resources were
 * forgotten. The caller holds the lock "extractor".
 */
MUST_CHECK int journal_reset(struct journal *journal, const char *resource, int64_t *ret_count,
                             struct err *err);

/* The resource's widest schema; 0 if it has none yet. */
MUST_CHECK int journal_schema(struct journal *journal, const char *resource,
                              struct schema *ret_schema, struct err *err);
/* A schema by its fingerprint; 0 if unknown. */
MUST_CHECK int journal_schema_by(struct journal *journal, const char *resource,
                                 const char *fingerprint, struct schema *ret_schema,
                                 struct err *err);

/* ---- tables ---- */

/* A column of an adjusted table: its type is fixed when it is first seen. */
struct fixed_column {
    char *name;
    char *type; /* SQL type, DuckDB's words */
};

/*
 * Fixes the types of columns that the table does not have yet (in one transaction, so that all consumers
 * agree) and sets each `type` to the fixed one. Names are compared without regard to case.
 */
MUST_CHECK int journal_fix_columns(struct journal *journal, const char *table,
                                   struct fixed_column *columns, size_t count, struct err *err);
/* All columns of the table, in order of appearance. The caller frees with fixed_columns_free(). */
MUST_CHECK int journal_columns(struct journal *journal, const char *table,
                               struct fixed_column **ret_columns, size_t *ret_count,
                               struct err *err);
/* Gives another state, which has none yet, the columns of all tables. */
MUST_CHECK int journal_copy_columns(struct journal *from, struct journal *to, struct err *err);
void fixed_columns_free(struct fixed_column *columns, size_t count);
/*
 * A journal in memory that knows no column yet: for a table that is made anew, whose columns may get other types
 * (step_add_columns()). It goes with the process, and is good for columns only.
 */
MUST_CHECK int journal_open_columns(struct journal *journal, struct err *err);

/* ---- rate limit ---- */

/*
 * Takes a token of the bucket `key` (rate_per_s, burst): `*ret_wait_ms` 0. If none is there takes nothing, and
 * tells how long until one is. Shared by all processes of the state, and survives them.
 */
MUST_CHECK int journal_rate_take(struct journal *journal, const char *key, double rate_per_s,
                                 int64_t burst, int64_t *ret_wait_ms, struct err *err);

/* How many tokens the bucket has now, as journal_rate_take() would find it. */
MUST_CHECK int journal_rate_left(struct journal *journal, const char *key, double rate_per_s,
                                 int64_t burst, double *ret_left, struct err *err);

/* Messages: db/messages.h; those to be sent: db/outbox.h; files that were made: db/ledger.h; what commands show:
 * db/report.h; removing what is old: db/prune.h. */

#endif
