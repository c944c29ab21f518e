/*
 * Hashes are kept in a plain array that is sorted when it has doubled, so that repeated ones do not
 * pile up.
 */
#include "landing/cursor_mark.h"

#include "base/clock.h"
#include "base/mem.h"
#include "landing/json_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define HASH_DIGITS 16

/* Most texts are not, and are told from those by a look at the year. */
static bool read_instant(const char *text, size_t size, int64_t *ret_us)
{
    struct err told_by_bytes = {0};

    return size >= sizeof "2026-01-01" - 1 && strspn(text, "0123456789") == 4 && text[4] == '-' &&
           strlen(text) == size && clock_parse(text, ret_us, &told_by_bytes) == 0;
}

bool cursor_value_of(yyjson_val *value, struct cursor_value *ret_value)
{
    struct cursor_value made = {.is_text = yyjson_is_str(value)};

    if (!made.is_text && !yyjson_is_raw(value))
        return false;
    made.text = made.is_text ? yyjson_get_str(value) : yyjson_get_raw(value);
    made.size = yyjson_get_len(value);
    if (made.is_text)
        made.is_instant = read_instant(made.text, made.size, &made.us);
    else
        number_read(made.text, made.size, &made.number);
    *ret_value = made;
    return true;
}

static int compare_bytes(const char *a, size_t a_size, const char *b, size_t b_size)
{
    const int apart = memcmp(a, b, a_size < b_size ? a_size : b_size);

    return apart ? apart : (a_size > b_size) - (a_size < b_size);
}

static bool has_only_digits(const struct cursor_value *value)
{
    return value->size > 0 && strspn(value->text, "0123456789") == value->size;
}

static int compare_digits(const struct cursor_value *a, const struct cursor_value *b)
{
    const size_t a_zeros = strspn(a->text, "0"), b_zeros = strspn(b->text, "0");
    const size_t a_size = a->size - a_zeros, b_size = b->size - b_zeros;

    if (a_size != b_size)
        return a_size > b_size ? 1 : -1;
    return compare_bytes(a->text + a_zeros, a_size, b->text + b_zeros, b_size);
}

/*
 * "…:00.5Z" is later than "…:00Z", and an offset moves a time: bytes would have such records taken for known. Digits past
 * the microsecond make no difference; such records are told apart by their hashes.
 */
static int compare_texts(const struct cursor_value *a, const struct cursor_value *b)
{
    if (a->is_instant && b->is_instant)
        return (a->us > b->us) - (a->us < b->us);
    if (has_only_digits(a) && has_only_digits(b))
        return compare_digits(a, b);
    return compare_bytes(a->text, a->size, b->text, b->size);
}

int cursor_compare(const struct cursor_value *a, const struct cursor_value *b)
{
    if (a->is_text != b->is_text)
        return a->is_text - b->is_text;
    if (a->is_text)
        return compare_texts(a, b);
    if (a->number.kind == KIND_INT && b->number.kind == KIND_INT)
        return (a->number.i > b->number.i) - (a->number.i < b->number.i);
    return number_compare(a->text, a->size, b->text, b->size);
}

char *cursor_json(const struct cursor_value *value)
{
    AUTO(buf) text = {.ceiling = SIZE_MAX};

    if (value->text == NULL)
        return NULL;
    if (value->is_text)
        json_text_string(value->text, value->size, &text);
    else
        buf_put(&text, value->text, value->size);
    return buf_take(&text);
}

static void own(struct cursor_value *into, const struct cursor_value *value)
{
    char *old = (char *)(uintptr_t)into->text;

    *into = *value;
    into->text = mem_strn(value->text, value->size);
    free(old);
}

static void disown(struct cursor_value *value)
{
    free((char *)(uintptr_t)value->text);
    *value = (struct cursor_value){0};
}

void cursor_mark_close(struct cursor_mark *mark)
{
    disown(&mark->least);
    disown(&mark->greatest);
    free(mark->hashes);
    *mark = (struct cursor_mark){0};
}

static void forget_hashes(struct cursor_mark *mark)
{
    free(mark->hashes);
    mark->hashes = NULL;
    mark->count = 0;
    mark->room = 0;
    mark->has_forgotten = false;
}

int cursor_mark_see(struct cursor_mark *mark, const struct cursor_value *value)
{
    const int apart = mark->greatest.text ? cursor_compare(value, &mark->greatest) : 1;

    if (mark->least.text == NULL || cursor_compare(value, &mark->least) < 0)
        own(&mark->least, value);
    if (apart > 0) {
        own(&mark->greatest, value);
        forget_hashes(mark);
    }
    return (apart > 0) - (apart < 0);
}

