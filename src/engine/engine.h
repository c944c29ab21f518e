/*
 * Engine: SQL over landed files. One call works off one or several landing files for one pipeline's tables and
 * leaves each output under a temporary name; who calls publishes them (db/step.h).
 *
 * Promises
 * - The output is a function of the input file, the pipeline's tables and the fixed column types.
 * - A fault of the data (a value that does not convert, SQL that fails on this file) marks its job alone; a fault of
 *   the surroundings (disk, memory, no server) fails the call, and no job of it counts as tried.
 * - An input without rows gives a typed output without rows.
 */
#ifndef RIACHO_ENGINE_H
#define RIACHO_ENGINE_H

#include "base/err.h"
#include "db/journal.h"
#include "db/schema.h"
#include "engine/table_conf.h"
#include "riacho.h"

/* A folder of this machine, and where it is to a server that has mounted it elsewhere. */
struct engine_root {
    const char *dir;
    const char *elsewhere; /* a path or a URL; NULL: at the same place */
};

struct engine_conf {
    const char *type;                /* "duckdb" or "spark" */
    const char *remote;              /* spark: "sc://host:15002/;token=…" */
    const struct engine_root *roots; /* spark */
    size_t root_count;
    /* spark: how far the job has come, from the thread that runs it; NULL: nobody asks */
    void (*on_progress)(void *ctx, int64_t tasks_done, int64_t tasks);
    void *progress_ctx;
    int64_t memory_bytes;    /* of the engine in this process */
    const char *const *dirs; /* the only folders it may touch (absolute) */
    size_t dir_count;
    const char *temp_dir; /* where it may spill */
};

/* What a pipeline says of the tables made from one resource. */
struct engine_tables {
    const char *resource;
    char *const *primary_key;
    size_t primary_keys;
    const struct table_conf *const
        *tables; /* none: default rules (the resource and its child tables) */
    size_t table_count;
    const char *only; /* just this table (a replay); NULL: all */
    const char *const
        *others; /* names of the other resources: default rules name no child table so */
    size_t other_count;
};

/* One output of a job: a file or a folder for one table, durable under its temporary name. */
struct engine_output {
    char *table;
    char *temp_path;
    int64_t rows;
    int64_t bytes;
    char sha256[FS_SHA256_TEXT]; /* "" of a folder */
    struct ref_file *files;      /* of a folder: its parts */
    size_t file_count;
    struct engine_output *next;
};

struct engine_job {
    const struct ref *input;     /* its reference */
    const char *input_path;      /* absolute; checked against the reference by the caller */
    const struct schema *schema; /* of the landing, as the reference names it */
    const struct schema *known; /* the resource's widest so far: columns that came later are null */
    const char *temp_dir;       /* where outputs grow */
    struct engine_output *outputs; /* set by the engine; engine_job_close() removes the files */
    bool failed;                   /* fault of the data, told by err */
    struct err err;
};

void engine_job_close(struct engine_job *job); /* frees outputs; does not remove their files */

struct engine;

struct engine_ops {
    const char *name;
    const char *summary;
    const char *missing;
    int (*open)(struct engine *engine, const struct engine_conf *conf, struct err *err);
    /* `journal` fixes column types. */
    int (*run)(struct engine *engine, const struct engine_tables *tables, struct engine_job *jobs,
               size_t count, struct journal *journal, struct err *err);
    /* Adds what was found of a server, "Spark 4.0.5"; NULL: there is none. */
    int (*probe)(struct engine *engine, struct buf *to, struct err *err);
    /* Looks whether outputs can be made in that folder of this machine, and leaves it as it was; NULL: they can where
       this process can write. */
    int (*try_dir)(struct engine *engine, const char *dir, struct err *err);
    void (*interrupt)(struct engine *engine); /* from any thread: run() ends with ERR_STOPPED */
    void (*close)(struct engine *engine);
};

struct engine {
    const struct engine_ops *ops; /* NULL: closed */
    void *impl;
};

extern const struct engine_ops engine_duckdb;
extern const struct engine_ops engine_spark;

MUST_CHECK int engine_open(struct engine *engine, const struct engine_ops *ops,
                           const struct engine_conf *conf, struct err *err);
MUST_CHECK int engine_run(struct engine *engine, const struct engine_tables *tables,
                          struct engine_job *jobs, size_t count, struct journal *journal,
                          struct err *err);
/* Looks whether the engine can be worked with, and adds what it is for people. */
MUST_CHECK int engine_probe(struct engine *engine, struct buf *to, struct err *err);
MUST_CHECK int engine_try_dir(struct engine *engine, const char *dir, struct err *err);
void engine_interrupt(struct engine *engine);
void engine_close(struct engine *engine);

#endif
