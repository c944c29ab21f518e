/*
 * The splitter: whatever way the bytes arrive, the batches and the envelope say what yyjson reads
 * in the whole document; and what yyjson refuses is refused somewhere.
 */
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "source/detect.h"
#include "source/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What came out of one page. */
struct outcome {
    int found; /* as split_finish() */
    struct err err;
    struct batch *batches;
    struct json envelope;
    int64_t records;
    bool is_cut_short;
};

static void outcome_close(struct outcome *outcome)
{
    batches_free(outcome->batches);
    json_close(&outcome->envelope);
    *outcome = (struct outcome){0};
}

static void split_text(const char *selector, const char *text, size_t size, size_t chunk,
                       struct outcome *ret_outcome)
{
    AUTO(split) split = {0};
    struct outcome outcome = {0};
    int done = split_open(&split, selector, 7, &outcome.err);

    for (size_t at = 0; at < size && done == 0; at += chunk) {
        const size_t part = size - at < chunk ? size - at : chunk;
        char *copy = mem_strn(text + at, part); /* so that a sanitizer sees a read past its end */

        done = split_feed(&split, copy, part, &outcome.err);
        free(copy);
    }
    outcome.found = done < 0 ? -1 : split_finish(&split, &outcome.envelope, &outcome.err);
    outcome.records = split.records.count;
    outcome.is_cut_short = split.is_cut_short;
    outcome.batches = records_take(&split.records);
    outcome_close(ret_outcome);
    *ret_outcome = outcome;
}

static void split_whole(const char *selector, const char *text, struct outcome *ret_outcome)
{
    split_text(selector, text, strlen(text), strlen(text) + 1, ret_outcome);
}

static bool batches_parse(const struct batch *batch)
{
    for (; batch; batch = batch->next) {
        AUTO(json) json = {0};
        struct err err;

        if (json_parse(&json, batch->json, batch->size, &err) < 0 ||
            yyjson_arr_size(json_root(&json)) != batch->records)
            return false;
    }
    return true;
}

/* The batches as they stand in the body, in order and without a gap in their numbering. */
static void check_batches(const struct outcome *outcome, const char *text)
{
    int64_t index = 0;

    for (const struct batch *batch = outcome->batches; batch; batch = batch->next) {
        assert_int_equal(batch->page, 7);
        assert_int_equal(batch->first_index, index);
        assert_in_range(batch->records, 1, BATCH_MOST_RECORDS);
        assert_memory_equal(batch->json + 1, text + batch->body_offset, batch->size - 2);
        assert_int_equal(batch->json[0], '[');
        assert_int_equal(batch->json[batch->size - 1], ']');
        assert_memory_equal(batch->json + batch->size, "\0\0\0\0", 4);
        if (batch->is_plain)
            assert_null(memchr(batch->json, '\\', batch->size));
        index += (int64_t)batch->records;
    }
    assert_int_equal(outcome->records, index);
}

static void check_same(const struct outcome *one, const struct outcome *other)
{
    const struct batch *a = one->batches;
    const struct batch *b = other->batches;

    assert_int_equal(one->found, other->found);
    if (one->found < 0) {
        assert_int_equal(one->err.code, other->err.code);
        assert_string_equal(one->err.text, other->err.text);
        return;
    }
    for (; a && b; a = a->next, b = b->next) {
        assert_int_equal(a->size, b->size);
        assert_memory_equal(a->json, b->json, a->size);
        assert_int_equal(a->body_offset, b->body_offset);
    }
    assert_null(a);
    assert_null(b);
    assert_true(yyjson_equals(json_root(&one->envelope), json_root(&other->envelope)));
}

/* The records in the batches are the items of the list that yyjson finds. */
static void check_records(const struct outcome *outcome, yyjson_val *list)
{
    size_t index = 0;

    for (const struct batch *batch = outcome->batches; batch; batch = batch->next) {
        AUTO(json) json = {0};
        struct err err;
        yyjson_val *record;
        size_t i;
        size_t count;

        assert_int_equal(json_parse(&json, batch->json, batch->size, &err), 0);
        yyjson_arr_foreach(json_root(&json), i, count, record)
            assert_true(yyjson_equals(record, yyjson_arr_get(list, index++)));
    }
    assert_int_equal(index, yyjson_arr_size(list));
}

static uint32_t seed = 1;

static uint32_t random_below(uint32_t most)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % most;
}

