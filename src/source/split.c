/*
 * The splitter: a walk to the list, the records, and a walk to the end; before them, a look for
 * the list if nobody said where it is.
 */
#include "source/split.h"

#include "base/mem.h"
#include "source/detect.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static const char bom[3] = {'\xef', '\xbb', '\xbf'};

static int use_selector(struct split *split, const char *selector, struct err *err)
{
    struct json_path path = {0};

    TRY(json_path_parse(&path, selector, err));
    split->path = path;
    split->selector = mem_str(selector);
    split->phase = SPLIT_WALK;
    walk_open(&split->walk, &split->path);
    return 0;
}

int split_open(struct split *split, const char *selector, int64_t page, struct err *err)
{
    const size_t likely_room = split->records.likely_room;

    split_close(split);
    split->records.page = page;
    split->records.likely_room = likely_room;
    split->envelope.ceiling = SPLIT_ENVELOPE_CEILING;
    return selector ? use_selector(split, selector, err) : 0;
}

void split_close(struct split *split)
{
    records_close(&split->records);
    free(split->selector);
    buf_close(&split->start);
    json_path_close(&split->path);
    walk_close(&split->walk);
    buf_close(&split->envelope);
    *split = (struct split){0};
}

static int add_to_envelope(struct split *split, const char *bytes, size_t size, struct err *err)
{
    if (buf_add(&split->envelope, bytes, size, err) == 0)
        return 0;
    err_set(err, ERR_LIMIT, "the document around the records is larger than %zu MiB",
            SPLIT_ENVELOPE_CEILING >> 20);
    return err_hint(err, "Does data_selector lead to the list that holds the records?");
}

/* Reads on around the list until it begins or the bytes end. */
static int read_envelope(struct split *split, const char *bytes, size_t size, size_t *ret_used,
                         struct err *err)
{
    enum walk_found found;

    split->walk.offset = split->offset;
    TRY(walk_feed(&split->walk, bytes, size, ret_used, &found, err));
    TRY(add_to_envelope(split, bytes, *ret_used, err));
    if (found == WALK_NOTHING)
        return 0;
    split->hole = split->envelope.size;
    split->hole_offset = split->offset + (int64_t)*ret_used;
    split->phase = SPLIT_RECORDS;
    records_begin(&split->records, found == WALK_OBJECT, split->hole_offset);
    return 0;
}

/* The list (or the object) is over; its closing bracket stands at `end`. */
static void close_hole(struct split *split, int64_t end)
{
    const struct batch *last = split->records.last;

    split->phase = SPLIT_WALK;
    if (!split->records.is_object) {
        buf_putc(&split->envelope, ']');
        split->hole_bytes = end - split->hole_offset;
        return;
    }
    split->object_dropped = last->size > SPLIT_ENVELOPE_CEILING - split->envelope.size;
    if (split->object_dropped) {
        buf_putc(&split->envelope, '}');
        split->hole_bytes = end - split->hole_offset;
        return;
    }
    /* The envelope has the object's first byte already; the list's brackets it must not have. */
    buf_put(&split->envelope, last->json + 2, last->size - 3);
}

static int read_records(struct split *split, const char *bytes, size_t size, size_t *ret_used,
                        struct err *err)
{
    const int is_over = records_feed(&split->records, bytes, size, split->offset, ret_used, err);

    if (is_over > 0)
        close_hole(split, split->offset + (int64_t)*ret_used - 1);
    return is_over < 0 ? -1 : 0;
}

static int read_on(struct split *split, const char *bytes, size_t size, struct err *err)
{
    while (size > 0) {
        size_t used = 0;

        if (split->phase == SPLIT_WALK)
            TRY(read_envelope(split, bytes, size, &used, err));
        else
            TRY(read_records(split, bytes, size, &used, err));
        split->offset += (int64_t)used;
        bytes += used;
        size -= used;
    }
    return 0;
}

/* Looks for the list in what was held back, then reads that. */
static int settle(struct split *split, struct err *err)
{
    AUTO(buf) start = split->start;
    char *selector = detect_selector(buf_text(&start), start.size);
    int done;

    split->start = (struct buf){0};
    done = use_selector(split, selector, err);
    free(selector);
    return done < 0 ? -1 : read_on(split, buf_text(&start), start.size, err);
}

static int hold_back(struct split *split, const char *bytes, size_t size, struct err *err)
{
    buf_put(&split->start, bytes, size);
    if (split->start.size >= SPLIT_DETECT_BYTES || detect_is_list(split->start.data))
        return settle(split, err);
    return 0;
}

int split_feed(struct split *split, const char *bytes, size_t size, struct err *err)
{
    /* A byte order mark is no part of JSON, but some servers send one (RFC 8259, section 8.1). */
    while (size > 0 && split->offset == split->bom_bytes && split->bom_bytes < 3 &&
           *bytes == bom[split->bom_bytes] && split->start.size == 0) {
        split->bom_bytes++;
        split->offset++;
        bytes++;
        size--;
    }
    if (size > 0 && split->offset == split->bom_bytes && split->bom_bytes % 3 != 0)
        return err_set(err, ERR_DATA, "the body is not JSON, at byte 0");
    if (split->phase == SPLIT_DETECT)
        return hold_back(split, bytes, size, err);
    return read_on(split, bytes, size, err);
}

static int parse_envelope(struct split *split, struct json *ret_envelope, struct err *err)
{
    yyjson_read_err why;
    yyjson_doc *doc = yyjson_read_opts(split->envelope.data, split->envelope.size,
                                       YYJSON_READ_NUMBER_AS_RAW, NULL, &why);

    if (doc == NULL) {
        const int64_t beyond = why.pos >= split->hole ? split->hole_bytes : 0;

        split->is_cut_short = why.code == YYJSON_READ_ERROR_UNEXPECTED_END;
        return err_set(err, ERR_DATA, "invalid JSON at byte %" PRId64 ": %s",
                       (int64_t)why.pos + beyond + split->bom_bytes, why.msg);
    }
    json_close(ret_envelope);
    ret_envelope->doc = doc;
    return 0;
}

int split_finish(struct split *split, struct json *ret_envelope, struct err *err)
{
    if (split->phase == SPLIT_DETECT)
        TRY(settle(split, err));
    split->is_cut_short = split->phase == SPLIT_RECORDS || !split->walk.root_seen;
    if (split->phase == SPLIT_RECORDS)
        return err_set(err, ERR_DATA, "the body ends inside the list of records, at byte %" PRId64,
                       split->offset);
    if (!split->walk.root_seen)
        return err_set(err, ERR_DATA, "the body is empty");
    TRY(parse_envelope(split, ret_envelope, err));
    return split->walk.target_seen;
}
