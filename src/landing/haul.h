/*
 * Small files, several in one COPY: to plan a statement, and to wait for the disk, costs far more than to
 * write ten records, and so it is paid once.
 */
#ifndef RIACHO_HAUL_H
#define RIACHO_HAUL_H

#include "landing/part.h"

/*
 * Writes the haul's files. `part->path` names a folder that is not there yet, and is removed again; the files
 * are at `part->path` with ".1", ".2", …. Adds those that have rows to `*last`, in order, each as
 * part_write() would. -1: failed, and nothing is left. The caller closes with landed_file_free().
 */
MUST_CHECK int haul_write(const struct part *part, struct haul *haul, struct landed_file **last,
                          struct err *err);

#endif
