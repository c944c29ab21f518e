/*
 * The floor of parsing: yyjson parses each page as a whole, in place, into memory that stays. Only the parsing counts.
 * usage: parse FILE...
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/fs.h"
#include "cost.h"
#include "riacho.h"

#include <stdio.h>
#include <yyjson.h>

enum { PAGE_CEILING = 64 * 1024 * 1024 };

static int parse(char *bytes, size_t size, yyjson_alc *memory, const char *path, struct err *err)
{
    yyjson_read_err fault;
    yyjson_doc *doc = yyjson_read_opts(bytes, size, YYJSON_READ_INSITU, memory, &fault);

    if (doc == NULL)
        return err_set(err, ERR_DATA, "%s: %s at byte %zu", path, fault.msg, fault.pos);
    yyjson_doc_free(doc);
    return 0;
}

static int parse_file(const char *path, yyjson_alc *memory, struct cost *cost, struct err *err)
{
    AUTO(buf) bytes = {0};
    const char padding[YYJSON_PADDING_SIZE] = {0};
    size_t size;
    struct cost begun;

    TRY(fs_read(path, PAGE_CEILING, &bytes, err));
    size = bytes.size;
    buf_put(&bytes, padding, sizeof(padding));
    begun = cost_now();
    TRY(parse(bytes.data, size, memory, path, err));
    cost_add(cost, &begun);
    return 0;
}

int main(int argc, char **argv)
{
    struct cost cost = {0};
    struct err err = {0};
    yyjson_alc *memory = yyjson_alc_dyn_new();

    for (int i = 1; i < argc; i++) {
        if (parse_file(argv[i], memory, &cost, &err) < 0) {
            fprintf(stderr, "parse: %s\n", err.text);
            return 1;
        }
    }
    yyjson_alc_dyn_free(memory);
    cost_print(&cost);
    return 0;
}
