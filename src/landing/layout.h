/*
 * A schema made ready for shredding: its tree laid out in one array, each STRUCT with a table of
 * its keys. Never changes once open, so DuckDB's threads share it.
 */
#ifndef RIACHO_LAYOUT_H
#define RIACHO_LAYOUT_H

#include "base/bytes.h"
#include "db/schema.h"

#include <duckdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAYOUT_NONE UINT32_MAX

struct layout_node {
    enum kind kind;
    bool big_ints;
    bool negatives;
    const char *key; /* of the layout's schema */
    size_t key_size; /* SIZE_MAX: has no key, so that no key of an object equals it */
    uint32_t first;  /* its members, or a LIST's items, are nodes first … first + count - 1 */
    uint32_t count;
    uint32_t *table; /* hash of a key → member's number + 1, 0: free; NULL: few members */
    uint32_t mask;
};

struct layout {
    struct schema schema;
    struct layout_node *nodes; /* 0: the records; its members are the columns */
    uint32_t count;
    uint32_t value;   /* the column of records that are no objects, or LAYOUT_NONE */
    bool is_one_json; /* … and it takes the objects too */
};

void layout_open(struct layout *layout, const struct schema *schema);
void layout_close(struct layout *layout);

static inline bool layout_is_member(const struct layout_node *member, const char *key,
                                    size_t key_size)
{
    return member->key_size == key_size && bytes_same(member->key, key, key_size);
}

/*
 * The member of a STRUCT node with that key, as a number from 0; LAYOUT_NONE. `guess` is tried
 * first.
 */
uint32_t layout_find(const struct layout_node *nodes, const struct layout_node *node,
                     const char *key, size_t key_size, uint32_t guess);

/* Declares the columns: the schema's, then page and index. */
void layout_declare(const struct layout *layout, duckdb_bind_info info);

#endif
