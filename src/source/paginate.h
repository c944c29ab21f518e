/*
 * From one page to the next: the paginators of dlt's rest_api source, with its keys, defaults and
 * stop rules. Where they differ, it is so that no record is lost or fetched for ever:
 * - a cursor or link that comes again is an error;
 * - maximum_offset and maximum_page hold also where has_more says there is more;
 * - has_more without a cursor is an error;
 * - without a total, a paginator that stops at an empty page goes on to it;
 * - an offset advances by the records that came, at most by the limit: an API may cap its pages;
 * - a total that is less than what came already is not believed;
 * - `auto` asks for the paginator to be named where it would have to guess the number of the first
 *   page.
 */
#ifndef RIACHO_PAGINATE_H
#define RIACHO_PAGINATE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "source/secrets.h"
#include "source/seen.h"
#include "source/source_conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known of a page that arrived. */
struct page_facts {
    yyjson_val *envelope; /* numbers are raw text; NULL: there was no body */
    const char *selector; /* where in it the records were */
    const char *link;     /* the Link header; NULL: none */
    const char *url;      /* of its request */
    int64_t records;
    bool is_object;      /* they are one object, so there is nothing to count */
    bool object_dropped; /* the envelope lacks most of itself (struct split) */
};

/* One thing that the next request must say: as a parameter, or at a place in its JSON body. */
struct page_set {
    const char *param;     /* NULL: in the body */
    const char *body_path; /* NULL: as parameter */
    const char *json;      /* the value */
};

struct page_want {
    const char *url; /* ask there, instead of at the endpoint with its parameters; NULL */
    struct page_set sets[2];
    size_t count;
    char number[24]; /* room for the texts of numbers */
    char limit[24];
};

struct paginator {
    const struct paginator_kind *kind; /* NULL while closed */
    const struct paginator_conf *conf; /* borrowed, or `found` */
    struct paginator_conf found;       /* what auto found */
    char *found_path;                  /* its one string */
    int64_t number;                    /* offset and page_number: of the next request */
    char *next;                        /* links: URL; cursor: JSON; NULL: the first page */
    struct seen seen;                  /* links and cursors so far */
    bool doubts_total;                 /* an answer had records beyond the total that it told */
    bool is_end;
    char why[160]; /* why it is the end */
    char log[200]; /* what auto found, to be told once; "" */
};

/* At the first page. `conf` is borrowed; one that is not set means auto. */
void paginator_open(struct paginator *paginator, const struct paginator_conf *conf);
void paginator_close(struct paginator *paginator);
/* Whether it counts by itself (offset, page_number), whatever the answers say. */
bool paginator_counts(const struct paginator *paginator);

/* What the request for the page must say; points into the paginator. */
void paginator_want(const struct paginator *paginator, struct page_want *ret_want);

/*
 * The page arrived: moves on to the next, or to the end (is_end, why). ERR_DATA if the answer does
 * not say what it must.
 */
MUST_CHECK int paginator_advance(struct paginator *paginator, const struct page_facts *facts,
                                 struct err *err);

/* Adds the members of a JSON object that tell the place: `"type":…,…`. */
void paginator_write(const struct paginator *paginator, const struct secrets *secrets,
                     struct buf *to);

/* Goes to a place that was written. Returns false if it does not belong to this pagination. */
bool paginator_restore(struct paginator *paginator, const struct secrets *secrets,
                       yyjson_val *place);

#endif
