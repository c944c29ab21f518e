/*
 * What queries may take of the disk that the state lies on: their files lie beside it, and so does what they spill.
 */
#ifndef RIACHO_QUERY_DISK_H
#define RIACHO_QUERY_DISK_H

#include <stdbool.h>
#include <stdint.h>

/* Of a file that may still grow; 0 if it is not there. */
int64_t query_disk_bytes(const char *path);
/* Whether the disk has less room left than what the pipeline itself should find: 5 % of it, or 1 GiB if that is less. */
bool query_disk_is_low(const char *folder);
/* Whether something is spilled in the folder. */
bool query_disk_has_spill(const char *folder);

#endif