static void put_spaces(struct buf *to)
{
    for (uint32_t i = random_below(8) ? 0 : random_below(70); i > 0; i--)
        buf_putc(to, " \t\n\r"[random_below(4)]);
}

static void put_random_string(struct buf *to)
{
    static const char *const parts[] = {
        "a",       "bc",       "\\\"",     "\\\\",     "{",
        "}]",      "[,",       ",",        ":",        "\\n",
        "\\u00e9", "\xc3\xa9", "\\\\\\\"", "features", "longer text to fill a block or so"};

    buf_putc(to, '"');
    for (uint32_t i = random_below(5); i > 0; i--)
        buf_puts(to, parts[random_below(sizeof parts / sizeof *parts)]);
    buf_putc(to, '"');
}

static void put_random_value(struct buf *to, int depth)
{
    static const char *const scalars[] = {
        "1", "-2.5e3", "true", "false", "null", "0", "12345678901234567890123"};
    const uint32_t kind = random_below(depth > 0 ? 5 : 2);
    const uint32_t members = random_below(5);

    if (kind == 0) {
        buf_puts(to, scalars[random_below(sizeof scalars / sizeof *scalars)]);
        return;
    }
    if (kind == 1) {
        put_random_string(to);
        return;
    }
    buf_putc(to, kind < 4 ? '{' : '[');
    for (uint32_t i = 0; i < members; i++) {
        buf_puts(to, i ? "," : "");
        put_spaces(to);
        if (kind < 4)
            buf_printf(to, "\"k%u\":", i);
        put_random_value(to, depth - 1);
        put_spaces(to);
    }
    buf_putc(to, kind < 4 ? '}' : ']');
}

static void put_random_list(struct buf *to)
{
    const uint32_t items = random_below(9);

    buf_putc(to, '[');
    put_spaces(to);
    for (uint32_t i = 0; i < items; i++) {
        buf_puts(to, i ? "," : "");
        put_spaces(to);
        put_random_value(to, 3);
        put_spaces(to);
    }
    buf_putc(to, ']');
}

/* A document with a list at "a[1].features". */
static void put_random_document(struct buf *to)
{
    put_spaces(to);
    buf_puts(to, "{\"x\":");
    put_random_value(to, 2);
    buf_puts(to, ",\"a\" : [");
    put_random_value(to, 2);
    buf_puts(to, ",{\"feature\":1,\"fe\":[1],");
    put_spaces(to);
    buf_puts(to, random_below(2) ? "\"features\":" : "\"fe\\u0061tures\" :");
    put_spaces(to);
    put_random_list(to);
    buf_puts(to, ",\"y\":");
    put_random_value(to, 2);
    buf_puts(to, "}],\"z\":");
    put_random_value(to, 2);
    buf_putc(to, '}');
    put_spaces(to);
}

static const size_t chunks[] = {1, 2, 3, 7, 16, 63, 64, 65, 100, 129, 100000};
#define CHUNKS (sizeof chunks / sizeof *chunks)

static void any_chunk_size_gives_the_records_that_yyjson_reads(void **state)
{
    AUTO(json_path) path = {0};
    struct err err;

    (void)state;
    assert_int_equal(json_path_parse(&path, "a[1].features", &err), 0);
    for (int round = 0; round < 400; round++) {
        AUTO(buf) text = {0};
        AUTO(json) whole = {0};
        AUTO(outcome) first = {0};

        put_random_document(&text);
        assert_int_equal(json_parse(&whole, text.data, text.size, &err), 0);
        split_text("a[1].features", text.data, text.size, text.size, &first);
        assert_int_equal(first.found, 1);
        check_batches(&first, text.data);
        check_records(&first, json_path_get(&path, json_root(&whole)));
        assert_true(yyjson_is_arr(json_path_get(&path, json_root(&first.envelope))));
        assert_int_equal(yyjson_arr_size(json_path_get(&path, json_root(&first.envelope))), 0);
        for (size_t i = 0; i < CHUNKS; i++) {
            AUTO(outcome) again = {0};

            split_text("a[1].features", text.data, text.size, chunks[i], &again);
            check_same(&first, &again);
        }
    }
}

