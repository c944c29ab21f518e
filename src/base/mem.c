/*
 * Allocation that ends the program rather than fail.
 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check_memory(void *got)
{
    if (got == NULL) {
        fputs("riacho: out of memory\n", stderr);
        abort();
    }
    return got;
}

void *mem_alloc(size_t size)
{
    return check_memory(calloc(1, size ? size : 1));
}

void *mem_grow(void *old, size_t count, size_t item_bytes)
{
    return check_memory(reallocarray(old, count, item_bytes));
}

char *mem_str(const char *text)
{
    return text ? check_memory(strdup(text)) : NULL;
}

void mem_replace(char **text, const char *with)
{
    char *copy = mem_str(with);

    free(*text);
    *text = copy;
}

char *mem_strn(const char *text, size_t size)
{
    char *copy = mem_alloc(size + 1);

    if (size > 0)
        memcpy(copy, text, size);
    return copy;
}

char *mem_fmt(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    int size;

    va_start(args, fmt);
    size = vasprintf(&text, fmt, args);
    va_end(args);
    return check_memory(size < 0 ? NULL : text);
}
