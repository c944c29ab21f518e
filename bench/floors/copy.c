/*
 * The floor of what DuckDB does: statements that make ready (not counted), and a last one that counts. With a table in
 * memory as what is made ready, a COPY of it is encoding and compression alone.
 * usage: copy SQL... COUNTED_SQL
 */
#include "base/err.h"
#include "cost.h"
#include "db/duck.h"
#include "riacho.h"

#include <stdio.h>

static int run(int count, char **statements, struct cost *cost, struct err *err)
{
    const struct duck_conf conf = {0};
    AUTO(duck) duck = {0};
    AUTO(duck_conn) conn = {0};
    struct cost begun;

    TRY(duck_open(&duck, &conf, err));
    TRY(duck_connect(&duck, &conn, err));
    for (int i = 0; i < count - 1; i++)
        TRY(duck_exec(&conn, statements[i], err));
    begun = cost_now();
    TRY(duck_exec(&conn, statements[count - 1], err));
    cost_add(cost, &begun);
    return 0;
}

int main(int argc, char **argv)
{
    struct cost cost = {0};
    struct err err = {0};

    if (argc < 2)
        return 2;
    if (run(argc - 1, argv + 1, &cost, &err) < 0) {
        fprintf(stderr, "copy: %s\n", err.text);
        return 1;
    }
    cost_print(&cost);
    return 0;
}
