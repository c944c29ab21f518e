/*
 * A query as those who ask about it see it: docs/openapi.yaml, Query.
 */
#include "base/clock.h"
#include "board/exchange.h"
#include "board/query.h"

#include <inttypes.h>

#include "base/banned.h"

static const char *const state_names[] = {"queued", "running", "done", "failed", "cancelled"};

bool query_has_ended(const struct query *query)
{
    return query->state >= QUERY_DONE;
}

static void put_count(struct buf *to, const char *name, int64_t count)
{
    if (count >= 0)
        buf_printf(to, ",\"%s\":%" PRId64, name, count);
    else
        buf_printf(to, ",\"%s\":null", name);
}

static void put_rows(struct buf *to, const struct query *query, int64_t after)
{
    const size_t first = after < (int64_t)query->row_count ? (size_t)after : query->row_count;
    const size_t from = first > 0 ? query->row_ends[first - 1] : 0;
    const size_t skip = first > 0 && first < query->row_count; /* the comma */

    buf_puts(to, ",\"rows\":[");
    if (first < query->row_count)
        buf_put(to, query->rows.data + from + skip, query->rows.size - from - skip);
    buf_puts(to, "]");
}

static void put_error(struct buf *to, const struct query *query)
{
    if (query->state != QUERY_FAILED) {
        buf_puts(to, ",\"error\":null");
        return;
    }
    buf_printf(to, ",\"error\":{\"code\":\"%s\",\"message\":", exchange_code_of(&query->err));
    json_put_string(to, query->err.text);
    buf_puts(to, ",\"hint\":");
    json_put_string(to, query->err.hint);
    put_count(to, "position", query->position);
    buf_putc(to, '}');
}

void query_put_document(const struct query *query, int64_t after, struct buf *to)
{
    const int64_t until_ms = query_has_ended(query) ? query->ended_ms : clock_monotonic_ms();

    buf_printf(to, "{\"id\":\"%s\",\"kind\":\"%s\",\"state\":\"%s\"", query->id, query->kind->name,
               state_names[query->state]);
    if (query->progress >= 0 && !query_has_ended(query))
        buf_printf(to, ",\"progress\":%.4f", query->progress);
    else
        buf_puts(to, query_has_ended(query) ? ",\"progress\":1" : ",\"progress\":null");
    put_count(to, "elapsed_ms", until_ms - query->queued_ms);
    buf_printf(to, ",\"columns\":%s", query->columns ? query->columns : "null");
    put_rows(to, query, after);
    put_count(to, "row_count", (int64_t)query->row_count);
    put_count(to, "total", query->total);
    buf_printf(to, ",\"truncated\":%s", query->is_truncated ? "true" : "false");
    buf_printf(to, ",\"result\":%s", query->result ? query->result : "null");
    put_error(to, query);
    buf_putc(to, '}');
}
