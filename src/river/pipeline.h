/*
 * A pipeline file, read and checked whole. Every command starts here.
 */
#ifndef RIACHO_PIPELINE_H
#define RIACHO_PIPELINE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/faults.h"
#include "board/board_conf.h"
#include "broker/broker_conf.h"
#include "engine/table_conf.h"
#include "landing/landing_conf.h"
#include "sink/export_conf.h"
#include "source/source_conf.h"

#include <stdbool.h>
#include <stdint.h>

struct pipeline {
    char *path; /* of the file, absolute */
    char *dir;  /* its folder, absolute: relative paths in the file start here */
    char *name; /* [a-z0-9][a-z0-9_-]{0,63} */
    struct source_conf source;
    struct landing_conf landing;
    struct broker_conf broker;
    struct transform_conf transform;
    struct export_conf *exports;
    size_t export_count;
    int64_t every_ms; /* schedule */
    struct board_conf dashboard;
    char *state_dir;            /* absolute */
    int64_t memory_limit_bytes; /* of the whole process */
};

/*
 * Reads and checks a pipeline file, touching nothing but the file and the environment.
 * -1 with ERR_USAGE if there are faults (all are in `faults`, sorted), or if the file cannot be read;
 * `faults` may hold warnings when it succeeds. The caller closes both; on failure the pipeline is closed.
 */
MUST_CHECK int pipeline_read(struct pipeline *pipeline, const char *path, struct faults *faults,
                             struct err *err);
/* The same from text, as if it stood in a file of that path. */
MUST_CHECK int pipeline_parse(struct pipeline *pipeline, const char *path, const char *text,
                              size_t size, struct faults *faults, struct err *err);
void pipeline_close(struct pipeline *pipeline);

/* NULL if there is none of that name. */
const struct resource_conf *pipeline_find_resource(const struct pipeline *pipeline,
                                                   const char *name);
const struct table_conf *pipeline_find_table(const struct pipeline *pipeline, const char *name);
/* Whether the table is made of the resource: by the pipeline's tables, or by the default rules. */
bool pipeline_makes_table(const struct pipeline *pipeline, const char *table, const char *resource);

/* ERR_USAGE, with the nearest name for a hint, if the file has no such resource, or makes no such table. */
MUST_CHECK int pipeline_check_resource(const struct pipeline *pipeline, const char *name,
                                       struct err *err);
MUST_CHECK int pipeline_check_table(const struct pipeline *pipeline, const char *name,
                                    struct err *err);

/* Adds the JSON Schema (draft-07) of the pipeline file. */
void pipeline_put_schema(struct buf *to);
/* Adds the reference page of the pipeline file, in Markdown. */
void pipeline_put_reference(struct buf *to);
/* The commented pipeline file that a newcomer starts from; it is valid as it stands. */
const char *pipeline_template(void);

#endif
