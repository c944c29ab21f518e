/*
 * What a run did, for people and for programs.
 */
#ifndef RIACHO_SUMMARY_H
#define RIACHO_SUMMARY_H

#include "base/buf.h"
#include "river/flow.h"
#include "river/river.h"

/* Text for a person: a few lines that tell what came, where it went, and why each pagination ended. */
void summary_put_text(struct buf *to, const struct river *river, unsigned stages, int64_t dead);

/* The same figures as one JSON object. `error` may be NULL. */
void summary_put_json(struct buf *to, const struct river *river, unsigned stages, int64_t dead,
                      const struct err *error);

#endif
