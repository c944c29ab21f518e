/*
 * The floor of durability: files written, fsynced, renamed, and their folder fsynced, one after another.
 * usage: durable FOLDER FILES BYTES_OF_EACH
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/str.h"
#include "cost.h"
#include "riacho.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int write_one(const char *folder, int64_t number, const struct buf *bytes, struct err *err)
{
    AUTO(buf) path = {0};

    buf_printf(&path, "%s/%" PRId64, folder, number);
    return fs_write(buf_text(&path), bytes->data, bytes->size, 0644, err);
}

static int write_all(const char *folder, int64_t files, int64_t size, struct err *err)
{
    AUTO(buf) bytes = {0};

    for (int64_t i = 0; i < size; i++)
        buf_putc(&bytes, (char)rand());
    for (int64_t number = 0; number < files; number++)
        TRY(write_one(folder, number, &bytes, err));
    return 0;
}

int main(int argc, char **argv)
{
    struct cost cost = {0};
    struct cost begun = cost_now();
    struct err err = {0};
    int64_t files;
    int64_t size;

    if (argc != 4 || str_to_int(argv[2], 1, 1000000, &files, &err) < 0 ||
        str_to_int(argv[3], 1, INT64_C(1) << 30, &size, &err) < 0)
        return 2;
    if (write_all(argv[1], files, size, &err) < 0) {
        fprintf(stderr, "durable: %s\n", err.text);
        return 1;
    }
    cost_add(&cost, &begun);
    cost_print(&cost);
    return 0;
}
