/*
 * Sink: adjusted Parquet files written in another format for people and programs downstream, a file each.
 * The files are left durable under the temporary names; who calls publishes them (db/step.h).
 */
#ifndef RIACHO_SINK_H
#define RIACHO_SINK_H

#include "base/err.h"
#include "base/fs.h"
#include "sink/export_conf.h"

#include <stdbool.h>
#include <stdint.h>

struct sink_conf {
    int64_t memory_bytes;
    const char *const *dirs; /* the only folders it may touch (absolute) */
    size_t dir_count;
    const char *temp_dir;
};

/* What was written. */
struct sink_output {
    int64_t rows;
    int64_t bytes;
    char sha256[FS_SHA256_TEXT];
};

/* A file to write, and what came of it. */
struct sink_job {
    const char *parquet_path; /* a file, or a folder of parts */
    const char *temp_path;
    struct sink_output output;
    bool failed; /* a fault of its data, told by err; nothing is left at temp_path */
    struct err err;
};

struct sink;

struct sink_ops {
    const char *name; /* "csv": the export's type and the files' ending */
    const char *summary;
    int (*open)(struct sink *sink, const struct sink_conf *conf, struct err *err);
    /*
     * Writes all of them, each as if it were alone. A value that cannot be written fails its job (ERR_DATA). -1: the
     * surroundings are at fault, and nothing is left at any temp_path.
     */
    int (*write)(struct sink *sink, const struct export_conf *export_conf, struct sink_job *jobs,
                 size_t count, struct err *err);
    void (*close)(struct sink *sink);
};

struct sink {
    const struct sink_ops *ops;
    void *impl;
};

extern const struct sink_ops sink_csv;

MUST_CHECK int sink_open(struct sink *sink, const struct sink_ops *ops,
                         const struct sink_conf *conf, struct err *err);
MUST_CHECK int sink_write(struct sink *sink, const struct export_conf *export_conf,
                          struct sink_job *jobs, size_t count, struct err *err);
void sink_close(struct sink *sink);

#endif
