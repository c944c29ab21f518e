/*
 * What the state's database looks like, and telling a state from other files.
 */
#ifndef RIACHO_JOURNAL_FORMAT_H
#define RIACHO_JOURNAL_FORMAT_H

#include "base/err.h"
#include "db/lite.h"

#define STATE_APPLICATION_ID 0x52494143 /* "RIAC", in the database's header */

enum format_found {
    FORMAT_EMPTY, /* a database without a table: nobody made a state of it yet */
    FORMAT_OURS,
};

/* Refuses (ERR_USAGE) what is no state or is of a format that this version does not know. */
MUST_CHECK int format_check(struct lite *lite, enum format_found *ret_found, struct err *err);

/* Makes the tables, inside the caller's transaction. `epoch` is six hexadecimal digits. */
MUST_CHECK int format_create(struct lite *lite, const char *pipeline, const char *broker,
                             const char *epoch, struct err *err);

#endif
