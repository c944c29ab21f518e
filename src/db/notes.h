/*
 * Notes: what a stage wants to find again at its next start, by key. They are the state's own small things, and
 * belong to no step.
 */
#ifndef RIACHO_NOTES_H
#define RIACHO_NOTES_H

#include "db/journal.h"

/* 1 found (the caller frees), 0 there is none. */
MUST_CHECK int note_get(struct journal *journal, const char *key, char **ret_text, struct err *err);
/* Puts it in place of what was there; `text` NULL: forgets it. */
MUST_CHECK int note_put(struct journal *journal, const char *key, const char *text,
                        struct err *err);
/* Those whose keys begin with `prefix`, in order of their keys. */
MUST_CHECK int note_each(struct journal *journal, const char *prefix, void *ctx,
                         int (*each)(void *ctx, const char *key, const char *text, struct err *err),
                         struct err *err);

#endif
