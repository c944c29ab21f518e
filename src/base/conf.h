/*
 * A YAML 1.2 file as a tree of nodes that know their places. Plain scalars are resolved by the
 * core schema (yes, no, on, off are texts). `${VAR}` and `${VAR:-default}` are replaced from the
 * environment in every scalar, after parsing, so that a value can never change the structure;
 * `$${` is a literal
 * `${`, and any other `$` is itself.
 */
#ifndef RIACHO_CONF_H
#define RIACHO_CONF_H

#include "base/buf.h"
#include "base/err.h"
#include "base/faults.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_MOST_BYTES (1 << 20)
#define CONF_MOST_DEPTH 64
#define CONF_MOST_NODES 100000 /* with aliases replaced by what they stand for */

enum conf_kind { CONF_NULL, CONF_BOOL, CONF_INT, CONF_FLOAT, CONF_TEXT, CONF_LIST, CONF_MAP };

/*
 * A value, not empty, of a variable. One that has a default in the file holds no secret, or the
 * file would hold one too; any other may.
 */
struct conf_value {
    char *name; /* of the variable */
    char *text;
    bool may_be_secret;
};

struct conf_node {
    enum conf_kind kind;
    int line;                  /* from 1 */
    int column;                /* from 1, in characters */
    bool is_quoted;            /* a text that was not written plain */
    bool has_variable;         /* a ${VAR} was written in it */
    bool is_faulty;            /* its variables could not be replaced, and that was told */
    struct conf_value *values; /* what came into it from the environment */
    size_t value_count;
    char *text; /* of a scalar, as written, with variables replaced; "" of an empty null */
    struct conf_node *keys;  /* MAP */
    struct conf_node *items; /* MAP, LIST */
    size_t count;            /* MAP, LIST */
};

/*
 * Parses a whole file. Whatever is wrong goes to `faults` with its place; -1 if the tree cannot be
 * used at all (it is then closed). Where a variable is missing the tree still comes, with "" in
 * its place.
 */
MUST_CHECK int conf_parse(struct conf_node *ret_root, const char *text, size_t size,
                          struct faults *faults);
void conf_node_close(struct conf_node *node);
void conf_copy(const struct conf_node *from, struct conf_node *ret_node);

/* The member of a map, or NULL (also if it is no map). */
const struct conf_node *conf_get(const struct conf_node *map, const char *key);
/* The key's own node of a member, or NULL. */
const struct conf_node *conf_key(const struct conf_node *map, const char *key);

/*
 * The node at "transform.tables[2].from", or the deepest one that there is on the way: the best
 * place to tell of something that is missing.
 */
const struct conf_node *conf_find(const struct conf_node *root, const char *path);

/* Lays the map `over` on the map `base`, key by key; its values win whole. A copy of both. */
void conf_merge(const struct conf_node *base, const struct conf_node *over,
                struct conf_node *ret_node);
/* Sets a member of a map, which stands at the item's place in the file if it is new. */
void conf_set(struct conf_node *map, const char *key, struct conf_node *item_taken);
void conf_remove(struct conf_node *map, const char *key);
/* A text, and an empty map, at the place of another node. */
struct conf_node conf_make_text(const struct conf_node *at, const char *text);
struct conf_node conf_make_map(const struct conf_node *at);

/* Adds the node as JSON text; texts keep their placeholders. */
void conf_put_json(const struct conf_node *node, struct buf *to);

/* Whether a value that may be secret is in the scalar. */
bool conf_may_be_secret(const struct conf_node *node);

/* What came of the variables in a text. */
struct conf_expansion {
    bool has_variable;
    struct conf_value *values;
    size_t value_count;
    char problem[160]; /* why it could not be done; "": it was */
};

/*
 * Adds the text to `to` with its variables replaced; one that is missing leaves nothing.
 * The caller owns the expansion's values.
 */
void conf_expand(const char *text, struct buf *to, struct conf_expansion *ret_expansion);

/* What a scalar's text is by the core schema, were it plain: NULL, BOOL, INT, FLOAT or TEXT. */
enum conf_kind conf_resolve(const char *text);
/* The value of a text that resolves to an int (also 0x…, 0o…, +1). 1 read, 0 it is beyond int64. */
int conf_int(const char *text, int64_t *ret_value);

#endif
