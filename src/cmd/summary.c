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

static long long rate_of(long long rows, int64_t ms)
{
    return rows * 1000 / (ms > 0 ? ms : 1);
}

static void put_extract_text(struct buf *to, const struct extract_live *live)
{
    struct extract_sums sums;
    char a[FIGURE], b[FIGURE], c[FIGURE], d[FIGURE];

    extract_sums_of(live, &sums);
    buf_printf(to, "  extract    %s: %s request%s", live->resource->name, count(sums.requests, a),
               str_plural(sums.requests));
    if (sums.retries > 0)
        buf_printf(to, " (%s retr%s)", count(sums.retries, a), sums.retries == 1 ? "y" : "ies");
    buf_printf(to, ", %s page%s, %s record%s, %s, in %s\n", count(sums.pages, a),
               str_plural(sums.pages), count(sums.records, b), str_plural(sums.records),
               str_of_bytes((uint64_t)sums.bytes, c, sizeof c), str_of_ms(sums.ms, d, sizeof d));
    buf_printf(to, "             landed %s row%s in %s file%s, %s (%s rows/s)\n",
               count(sums.rows, a), str_plural(sums.rows), count(sums.files, b),
               str_plural(sums.files), str_of_bytes((uint64_t)sums.file_bytes, c, sizeof c),
               count(rate_of(sums.rows, sums.ms), d));
    if (sums.skipped > 0)
        buf_printf(to, "             %s record%s not new by the cursor, skipped\n",
                   count(sums.skipped, a), str_plural(sums.skipped));
    if (sums.duplicate_keys > 0)
        buf_printf(to, "             %s object%s gave a key twice: the last counted\n",
                   count(sums.duplicate_keys, a), str_plural(sums.duplicate_keys));
    if (sums.half_characters > 0)
        buf_printf(to, "             %s half character%s: each became U+FFFD\n",
                   count(sums.half_characters, a), str_plural(sums.half_characters));
    /* A last pass may have been stopped before it began. */
    if (atomic_load(&live->state) != FLOW_WAITING)
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
    buf_printf(to, "%s reference%s → %s file%s, ", count(references, a), str_plural(references),
               count(files, b), str_plural(files));
    buf_printf(to, "%s row%s, %s, in %s\n", count(rows, a), str_plural(rows),
               str_of_bytes((uint64_t)atomic_load(&live->bytes), c, sizeof c),
               str_of_ms(atomic_load(&live->busy_ms), d, sizeof d));
    if (dead > 0)
        buf_printf(to, "             %s went to the dead letters\n", count(dead, a));
}

static bool has_begun(const struct extract_live *live)
{
    return atomic_load(&live->state) != FLOW_WAITING || live->before.requests > 0;
}

void summary_put_text(struct buf *to, const struct river *river, unsigned stages, int64_t dead)
{
    char took[FIGURE];

    buf_printf(to, "%s: %s\n", river->conf.name,
               str_of_ms(clock_monotonic_ms() - river->opened_ms, took, sizeof took));
    for (size_t i = 0; i < river->conf.source.resource_count && (stages & FLOW_EXTRACT); i++)
        if (has_begun(&river->extracts[i]))
            put_extract_text(to, &river->extracts[i]);
    if (stages & FLOW_TRANSFORM)
        put_consume_text(to, "transform", &river->transform);
    for (size_t i = 0; i < river->conf.export_count && (stages & FLOW_EXPORT); i++)
        put_consume_text(to, "export", &river->exports[i]);
    if (dead > 0)
        buf_printf(to, "  %" PRId64 " open dead letter%s: riacho dead list %s\n", dead,
                   str_plural(dead), river->conf.path);
}

static const char *state_name(int state)
{
    static const char *const names[] = {"waiting", "running", "done", "failed"};

    return names[state];
}

static void put_extract_json(struct buf *to, const struct extract_live *live)
{
    struct extract_sums sums;

    extract_sums_of(live, &sums);
    buf_puts(to, "{\"resource\":");
    json_put_string(to, live->resource->name);
    buf_printf(to, ",\"run\":%" PRId64 ",\"state\":\"%s\"", (int64_t)live->run,
               state_name(atomic_load(&live->state)));
    if (live->resumed_page)
        buf_printf(to, ",\"resumed_page\":%" PRId64, (int64_t)live->resumed_page);
    buf_printf(to, ",\"requests\":%lld,\"retries\":%lld,\"pages\":%lld,\"records\":%lld",
               sums.requests, sums.retries, sums.pages, sums.records);
    buf_printf(to, ",\"bytes\":%lld,\"wire_bytes\":%lld,\"rows\":%lld,\"files\":%lld", sums.bytes,
               sums.wire_bytes, sums.rows, sums.files);
    buf_printf(to, ",\"file_bytes\":%lld,\"skipped\":%lld,\"duplicate_keys\":%lld", sums.file_bytes,
               sums.skipped, sums.duplicate_keys);
    buf_printf(to, ",\"half_characters\":%lld,\"ms\":%" PRId64, sums.half_characters, sums.ms);
    buf_printf(to, ",\"rows_per_s\":%lld,\"why\":", rate_of(sums.rows, sums.ms));
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
