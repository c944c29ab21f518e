/*
 * Where the records are, when nobody said: the rule of dlt's client. A document that is a list is
 * the list. In an object, lists up to three keys deep are candidates: those under a name such as
 * "data" or "items" first, then lists of objects, then the least deep; what lies under "metadata",
 * "links" and the like comes last. Without any list the document itself is the one record.
 */
#ifndef RIACHO_DETECT_H
#define RIACHO_DETECT_H

#include <stdbool.h>
#include <stddef.h>

/* The path to the list in (the beginning of) a document. Never NULL; the caller frees. */
char *detect_selector(const char *text, size_t size);

/* Whether the text begins with "[", so that no more of it need be seen. */
bool detect_is_list(const char *text);

#endif
