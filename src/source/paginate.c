/*
 * The table of paginators, those that count, and what all share.
 */
#include "source/paginate.h"

#include "base/mem.h"
#include "base/str.h"
#include "source/paginate_kinds.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

static void start_offset(struct paginator *paginator)
{
    paginator->number = paginator->conf->offset;
}

static void start_page_number(struct paginator *paginator)
{
    const struct paginator_conf *conf = paginator->conf;

    paginator->number = conf->page >= 0 ? conf->page : conf->base_page;
}

static void add_set(struct page_want *want, const char *param, const char *body_path,
                    const char *json)
{
    want->sets[want->count++] = (struct page_set){body_path ? NULL : param, body_path, json};
}

static void want_offset(const struct paginator *paginator, struct page_want *want)
{
    const struct paginator_conf *conf = paginator->conf;

    snprintf(want->number, sizeof want->number, "%" PRId64, paginator->number);
    snprintf(want->limit, sizeof want->limit, "%" PRId64, conf->limit);
    add_set(want, conf->offset_param, conf->offset_body_path, want->number);
    add_set(want, conf->limit_param, conf->limit_body_path, want->limit);
}

static void want_page_number(const struct paginator *paginator, struct page_want *want)
{
    const struct paginator_conf *conf = paginator->conf;

    snprintf(want->number, sizeof want->number, "%" PRId64, paginator->number);
    add_set(want, conf->page_param, conf->page_body_path, want->number);
}

static void want_link(const struct paginator *paginator, struct page_want *want)
{
    want->url = paginator->next;
}

static void want_cursor(const struct paginator *paginator, struct page_want *want)
{
    if (paginator->next)
        add_set(want, paginator->conf->cursor_param, paginator->conf->cursor_body_path,
                paginator->next);
}

static int advance_single_page(struct paginator *paginator, const struct page_facts *facts,
                               struct err *err)
{
    (void)facts;
    (void)err;
    return paginator_end(paginator, "single page");
}

const struct paginator_kind paginator_kinds[] = {
    {"auto", PAGINATOR_AUTO, false, NULL, NULL, advance_auto},
    {"single_page", PAGINATOR_SINGLE_PAGE, false, NULL, NULL, advance_single_page},
    {"json_link", PAGINATOR_JSON_LINK, false, NULL, want_link, advance_json_link},
    {"header_link", PAGINATOR_HEADER_LINK, false, NULL, want_link, advance_header_link},
    {"cursor", PAGINATOR_CURSOR, false, NULL, want_cursor, advance_cursor},
    {"offset", PAGINATOR_OFFSET, true, start_offset, want_offset, advance_number},
    {"page_number", PAGINATOR_PAGE_NUMBER, true, start_page_number, want_page_number,
     advance_number},
};

void paginator_open(struct paginator *paginator, const struct paginator_conf *conf)
{
    paginator_close(paginator);
    paginator->kind = &paginator_kinds[conf->is_set ? conf->type : PAGINATOR_AUTO];
    paginator->conf = conf;
    if (paginator->kind->start)
        paginator->kind->start(paginator);
}

void paginator_close(struct paginator *paginator)
{
    free(paginator->found_path);
    free(paginator->next);
    seen_close(&paginator->seen);
    *paginator = (struct paginator){0};
}

bool paginator_counts(const struct paginator *paginator)
{
    return paginator->kind->has_number;
}

void paginator_want(const struct paginator *paginator, struct page_want *ret_want)
{
    *ret_want = (struct page_want){0};
    if (paginator->kind->want)
        paginator->kind->want(paginator, ret_want);
}

int paginator_advance(struct paginator *paginator, const struct page_facts *facts, struct err *err)
{
    return paginator->kind->advance(paginator, facts, err);
}

int paginator_end(struct paginator *paginator, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(paginator->why, sizeof paginator->why, fmt, args);
    va_end(args);
    paginator->is_end = true;
    return 0;
}

static bool same_step(const struct json_step *a, const struct json_step *b)
{
    return a->key && b->key ? str_same(a->key, b->key) : !a->key && !b->key && a->index == b->index;
}

/* Whether the path goes on from where the list of records was. */
static bool leads_into_records(const struct page_facts *facts, const struct json_path *path)
{
    AUTO(json_path) list = {0};
    struct err ignored = {0};

    if (facts->selector == NULL || json_path_parse(&list, facts->selector, &ignored) < 0 ||
        path->count <= list.count)
        return false;
    for (size_t i = 0; i < list.count; i++)
        if (!same_step(&list.steps[i], &path->steps[i]))
            return false;
    return yyjson_is_arr(json_path_get(&list, facts->envelope));
}

int paginator_find(const struct page_facts *facts, const char *key, const char *path,
                   yyjson_val **ret_value, struct err *err)
{
    AUTO(json_path) steps = {0};
    yyjson_val *value;

    TRY(json_path_parse(&steps, path, err));
    if (leads_into_records(facts, &steps)) {
        err_set(err, ERR_USAGE, "%s \"%s\" leads into the records", key, path);
        return err_hint(err, "Only what stands around the list of records can be used for "
                             "pagination.");
    }
    if (facts->object_dropped)
        return err_set(err, ERR_LIMIT, "the answer is too large to look for %s in it", key);
    value = json_path_get(&steps, facts->envelope);
    if (value == NULL || yyjson_is_null(value))
        return 0;
    *ret_value = value;
    return 1;
}

