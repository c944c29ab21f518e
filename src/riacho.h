/*
 * The nouns that travel down the river: records in batches, pages, references to files.
 */
#ifndef RIACHO_H
#define RIACHO_H

#include "base/buf.h"
#include "base/err.h"
#include "base/fs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RIACHO_VERSION "0.1.0"

/* A batch is at most one DuckDB chunk, so that it can be taken or put back as a whole. */
#define BATCH_MOST_RECORDS 2048

/*
 * Some whole records of one page, as the bytes that came. Owned by whoever holds it; batch_free().
 */
struct batch {
    struct batch *next;
    char *json;          /* "[" records "]", then 4 zero bytes, so that yyjson may parse in place */
    bool is_block;       /* `json` is a block (base/block.h), else it is malloc()'s */
    bool is_plain;       /* there is no backslash in it */
    size_t size;         /* of that text, without the zeros */
    size_t records;      /* 1 to BATCH_MOST_RECORDS */
    int64_t page;        /* number of the page in its run, from 1 */
    int64_t first_index; /* place of the first record in its page, from 0 */
    char *url;           /* of the page's request, with placeholders where secrets stand; or NULL */
    int64_t body_offset; /* place of json[1] in the decoded body, for messages */
};

void batch_free(struct batch *batch);

/* A page that arrived whole; all its batches came before. Strings are borrowed. */
struct page {
    int64_t number; /* in its run, from 1; goes on counting when a run is resumed */
    int64_t records;
    int64_t bytes;        /* of the decoded body */
    const char *url;      /* of its request, with placeholders where secrets stand */
    const char *position; /* JSON: what the source needs to go on after this page */
    bool is_last;
    const char *why_last; /* "no next link", "empty page", …; NULL unless is_last */
    const char *selector; /* of the last page: where the run found a list of records by itself */
};

/* One part file of an output that is a folder. */
struct ref_file {
    char *path; /* relative to the folder */
    char *sha256;
    int64_t bytes;
    int64_t rows;
};

/*
 * A reference: what travels through the broker in place of the data (claim check). As text it is a
 * CloudEvents 1.0 event in structured JSON (docs/reference.md). Owns its strings; NULL where optional.
 */
struct ref {
    char *id;     /* "quakes-3fa9c1-000012-0001-0"; an output's: its input's id, a dot, its table */
    char *source; /* "/riacho/<pipeline>" */
    char *type;   /* REF_LANDED or REF_ADJUSTED */
    char *subject; /* the resource or the table */
    char *time;    /* RFC 3339 */
    char *root;    /* "landing" or "adjusted" */
    char *path;    /* relative to the root */
    char *format;  /* "parquet" */
    int64_t bytes;
    int64_t rows;
    char *sha256;       /* of the file; NULL for a folder */
    char *schema;       /* fingerprint of its schema; NULL if it has none */
    int64_t first_page; /* 0: it has no pages */
    int64_t last_page;
    char *cursor_from; /* JSON texts; NULL if there is no cursor */
    char *cursor_to;
    char *run;      /* "<resource>-<epoch>-<run number>" */
    char *replaces; /* the output's id that this one stands in for (a replay); mostly NULL */
    char **origin;  /* ids of the references it was made from */
    size_t origins;
    struct ref_file *files; /* of a folder */
    size_t file_count;
};

#define REF_LANDED "io.riacho.file.landed"
#define REF_ADJUSTED "io.riacho.file.adjusted"

void ref_close(struct ref *ref);
void ref_copy(const struct ref *from, struct ref *ret_ref);
/* Adds the CloudEvents JSON to `to`. */
void ref_write(const struct ref *ref, struct buf *to);
/* ERR_DATA if it is no JSON, no CloudEvent, of an unknown type, or lacks what it must have. */
MUST_CHECK int ref_read(const char *text, size_t size, struct ref *ret_ref, struct err *err);

#endif