static void what_yyjson_refuses_is_refused_somewhere(void **state)
{
    int refused = 0;

    (void)state;
    for (int round = 0; round < 6000; round++) {
        AUTO(buf) text = {0};
        AUTO(json) whole = {0};
        AUTO(outcome) outcome = {0};
        struct err err;
        bool is_valid;

        put_random_document(&text);
        if (random_below(4) == 0)
            text.size = random_below((uint32_t)text.size);
        for (uint32_t i = random_below(3); i > 0 && text.size > 0; i--)
            text.data[random_below((uint32_t)text.size)] = "{}[],:\"\\ \x01x1"[random_below(12)];
        is_valid = json_parse(&whole, text.data, text.size, &err) == 0;
        split_text("a[1].features", text.data, text.size, 1 + random_below(200), &outcome);
        refused += !is_valid;
        if (!is_valid)
            assert_true(outcome.found < 0 || !batches_parse(outcome.batches));
        else if (outcome.found >= 0)
            assert_true(batches_parse(outcome.batches));
        if (!is_valid && outcome.found < 0)
            assert_int_equal(outcome.err.code, ERR_DATA);
    }
    assert_in_range(refused, 1000, 5900);
}

static void a_batch_ends_at_its_most_records_or_at_so_many_bytes(void **state)
{
    AUTO(buf) small = {0};
    AUTO(buf) large = {0};
    AUTO(outcome) outcome = {0};
    char filler[1000];

    (void)state;
    memset(filler, 'x', sizeof filler);
    buf_puts(&small, "[0");
    buf_puts(&large, "[0");
    for (int i = 1; i < 5000; i++) {
        buf_printf(&small, ", %d", i);
        buf_printf(&large, ",\"%.*s\"", (int)sizeof filler, filler);
    }
    buf_puts(&small, "]");
    buf_puts(&large, "]");

    split_text("$", small.data, small.size, 999, &outcome);
    check_batches(&outcome, small.data);
    assert_int_equal(outcome.records, 5000);
    assert_int_equal(outcome.batches->records, 2048);
    assert_int_equal(outcome.batches->next->next->records, 904);

    split_text("$", large.data, large.size, 16384, &outcome);
    check_batches(&outcome, large.data);
    assert_int_equal(outcome.records, 5000);
    assert_in_range(outcome.batches->size, RECORDS_BATCH_BYTES, RECORDS_BATCH_BYTES + 1100);
    assert_true(outcome.batches->is_plain);
}

static void an_object_at_the_path_is_one_record_and_stays_in_the_envelope(void **state)
{
    const char *text = "{\"data\": {\"id\":1,\"b\":{}} ,\"next\":2}";

    (void)state;
    for (size_t i = 0; i < CHUNKS; i++) {
        AUTO(outcome) outcome = {0};
        yyjson_val *data;

        split_text("data", text, strlen(text), chunks[i], &outcome);
        data = yyjson_obj_get(json_root(&outcome.envelope), "data");
        assert_int_equal(outcome.found, 1);
        assert_int_equal(outcome.records, 1);
        assert_string_equal(outcome.batches->json, "[{\"id\":1,\"b\":{}}]");
        assert_int_equal(outcome.batches->body_offset, 9);
        assert_non_null(yyjson_obj_get(data, "b"));
        assert_string_equal(yyjson_get_raw(yyjson_obj_get(json_root(&outcome.envelope), "next")),
                            "2");
    }
}

static void null_and_an_empty_list_are_empty_pages_and_nothing_is_told(void **state)
{
    AUTO(outcome) outcome = {0};

    (void)state;
    split_whole("data", "{\"data\":null}", &outcome);
    assert_int_equal(outcome.found, 1);
    assert_null(outcome.batches);
    split_whole("data", "{\"data\":[ \n ]}", &outcome);
    assert_int_equal(outcome.found, 1);
    assert_null(outcome.batches);
    split_whole("data[*]", "{\"data\":[1]}", &outcome);
    assert_int_equal(outcome.records, 1);
    split_whole("data", "{\"other\":[1]}", &outcome);
    assert_int_equal(outcome.found, 0);
    split_whole("data.items", "{\"data\":null}", &outcome);
    assert_int_equal(outcome.found, 0);
    split_whole("data.items", "{\"data\":[{\"items\":[1]}]}", &outcome);
    assert_int_equal(outcome.found, 0);
    split_whole("$", "\xef\xbb\xbf[1]", &outcome);
    assert_int_equal(outcome.records, 1);
    assert_int_equal(outcome.batches->body_offset, 4);
}

