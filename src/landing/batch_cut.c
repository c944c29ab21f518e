/*
 * Finds the commas between the records, copies what lies between every so many of them.
 */
#include "landing/batch_cut.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define PADDING 4 /* zero bytes that yyjson wants behind a text it parses in place */

/* The place behind the string that begins at `at`, or `end`. */
static const char *pass_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at < end ? at + 1 : end;
}

/* The place of the next comma that stands between records, or `end`. */
static const char *next_comma(const char *at, const char *end)
{
    int64_t depth = 0;

    while (at < end) {
        if (*at == '"') {
            at = pass_string(at, end);
            continue;
        }
        if (*at == ',' && depth == 0)
            return at;
        depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
        at++;
    }
    return end;
}

static struct batch *copy_piece(const struct batch *from, const char *start, const char *end,
                                size_t first, size_t records)
{
    struct batch *piece = mem_alloc(sizeof *piece);
    const size_t size = (size_t)(end - start);

    *piece = *from;
    piece->next = NULL;
    piece->url = mem_str(from->url);
    piece->size = size + 2;
    piece->json = mem_alloc(piece->size + PADDING);
    piece->is_block = false;
    piece->json[0] = '[';
    memcpy(piece->json + 1, start, size);
    piece->json[size + 1] = ']';
    piece->records = records;
    piece->first_index = from->first_index + (int64_t)first;
    piece->body_offset = from->body_offset + (start - from->json - 1);
    return piece;
}

static size_t count_records(const struct batch *batch)
{
    const char *end = batch->json + batch->size - 1;
    size_t records = 1;

    for (const char *at = next_comma(batch->json + 1, end); at < end; at = next_comma(at + 1, end))
        records++;
    return records;
}

struct batch *batch_cut(struct batch *batch_taken, int64_t most)
{
    const size_t step = most < 1 ? 1 : (size_t)most;
    const char *end = batch_taken->json + batch_taken->size - 1;
    const char *start = batch_taken->json + 1;
    struct batch *first = NULL;
    struct batch **last = &first;

    if (batch_taken->records <= step || count_records(batch_taken) != batch_taken->records)
        return batch_taken;
    for (size_t done = 0; done < batch_taken->records; done += step) {
        const size_t left = batch_taken->records - done;
        const size_t records = left < step ? left : step;
        const char *comma = start - 1;

        for (size_t i = 0; i < records; i++)
            comma = next_comma(comma + 1, end);
        *last = copy_piece(batch_taken, start, comma, done, records);
        last = &(*last)->next;
        start = comma + 1;
    }
    batch_free(batch_taken);
    return first;
}
