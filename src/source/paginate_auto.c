/*
 * `auto`: dlt's detectors, in its order: a Link header, a key "next…" with a link, a number of
 * pages, a key "next…" with something else (a cursor), and otherwise a single page.
 */
#include "source/paginate_kinds.h"

#include "base/mem.h"
#include "base/str.h"
#include "source/link_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define DEEPEST 8 /* objects within one another that are looked into */

static char next_word[] = "next";
static char cursor_word[] = "cursor";
static char page_word[] = "page";

/* Where something was found, and the object that it is a member of. */
struct spot {
    char *path; /* NULL: nothing found */
    yyjson_val *value;
    yyjson_val *object;
};

static bool is_plain_value(yyjson_val *value)
{
    return yyjson_is_str(value) || yyjson_is_raw(value);
}

static bool is_next(yyjson_val *key, yyjson_val *value)
{
    return strncasecmp(yyjson_get_str(key), "next", 4) == 0 && is_plain_value(value);
}

static bool is_link_member(yyjson_val *key, yyjson_val *value)
{
    return (strncasecmp(yyjson_get_str(key), "href", 4) == 0 ||
            strncasecmp(yyjson_get_str(key), "url", 3) == 0) &&
           is_plain_value(value);
}

static bool is_one_of(const char *key, const char *const *names)
{
    for (; *names; names++)
        if (strcasecmp(key, *names) == 0)
            return true;
    return false;
}

static bool is_page_total(yyjson_val *key, yyjson_val *value)
{
    static const char *const names[] = {"total_pages", "totalpages", "pages", NULL};
    struct err ignored = {0};
    int64_t total;

    return is_one_of(yyjson_get_str(key), names) && is_plain_value(value) &&
           str_to_int(paginator_text(value), 0, INT64_MAX, &total, &ignored) == 0;
}

static bool is_current_page(yyjson_val *key, yyjson_val *value)
{
    static const char *const names[] = {"page",        "current_page", "currentpage",
                                        "page_number", "pageno",       "pagenumber",
                                        "current",     "number",       NULL};
    struct err ignored = {0};
    int64_t number;

    return is_one_of(yyjson_get_str(key), names) && is_plain_value(value) &&
           str_to_int(paginator_text(value), 0, 1, &number, &ignored) == 0;
}

static char *path_below(const char *above, const char *key)
{
    const bool is_plain = *key && strpbrk(key, ".[]*$'\" ") == NULL;

    if (is_plain)
        return mem_fmt("%s%s%s", above, *above ? "." : "", key);
    return mem_fmt("%s['%s']", above, key);
}

/* The first member that fits, going down as it comes. Returns whether there is one. */
static bool look(yyjson_val *object, const char *above,
                 bool (*fits)(yyjson_val *key, yyjson_val *value), int depth, struct spot *ret_spot)
{
    yyjson_val *key;
    yyjson_val *value;
    size_t i;
    size_t count;

    if (!yyjson_is_obj(object))
        return false;
    yyjson_obj_foreach(object, i, count, key, value)
    {
        const bool is_next_object = fits == is_next && yyjson_is_obj(value) &&
                                    strncasecmp(yyjson_get_str(key), "next", 4) == 0;
        char *path;
        bool found;

        if (!fits(key, value) && (!yyjson_is_obj(value) || depth == 0))
            continue;
        path = path_below(above, yyjson_get_str(key));
        if (fits(key, value)) {
            *ret_spot = (struct spot){path, value, object};
            return true;
        }
        found = (is_next_object && look(value, path, is_link_member, 0, ret_spot)) ||
                look(value, path, fits, depth - 1, ret_spot);
        free(path);
        if (found)
            return true;
    }
    return false;
}

static bool is_link(yyjson_val *value)
{
    const char *text = yyjson_get_str(value);

    return text && (str_starts(text, "http") || *text == '/' || *text == '?');
}

void paginator_become(struct paginator *paginator, enum paginator_type type, char *path_taken,
                      int64_t base_page)
{
    struct paginator_conf *found = &paginator->found;

    free(paginator->found_path);
    paginator->found_path = path_taken;
    *found = (struct paginator_conf){
        .is_set = true,
        .type = type,
        .links_next_key = next_word,
        .next_url_path = path_taken,
        .cursor_path = path_taken,
        .cursor_param = cursor_word,
        .total_path = path_taken,
        .base_page = base_page,
        .page = -1,
        .page_param = page_word,
        .maximum_page = -1,
        .stop_after_empty_page = type == PAGINATOR_PAGE_NUMBER,
    };
    paginator->conf = found;
    paginator->kind = &paginator_kinds[type];
    paginator->number = base_page;
}

static void become(struct paginator *paginator, enum paginator_type type, const struct spot *spot,
                   const char *note)
{
    const char *path = spot ? spot->path : NULL;

    paginator_become(paginator, type, mem_str(path), 0);
    snprintf(paginator->log, sizeof paginator->log, "%s%s%s%s%s", paginator->kind->name,
             path ? " by \"" : "", path ? path : "", path ? "\"" : "", note);
}

/*
 * The first page was asked for without a number; what it says of itself is where counting begins.
 */
static int become_page_number(struct paginator *paginator, const struct spot *total,
                              struct err *err)
{
    const char *pages = paginator_text(total->value);
    struct spot current = {0};

    if (look(total->object, "", is_current_page, 0, &current)) {
        become(paginator, PAGINATOR_PAGE_NUMBER, total, ", sent as \"page\" (a guess)");
        paginator->found.base_page = paginator->number = *paginator_text(current.value) - '0';
        free(current.path);
        return 0;
    }
    if (str_same(pages, "0") || str_same(pages, "1")) {
        become(paginator, PAGINATOR_SINGLE_PAGE, NULL, ", as the answer says so");
        return 0;
    }
    err_set(
        err, ERR_DATA,
        "\"%s\" tells that there are %s pages, but the answer does not tell how to ask for them",
        total->path, pages);
    return err_hint(err,
                    "Say it, for example: paginator: {type: page_number, base_page: 1, "
                    "page_param: page, total_path: %s}",
                    total->path);
}

/* Without a link. */
static int detect_in_body(struct paginator *paginator, const struct spot *next,
                          const struct page_facts *facts, struct err *err)
{
    struct spot total = {0};
    int done = 0;

    if (look(facts->envelope, "", is_page_total, DEEPEST, &total))
        done = become_page_number(paginator, &total, err);
    else if (next->path)
        become(paginator, PAGINATOR_CURSOR, next, ", sent as \"cursor\" (a guess)");
    else
        become(paginator, PAGINATOR_SINGLE_PAGE, NULL, ", as the answer names no other");
    free(total.path);
    return done;
}

static int detect(struct paginator *paginator, const struct page_facts *facts, struct err *err)
{
    char *link = facts->link ? link_header_find(facts->link, next_word) : NULL;
    struct spot next = {0};
    int done = 0;

    if (link) {
        become(paginator, PAGINATOR_HEADER_LINK, NULL, "");
        free(link);
        return 0;
    }
    if (look(facts->envelope, "", is_next, DEEPEST, &next) && is_link(next.value))
        become(paginator, PAGINATOR_JSON_LINK, &next, "");
    else
        done = detect_in_body(paginator, &next, facts, err);
    free(next.path);
    return done;
}

int advance_auto(struct paginator *paginator, const struct page_facts *facts, struct err *err)
{
    TRY(detect(paginator, facts, err));
    return paginator->kind->advance(paginator, facts, err);
}
