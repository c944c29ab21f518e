/*
 * Paginators whose answers name the next page: by a link in the JSON or in a header, or by a
 * cursor.
 */
#include "source/paginate_kinds.h"

#include "base/mem.h"
#include "source/link_header.h"
#include "source/url.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static int in_circles(const char *what, struct err *err)
{
    return err_set(err, ERR_DATA, "the pagination runs in circles: the answer names a %s again",
                   what);
}

/* Goes to the link, which may be relative. */
static int follow(struct paginator *paginator, const struct page_facts *facts, const char *link,
                  struct err *err)
{
    char *url;

    TRY(url_resolve(facts->url, link, &url, err));
    if (paginator->next == NULL)
        seen_before(&paginator->seen, facts->url); /* the first page's; the others were links */
    if (seen_before(&paginator->seen, url)) {
        free(url);
        return in_circles("next link", err);
    }
    free(paginator->next);
    paginator->next = url;
    return 0;
}

int advance_json_link(struct paginator *paginator, const struct page_facts *facts, struct err *err)
{
    const char *path = paginator->conf->next_url_path;
    yyjson_val *value = NULL;
    const int found = paginator_find(facts, "next_url_path", path, &value, err);

    TRY(found);
    if (found == 0 || yyjson_equals_str(value, ""))
        return paginator_end(paginator, "no next link");
    if (!yyjson_is_str(value))
        return err_set(err, ERR_DATA, "\"%s\" in the answer is no link", path);
    return follow(paginator, facts, yyjson_get_str(value), err);
}

int advance_header_link(struct paginator *paginator, const struct page_facts *facts,
                        struct err *err)
{
    char *link =
        facts->link ? link_header_find(facts->link, paginator->conf->links_next_key) : NULL;
    int done;

    if (link == NULL)
        return paginator_end(paginator, "no next link");
    done = follow(paginator, facts, link, err);
    free(link);
    return done;
}

/* What Python takes for false is no cursor: "", 0, false. */
static bool is_no_cursor(yyjson_val *value)
{
    const char *text = paginator_text(value);

    if (yyjson_is_raw(value))
        return strspn(text, "-0.") == strlen(text);
    return yyjson_is_bool(value) ? !yyjson_get_bool(value) : text && *text == '\0';
}

/* 1 there is a cursor, and it is `next` now; 0 there is none. */
static int take_cursor(struct paginator *paginator, const struct page_facts *facts, struct err *err)
{
    const char *path = paginator->conf->cursor_path;
    AUTO(buf) json = {0};
    yyjson_val *value = NULL;
    const int found = paginator_find(facts, "cursor_path", path, &value, err);

    TRY(found);
    if (found == 0 || is_no_cursor(value))
        return 0;
    if (paginator_text(value) == NULL)
        return err_set(err, ERR_DATA, "\"%s\" in the answer is neither a text nor a number", path);
    json_put_value(&json, value);
    if (seen_before(&paginator->seen, json.data)) {
        in_circles("cursor", err);
        return err_hint(err, "Is \"%s\" what this API calls it in a request?",
                        paginator->conf->cursor_param ? paginator->conf->cursor_param
                                                      : paginator->conf->cursor_body_path);
    }
    free(paginator->next);
    paginator->next = buf_take(&json);
    return 1;
}

int advance_cursor(struct paginator *paginator, const struct page_facts *facts, struct err *err)
{
    const struct paginator_conf *conf = paginator->conf;
    const bool asks = conf->has_more_path != NULL;
    int more = 1;
    int has_cursor;

    if (conf->stop_after_empty_page && facts->records == 0)
        return paginator_end(paginator, "empty page");
    if (asks)
        more = paginator_has_more(paginator, facts, err);
    TRY(more);
    if (more == 0)
        return paginator_end(paginator, "%s is false", conf->has_more_path);
    has_cursor = take_cursor(paginator, facts, err);
    TRY(has_cursor);
    if (has_cursor == 0 && asks)
        return err_set(err, ERR_DATA, "\"%s\" says there is more, but there is no \"%s\"",
                       conf->has_more_path, conf->cursor_path);
    return has_cursor ? 0 : paginator_end(paginator, "no next cursor");
}