static int compare_hashes(const void *a, const void *b)
{
    const uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

    return (one > other) - (one < other);
}

void cursor_mark_tidy(struct cursor_mark *mark)
{
    size_t kept = 0;

    if (mark->count > 1)
        qsort(mark->hashes, mark->count, sizeof *mark->hashes, compare_hashes);
    for (size_t i = 0; i < mark->count; i++)
        if (kept == 0 || mark->hashes[kept - 1] != mark->hashes[i])
            mark->hashes[kept++] = mark->hashes[i];
    mark->count = kept;
}

void cursor_mark_add_hash(struct cursor_mark *mark, uint64_t hash)
{
    if (mark->count == mark->room) {
        cursor_mark_tidy(mark);
        if (mark->count >= CURSOR_MOST_HASHES) {
            mark->has_forgotten = true;
            return;
        }
        if (mark->count * 2 >= mark->room)
            mark->room = mark->room ? mark->room * 2 : 4;
        mark->hashes = mem_grow(mark->hashes, mark->room, sizeof *mark->hashes);
    }
    mark->hashes[mark->count++] = hash;
}

bool cursor_mark_has(const struct cursor_mark *mark, uint64_t hash)
{
    return mark->count > 0 &&
           bsearch(&hash, mark->hashes, mark->count, sizeof hash, compare_hashes);
}

void cursor_mark_merge(struct cursor_mark *into, const struct cursor_mark *other)
{
    if (other->greatest.text == NULL)
        return;
    if (other->least.text)
        cursor_mark_see(into, &other->least);
    if (cursor_mark_see(into, &other->greatest) < 0)
        return;
    for (size_t i = 0; i < other->count; i++)
        cursor_mark_add_hash(into, other->hashes[i]);
    into->has_forgotten = into->has_forgotten || other->has_forgotten;
}

/* ---- as JSON ---- */

static int read_hash(yyjson_val *item, struct cursor_mark *mark, struct err *err)
{
    const char *text = yyjson_get_str(item);
    char *end = NULL;
    const uint64_t hash = text ? strtoull(text, &end, 16) : 0;

    if (text == NULL || yyjson_get_len(item) != HASH_DIGITS || *end)
        return err_set(err, ERR_DATA, "the cursor's boundary is damaged");
    cursor_mark_add_hash(mark, hash);
    return 0;
}

static int read_hashes(const char *hashes, struct cursor_mark *mark, struct err *err)
{
    yyjson_doc *doc = yyjson_read(hashes, strlen(hashes), 0);
    yyjson_arr_iter iter = yyjson_arr_iter_with(yyjson_doc_get_root(doc));
    yyjson_val *item;
    int done = yyjson_is_arr(yyjson_doc_get_root(doc))
                   ? 0
                   : err_set(err, ERR_DATA, "the cursor's boundary is no list");

    while (done == 0 && (item = yyjson_arr_iter_next(&iter)))
        done = read_hash(item, mark, err);
    yyjson_doc_free(doc);
    return done;
}

int cursor_mark_read(const char *greatest, const char *hashes, struct cursor_mark *ret_mark,
                     struct err *err)
{
    AUTO(cursor_mark) made = {0};
    struct cursor_value value;
    yyjson_doc *doc;
    bool is_none;

    if (greatest) {
        doc = yyjson_read(greatest, strlen(greatest), YYJSON_READ_NUMBER_AS_RAW);
        is_none = yyjson_is_null(yyjson_doc_get_root(doc));
        if (cursor_value_of(yyjson_doc_get_root(doc), &value))
            own(&made.greatest, &value);
        yyjson_doc_free(doc);
        if (made.greatest.text == NULL && !is_none)
            return err_set(err, ERR_DATA, "the cursor %s is neither a number nor a text", greatest);
    }
    if (made.greatest.text && hashes)
        TRY(read_hashes(hashes, &made, err));
    cursor_mark_tidy(&made);
    *ret_mark = made;
    made = (struct cursor_mark){0};
    return 0;
}

char *cursor_mark_hashes(struct cursor_mark *mark)
{
    AUTO(buf) text = {0};

    if (mark->greatest.text == NULL)
        return NULL;
    cursor_mark_tidy(mark);
    buf_putc(&text, '[');
    for (size_t i = 0; i < mark->count; i++)
        buf_printf(&text, "%s\"%016" PRIx64 "\"", i ? "," : "", mark->hashes[i]);
    buf_putc(&text, ']');
    return buf_take(&text);
}
