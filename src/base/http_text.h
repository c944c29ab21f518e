/*
 * What header fields of HTTP say, for those who ask (source, engine) and those who serve (board, sample-api).
 */
#ifndef RIACHO_HTTP_TEXT_H
#define RIACHO_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The value without the blanks around it, if the line (as it arrived, with or without its end) is that header;
 * NULL otherwise. The caller frees.
 */
char *http_header_value(const char *line, size_t size, const char *name);

/* Whether the value of Accept-Encoding (NULL: none came) names gzip and does not weigh it with 0 (RFC 9110, 12.5.3). */
bool http_takes_gzip(const char *accepted);

#endif
