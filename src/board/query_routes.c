/*
 * A query is asked for, and looked at until it has ended.
 */
#include "board/query_routes.h"

#include "base/str.h"
#include "board/board_parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define MOST_WAIT_MS 2000

static void answer_unknown(struct exchange *x)
{
    struct refusal refusal;

    refusal_set(&refusal, 404, "unknown", "there is no query \"%s\"", x->param);
    snprintf(refusal.hint, sizeof refusal.hint,
             "What nobody asks about is forgotten after some minutes: ask again.");
    exchange_refuse(x, &refusal);
}

static void answer_document(struct exchange *x, const char *id, int64_t wait_ms, int64_t after)
{
    const int found = queries_look(&x->board->impl->queries, id, wait_ms, after, &x->text);

    if (found == 0) {
        answer_unknown(x);
        return;
    }
    x->status = found == 1 ? 200 : 202;
    x->type = "application/json";
}

int query_post(struct exchange *x, struct err *err)
{
    AUTO(json) body = {0};
    char id[QUERY_ID];
    int64_t wait_ms;

    TRY(exchange_body(x, &body, err));
    wait_ms = json_int(json_root(&body), "wait_ms", 1000);
    if (wait_ms < 0 || wait_ms > MOST_WAIT_MS)
        return err_set(err, ERR_USAGE, "\"wait_ms\" is between 0 and %d", MOST_WAIT_MS);
    TRY(queries_add(&x->board->impl->queries, &body, id, err));
    answer_document(x, id, wait_ms, 0);
    return 0;
}

int query_get(struct exchange *x, struct err *err)
{
    int64_t wait_ms;
    int64_t after;

    TRY(exchange_query_int(x, "wait_ms", 0, MOST_WAIT_MS, 0, &wait_ms, err));
    TRY(exchange_query_int(x, "after", 0, INT64_MAX, 0, &after, err));
    answer_document(x, x->param, wait_ms, after);
    return 0;
}

int query_delete(struct exchange *x, struct err *err)
{
    (void)err;
    if (queries_drop(&x->board->impl->queries, x->param))
        exchange_nothing(x);
    else
        answer_unknown(x);
    return 0;
}

int query_file(struct exchange *x, struct err *err)
{
    char *name = NULL;
    int fd;

    (void)err;
    if (!queries_file(&x->board->impl->queries, x->param, &fd, &name, &x->type)) {
        answer_unknown(x);
        return 0;
    }
    snprintf(x->attachment, sizeof x->attachment, "attachment; filename=\"%s\"", name);
    free(name);
    x->status = 200;
    x->fd_plus_1 = fd + 1;
    return 0;
}
