/*
 * Small things about text: comparing, and reading numbers, sizes and durations by functions that can
 * refuse. All text is UTF-8.
 */
#ifndef RIACHO_STR_H
#define RIACHO_STR_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

bool str_same(const char *a, const char *b); /* both NULL is the same */
bool str_starts(const char *text, const char *with);
bool str_ends(const char *text, const char *with);

/* Whole text as a decimal integer within [least, most]. */
MUST_CHECK int str_to_int(const char *text, int64_t least, int64_t most, int64_t *ret_value,
                          struct err *err);

/* "250ms", "30s", "5m", "12h", "7d"; a bare number is refused (the unit would be a guess). */
MUST_CHECK int str_to_ms(const char *text, int64_t *ret_ms, struct err *err);

/* "64MiB", "10MB", "512KiB", "1GiB", "4096" (bytes). */
MUST_CHECK int str_to_bytes(const char *text, int64_t *ret_bytes, struct err *err);

/* The name nearest to `wanted` by edit distance (two edits at most, one for short names), or NULL. */
const char *str_nearest(const char *wanted, const char *const *names, size_t count);

/* What ends an English noun of so many: "s", or "" of one. */
const char *str_plural(int64_t count);
/* "1,234,567"; "1.5 MiB"; "2.1 s": for people. `size` 32 is enough for each. */
const char *str_of_count(uint64_t count, char *ret_text, size_t size);
const char *str_of_bytes(uint64_t bytes, char *ret_text, size_t size);
const char *str_of_ms(int64_t ms, char *ret_text, size_t size);

#endif
