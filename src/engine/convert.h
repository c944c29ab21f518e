/*
 * Conversion of landed values to the types of `columns:`. A value converts exactly or not at all; the
 * outcome depends on the value alone, not on the type that the landing gave its column (docs/types.md).
 *
 * It takes two layers of SQL: convert_put_source() over the landing, and convert_put() over that.
 */
#ifndef RIACHO_CONVERT_H
#define RIACHO_CONVERT_H

#include "engine/landed.h"
#include "engine/table_conf.h"

/* What the first layer gives. */
enum form {
    FORM_NULL,  /* nothing was ever there */
    FORM_READY, /* it has the column's type already */
    FORM_BOOL,
    FORM_INT,
    FORM_DECIMAL, /* without a fraction */
    FORM_DOUBLE,
    FORM_TEXT,
    FORM_NESTED, /* JSON text of a struct or list */
};

/* Adds the value, cleaned as the column says (trim, …). */
enum form convert_put_source(const struct dialect *dialect, const struct column_conf *column,
                             const struct landed *landed, struct buf *to);

/*
 * Adds the expression that makes the column of the first layer's `source`. A value that does not convert
 * fails the query or becomes null, as the column says; the message names the value and its row, which it
 * takes from the columns _riacho_page and _riacho_index of that layer.
 */
void convert_put(const struct dialect *dialect, const struct column_conf *column, enum form form,
                 const struct sql_type *type, const char *source, struct buf *to);

/* The type of the column; of one without a type, that which landed. */
void convert_type(const struct column_conf *column, const struct landed *landed,
                  struct sql_type *ret_type);

#endif
