/*
 * The SQL of a pipeline file, looked at from outside: where its one statement ends.
 */
#ifndef RIACHO_USER_SQL_H
#define RIACHO_USER_SQL_H

#include "base/err.h"

/*
 * The statement without the semicolons and blanks after it, with its comments. ERR_USAGE if there is no
 * statement, more than one, or a comment or literal that does not end. The caller frees.
 */
MUST_CHECK int user_sql_read(const char *text, char **ret_statement, struct err *err);

/* Whether it closes a parenthesis that it has not opened: as a subquery it would not be one. */
bool user_sql_breaks_out(const char *statement);

#endif
