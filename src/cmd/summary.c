/*
 * The summary of a run: one block a stage, figures aligned.
 */
#include "cmd/summary.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

#define FIGURE 32

static const char *count(long long number, char text[FIGURE])
{
    return str_of_count((uint64_t)number, text, FIGURE);
}

static const char *plural(long long number)
{
    return number == 1 ? "" : "s";
}

static long long rate_of(long long rows, int64_t ms)
{
    return rows * 1000 / (ms > 0 ? ms : 1);
}

static int64_t extract_ms(const struct extract_live *live)
{
    const int64_t ended_ms = atomic_load(&live->ended_ms);

    return (ended_ms ? ended_ms : clock_monotonic_ms()) - atomic_load(&live->started_ms);
}

static void put_extract_text(struct buf *to, const struct extract_live *live)
{
    const long long requests = atomic_load(&live->source.requests);
    const long long retries = atomic_load(&live->source.retries);
    const long long pages = atomic_load(&live->source.pages);
    const long long records = atomic_load(&live->source.records);
    const long long rows = atomic_load(&live->landing.rows);
    const long long files = atomic_load(&live->landing.files);
    const long long skipped = atomic_load(&live->landing.skipped);
    const long long doubled = atomic_load(&live->landing.duplicate_keys);
    const long long halves = atomic_load(&live->landing.half_characters);
    char a[FIGURE], b[FIGURE], c[FIGURE], d[FIGURE];

    buf_printf(to, "  extract    %s: %s request%s", live->resource->name, count(requests, a),
               plural(requests));
    if (retries > 0)
        buf_printf(to, " (%s retr%s)", count(retries, a), retries == 1 ? "y" : "ies");
    buf_printf(to, ", %s page%s, %s record%s, %s, in %s\n", count(pages, a), plural(pages),
               count(records, b), plural(records),
               str_of_bytes((uint64_t)atomic_load(&live->source.bytes), c, sizeof c),
               str_of_ms(extract_ms(live), d, sizeof d));
    buf_printf(to, "             landed %s row%s in %s file%s, %s (%s rows/s)\n", count(rows, a),
               plural(rows), count(files, b), plural(files),
               str_of_bytes((uint64_t)atomic_load(&live->landing.bytes), c, sizeof c),
               count(rate_of(rows, extract_ms(live)), d));
    if (skipped > 0)
        buf_printf(to, "             %s record%s not new by the cursor, skipped\n", count(skipped, a),
                   plural(skipped));
    if (doubled > 0)
        buf_printf(to, "             %s object%s gave a key twice: the last counted\n",
                   count(doubled, a), plural(doubled));
    if (halves > 0)
        buf_printf(to, "             %s half character%s: each became U+FFFD\n", count(halves, a),
                   plural(halves));
    buf_printf(to, "             %s: %s\n",
               atomic_load(&live->state) == FLOW_DONE ? "ended" : "did not end", live->why);
}

static void put_consume_text(struct buf *to, const char *stage, const struct consume_live *live)
{
    const long long references = atomic_load(&live->references);
    const long long files = atomic_load(&live->files);
    const long long rows = atomic_load(&live->rows);
    const long long dead = atomic_load(&live->dead);
    char a[FIGURE], b[FIGURE], c[FIGURE], d[FIGURE];

    buf_printf(to, "  %-10s ", stage);
    if (live->name && !str_same(stage, live->name))
        buf_printf(to, "%s: ", live->name);
    buf_printf(to, "%s reference%s → %s file%s, ", count(references, a), plural(references),
               count(files, b), plural(files));
    buf_printf(to, "%s row%s, %s, in %s\n", count(rows, a), plural(rows),
               str_of_bytes((uint64_t)atomic_load(&live->bytes), c, sizeof c),
               str_of_ms(atomic_load(&live->busy_ms), d, sizeof d));
    if (dead > 0)
        buf_printf(to, "             %s went to the dead letters\n", count(dead, a));
}

void summary_put_text(struct buf *to, const struct river *river, unsigned stages, int64_t dead)
{
    char took[FIGURE];

    buf_printf(to, "%s: %s\n", river->conf.name,
               str_of_ms(clock_monotonic_ms() - river->opened_ms, took, sizeof took));
    for (size_t i = 0; i < river->conf.source.resource_count && (stages & FLOW_EXTRACT); i++)
        if (atomic_load(&river->extracts[i].state) != FLOW_WAITING)
            put_extract_text(to, &river->extracts[i]);
    if (stages & FLOW_TRANSFORM)
        put_consume_text(to, "transform", &river->transform);
    for (size_t i = 0; i < river->conf.export_count && (stages & FLOW_EXPORT); i++)
        put_consume_text(to, "export", &river->exports[i]);
    if (dead > 0)
        buf_printf(to, "  %" PRId64 " open dead letter%s: riacho dead list %s\n", dead,
                   plural(dead), river->conf.path);
}