static void faults_are_told_with_the_byte_where_they_stand(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"{\"data\":5}", "a number stands where the list of records should be, at byte 8"},
        {"{\"data\":\"x\"}", "text stands where the list of records should be, at byte 8"},
        {"{\"data\":[1,,2]}", "a comma stands where a record should be, at byte 11"},
        {"{\"data\":[,1]}", "a comma stands where a record should be, at byte 9"},
        {"{\"data\":[1, ]}", "a comma ends the list of records, at byte 12"},
        {"{\"data\":[1}", "\"}\" closes the list of records, at byte 10"},
        {"{\"data\":[1],\"data\":[2]}", "the list of records is there twice, again at byte 19"},
        {"{\"data\":[1]} x", "something follows the end of the document, at byte 13"},
        {"<html>", "the body is not JSON, at byte 0"},
        {" \xef\xbb\xbf[]", "the body is not JSON, at byte 1"},
        {"", "the body is empty"},
        {"{\"data\":[1,2", "the body ends inside the list of records, at byte 12"},
        {"{\"data\":[1,22],\"a\":}", "invalid JSON at byte 19: unexpected character"},
        {"{\"data\":[1,22],\"a\":1", "invalid JSON at byte 20: unexpected end of data"},
        {"{\"a\":01,\"data\":[1]}",
         "invalid JSON at byte 5: number with leading zero is not allowed"},
        {"{\"data\":[{}]]", "invalid JSON at byte 12: "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(outcome) outcome = {0};

        split_whole("data", cases[i].text, &outcome);
        assert_int_equal(outcome.found, -1);
        assert_int_equal(outcome.err.code, ERR_DATA);
        if (strncmp(outcome.err.text, cases[i].says, strlen(cases[i].says)) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", cases[i].text, outcome.err.text, cases[i].says);
    }
}

static void a_document_that_stops_early_is_told_from_one_that_is_wrong(void **state)
{
    const char *text = "{\"data\":[{\"a\":\"b\"},2],\"c\":\"d\"}";
    AUTO(outcome) outcome = {0};

    (void)state;
    for (size_t size = 0; size < strlen(text); size++) {
        split_text("data", text, size, 5, &outcome);
        assert_int_equal(outcome.found, -1);
        assert_true(outcome.is_cut_short);
    }
    split_whole("data", "{\"data\":[1],\"c\":}", &outcome);
    assert_false(outcome.is_cut_short);
}

static void a_large_record_passes_and_a_huge_envelope_does_not(void **state)
{
    const size_t size = (size_t)20 << 20;
    char *text = mem_alloc(size + 1);
    AUTO(outcome) outcome = {0};

    (void)state;
    memset(text, 'x', size);
    memcpy(text, "[1,\"", 4);
    memcpy(text + size - 4, "\",3]", 4);
    split_text("$", text, size, 16384, &outcome);
    assert_int_equal(outcome.found, 1);
    assert_int_equal(outcome.records, 3);
    assert_true(batches_parse(outcome.batches));

    memcpy(text, "{\"\":\"", 5);
    memcpy(text + size - 2, "\"}", 2);
    split_text("data", text, size, 16384, &outcome);
    assert_int_equal(outcome.err.code, ERR_LIMIT);
    assert_string_equal(outcome.err.text, "the document around the records is larger than 16 MiB");
    free(text);
}

static void the_list_is_found_when_nobody_says_where(void **state)
{
    static const char *const cases[][2] = {
        {"[1]", "$"},
        {"{\"id\":1}", "$"},
        {"{\"a\":{\"b\":{\"c\":{\"data\":[1]}}}}", "$"},
        {"{\"a\":[1],\"items\":[1]}", "items"},
        {"{\"metadata\":{\"items\":[1]},\"features\":[{}]}", "features"},
        {"{\"bbox\":[1,2],\"features\":[{\"a\":\"]}\"}]}", "features"},
        {"{\"deep\":{\"list\":[{}]},\"list\":[{}]}", "list"},
        {"{\"response\":{\"docs\":[]}}", "response.docs"},
        {"{\"a b\":{\"c.d\":[1]}}", "['a b']['c.d']"},
        {"{\"x\":\"\\\"[\",\"results\":[", "results"},
        {"{\"links\":[{}],\"n\":1}", "links"},
        {"", "$"},
        {"{\"a\":", "$"},
        {"{\"a", "$"},
        {"null", "$"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *exact = mem_strn(cases[i][0], strlen(cases[i][0]));
        char *found = detect_selector(exact, strlen(exact));

        assert_string_equal(found, cases[i][1]);
        free(found);
        free(exact);
    }
}

static void a_body_is_held_back_until_the_list_is_found(void **state)
{
    const char *text = "{\"count\":2,\"results\":[{\"a\":1},{\"a\":2}]}";

    (void)state;
    for (size_t i = 0; i < CHUNKS; i++) {
        AUTO(outcome) outcome = {0};

        split_text(NULL, text, strlen(text), chunks[i], &outcome);
        assert_int_equal(outcome.found, 1);
        assert_int_equal(outcome.records, 2);
        check_batches(&outcome, text);
    }
}

static void the_masks_are_those_of_the_plain_loop(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct scan_block fast;
        struct scan_block plain;
        char bytes[SCAN_BLOCK];

        for (int i = 0; i < SCAN_BLOCK; i++)
            bytes[i] = random_below(2) ? "\"\\{}[],"[random_below(7)] : (char)random_below(256);
        scan_block(bytes, &fast);
        scan_block_portable(bytes, &plain);
        assert_memory_equal(&fast, &plain, sizeof fast);
        assert_int_equal(scan_commas(bytes), scan_commas_portable(bytes));
        assert_int_equal(scan_count(fast.quotes), __builtin_popcountll(fast.quotes));
    }
}

