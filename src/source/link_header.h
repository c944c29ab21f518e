/*
 * The Link header (RFC 8288, section 3).
 */
#ifndef RIACHO_LINK_HEADER_H
#define RIACHO_LINK_HEADER_H

/*
 * The target of the first link with that relation, as it is written. Several header lines are
 * given as one, joined by commas. NULL if there is none; the caller frees.
 */
char *link_header_find(const char *header, const char *relation);

#endif
