/*
 * A growing run of bytes with a ceiling: what the outside world sizes goes in here.
 * `data` is always followed by a NUL (so text can be used as such), except in a closed buffer, where
 * it is NULL; buf_text() hides that difference.
 */
#ifndef RIACHO_BUF_H
#define RIACHO_BUF_H

#include "base/err.h"

#include <stddef.h>

struct buf {
    char *data;
    size_t size;    /* bytes in use */
    size_t room;    /* bytes allocated */
    size_t ceiling; /* most bytes it may hold; 0: 1 GiB */
};

/* Adds bytes. Fails with ERR_LIMIT past the ceiling; the buffer is then as before. */
MUST_CHECK int buf_add(struct buf *buf, const void *bytes, size_t size, struct err *err);

/* Adds what we size ourselves (names, SQL, messages). Ends the program past the ceiling. */
void buf_put(struct buf *buf, const void *bytes, size_t size);
void buf_puts(struct buf *buf, const char *text);
void buf_putc(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void buf_cut(struct buf *buf, size_t size);  /* no more than the first `size` bytes stay */
void buf_reset(struct buf *buf);             /* empty, memory kept */
void buf_close(struct buf *buf);             /* back to {0} */
char *buf_take(struct buf *buf);             /* the text, to be freed; the buffer is closed */
const char *buf_text(const struct buf *buf); /* never NULL */

#endif
