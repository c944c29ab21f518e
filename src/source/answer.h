/*
 * What is wrong with an answer, in words: its status, or a body that is not what was hoped for.
 */
#ifndef RIACHO_ANSWER_H
#define RIACHO_ANSWER_H

#include "base/buf.h"
#include "base/err.h"
#include "source/http.h"

#include <stdbool.h>

/* Whether the same request may get a better status later: 408, 429, 5xx but 501. */
bool answer_is_passing(int status);

/* All return -1. `start` is the beginning of the body. */
int answer_refused(const struct http_answer *answer, const struct buf *start, struct err *err);
/* Adds to `err`, which says what in the body is wrong, what the body is. */
int answer_bad_body(const struct http_answer *answer, const struct buf *start, struct err *err);
/* `selector` NULL: none was given or found. `is_remembered`: the run before found it. */
int answer_no_records(const char *selector, bool is_remembered, const struct buf *start,
                      struct err *err);

#endif
