/*
 * JSON may write a character beyond U+FFFF as two escapes, and JavaScript's cutting of texts leaves one of them alone. Half
 * a character is none, in UTF-8 or in Parquet: U+FFFD takes its place, as in Unicode's own rules for broken text.
 */
#ifndef RIACHO_SURROGATES_H
#define RIACHO_SURROGATES_H

#include <stddef.h>
#include <stdint.h>

/* Mends JSON in place; how many escapes stood alone. */
int64_t surrogates_mend(char *json, size_t size);

#endif
