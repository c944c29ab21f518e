/*
 * Option tables: one row per setting of the pipeline file. The row feeds the reader (with every fault
 * gathered, not only the first), the defaults, the JSON Schema and the reference page.
 *
 * A table ends with a row whose key is NULL. A row says where its value goes in the struct that the
 * table fills (`at`, an offsetof). What is read is owned by that struct; its own x_close() frees it.
 */
#ifndef RIACHO_OPT_H
#define RIACHO_OPT_H

#include "base/buf.h"
#include "base/conf.h"
#include "base/faults.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt_type {
    OPT_TEXT,    /* char *                                                                            */
    OPT_PATH,    /* char *: a file or folder, made absolute from the pipeline file's folder            */
    OPT_INT,     /* int64_t within least and most                                                     */
    OPT_BOOL,    /* bool                                                                              */
    OPT_MS,      /* int64_t, "30s"                                                                    */
    OPT_BYTES,   /* int64_t, "64MiB"                                                                  */
    OPT_ENUM,    /* an enum of `choices`                                                              */
    OPT_WORD,    /* char *: the name of one of `choices`                                              */
    OPT_TEXTS,   /* char ** and a size_t at `count_at`; one text is a list of one                     */
    OPT_PAIRS,   /* struct opt_pairs: a map of texts, of any keys                                     */
    OPT_JSON,    /* char *: any value, as JSON text                                                   */
    OPT_SCALAR,  /* char *: a text, number or bool, as JSON text                                      */
    OPT_PARSED,  /* a text read by the row's `parse` into the struct itself                           */
    OPT_MAP,     /* a struct of `rows`, in place                                                      */
    OPT_MAPS,    /* a list of structs of `rows`: items * at `at`, size_t at `count_at`                 */
    OPT_NAMED,   /* as OPT_MAPS, written as a map from each one's name; its name goes to its `name_at` */
    OPT_VARIANT, /* a struct in place whose rows its `type` chooses among `variants`                  */
    OPT_REFUSED, /* known elsewhere, not supported: its help says so                                  */
};

enum opt_flag {
    OPT_REQUIRED = 1 << 0,
    OPT_OWN = 1 << 1,    /* riacho's own, marked (+) in the reference                                 */
    OPT_SECRET = 1 << 2, /* a literal one earns a warning                                             */
    OPT_NULLABLE = 1 << 3, /* YAML null is a value: NULL of a text, -1 of a number                    */
};

struct opt_choice {
    const char *name; /* NULL ends the list                                                           */
    int value;
    const char *help;
    const char *refused; /* NULL, or why this build does not do it                                    */
};

struct opt;

/* A way to write a struct that its `type` chooses. */
struct opt_variant {
    const char *name; /* NULL ends the list                                                           */
    int value;        /* of the enum at the row's `type_at`                                           */
    const char *help;
    const struct opt *rows;
    const char *refused; /* NULL, or why it is not supported                                          */
    bool is_alias;       /* an old name: read, and not told of in the reference                       */
};

struct opt_pair {
    char *key;
    char *value;
};

struct opt_pairs {
    struct opt_pair *items;
    size_t count;
};

struct opt {
    const char *key;
    enum opt_type type;
    size_t at;
    const char *standard; /* the default, as it would be written; NULL: none (zero)                   */
    const char *help;     /* whole sentences                                                          */
    unsigned flags;
    size_t count_at;                    /* lists                                                      */
    size_t item_bytes;                  /* MAPS, NAMED                                                */
    size_t name_at;                     /* NAMED: place of its name in an item                        */
    size_t type_at;                     /* VARIANT: place of its enum in the struct at `at`           */
    size_t set_at_plus_1;               /* place of a bool that tells whether it was given, plus 1    */
    int64_t least, most;                /* INT, MS, BYTES; both 0: any that is not negative           */
    const char *bare;                   /* MAP, MAPS, NAMED, VARIANT: the key that a bare text fills  */
    const struct opt_choice *choices;   /* ENUM, WORD                                                 */
    const struct opt *rows;             /* MAP, MAPS, NAMED                                           */
    const struct opt_variant *variants; /* VARIANT; the first is meant if no `type` is given          */
    const char *pattern;                /* TEXT, PARSED: a regular expression for the schema          */
    const char *example;                /* for the reference                                          */
    /* PARSED: reads the text into the struct; the error says what was expected. */
    int (*parse)(const char *text, void *target, struct err *err);
};

/* What one reading of a tree needs to know. */
struct opt_reading {
    struct faults *faults;
    const char *dir;   /* relative paths start here                                                   */
    bool is_partial;   /* required keys may be missing (defaults of others are looked at so)          */
};

/*
 * Reads a map into the struct at `target`, defaults included. Faults go to reading->faults, with the
 * keys named after `path` ("source.client"). The struct can be closed whatever was wrong.
 */
void opt_read(const struct opt_reading *reading, const struct opt *rows,
              const struct conf_node *node, const char *path, void *target);

/* Sets the defaults alone, as if an empty map had been read. */
void opt_standard(const struct opt_reading *reading, const struct opt *rows, void *target);

void opt_pairs_close(struct opt_pairs *pairs);

/* Adds the JSON Schema (draft-07) of the map that the rows describe: one JSON object. */
void opt_put_schema(struct buf *to, const struct opt *rows, const char *title);

/* Adds Markdown: a section per map under a heading of `level`, one table row per setting. */
void opt_put_reference(struct buf *to, const struct opt *rows, const char *path);

#endif
