/*
 * What a pipeline file says under `transform:`: the engine, and the tables with their columns. Filled
 * through the option tables of table_conf.c; owns its strings.
 */
#ifndef RIACHO_TABLE_CONF_H
#define RIACHO_TABLE_CONF_H

#include "base/opt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum column_type {
    COLUMN_AS_LANDED, /* nothing was said: the type that the landing has, fixed when first seen */
    COLUMN_TEXT,
    COLUMN_BOOLEAN,
    COLUMN_BIGINT,
    COLUMN_DOUBLE,
    COLUMN_DECIMAL,
    COLUMN_DATE,
    COLUMN_TIMESTAMP,
    COLUMN_JSON,
};

/* What the number means from which a date or a timestamp is made. */
enum column_unit { UNIT_NONE, UNIT_S, UNIT_MS, UNIT_US, UNIT_NS };

enum column_on_error { ON_ERROR_FAIL, ON_ERROR_NULL };

struct column_conf {
    char *name;
    char *path; /* of base/json.h's syntax; never ends in [*] */
    enum column_type type;
    int64_t precision;     /* of COLUMN_DECIMAL: 1 to 38 */
    int64_t scale;         /* of COLUMN_DECIMAL: 0 to precision */
    enum column_unit unit; /* only of dates and timestamps */
    bool trim;
    bool empty_as_null;
    bool lower; /* to lower case, to upper case: only of texts, never both */
    bool upper;
    char *default_json; /* what stands in for null: a JSON string, number or bool; NULL: none */
    enum column_on_error on_error;
};

struct table_conf {
    char *name;
    char *from;                  /* the resource */
    struct column_conf *columns; /* none: `sql` is given */
    size_t column_count;
    char *where;     /* a SQL condition over the columns; NULL: none */
    char **distinct; /* names of columns */
    size_t distinct_count;
    char *sql_duckdb; /* NULL: none for this engine; both are the same if it was one text */
    char *sql_spark;
};

enum engine_type { ENGINE_DUCKDB, ENGINE_SPARK };
enum transform_mode { TRANSFORM_BATCH, TRANSFORM_STREAMING };

/* Where a Spark server has the folders, if it has mounted them elsewhere; NULL: where they are here. */
struct transform_roots {
    char *landing;
    char *adjusted;
};

struct transform_conf {
    enum engine_type engine;
    enum transform_mode mode;
    char *remote; /* "sc://host:15002" of spark; NULL */
    struct transform_roots roots;
    char *dir;                 /* absolute */
    struct table_conf *tables; /* none: every resource is normalised by the default rules */
    size_t table_count;
};

extern const struct opt transform_options[]; /* of struct transform_conf */

/*
 * Completes what was read (a table's resource, a column's path) and checks what one row of a table cannot:
 * `node` is the tree of `transform:`, `resources` the names that `from` may give.
 */
void transform_conf_check(struct transform_conf *conf, const struct opt_reading *reading,
                          const struct conf_node *node, const char *const *resources,
                          size_t resource_count);

void table_conf_close(struct table_conf *conf);
void transform_conf_close(struct transform_conf *conf);

#endif
