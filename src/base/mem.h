/*
 * Memory for small things of a size we decide. It never fails: out of memory ends the program with a
 * message (as git and redis do), so no caller carries dead branches. Whatever the outside world sizes
 * goes through struct buf with a ceiling instead.
 */
#ifndef RIACHO_MEM_H
#define RIACHO_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size); /* zeroed; the caller frees with free() */
void *mem_grow(void *old, size_t count,
               size_t item_bytes);             /* as reallocarray; new part not zeroed */
char *mem_str(const char *text);               /* a copy; NULL stays NULL */
char *mem_strn(const char *text, size_t size); /* a copy of `size` bytes plus NUL */
/* Frees what is there, and puts a copy of `with` in its place; NULL: nothing. `with` may be what is there. */
void mem_replace(char **text, const char *with);
char *mem_fmt(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Makes room for one more item in a counted array that grows by doubling. */
#define MEM_PUSH(items, count)                                                                     \
    ((items) = ((count) & ((count)-1)) == 0                                                        \
                   ? mem_grow((items), (count) ? 2 * (size_t)(count) : 1, sizeof *(items))         \
                   : (items),                                                                      \
     &(items)[(count)++])

#endif
