/*
 * What batches and streaming queries on Spark have in common: the settings that their results depend on, and how
 * Spark is told of the landed files.
 */
#ifndef RIACHO_SPARK_PLACE_H
#define RIACHO_SPARK_PLACE_H

#include "engine/engine.h"
#include "engine/spark_connect.h"

/* What all that we write depends on, whatever the server's own settings are. */
MUST_CHECK int spark_set_rules(struct spark_session *session, struct err *err);
/* Adds the landed files' schema in DDL: given, so that Spark need not look into each of them first. */
void spark_put_schema(const struct schema *schema, struct buf *to);
/* A path of this machine as the server has it. The caller frees. */
char *spark_path_of(const struct engine_root *roots, size_t count, const char *path);
/* Says that what Spark wrote to `path`, a folder of this machine, is not there. Always returns -1. */
int spark_unseen(const struct engine_root *roots, size_t count, const char *path, struct err *err);
/*
 * Writes a small table into a new folder in `dir`, looks whether it is here, renames and removes it: all that is done
 * with an output.
 */
MUST_CHECK int spark_try_dir(struct spark_session *session, const struct engine_root *roots,
                             size_t count, const char *dir, struct err *err);

#endif