const char *paginator_text(yyjson_val *value)
{
    return yyjson_is_raw(value) ? yyjson_get_raw(value) : yyjson_get_str(value);
}

static int missing(const char *key, const char *path, struct err *err)
{
    err_set(err, ERR_DATA, "the answer has no \"%s\", which %s names", path, key);
    return err_hint(err, "Correct paginator.%s, or set it to null.", key);
}

/* The words that dlt takes for a truth value. */
static int read_truth(const char *text)
{
    static const char *const words[] = {"yes", "true", "t", "y", "1", "no", "false", "f", "n", "0"};

    for (size_t i = 0; text && i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0)
            return i < 5;
    return -1;
}

int paginator_has_more(const struct paginator *paginator, const struct page_facts *facts,
                       struct err *err)
{
    const char *path = paginator->conf->has_more_path;
    yyjson_val *value = NULL;
    const int found = paginator_find(facts, "has_more_path", path, &value, err);
    int truth;

    TRY(found);
    if (found == 0)
        return missing("has_more_path", path, err);
    truth = yyjson_is_bool(value) ? yyjson_get_bool(value) : read_truth(yyjson_get_str(value));
    return truth >= 0
               ? truth
               : err_set(err, ERR_DATA, "\"%s\" in the answer is neither true nor false", path);
}

/* The total: 1 there is one, 0 none, -1. */
static int find_total(const struct paginator *paginator, const struct page_facts *facts,
                      int64_t *ret_total, struct err *err)
{
    const char *path = paginator->conf->total_path;
    struct err ignored = {0};
    yyjson_val *value = NULL;
    const int found = paginator_find(facts, "total_path", path, &value, err);
    const char *text;
    double real;
    char *end;

    TRY(found);
    if (found == 0)
        return paginator->conf->stop_after_empty_page ? 0 : missing("total_path", path, err);
    text = paginator_text(value);
    if (text && str_to_int(text, INT64_MIN, INT64_MAX, ret_total, &ignored) == 0)
        return 1;
    real = text && *text ? strtod(text, &end) : NAN;
    if (yyjson_is_raw(value) && fabs(real) < 9e18) {
        *ret_total = (int64_t)real;
        return 1;
    }
    return err_set(err, ERR_DATA, "\"%s\" in the answer is no whole number", path);
}

/*
 * How far the next page is. An API may send less than the limit and have more, so an offset counts
 * what came; where it cannot (one object, an empty page that is not the end), it is the limit.
 */
static int64_t stride(const struct paginator *paginator, const struct page_facts *facts)
{
    const int64_t limit = paginator->conf->limit;
    const bool is_counted = !facts->is_object && facts->records > 0 && facts->records < limit;

    if (paginator->kind->type != PAGINATOR_OFFSET)
        return 1;
    return is_counted ? facts->records : limit;
}

/* Moved on already. Offsets that count records cannot pass a true total. */
static int judge_total(struct paginator *paginator, const struct page_facts *facts, int64_t total)
{
    const struct paginator_conf *conf = paginator->conf;
    const bool is_offset = paginator->kind->type == PAGINATOR_OFFSET;
    /* An API whose first offset is not 0 may count from 1: its last one is the total. */
    const int64_t base = is_offset ? conf->offset > 0 : conf->base_page;
    const bool is_counted = is_offset && !facts->is_object && facts->records > 0;

    if (paginator->number - base < total)
        return 0;
    if (is_counted && paginator->number - base > total) {
        paginator->doubts_total = true;
        return 0;
    }
    return paginator_end(paginator, "total %" PRId64 "%s reached", total,
                         is_offset ? "" : " pages");
}

/* offset and page_number. dlt's order: an empty page, the total, the maximum, has_more. */
int advance_number(struct paginator *paginator, const struct page_facts *facts, struct err *err)
{
    const struct paginator_conf *conf = paginator->conf;
    const bool is_offset = paginator->kind->type == PAGINATOR_OFFSET;
    const int64_t maximum = is_offset ? conf->maximum_offset : conf->maximum_page;
    int64_t total = 0;
    int has_total = 0;

    if (conf->stop_after_empty_page && facts->records == 0)
        return paginator_end(paginator, "empty page");
    if (conf->total_path)
        has_total = find_total(paginator, facts, &total, err);
    TRY(has_total);
    if (__builtin_add_overflow(paginator->number, stride(paginator, facts), &paginator->number))
        return err_set(err, ERR_LIMIT, "the pages' numbers are too large");
    if (maximum >= 0 && paginator->number >= maximum)
        return paginator_end(paginator, "maximum %s %" PRId64 " reached",
                             is_offset ? "offset" : "page", maximum);
    if (conf->has_more_path) {
        const int more = paginator_has_more(paginator, facts, err);

        TRY(more);
        return more ? 0 : paginator_end(paginator, "%s is false", conf->has_more_path);
    }
    return has_total ? judge_total(paginator, facts, total) : 0;
}
