/*
 * One pipeline at work in this process: its file, its state, and the live figures that progress,
 * summary and the board (through river/live.h) read while the stages write them.
 */
#ifndef RIACHO_RIVER_H
#define RIACHO_RIVER_H

#include "base/err.h"
#include "broker/broker.h"
#include "db/duck.h"
#include "db/journal.h"
#include "landing/landing.h"
#include "river/pipeline.h"
#include "source/source.h"

#include <stdatomic.h>
#include <stdint.h>

enum flow_state { FLOW_WAITING, FLOW_RUNNING, FLOW_DONE, FLOW_FAILED };

/* What extractions came to. */
struct extract_sums {
    long long requests;
    long long retries;
    long long pages;
    long long records;
    long long bytes;
    long long wire_bytes;
    long long rows;
    long long files;
    long long file_bytes;
    long long skipped;
    long long duplicate_keys;
    long long half_characters;
    int64_t ms;
};

/*
 * One resource's extraction. Written by its thread; counters are read by any, and tell of the pass under way. What
 * the passes before it came to is read once no pass is under way.
 */
struct extract_live {
    struct extract_sums before;
    const struct resource_conf *resource;
    struct source_stats source;
    struct landing_stats landing;
    atomic_int state;        /* enum flow_state */
    atomic_llong started_ms; /* monotonic */
    atomic_llong ended_ms;
    char why[160];             /* why the pagination ended; read once state is not RUNNING */
    atomic_llong run;          /* its number */
    atomic_llong resumed_page; /* the page it went on from; 0: it began at the first */
    int64_t unsettled;         /* the INTENT that the last pass left open; 0. Its thread's */
};

/* One consumer: the transform, or one export. */
struct consume_live {
    const char *name; /* "transform", "export csv" */
    atomic_int state;
    atomic_llong references; /* worked off */
    atomic_llong files;
    atomic_llong rows;
    atomic_llong bytes;
    atomic_llong dead;
    atomic_llong started_ms;
    atomic_llong busy_ms;
    atomic_llong lag;
    atomic_llong tasks; /* of the job that runs on a Spark server; 0: there is none */
    atomic_llong tasks_done;
};

struct river {
    struct pipeline conf;
    const struct broker_ops *broker_ops;
    char *landed_topic;       /* "<pipeline>.landed" */
    char *adjusted_topic;     /* "<pipeline>.adjusted" */
    char *dead_topic;         /* "<pipeline>.dead" */
    struct journal journal;   /* the main thread's */
    int64_t opened_ms;        /* monotonic */
    atomic_bool broker_ready; /* consumers may begin (river/relay.h) */

    bool will_extract; /* set before river_open(): it begins to open the instance below */
    struct duck_soon extract_duck;

    struct extract_live *extracts; /* one a resource */
    struct consume_live transform;
    struct consume_live *exports; /* one an export */
};

/* Of all passes together. */
void extract_sums_of(const struct extract_live *live, struct extract_sums *ret_sums);

/* Reads and checks the pipeline file; its faults and warnings are printed to stderr. */
MUST_CHECK int river_read(struct river *river, const char *file, struct err *err);

enum river_access {
    RIVER_LOOK, /* an existing state; without one ERR_USAGE with a hint */
    RIVER_MEND, /* the same, and recovers it */
    RIVER_LEARN, /* the same; where the broker knows more than the state, makes one if there is none */
    RIVER_MOVE, /* as RIVER_MEND, whichever broker the state is with */
    RIVER_WORK, /* makes the state if there is none, and recovers it */
};

/* river_read(), then the state. */
MUST_CHECK int river_open(struct river *river, const char *file, enum river_access access,
                          struct err *err);
void river_close(struct river *river);

/*
 * Held by whoever works on the river, and, alone, by who moves its references to another broker: ERR_LOCKED with a
 * hint while it is held the other way, or when the broker was changed since the river was opened.
 */
MUST_CHECK int river_lock_broker(struct river *river, struct lock *ret_lock, struct err *err);
MUST_CHECK int river_lock_to_move(const struct river *river, struct lock *ret_lock,
                                  struct err *err);
/*
 * Held by whoever transforms, and, alone, by a replay: ERR_LOCKED with a hint while it is held the other way.
 */
MUST_CHECK int river_lock_transform(const struct river *river, struct lock *ret_lock,
                                    struct err *err);
MUST_CHECK int river_lock_to_replay(const struct river *river, struct lock *ret_lock,
                                    struct err *err);

/* The folders that hold the river's files (landing, adjusted, each export's): absolute, borrowed. */
#define RIVER_MOST_DIRS 66
size_t river_dirs(const struct river *river, const char *ret_dirs[RIVER_MOST_DIRS]);

/* Whether consumers on other hosts, which do not know this state, publish files under the same names. */
bool river_shares_names(const struct river *river);

/* The folder that a reference's root names, or NULL. */
const char *river_root(const struct river *river, const char *root);

/*
 * Shares of memory_limit for the engines in this process: all three may be at work at once, beside some 50 MiB
 * of code, buffers and threads. What an engine needs beyond its share it spills.
 */
#define EXTRACT_MEMORY 0.5
#define TRANSFORM_MEMORY 0.5
#define EXPORT_MEMORY 0.1

int64_t river_memory(const struct river *river, double share);

#endif
