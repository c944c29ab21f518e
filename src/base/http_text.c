/*
 * Reading header fields (RFC 9110).
 */
#include "base/http_text.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

char *http_header_value(const char *line, size_t size, const char *name)
{
    const size_t name_size = strlen(name);

    if (size <= name_size || line[name_size] != ':' || strncasecmp(line, name, name_size) != 0)
        return NULL;
    line += name_size + 1;
    size -= name_size + 1;
    while (size > 0 && strchr(" \t\r\n", line[size - 1]))
        size--;
    while (size > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        size--;
    }
    return mem_strn(line, size);
}

bool http_takes_gzip(const char *accepted)
{
    const char *gzip = accepted == NULL ? NULL : strstr(accepted, "gzip");
    const char *weight = gzip == NULL ? NULL : strstr(gzip, "q=");
    const char *next = gzip == NULL ? NULL : strchr(gzip, ',');

    if (weight == NULL || (next != NULL && weight > next))
        return gzip != NULL;
    return strtod(weight + 2, NULL) > 0;
}
