/*
 * riacho sample-api: the bundled earthquakes over HTTP. riacho demo: that API, and the pipeline of
 * examples/earthquakes.yaml once.
 */
#include "cmd/cmd_demo.h"

#include "base/fs.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/stop.h"
#include "cmd/progress.h"
#include "cmd/sample_api.h"
#include "cmd/summary.h"
#include "cmd/table.h"
#include "db/duck.h"
#include "river/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define DEMO_DIR "riacho-demo"
#define DEMO_ROWS 10

/* The demo's pipeline file is the example, built in. */
__asm__(".section .rodata\n"
        "demo_pipeline:\n"
        ".incbin \"examples/earthquakes.yaml\"\n"
        "demo_pipeline_end:\n"
        ".byte 0\n"
        ".previous\n");
extern const char demo_pipeline[];
extern const char demo_pipeline_end[];

const struct cmd_option sample_api_options[] = {
    {"listen", 'l', "HOST:PORT", "Where to listen; " SAMPLE_API_LISTEN " if not given."},
    {NULL, 0, NULL, NULL},
};

int cmd_sample_api(const struct cmd_line *line, struct err *err)
{
    const char *listen = cmd_value(line, "listen");
    AUTO(sample_api) api = {0};

    TRY(sample_api_start(&api, listen ? listen : SAMPLE_API_LISTEN, !line->quiet, err));
    log_info("earthquakes at http://%s/fdsnws/event/1/query?format=geojson&starttime=2018-01-01\n"
             "try it: USGS_URL=http://%s riacho run examples/earthquakes.yaml",
             api.address, api.address);
    while (!stop_asked())
        stop_wait_ms(1000);
    return 0;
}

/* Puts one row's cells, or the heads. */
static void add_row(struct table *table, struct duck_result *result, idx_t columns, idx_t row)
{
    for (idx_t column = 0; column < columns; column++) {
        char *text = duck_text(result, column, row);

        table_add(table, text);
        duckdb_free(text);
    }
}

static void print_rows(struct duck_result *result)
{
    const idx_t columns = duckdb_column_count(&result->result);
    const char **heads = mem_alloc((columns + 1) * sizeof *heads);
    AUTO(table) table = {0};
    AUTO(buf) text = {0};

    for (idx_t i = 0; i < columns; i++)
        heads[i] = duckdb_column_name(&result->result, i);
    table_open(&table, heads);
    for (idx_t row = 0; row < duckdb_row_count(&result->result); row++)
        add_row(&table, result, columns, row);
    table_put(&table, &text);
    printf("\n%s", buf_text(&text));
    free(heads);
}

static int show_first_rows(const struct river *river, struct err *err)
{
    AUTO(duck) duck = {0};
    AUTO(duck_conn) conn = {0};
    AUTO(duck_result) result = {0};
    AUTO(buf) sql = {0};
    AUTO(buf) glob = {0};

    buf_printf(&glob, "%s/quakes/*.parquet", river->conf.transform.dir);
    buf_puts(&sql, "SELECT strftime(time, '%Y-%m-%d %H:%M') AS \"time (UTC)\", magnitude,"
                   " magnitude_type AS type, place, depth_km FROM read_parquet(");
    sql_put_text(&sql, glob.data);
    buf_printf(&sql, ", union_by_name = true) ORDER BY magnitude DESC, time LIMIT %d", DEMO_ROWS);
    TRY(duck_open(&duck, &(struct duck_conf){.threads = 1}, err));
    TRY(duck_connect(&duck, &conn, err));
    TRY(duck_query(&conn, sql.data, &result, err));
    print_rows(&result);
    printf("\nThe %d strongest of them, from %s\n", DEMO_ROWS, glob.data);
    return 0;
}

static int run_pipeline(const char *file, bool quiet, struct err *err)
{
    AUTO(river) river = {0};
    AUTO(progress) progress = {0};
    AUTO(buf) text = {0};
    int done;

    TRY(river_open(&river, file, RIVER_WORK, err));
    progress_open(&progress, &river, quiet);
    done = flow_run(&river, FLOW_ALL, &(struct flow_how){0}, err);
    progress_close(&progress);
    TRY(done);
    summary_put_text(&text, &river, FLOW_ALL, 0);
    fputs(text.data, stdout);
    return show_first_rows(&river, err);
}

int cmd_demo(const struct cmd_line *line, struct err *err)
{
    AUTO(sample_api) api = {0};
    char *url;

    TRY(fs_make_dirs(DEMO_DIR, 0777, err));
    TRY(fs_write(DEMO_DIR "/earthquakes.yaml", demo_pipeline,
                 (size_t)(demo_pipeline_end - demo_pipeline), 0666, err));
    TRY(sample_api_start(&api, "127.0.0.1:0", false, err));
    url = mem_fmt("http://%s", api.address);
    setenv("USGS_URL", url, 1);
    free(url);
    TRY(run_pipeline(DEMO_DIR "/earthquakes.yaml", line->quiet, err));
    if (!line->quiet)
        puts("\nThe same from the real API:  riacho run " DEMO_DIR "/earthquakes.yaml\n"
             "Your own:                    riacho init");
    return 0;
}
