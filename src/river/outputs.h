/*
 * What the transform and a table's replay share: the engine's jobs with their schemas, the tables of a
 * resource, and an output's name and reference.
 */
#ifndef RIACHO_OUTPUTS_H
#define RIACHO_OUTPUTS_H

#include "db/step.h"
#include "engine/engine.h"
#include "river/river.h"

const struct engine_ops *engine_of(enum engine_type type);

/* The engine with the river's folders and its share of the memory; it tells river->transform how far it is. */
MUST_CHECK int outputs_open_engine(struct river *river, const struct engine_ops *ops,
                                   const char *temp_dir, struct engine *ret_engine,
                                   struct err *err);

/* What the engine is told of one resource; borrows from the river's pipeline. */
struct tables {
    struct engine_tables engine;
    const struct table_conf **items;
    const char **others;
};

void tables_of(const struct river *river, const char *resource, const char *only,
               struct tables *ret_tables);
void tables_close(struct tables *tables);
/* The pipeline names its tables, and none is made from this resource. */
bool tables_are_none(const struct tables *tables);

/* Jobs with the schemas they borrow. */
struct jobs {
    struct engine_job *items;
    struct schema *schemas; /* as each one's reference names it */
    size_t count;
    struct schema known; /* the resource's widest */
    bool has_known;
};

void jobs_open(struct jobs *jobs, size_t count);
void jobs_close(struct jobs *jobs);
/*
 * Gives job `index` (its `input` set) its schemas: from the journal, or, where another machine extracts,
 * from the file beside the landing. A schema that is found nowhere is a fault of the data: the job is marked.
 */
MUST_CHECK int jobs_find_schemas(struct jobs *jobs, size_t index, const struct river *river,
                                 struct journal *journal, struct err *err);

/*
 * Adds an output to the step under its final name: "<table>/<input's id>.parquet". With `generation` ("g2",
 * a replay) it is "<input's id>.g2.parquet", stands in for `replaces`, and takes that one's file away.
 */
struct output_replay {
    const char *generation;
    const char *replaces_id;   /* NULL: there was none */
    const char *replaces_path; /* absolute */
};

void output_add(const struct river *river, const struct ref *input,
                const struct engine_output *output, const struct output_replay *replay,
                struct step *step);

#endif
