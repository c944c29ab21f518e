/*
 * A place in the pages, written and read again.
 */
#include "source/paginate_kinds.h"

#include "base/mem.h"
#include "base/str.h"
#include "source/url.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static bool is_link(const struct paginator *paginator)
{
    return paginator->kind->type == PAGINATOR_JSON_LINK ||
           paginator->kind->type == PAGINATOR_HEADER_LINK;
}

static void write_next(const struct paginator *paginator, const struct secrets *secrets,
                       struct buf *to)
{
    AUTO(buf) kept = {0};

    /* A cursor is kept as the text of its JSON, in which a number keeps all its digits. */
    buf_puts(to, ",\"next\":");
    if (is_link(paginator))
        secrets_url_to_keep(secrets, paginator->next, &kept);
    json_put_string(to, is_link(paginator) ? kept.data : paginator->next);
}

void paginator_write(const struct paginator *paginator, const struct secrets *secrets,
                     struct buf *to)
{
    buf_printf(to, "\"type\":\"%s\"", paginator->kind->name);
    if (paginator->is_end)
        buf_puts(to, ",\"end\":true");
    if (paginator->kind->has_number)
        buf_printf(to, ",\"number\":%" PRId64, paginator->number);
    else if (paginator->next)
        write_next(paginator, secrets, to);
    if (paginator->conf != &paginator->found)
        return;
    buf_puts(to, ",\"auto\":true");
    if (paginator->found_path) {
        buf_puts(to, ",\"path\":");
        json_put_string(to, paginator->found_path);
    }
    if (paginator->kind->has_number)
        buf_printf(to, ",\"base\":%" PRId64, paginator->found.base_page);
}

static const struct paginator_kind *kind_named(const char *name)
{
    for (int type = PAGINATOR_AUTO; type <= PAGINATOR_PAGE_NUMBER; type++)
        if (str_same(paginator_kinds[type].name, name))
            return &paginator_kinds[type];
    return NULL;
}

static bool restore_next(struct paginator *paginator, const struct secrets *secrets,
                         const char *next)
{
    AUTO(buf) text = {0};

    if (next == NULL)
        return false;
    if (!is_link(paginator))
        buf_puts(&text, next);
    else if (!secrets_url_from_kept(secrets, next, &text))
        return false;
    free(paginator->next);
    paginator->next = buf_take(&text);
    seen_before(&paginator->seen, paginator->next);
    return true;
}

bool paginator_restore(struct paginator *paginator, const struct secrets *secrets,
                       yyjson_val *place)
{
    const struct paginator_kind *kind = kind_named(json_str(place, "type"));
    const bool was_auto = json_bool(place, "auto", false);
    const bool is_auto = paginator->kind->type == PAGINATOR_AUTO;

    if (kind == NULL || was_auto != is_auto || json_bool(place, "end", false) ||
        (!is_auto && kind != paginator->kind))
        return false;
    if (is_auto)
        paginator_become(paginator, kind->type, mem_str(json_str(place, "path")),
                         json_int(place, "base", 0));
    if (!kind->has_number)
        return restore_next(paginator, secrets, json_str(place, "next"));
    paginator->number = json_int(place, "number", -1);
    return paginator->number >= 0;
}
