/*
 * The page's files, gzipped, as the build put them into the program (tools/embed-assets).
 */
#ifndef RIACHO_ASSETS_H
#define RIACHO_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

struct asset {
    const char *path; /* of the URL; NULL ends the list */
    const char *type; /* its Content-Type */
    const char *etag; /* with its quotes */
    bool immutable;   /* the name has a hash in it: it may be kept for ever */
    const unsigned char *bytes;
    size_t size;
};

extern const struct asset assets[];

#endif
