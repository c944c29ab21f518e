/*
 * What the dashboard turns pages of: files, runs, dead letters, schemas, newest first unless it says otherwise.
 * Each is found by an index, so that a page costs the same among 100,000 files. Each is read at one moment.
 */
#ifndef RIACHO_BROWSE_H
#define RIACHO_BROWSE_H

#include "base/json.h"
#include "db/journal.h"

struct browse_files {
    const char *stage;   /* "extract", "transform", "export"; NULL: all */
    const char *subject; /* the resource or the table; NULL: all */
    const char *search;  /* what path or id contain; NULL: anything */
    int64_t before;      /* only smaller seqs */
    int64_t most;
    bool with_removed; /* also those that are no more */
};

/* {"files":[{"seq","id","stage","subject","root","path","bytes","rows","time","run","request","first_page",
 * "last_page","sha256","schema","removed"}],"total","next"}; null: not known, there is none. */
MUST_CHECK int browse_files(struct journal *journal, const struct browse_files *which,
                            struct json_out *ret_page, struct err *err);
/* One file, with "origins" and "made": 1, 0 unknown. */
MUST_CHECK int browse_file(struct journal *journal, int64_t seq, struct json_out *ret_file,
                           struct err *err);
/* Where a file lies: root and path, to be freed. 1, 0 unknown or gone. */
MUST_CHECK int browse_place_of(struct journal *journal, int64_t seq, char **ret_root,
                               char **ret_path, struct err *err);

/* {"runs":[…as report_status()'s…],"next"}; `resource` NULL: of all. */
MUST_CHECK int browse_runs(struct journal *journal, const char *resource, int64_t before,
                           int64_t most, struct json_out *ret_page, struct err *err);
/* One run with the "files" it landed: 1, 0 unknown. */
MUST_CHECK int browse_run(struct journal *journal, int64_t number, struct json_out *ret_run,
                          struct err *err);

/* {"dead":[{"no","id","group","topic","partition","offset","error","attempts","time","value","state","closed"}],
 * "open","next"}, oldest first, behind `after`. */
MUST_CHECK int browse_dead(struct journal *journal, bool is_open, int64_t after, int64_t most,
                           struct json_out *ret_page, struct err *err);

/* {"resources":[{"name","schemas":[{"seq","fingerprint","time","schema"}]}],
 * "tables":[{"name","columns":[{"name","type"}]}]} */
MUST_CHECK int browse_schemas(struct journal *journal, struct json_out *ret_page, struct err *err);

/* {"tables":[{"kind":"table"|"resource","name","files","rows","bytes"}]}: what can be queried. */
MUST_CHECK int browse_tables(struct journal *journal, struct json_out *ret_page, struct err *err);

/*
 * {"from_ms","step_ms","landed":{"rows":[…],"bytes":[…],"files":[…]},"adjusted","exported"}: sums over the
 * last `buckets` times `step_ms`.
 */
MUST_CHECK int browse_throughput(struct journal *journal, int64_t step_ms, int64_t buckets,
                                 struct json_out *ret_page, struct err *err);

/* ---- what is new ---- */

/* How much of the journal somebody has seen. */
struct place {
    char epoch[8];      /* of the state; "": of none */
    int64_t files;      /* seq */
    int64_t runs;       /* up to this number all runs have ended */
    int64_t dead;       /* no */
    int64_t closed_ms;  /* of dead letters */
    int64_t schemas;    /* rowid */
    int64_t removed_ms; /* of files */
};

#define PLACE_TEXT 160

/* As text for event ids, and back (1, 0 if it is none). */
void place_write(const struct place *place, char ret_text[PLACE_TEXT]);
bool place_read(const char *text, struct place *ret_place);
/* All that is there now. */
MUST_CHECK int place_now(struct journal *journal, struct place *ret_place, struct err *err);

/*
 * What became true behind `*place`, which moves on:
 * {"files":[…],"runs":[…],"dead":[…],"closed":[no],"open":count,"schemas":[{"resource",…}],"removed":[seq]}, each list oldest
 * first; runs that go on come each time. At most `most_files` files: ask again while there are so many.
 */
MUST_CHECK int changes_since(struct journal *journal, struct place *place, int64_t most_files,
                             struct json_out *ret_changes, struct err *err);

#endif
