/*
 * What extract.c (the resources and their runs) and extract_commit.c (what becomes true of them) share.
 */
#ifndef RIACHO_EXTRACT_PARTS_H
#define RIACHO_EXTRACT_PARTS_H

#include "db/journal.h"
#include "db/staging.h"
#include "landing/landing.h"
#include "river/extract.h"

#include <pthread.h>

/* Shared by the threads of one pass. */
struct extract_pass {
    struct river *river;
    struct staging staging;
    pthread_mutex_t lock; /* guards the three below */
    size_t next;          /* resource to take next */
    bool has_failed;
    struct err first_err;
};

/* One resource's extraction. */
struct extraction {
    struct extract_pass *pass;
    struct extract_live *live;
    const struct resource_conf *resource;
    struct journal journal;        /* the resource's thread */
    struct journal commit_journal; /* the committer's thread */
    struct landing landing;
    struct run_state run; /* position, cursor, … as committed last */
    struct schema schema; /* history when the landing was opened */
    char *metadata;
    char *selector;      /* to remember, once the last page came */
    char last_name[256]; /* reference made last, to number the parts of a page */
    int64_t last_part;
    int64_t roll_before; /* a page that failed before: what comes before it is rolled; 0 */
    int64_t whole_page;  /* last page that the source gave whole */
    int64_t large_page;  /* last page that streamed */
};

/*
 * The landing's commit: the files, their schemas, references and messages, and the run's new position, as one
 * step. `ctx` is the extraction.
 */
MUST_CHECK int extract_commit(void *ctx, const struct landed *landed, struct err *err);
/* The run's counts as JSON, with the selector that was found (NULL: none); the caller frees. */
char *extract_counts(const struct extract_live *live, const char *selector);

#endif
