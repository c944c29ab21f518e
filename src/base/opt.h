/*
 * Option tables: one row per setting of the pipeline file. The row feeds the reader (with every
 * fault gathered, not only the first), the defaults, the JSON Schema and the reference page.
 *
 * A table ends with a row whose key is NULL. A row says where its value goes in the struct that
 * the table fills (`at`, an offsetof). What is read is owned by that struct; its own x_close()
 * frees it.
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
    OPT_TEXT,    /* char * */
    OPT_PATH,    /* char *: a file or folder, made absolute from the pipeline file's folder */
    OPT_INT,     /* int64_t within least and most */
    OPT_BOOL,    /* bool */
    OPT_MS,      /* int64_t within least and most, "30s" */
    OPT_BYTES,   /* int64_t within least and most, "64MiB" */
    OPT_ENUM,    /* an enum of `choices` */
    OPT_WORD,    /* char *: the name of one of `choices` */
    OPT_TEXTS,   /* char ** and a size_t at `count_at`; one text is a list of one */
    OPT_PAIRS,   /* struct opt_pairs: a map of texts, of any keys */
    OPT_JSON,    /* char *: any value, as JSON text */
    OPT_SCALAR,  /* char *: a text, number or bool, as JSON text */
    OPT_PARSED,  /* a text that `parse` reads into the struct */
    OPT_CUSTOM,  /* a value that `take` reads into the struct */
    OPT_MAP,     /* a struct of `rows`, in place */
    OPT_MAPS,    /* a list of structs of `rows`: items * at `at`, size_t at `count_at` */
    OPT_NAMED,   /* as OPT_MAPS, written as a map from each one's name; it goes to `name_at` */
    OPT_VARIANT, /* a struct in place whose rows its key `type` chooses among `variants` */
    OPT_REFUSED, /* known to dlt, not supported yet: its help says more, if there is more to say */
};

enum opt_flag {
    OPT_REQUIRED = 1 << 0,
    OPT_OWN = 1 << 1,       /* riacho's own, marked (+) in the reference */
    OPT_SECRET = 1 << 2,    /* a literal one earns a warning */
    OPT_NULLABLE = 1 << 3,  /* null is a value: NULL of a text, -1 of a number, the choice "null" */
    OPT_JSON_PATH = 1 << 4, /* TEXT: of base/json.h's syntax */
    OPT_ONE_ITEM = 1 << 5,  /* … and not of many items ([*]) */
    OPT_TYPE_OPTIONAL = 1 << 6, /* VARIANT: the first is meant if no type is given */
    OPT_ELSEWHERE = 1 << 7,     /* known here, read by somebody else */
    OPT_PARTIAL = 1 << 8,       /* MAP: its required keys may be missing */
    OPT_CHECKED = 1 << 9,       /* WORD: must be right, and is not kept */
};

struct opt_choice {
    const char *name; /* NULL ends the list */
    int value;
    const char *help;
    const char *refused; /* NULL, or why not: "merge is not supported yet" */
};

struct opt;

/* A way to write a struct that its `type` chooses. */
struct opt_variant {
    const char *name; /* NULL ends the list */
    int value;        /* of the enum at the row's `type_at` */
    const char *help;
    const struct opt *rows; /* NULL: it has none */
    const char *refused;    /* NULL, or why not */
    bool is_alias;          /* an old name: read, and not told of in the reference */
};

struct opt_pair {
    char *key;
    char *value;
};

struct opt_pairs {
    struct opt_pair *items;
    size_t count;
};

/* What one reading of a tree needs to know. */
struct opt_reading {
    struct faults *faults;
    const char *dir; /* relative paths start here */
    bool is_partial; /* required keys may be missing */
};

/* Places are offsets into the struct that the table fills, also type_at and set_at_plus_1. */
struct opt {
    const char *key;
    enum opt_type type;
    size_t at;
    const char *standard; /* the default, as it would be written; NULL: none (zero, NULL or -1) */
    const char *help;     /* whole sentences */
    unsigned flags;
    size_t count_at;      /* lists */
    size_t item_bytes;    /* MAPS, NAMED */
    size_t name_at;       /* NAMED: place of its name in an item */
    size_t type_at;       /* VARIANT: place of its enum */
    size_t set_at_plus_1; /* place of a bool that tells whether it was given, plus 1 */
    int64_t least, most;  /* both 0: any that is not negative */
    const char *bare;     /* MAP, MAPS, NAMED, VARIANT: the key that a bare text fills */
    const struct opt_choice *choices;   /* ENUM, WORD */
    const struct opt *rows;             /* MAP, MAPS, NAMED */
    const struct opt_variant *variants; /* VARIANT */
    const char *pattern;                /* TEXT, PARSED: what it must match (POSIX extended) */
    const char *schema;                 /* CUSTOM: its JSON Schema */
    const char *kind;                   /* CUSTOM, PARSED, with a pattern: what it is, in words */
    /* PARSED: `target` is the place; the error says what was expected ("a rate such as 10/s"). */
    int (*parse)(const char *text, void *target, struct err *err);
    /* CUSTOM: `target` is the place; faults go to the reading. */
    void (*take)(const struct opt_reading *reading, const struct conf_node *node, const char *path,
                 void *target);
};

/*
 * Reads a map into the struct at `target`, defaults included. Faults go to reading->faults, with
 * the keys named after `path` ("source.client", "" at the root). The struct can be closed whatever
 * was wrong.
 */
void opt_read(const struct opt_reading *reading, const struct opt *rows,
              const struct conf_node *node, const char *path, void *target);

/* Sets the defaults alone, as if nothing had been written. */
void opt_standard(const struct opt_reading *reading, const struct opt *rows, void *target);

/* Reads one value by its row, for what `take` finds inside its node. */
void opt_read_value(const struct opt_reading *reading, const struct opt *row,
                    const struct conf_node *node, const char *path, void *target);

/* "source.client" and "auth" → "source.client.auth". The caller frees. */
char *opt_path(const char *path, const char *key);

/* Tells of a fault or a warning at a node; `nearest` may be NULL. */
void opt_fault(const struct opt_reading *reading, const struct conf_node *at, const char *path,
               const char *nearest, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void opt_warn(const struct opt_reading *reading, const struct conf_node *at, const char *path,
              const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* "expected <what>, found <the node>", without the value if it may be secret. */
void opt_fault_expected(const struct opt_reading *reading, const struct conf_node *at,
                        const char *path, const char *nearest, const char *what);

void opt_pairs_close(struct opt_pairs *pairs);

/* Adds the JSON Schema (draft-07) of the map that the rows describe: one JSON object. */
void opt_put_schema(struct buf *to, const struct opt *rows, const char *title);

/* Adds Markdown: a section for the map at `path` and each map in it, a table row per setting. */
void opt_put_reference(struct buf *to, const struct opt *rows, const char *path);

#endif
