/*
 * A small world for tests of the journal: a temporary folder with a state, a landing and an adjusted
 * folder, and files whose bytes a test decides.
 */
#ifndef RIACHO_WORLD_H
#define RIACHO_WORLD_H

#include "db/journal.h"
#include "db/step.h"

#define WORLD_LANDED "quakes.landed"
#define WORLD_ADJUSTED "quakes.adjusted"
#define WORLD_DEAD "quakes.dead"

struct world {
    char *dir; /* NULL: closed */
    char *state;
    char *landing;
    char *adjusted;
    const char *broker; /* of the state; NULL: local */
};

/* Makes the folders; ends the program if that fails. */
void world_open(struct world *world);
void world_close(struct world *world);

/* The state of the pipeline "quakes", opened or made. As journal_open(). */
int world_journal(const struct world *world, struct journal *journal, struct err *err);
/* As journal_recover(), over the world's folders. */
int world_recover(const struct world *world, struct journal *journal, struct err *err);

/* For cmocka: a `struct world` as the test's state. */
int world_set_up(void **state);
int world_tear_down(void **state);

/* A world with its journal open. For cmocka too; the broker is the local one, or Kafka. */
struct open_world {
    struct world world;
    struct journal journal;
};

int open_world_set_up(void **state);
int open_world_set_up_kafka(void **state);
int open_world_tear_down(void **state);

/* In a test with a `struct err err`: a call that must not fail. */
#define DONE(call)                                                                                 \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            fail_msg("%s", err.text);                                                              \
    } while (0)

/* A file that is ready under a temporary name, and its reference. */
struct made {
    struct ref ref;
    char *temp_path;
    char *final_path;
};

/*
 * Writes `text` durably into `temp_dir`, as the file of the reference `id` that will be `<root>/quakes/<id>.parquet`.
 * `origin`: the id it was made from; NULL: it is a landing file. Returns 0, or -1 if the disk failed.
 */
int world_make(const struct world *world, const char *temp_dir, const char *id, const char *origin,
               const char *text, struct made *ret_made, struct err *err);
void made_close(struct made *made);

/* Adds it to the step, to its topic. */
void made_add(const struct made *made, struct step *step);

/* Makes and commits landing files "<prefix>-<n>" for n from `first` to `last`, in one step. As step_commit(). */
int world_land(const struct world *world, struct journal *journal, const char *prefix, int first,
               int last, struct err *err);

/* How many files beneath the folder have a name that ends so. */
int world_count_files(const char *dir, const char *ending);
/* The first column of the first row, by a connection of its own; -1 if it fails. */
int64_t world_number(const struct world *world, const char *sql);

#endif
