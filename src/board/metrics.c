/*
 * Made of the snapshot, so that metrics and page never tell different things. Sums over files that are there
 * may shrink when old ones are pruned: gauges. Figures of a living process begin at 0 with it: counters.
 */
#include "board/metrics.h"

#include "base/clock.h"
#include "base/str.h"
#include "board/board_parts.h"
#include "board/snapshot.h"
#include "riacho.h"

#include <inttypes.h>
#include <string.h>

#include "base/banned.h"

static void put_head(struct buf *to, const char *name, const char *type, const char *help)
{
    buf_printf(to, "# HELP riacho_%s %s\n# TYPE riacho_%s %s\n", name, help, name, type);
}

/* A label's value may hold anything but these three as they are. */
static void put_label(struct buf *to, const char *name, const char *value)
{
    buf_printf(to, "%s=\"", name);
    for (const char *at = value ? value : ""; *at; at++) {
        if (*at == '\\' || *at == '"')
            buf_putc(to, '\\');
        if (*at == '\n')
            buf_puts(to, "\\n");
        else
            buf_putc(to, *at);
    }
    buf_putc(to, '"');
}

static void put_number(struct buf *to, yyjson_mut_val *value, double scale)
{
    if (yyjson_mut_is_real(value) || scale != 1)
        buf_printf(to, " %.17g\n", yyjson_mut_get_num(value) * scale);
    else
        buf_printf(to, " %" PRId64 "\n", yyjson_mut_get_sint(value));
}

/* A metric with a row for each of a list, labelled by one or two of its members. */
struct listed {
    const char *list;
    const char *labels[2][2]; /* the label's name, the member */
    const char *key;
    const char *name;
    const char *type;
    const char *help;
    double scale;
};

static const struct listed listed[] = {
    {"resources",
     {{"resource", "name"}},
     "files",
     "landed_files",
     "gauge",
     "Landing files that are there.",
     1},
    {"resources",
     {{"resource", "name"}},
     "rows",
     "landed_rows",
     "gauge",
     "Rows in the landing files.",
     1},
    {"resources",
     {{"resource", "name"}},
     "bytes",
     "landed_bytes",
     "gauge",
     "Size of the landing files.",
     1},
    {"tables",
     {{"table", "name"}},
     "files",
     "adjusted_files",
     "gauge",
     "Adjusted files that are there.",
     1},
    {"tables",
     {{"table", "name"}},
     "rows",
     "adjusted_rows",
     "gauge",
     "Rows in the adjusted files.",
     1},
    {"tables",
     {{"table", "name"}},
     "bytes",
     "adjusted_bytes",
     "gauge",
     "Size of the adjusted files.",
     1},
    {"exported",
     {{"export", "name"}, {"table", "table"}},
     "files",
     "exported_files",
     "gauge",
     "Exported files that are there.",
     1},
    {"exported",
     {{"export", "name"}, {"table", "table"}},
     "rows",
     "exported_rows",
     "gauge",
     "Rows in the exported files.",
     1},
    {"exported",
     {{"export", "name"}, {"table", "table"}},
     "bytes",
     "exported_bytes",
     "gauge",
     "Size of the exported files.",
     1},
    {"topics",
     {{"topic", "topic"}, {"group", "group"}},
     "lag",
     "consumer_lag_references",
     "gauge",
     "References that the group has not worked off.",
     1},
    {"topics",
     {{"topic", "topic"}, {"group", "group"}},
     "claimed",
     "consumer_claimed_references",
     "gauge",
     "References that the group is working on.",
     1},
    {"extract",
     {{"resource", "resource"}},
     "in_flight",
     "http_requests_in_flight",
     "gauge",
     "Requests that are sent and not answered yet.",
     1},
    {"extract",
     {{"resource", "resource"}},
     "requests",
     "http_requests_total",
     "counter",
     "Requests of the process that extracts, in its present pass.",
     1},
    {"extract",
     {{"resource", "resource"}},
     "retries",
     "http_retries_total",
     "counter",
     "Requests that were tried again.",
     1},
    {"extract",
     {{"resource", "resource"}},
     "pages",
     "pages_total",
     "counter",
     "Pages that came whole.",
     1},
    {"extract",
     {{"resource", "resource"}},
     "records",
     "records_total",
     "counter",
     "Records that came.",
     1},
    {"extract",
     {{"resource", "resource"}},
     "bytes",
     "http_received_bytes_total",
     "counter",
     "Decoded bodies that came.",
     1},
    {"extract",
     {{"resource", "resource"}},
     "wire_bytes",
     "http_wire_bytes_total",
     "counter",
     "Bytes that came over the network.",
     1},
    {"extract",
     {{"resource", "resource"}},
     "queue_bytes",
     "landing_queue_bytes",
     "gauge",
     "Records that wait to be written.",
     1},
    {"extract",
     {{"resource", "resource"}},
     "waiting_ms",
     "http_wait_seconds",
     "gauge",
     "How long it still waits for the rate limit or a retry.",
     0.001},
};

