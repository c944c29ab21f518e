/*
 * The extract stage: every resource of the source into landing files with their references.
 */
#ifndef RIACHO_EXTRACT_H
#define RIACHO_EXTRACT_H

#include "river/river.h"

/*
 * One pass over all resources, `concurrency` at once. Holds the extractor's lock meanwhile. A resource
 * that fails does not stop the others; the first failure is what is returned, after all have ended. What was
 * committed is safe in any case.
 */
MUST_CHECK int extract_all(struct river *river, struct err *err);

#endif