static const char *state_name(int state)
{
    static const char *const names[] = {"waiting", "running", "done", "failed"};

    return names[state];
}

static void put_extract_json(struct buf *to, const struct extract_live *live)
{
    buf_puts(to, "{\"resource\":");
    json_put_string(to, live->resource->name);
    buf_printf(to, ",\"run\":%" PRId64 ",\"state\":\"%s\"", (int64_t)live->run,
               state_name(atomic_load(&live->state)));
    if (live->resumed_page)
        buf_printf(to, ",\"resumed_page\":%" PRId64, (int64_t)live->resumed_page);
    buf_printf(to, ",\"requests\":%lld,\"retries\":%lld,\"pages\":%lld,\"records\":%lld",
               atomic_load(&live->source.requests), atomic_load(&live->source.retries),
               atomic_load(&live->source.pages), atomic_load(&live->source.records));
    buf_printf(to, ",\"bytes\":%lld,\"wire_bytes\":%lld,\"rows\":%lld,\"files\":%lld",
               atomic_load(&live->source.bytes), atomic_load(&live->source.wire_bytes),
               atomic_load(&live->landing.rows), atomic_load(&live->landing.files));
    buf_printf(to,
               ",\"file_bytes\":%lld,\"skipped\":%lld,\"duplicate_keys\":%lld,\"half_characters\":%"
               "lld,\"ms\":%" PRId64,
               atomic_load(&live->landing.bytes), atomic_load(&live->landing.skipped),
               atomic_load(&live->landing.duplicate_keys),
               atomic_load(&live->landing.half_characters), extract_ms(live));
    buf_printf(to, ",\"rows_per_s\":%lld,\"why\":",
               rate_of(atomic_load(&live->landing.rows), extract_ms(live)));
    json_put_string(to, live->why);
    buf_putc(to, '}');
}

static void put_consume_json(struct buf *to, const struct consume_live *live)
{
    const int64_t ms = atomic_load(&live->busy_ms);

    buf_puts(to, "{\"name\":");
    json_put_string(to, live->name);
    buf_printf(to, ",\"state\":\"%s\",\"references\":%lld,\"files\":%lld,\"rows\":%lld",
               state_name(atomic_load(&live->state)), atomic_load(&live->references),
               atomic_load(&live->files), atomic_load(&live->rows));
    buf_printf(to, ",\"bytes\":%lld,\"dead\":%lld,\"ms\":%" PRId64 ",\"rows_per_s\":%lld}",
               atomic_load(&live->bytes), atomic_load(&live->dead), ms,
               rate_of(atomic_load(&live->rows), ms));
}

void summary_put_json(struct buf *to, const struct river *river, unsigned stages, int64_t dead,
                      const struct err *error)
{
    const char *comma = "";

    buf_puts(to, "{\"pipeline\":");
    json_put_string(to, river->conf.name);
    buf_printf(to, ",\"ok\":%s,\"ms\":%" PRId64 ",\"extract\":[", error ? "false" : "true",
               clock_monotonic_ms() - river->opened_ms);
    for (size_t i = 0; i < river->conf.source.resource_count && (stages & FLOW_EXTRACT); i++) {
        buf_puts(to, comma);
        put_extract_json(to, &river->extracts[i]);
        comma = ",";
    }
    buf_puts(to, "],\"transform\":");
    if (stages & FLOW_TRANSFORM)
        put_consume_json(to, &river->transform);
    else
        buf_puts(to, "null");
    buf_puts(to, ",\"exports\":[");
    comma = "";
    for (size_t i = 0; i < river->conf.export_count && (stages & FLOW_EXPORT); i++) {
        buf_puts(to, comma);
        put_consume_json(to, &river->exports[i]);
        comma = ",";
    }
    buf_printf(to, "],\"dead_letters\":%" PRId64 ",\"error\":", dead);
    if (error)
        json_put_string(to, error->text);
    else
        buf_puts(to, "null");
    buf_puts(to, "}\n");
}
