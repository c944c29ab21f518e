/*
 * The growing buffer. Grows by half again, so that appending is linear over all.
 */
#include "base/buf.h"

#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_CEILING ((size_t)1 << 30)

static size_t ceiling_of(const struct buf *buf)
{
    return buf->ceiling ? buf->ceiling : DEFAULT_CEILING;
}

static void make_room(struct buf *buf, size_t more)
{
    const size_t need = buf->size + more + 1;
    size_t room = buf->room + buf->room / 2;

    if (need <= buf->room)
        return;
    if (room < need)
        room = need < 64 ? 64 : need;
    buf->data = mem_grow(buf->data, room, 1);
    buf->room = room;
}

void buf_put(struct buf *buf, const void *bytes, size_t size)
{
    assert(size <= ceiling_of(buf) && buf->size <= ceiling_of(buf) - size);
    make_room(buf, size);
    if (size > 0)
        memcpy(buf->data + buf->size, bytes, size);
    buf->size += size;
    buf->data[buf->size] = '\0';
}

int buf_add(struct buf *buf, const void *bytes, size_t size, struct err *err)
{
    const size_t ceiling = ceiling_of(buf);

    if (size > ceiling || buf->size > ceiling - size)
        return err_set(err, ERR_LIMIT, "more than %zu bytes", ceiling);
    buf_put(buf, bytes, size);
    return 0;
}

void buf_puts(struct buf *buf, const char *text)
{
    buf_put(buf, text, strlen(text));
}

void buf_putc(struct buf *buf, char c)
{
    buf_put(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args;
    int size;

    va_start(args, fmt);
    size = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(size >= 0);
    make_room(buf, (size_t)size);
    va_start(args, fmt);
    vsnprintf(buf->data + buf->size, (size_t)size + 1, fmt, args);
    va_end(args);
    buf->size += (size_t)size;
}

void buf_cut(struct buf *buf, size_t size)
{
    if (size >= buf->size)
        return;
    buf->size = size;
    buf->data[size] = '\0';
}

void buf_reset(struct buf *buf)
{
    buf->size = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

void buf_close(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

char *buf_take(struct buf *buf)
{
    char *text = buf->data ? buf->data : mem_str("");

    *buf = (struct buf){0};
    return text;
}

const char *buf_text(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}
