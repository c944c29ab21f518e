/*
 * Names of tables and columns from names of any kind.
 */
#ifndef RIACHO_SNAKE_H
#define RIACHO_SNAKE_H

/*
 * snake_case of a-z, 0-9 and _: "pullRequests" and "pull-requests" become "pull_requests",
 * "Município" becomes "municipio". A name that has only such characters stays as it is. Empty if
 * nothing is left. The caller frees.
 */
char *snake_name(const char *name);

#endif
