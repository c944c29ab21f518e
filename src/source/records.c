/*
 * The hot path of the source: blocks of 64 bytes are passed by counting brackets (scan.h), and
 * looked at closely only where a record may end.
 */
#include "source/records.h"

#include "base/block.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define LEAST_ROOM ((size_t)16 << 10)
#define TAIL_BYTES 5 /* "]" and four zeros */

/* Bytes of the list on their way into the batch. */
struct reading {
    const char *start;
    int64_t offset;   /* of `start` in the body */
    const char *from; /* the first byte that was not kept yet */
    const char *at;   /* the block being looked at */
    bool is_done;
};

static void free_json(struct records *records)
{
    if (records->is_block)
        block_give(records->json);
    else
        free(records->json);
    records->json = NULL;
    records->room = 0;
    records->is_block = false;
}

void batches_free(struct batch *first)
{
    while (first) {
        struct batch *next = first->next;

        batch_free(first);
        first = next;
    }
}

void records_close(struct records *records)
{
    batches_free(records_take(records));
    free_json(records);
    *records = (struct records){0};
}

struct batch *records_take(struct records *records)
{
    struct batch *first = records->first;

    records->first = records->last = NULL;
    records->held_bytes = 0;
    return first;
}

static void begin_batch(struct records *records, int64_t offset)
{
    records->size = 0;
    records->commas = 0;
    records->pass.has_escapes = false;
    records->body_offset = offset;
}

static void move_to_block(struct records *records)
{
    char *block = block_take();

    if (records->size > 0)
        memcpy(block, records->json, records->size);
    free_json(records);
    records->json = block;
    records->room = BLOCK_BYTES;
    records->is_block = true;
}

static void move_from_block(struct records *records, size_t room)
{
    char *json = mem_grow(NULL, room, 1);

    memcpy(json, records->json, records->size);
    free_json(records);
    records->json = json;
    records->room = room;
}

/* What is smaller than half a block, or will be larger than one, lies in memory of its size. */
static bool is_for_a_block(size_t need, size_t room)
{
    return need <= BLOCK_BYTES && room > BLOCK_BYTES / 2 && room <= BLOCK_BYTES + BLOCK_BYTES / 8;
}

static void make_room(struct records *records, size_t need)
{
    size_t room = records->room + records->room / 2;

    if (need <= records->room)
        return;
    room = room > records->likely_room ? room : records->likely_room;
    room = room > LEAST_ROOM ? room : LEAST_ROOM;
    room = room > need ? room : need;
    if (is_for_a_block(need, room))
        move_to_block(records);
    else if (records->is_block)
        move_from_block(records, room);
    else {
        records->json = mem_grow(records->json, room, 1);
        records->room = room;
    }
}

static int keep_bytes(struct records *records, const char *bytes, size_t size, struct err *err)
{
    const size_t used = records->size ? records->size : 1;

    if (used + size > RECORDS_CEILING + RECORDS_BATCH_BYTES)
        return err_set(err, ERR_LIMIT, "a record is larger than %zu MiB, near byte %" PRId64,
                       RECORDS_CEILING >> 20, records->body_offset);
    make_room(records, used + size + TAIL_BYTES);
    records->json[0] = '[';
    if (size > 0)
        memcpy(records->json + used, bytes, size);
    records->size = used + size;
    return 0;
}