static void blocks_are_passed_alike_on_any_processor(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct scan_pass fast = {.depth = random_below(30),
                                 .state = {.in_string = random_below(2) ? UINT64_MAX : 0,
                                           .is_escaped = random_below(2) != 0}};
        struct scan_pass plain = fast;
        char bytes[5 * SCAN_BLOCK];
        const char *const end = bytes + sizeof bytes - random_below(SCAN_BLOCK);

        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = random_below(4) ? 'x' : "\"\\{}[],"[random_below(7)];
        assert_ptr_equal(scan_pass(&fast, bytes, end), scan_pass_portable(&plain, bytes, end));
        assert_int_equal(fast.depth, plain.depth);
        assert_int_equal(fast.has_escapes, plain.has_escapes);
        assert_int_equal(fast.state.in_string, plain.state.in_string);
        assert_int_equal(fast.state.is_escaped, plain.state.is_escaped);
    }
}

/* Wherever the backslash stands: near a batch's end, at a block's, at a chunk's. */
static void a_batch_with_a_backslash_is_never_called_plain(void **state)
{
    const size_t near = RECORDS_BATCH_BYTES;

    (void)state;
    for (size_t place = near - 160; place < near + 160; place++) {
        AUTO(buf) text = {0};
        AUTO(outcome) outcome = {0};
        size_t with = 0;

        buf_puts(&text, "[0");
        while (text.size + 1000 < place)
            buf_printf(&text, ",\"%0500d\"",
                       0); /* few enough, so that the batch ends by its bytes */
        while (text.size < place)
            buf_puts(&text, ",1");
        buf_puts(&text, ",\"\\n\"");
        for (int i = 0; i < 200; i++)
            buf_puts(&text, ",2");
        buf_puts(&text, "]");
        split_text("$", text.data, text.size, 4096, &outcome);
        check_batches(&outcome, text.data);
        for (const struct batch *batch = outcome.batches; batch; batch = batch->next)
            with += memchr(batch->json, '\\', batch->size) != NULL;
        assert_int_equal(with, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_masks_are_those_of_the_plain_loop),
        cmocka_unit_test(blocks_are_passed_alike_on_any_processor),
        cmocka_unit_test(a_batch_with_a_backslash_is_never_called_plain),
        cmocka_unit_test(any_chunk_size_gives_the_records_that_yyjson_reads),
        cmocka_unit_test(what_yyjson_refuses_is_refused_somewhere),
        cmocka_unit_test(a_batch_ends_at_its_most_records_or_at_so_many_bytes),
        cmocka_unit_test(an_object_at_the_path_is_one_record_and_stays_in_the_envelope),
        cmocka_unit_test(null_and_an_empty_list_are_empty_pages_and_nothing_is_told),
        cmocka_unit_test(faults_are_told_with_the_byte_where_they_stand),
        cmocka_unit_test(a_document_that_stops_early_is_told_from_one_that_is_wrong),
        cmocka_unit_test(a_large_record_passes_and_a_huge_envelope_does_not),
        cmocka_unit_test(the_list_is_found_when_nobody_says_where),
        cmocka_unit_test(a_body_is_held_back_until_the_list_is_found),
    };

    return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
