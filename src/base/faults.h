/*
 * What is wrong with a file, all of it: faults and warnings with their places.
 */
#ifndef RIACHO_FAULTS_H
#define RIACHO_FAULTS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define FAULTS_MOST 200 /* those after are counted, not kept */

struct fault {
    int line;   /* from 1; 0: the file as a whole */
    int column; /* from 1 */
    bool is_warning;
    char *key;     /* "source.client.base_url"; NULL: none */
    char *text;    /* what was expected, or what is wrong */
    char *nearest; /* what was probably meant; NULL: no idea */
};

struct faults {
    char *file; /* as people named it */
    struct fault *items;
    size_t count;
    size_t errors; /* those that are no warnings, the uncounted too */
    size_t unkept;
};

/* Where a fault is. */
struct fault_place {
    int line;
    int column;
    bool is_warning;
    const char *key; /* NULL: of no key */
};

/* Adds a fault, unless the same was told of that place already. `nearest` may be NULL. */
void faults_add(struct faults *faults, const struct fault_place *at, const char *text,
                const char *nearest);

/* By line and column. */
void faults_sort(struct faults *faults);

/* One line each: `file:line:column: key "x": text; did you mean "y"?` */
void faults_print(const struct faults *faults, FILE *to);

/*
 * Adds {"file":…,"ok":…,"errors":…,"faults":[…]}, each fault with line, column, severity ("error" or
 * "warning"), text, and key and nearest if there are any.
 */
void faults_put_json(const struct faults *faults, struct buf *to);

void faults_close(struct faults *faults);

#endif
