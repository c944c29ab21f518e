/*
 * Checking the file that a reference names.
 */
#ifndef RIACHO_CHECK_H
#define RIACHO_CHECK_H

#include "river/river.h"

/*
 * The file is beneath its root and has the size and the SHA-256 that the reference says: ERR_DATA if not.
 * `*ret_path` (NULL or to be freed at first) becomes its absolute path, which the caller frees.
 */
MUST_CHECK int check_file(const struct river *river, const struct ref *ref, char **ret_path,
                          struct err *err);

#endif