static void finish_batch(struct records *records)
{
    struct batch *batch = mem_alloc(sizeof *batch);

    records->json[records->size++] = ']';
    memset(records->json + records->size, 0, TAIL_BYTES - 1);
    *batch = (struct batch){.json = records->json,
                            .is_block = records->is_block,
                            .is_plain = !records->pass.has_escapes,
                            .size = records->size,
                            .records = (size_t)records->commas + 1,
                            .page = records->page,
                            .first_index = records->count,
                            .body_offset = records->body_offset};
    records->count += (int64_t)batch->records;
    records->held_bytes += batch->size;
    if (records->last)
        records->last->next = batch;
    else
        records->first = batch;
    records->last = batch;
    records->likely_room = records->size + records->size / 8 + TAIL_BYTES;
    records->json = NULL;
    records->room = 0;
    records->is_block = false;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The last byte before `at` that is no space, within the batch being made; 0 if there is none. */
static char last_solid(const struct records *records, const char *from, const char *at)
{
    while (at > from)
        if (!is_space(*--at))
            return *at;
    for (size_t i = records->size; i > 1; i--)
        if (!is_space(records->json[i - 1]))
            return records->json[i - 1];
    return '\0';
}

static int64_t offset_of(const struct reading *reading, const char *at)
{
    return reading->offset + (at - reading->start);
}

static int end_record(struct records *records, struct reading *reading, const char *comma,
                      struct err *err)
{
    const char before = last_solid(records, reading->from, comma);
    const size_t unkept = (size_t)(comma - reading->from);

    if (before == '\0' || before == ',')
        return err_set(err, ERR_DATA, "a comma stands where a record should be, at byte %" PRId64,
                       offset_of(reading, comma));
    if (records->size + unkept < RECORDS_BATCH_BYTES && records->commas + 1 < BATCH_MOST_RECORDS) {
        records->commas++;
        return 0;
    }
    TRY(keep_bytes(records, reading->from, unkept, err));
    finish_batch(records);
    reading->from = comma + 1;
    begin_batch(records, offset_of(reading, comma + 1));
    return 0;
}

static int end_list(struct records *records, struct reading *reading, const char *bracket,
                    struct err *err)
{
    const char before = last_solid(records, reading->from, bracket);

    if (*bracket != ']')
        return err_set(err, ERR_DATA, "\"}\" closes the list of records, at byte %" PRId64,
                       offset_of(reading, bracket));
    if (before == ',' || (before == '\0' && records->count > 0))
        return err_set(err, ERR_DATA, "a comma ends the list of records, at byte %" PRId64,
                       offset_of(reading, bracket));
    reading->is_done = true;
    reading->at = bracket + 1;
    if (before == '\0')
        return 0;
    TRY(keep_bytes(records, reading->from, (size_t)(bracket - reading->from), err));
    finish_batch(records);
    return 0;
}

static int end_object(struct records *records, struct reading *reading, const char *bracket,
                      struct err *err)
{
    TRY(keep_bytes(records, reading->from, (size_t)(bracket + 1 - reading->from), err));
    finish_batch(records);
    reading->is_done = true;
    reading->at = bracket + 1;
    return 0;
}

static int look_at(struct records *records, struct reading *reading, const char *at,
                   struct err *err)
{
    if (*at == ',')
        return records->pass.depth > 0 ? 0 : end_record(records, reading, at, err);
    if (*at == '{' || *at == '[') {
        records->pass.depth++;
        return 0;
    }
    if (records->pass.depth == 0)
        return end_list(records, reading, at, err);
    records->pass.depth--;
    if (records->is_object && records->pass.depth == 0)
        return end_object(records, reading, at, err);
    return 0;
}

/* `block` holds what is at reading->at, filled up with spaces behind `size` bytes. */
static int read_block(struct records *records, struct reading *reading, const char *block,
                      size_t size, struct err *err)
{
    const char *at = reading->at;
    struct scan_block found;
    uint64_t outside;

    scan_block(block, &found);
    outside = ~scan_strings(&records->pass.state, &found, size);
    found.opens &= outside;
    found.closes &= outside;
    records->pass.has_escapes |= found.backslashes != 0;
    reading->at += size;
    outside &= found.opens | found.closes | scan_commas(block);
    for (; outside && !reading->is_done; outside &= outside - 1)
        TRY(look_at(records, reading, at + __builtin_ctzll(outside), err));
    records->pass.has_escapes |=
        found.backslashes != 0; /* also of a batch that began in this block */
    return 0;
}

static int read_tail(struct records *records, struct reading *reading, size_t size, struct err *err)
{
    char padded[SCAN_BLOCK];

    memset(padded, ' ', sizeof padded);
    memcpy(padded, reading->at, size);
    return read_block(records, reading, padded, size, err);
}

void records_begin(struct records *records, bool is_object, int64_t offset)
{
    begin_batch(records, offset);
    records->pass.state = (struct scan_state){0};
    records->is_object = is_object;
    records->pass.depth = 0;
    if (!is_object)
        return;
    make_room(records, SCAN_BLOCK);
    records->json[0] = '[';
    records->json[1] = '{';
    records->size = 2;
    records->pass.depth = 1;
    records->body_offset--;
}

int records_feed(struct records *records, const char *bytes, size_t size, int64_t offset,
                 size_t *ret_used, struct err *err)
{
    const char *end = bytes + size;
    struct reading reading = {.start = bytes, .offset = offset, .from = bytes, .at = bytes};

    while (!reading.is_done && end - reading.at >= SCAN_BLOCK) {
        reading.at = scan_pass(&records->pass, reading.at, end);
        if (end - reading.at >= SCAN_BLOCK)
            TRY(read_block(records, &reading, reading.at, SCAN_BLOCK, err));
    }
    if (!reading.is_done && reading.at < end)
        TRY(read_tail(records, &reading, (size_t)(end - reading.at), err));
    if (!reading.is_done)
        TRY(keep_bytes(records, reading.from, (size_t)(end - reading.from), err));
    *ret_used = (size_t)(reading.at - bytes);
    return reading.is_done;
}
