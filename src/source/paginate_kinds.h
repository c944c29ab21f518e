/*
 * What the kinds of paginators share; for paginate*.c only.
 */
#ifndef RIACHO_PAGINATE_KINDS_H
#define RIACHO_PAGINATE_KINDS_H

#include "source/paginate.h"

struct paginator_kind {
    const char *name; /* as in the pipeline file */
    enum paginator_type type;
    bool has_number;                            /* its place is `number`, not `next` */
    void (*start)(struct paginator *paginator); /* NULL: nothing to do */
    void (*want)(const struct paginator *paginator, struct page_want *want); /* NULL: nothing */
    int (*advance)(struct paginator *paginator, const struct page_facts *facts, struct err *err);
};

extern const struct paginator_kind paginator_kinds[]; /* by enum paginator_type */

/* The end; always 0. */
int paginator_end(struct paginator *paginator, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * The value at a path in the envelope: 1 found, 0 absent or null, -1 ERR_USAGE if the path is none
 * or leads into the records, which are not in the envelope.
 */
int paginator_find(const struct page_facts *facts, const char *key, const char *path,
                   yyjson_val **ret_value, struct err *err);

/* 1: the answer says there is more, 0: it says there is not, -1: it does not say. */
int paginator_has_more(const struct paginator *paginator, const struct page_facts *facts,
                       struct err *err);

/* The text of a string or the digits of a number; NULL if it is neither. */
const char *paginator_text(yyjson_val *value);

int advance_number(struct paginator *paginator, const struct page_facts *facts, struct err *err);
int advance_json_link(struct paginator *paginator, const struct page_facts *facts, struct err *err);
int advance_header_link(struct paginator *paginator, const struct page_facts *facts,
                        struct err *err);
int advance_cursor(struct paginator *paginator, const struct page_facts *facts, struct err *err);
/* Finds out which kind it is by the first page, becomes that, and advances. */
int advance_auto(struct paginator *paginator, const struct page_facts *facts, struct err *err);

/*
 * An auto paginator becomes the kind that was found. `path_taken` leads to its link, cursor or
 * total; NULL if it needs none.
 */
void paginator_become(struct paginator *paginator, enum paginator_type type, char *path_taken,
                      int64_t base_page);

#endif
