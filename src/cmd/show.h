/*
 * Reports for people: a list of JSON objects as a table.
 */
#ifndef RIACHO_SHOW_H
#define RIACHO_SHOW_H

#include "base/buf.h"
#include "base/json.h"

enum show_as {
    SHOW_TEXT,
    SHOW_COUNT, /* 1,234,567 */
    SHOW_BYTES, /* 1.2 MiB */
    SHOW_JSON,  /* as it is written */
};

struct show_column {
    const char *head;
    const char *key;
    enum show_as as;
};

/* The table, or, if the list is empty, `if_none` (NULL: nothing). The last column has head NULL. */
void show_put(struct buf *to, yyjson_mut_val *list, const struct show_column *columns,
              const char *if_none);

/* Prints the document as it is. */
void show_json(const struct json_out *report);

#endif
