/*
 * Sink: an adjusted Parquet file written in another format for people and programs downstream.
 * The file is left durable under the temporary name; who calls publishes it (db/step.h).
 */
#ifndef RIACHO_SINK_H
#define RIACHO_SINK_H

#include "base/err.h"
#include "base/fs.h"
#include "sink/export_conf.h"

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

struct sink;

struct sink_ops {
    const char *name; /* "csv": the export's type and the files' ending */
    const char *summary;
    int (*open)(struct sink *sink, const struct sink_conf *conf, struct err *err);
    /* A value that cannot be written is ERR_DATA; nothing is left at temp_path on failure. */
    int (*write)(struct sink *sink, const struct export_conf *export_conf, const char *parquet_path,
                 const char *temp_path, struct sink_output *ret_output, struct err *err);
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
                          const char *parquet_path, const char *temp_path,
                          struct sink_output *ret_output, struct err *err);
void sink_close(struct sink *sink);

#endif