static void put_row(struct buf *to, const struct listed *metric, yyjson_mut_val *row)
{
    buf_printf(to, "riacho_%s{", metric->name);
    for (size_t i = 0; i < 2 && metric->labels[i][0]; i++) {
        buf_puts(to, i ? "," : "");
        put_label(to, metric->labels[i][0],
                  yyjson_mut_get_str(yyjson_mut_obj_get(row, metric->labels[i][1])));
    }
    buf_putc(to, '}');
    put_number(to, yyjson_mut_obj_get(row, metric->key), metric->scale);
}

static void put_listed(struct buf *to, const struct listed *metric, yyjson_mut_val *root)
{
    yyjson_mut_val *list = yyjson_mut_obj_get(root, metric->list);
    yyjson_mut_val *row;
    size_t i;
    size_t count;

    if (yyjson_mut_arr_size(list) == 0)
        return;
    put_head(to, metric->name, metric->type, metric->help);
    yyjson_mut_arr_foreach(list, i, count,
                           row) if (!yyjson_mut_is_null(yyjson_mut_obj_get(row, metric->key)))
        put_row(to, metric, row);
}

static void put_one(struct buf *to, const char *name, const char *type, const char *help,
                    int64_t value)
{
    put_head(to, name, type, help);
    buf_printf(to, "riacho_%s %" PRId64 "\n", name, value);
}

/* What each living process works on. */
static void put_processes(struct buf *to, yyjson_mut_val *root)
{
    yyjson_mut_val *processes = yyjson_mut_obj_get(root, "processes");
    yyjson_mut_val *growing = yyjson_mut_obj_get(root, "growing");
    yyjson_mut_val *budget = yyjson_mut_obj_get(root, "rate_budget");

    put_one(to, "processes", "gauge", "Processes that work on the pipeline.",
            (int64_t)yyjson_mut_arr_size(processes));
    put_one(to, "landing_growing_bytes", "gauge", "Size of the landing files that grow.",
            yyjson_mut_get_sint(yyjson_mut_obj_get(growing, "bytes")));
    if (yyjson_mut_is_obj(budget)) {
        put_head(to, "rate_limit_requests_left", "gauge", "Requests that may go at once.");
        buf_puts(to, "riacho_rate_limit_requests_left");
        put_number(to, yyjson_mut_obj_get(budget, "left"), 1);
    }
}

static void put_run(struct buf *to, const char *resource, int64_t ended_ms)
{
    buf_puts(to, "riacho_last_success_timestamp_seconds{");
    put_label(to, "resource", resource);
    buf_printf(to, "} %.3f\n", (double)ended_ms / 1000);
}

static int put_last_successes(struct journal *journal, struct buf *to, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    int got;

    TRY(lite_query(&journal->lite,
                   "SELECT resource, max(ended) FROM runs WHERE status = 'ended' GROUP BY resource",
                   BIND_NOTHING, &rows, err));
    put_head(to, "last_success_timestamp_seconds", "gauge",
             "When a run of the resource last ended well.");
    while ((got = lite_next(&rows, err)) > 0)
        put_run(to, lite_col_text(&rows, 0), lite_col_int(&rows, 1));
    return got;
}

static void put_build(const struct board_setup *setup, struct buf *to)
{
    put_head(to, "build_info", "gauge", "Always 1; the labels tell what runs.");
    buf_puts(to, "riacho_build_info{");
    put_label(to, "version", RIACHO_VERSION);
    buf_putc(to, ',');
    put_label(to, "pipeline", setup->pipeline);
    buf_putc(to, ',');
    put_label(to, "engine", setup->engine);
    buf_puts(to, "} 1\n");
}

static void put_own(struct board_impl *board, struct buf *to)
{
    put_one(to, "dashboard_connections", "gauge", "Connections to the dashboard.",
            clients_count(&board->clients));
    put_one(to, "dashboard_streams", "gauge", "Streams of events that are open.",
            events_subscribers(&board->events));
    put_one(to, "dashboard_events_total", "counter", "Events that were made for the streams.",
            atomic_load(&board->events.sent));
    put_one(to, "dashboard_requests_total", "counter", "Requests that the dashboard answered.",
            atomic_load(&board->answered));
    put_one(to, "dashboard_refused_total", "counter",
            "Requests that it answered with a status from 400 on.", atomic_load(&board->refused));
}

int metrics_put(struct board_impl *board, struct buf *to, struct err *err)
{
    AUTO(borrowed_journal) journal = {0};
    AUTO(json_out) snapshot = {0};
    yyjson_mut_val *root;

    TRY(journal_pool_take(&board->pool, &journal, err));
    TRY(snapshot_make(&board->setup, journal.journal, &snapshot, err));
    root = yyjson_mut_doc_get_root(snapshot.doc);
    put_build(&board->setup, to);
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
        put_listed(to, &listed[i], root);
    put_one(to, "dead_letters", "gauge", "Dead letters that nobody has decided on.",
            yyjson_mut_get_sint(yyjson_mut_obj_get(root, "dead")));
    TRY(put_last_successes(journal.journal, to, err));
    put_processes(to, root);
    put_own(board, to);
    return 0;
}
