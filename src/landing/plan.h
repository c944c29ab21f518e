/*
 * A schema made ready for shredding: its tree laid out in one array, each STRUCT with a table of its
 * keys. Never changes once open, so DuckDB's threads share it.
 */
#ifndef RIACHO_PLAN_H
#define RIACHO_PLAN_H

#include "db/schema.h"

#include <duckdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_NONE UINT32_MAX

struct plan_node {
    enum kind kind;
    bool big_ints;
    bool negatives;
    const char *key; /* of the plan's schema */
    size_t key_size; /* SIZE_MAX: has no key, so that no key of an object equals it */
    uint32_t first;  /* its members, or a LIST's items, are nodes first … first + count - 1 */
    uint32_t count;
    uint32_t *table; /* hash of a key → member's number + 1, 0: free; NULL: few members */
    uint32_t mask;
};

struct plan {
    struct schema schema;
    struct plan_node *nodes; /* 0: the records; its members are the columns */
    uint32_t count;
    uint32_t value;   /* the column of records that are no objects, or PLAN_NONE */
    bool is_one_json; /* … and it takes the objects too */
};

void plan_open(struct plan *plan, const struct schema *schema);
void plan_close(struct plan *plan);

/* The member of a STRUCT node with that key, as a number from 0; PLAN_NONE. `guess` is tried first. */
uint32_t plan_find(const struct plan_node *nodes, const struct plan_node *node, const char *key,
                   size_t key_size, uint32_t guess);

/* Declares the columns: the schema's, then page and index. */
void plan_declare(const struct plan *plan, duckdb_bind_info info);

#endif
