/*
 * Requests become questions to the journal.
 */
#include "board/lists.h"

#include "base/str.h"
#include "board/board_parts.h"
#include "board/snapshot.h"
#include "db/browse.h"
#include "db/dead.h"

#include "base/banned.h"

#define MOST_BUCKETS 1000

static int borrow(struct exchange *x, struct borrowed_journal *ret_journal, struct err *err)
{
    return journal_pool_take(&x->board->impl->pool, ret_journal, err);
}

static int answer_unless_unknown(struct exchange *x, int got, const struct json_out *out,
                                 const char *what)
{
    struct refusal refusal;

    if (got < 0)
        return -1;
    if (got == 1) {
        exchange_json(x, 200, out);
        return 0;
    }
    refusal_set(&refusal, 404, "unknown", "there is no %s \"%s\"", what, x->param);
    exchange_refuse(x, &refusal);
    return 0;
}

/* ---- sums ---- */

int list_snapshot(struct exchange *x, struct err *err)
{
    AUTO(borrowed_journal) journal = {0};
    AUTO(json_out) snapshot = {0};

    TRY(borrow(x, &journal, err));
    TRY(snapshot_make(&x->board->impl->setup, journal.journal, &snapshot, err));
    exchange_json(x, 200, &snapshot);
    return 0;
}

int list_throughput(struct exchange *x, struct err *err)
{
    AUTO(borrowed_journal) journal = {0};
    AUTO(json_out) page = {0};
    int64_t minutes;
    int64_t buckets;
    int64_t step_ms;

    TRY(exchange_query_int(x, "minutes", 1, 10080, 15, &minutes, err));
    TRY(exchange_query_int(x, "buckets", 1, MOST_BUCKETS, 180, &buckets, err));
    step_ms = minutes * 60000 / buckets;
    TRY(borrow(x, &journal, err));
    TRY(browse_throughput(journal.journal, step_ms, buckets, &page, err));
    exchange_json(x, 200, &page);
    return 0;
}

int list_tables(struct exchange *x, struct err *err)
{
    AUTO(borrowed_journal) journal = {0};
    AUTO(json_out) page = {0};

    TRY(borrow(x, &journal, err));
    TRY(browse_tables(journal.journal, &page, err));
    exchange_json(x, 200, &page);
    return 0;
}

/* ---- files ---- */

static int read_stage(const struct exchange *x, const char **ret_stage, struct err *err)
{
    const char *stage = exchange_query(x, "stage");

    if (stage != NULL && *stage != '\0' && !str_same(stage, "extract") &&
        !str_same(stage, "transform") && !str_same(stage, "export"))
        return err_set(err, ERR_USAGE,
                       "the parameter \"stage\" is extract, transform or export, not \"%.100s\"",
                       stage);
    *ret_stage = stage != NULL && *stage != '\0' ? stage : NULL;
    return 0;
}

static const char *text_or_null(const char *text)
{
    return text != NULL && *text != '\0' ? text : NULL;
}

int list_files(struct exchange *x, struct err *err)
{
    AUTO(borrowed_journal) journal = {0};
    AUTO(json_out) page = {0};
    struct browse_files which = {
        .subject = text_or_null(exchange_query(x, "subject")),
        .search = text_or_null(exchange_query(x, "search")),
        .with_removed = str_same(exchange_query(x, "removed"), "yes"),
    };

    TRY(read_stage(x, &which.stage, err));
    TRY(exchange_query_int(x, "before", 0, INT64_MAX, INT64_MAX, &which.before, err));
    TRY(exchange_query_int(x, "limit", 1, 500, 100, &which.most, err));
    TRY(borrow(x, &journal, err));
    TRY(browse_files(journal.journal, &which, &page, err));
    exchange_json(x, 200, &page);
    return 0;
}

static int read_number(const struct exchange *x, int64_t *ret_number, struct err *err)
{
    return str_to_int(x->param, 0, INT64_MAX, ret_number, err);
}

int list_file(struct exchange *x, struct err *err)
{
    AUTO(borrowed_journal) journal = {0};
    AUTO(json_out) file = {0};
    int64_t seq;
    int got;

    TRY(read_number(x, &seq, err));
    TRY(borrow(x, &journal, err));
    got = browse_file(journal.journal, seq, &file, err);
    return answer_unless_unknown(x, got, &file, "file");
}

/* ---- runs and schemas ---- */

int list_runs(struct exchange *x, struct err *err)
{
    AUTO(borrowed_journal) journal = {0};
    AUTO(json_out) page = {0};
    int64_t before;
    int64_t limit;

    TRY(exchange_query_int(x, "before", 0, INT64_MAX, INT64_MAX, &before, err));
    TRY(exchange_query_int(x, "limit", 1, 500, 50, &limit, err));
    TRY(borrow(x, &journal, err));
    TRY(browse_runs(journal.journal, text_or_null(exchange_query(x, "resource")), before, limit,
                    &page, err));
    exchange_json(x, 200, &page);
    return 0;
}

int list_run(struct exchange *x, struct err *err)
{
    AUTO(borrowed_journal) journal = {0};
    AUTO(json_out) run = {0};
    int64_t number;
    int got;

    TRY(read_number(x, &number, err));
    TRY(borrow(x, &journal, err));
    got = browse_run(journal.journal, number, &run, err);
    return answer_unless_unknown(x, got, &run, "run");
}

int list_schemas(struct exchange *x, struct err *err)
{
    AUTO(borrowed_journal) journal = {0};
    AUTO(json_out) page = {0};

    TRY(borrow(x, &journal, err));
    TRY(browse_schemas(journal.journal, &page, err));
    exchange_json(x, 200, &page);
    return 0;
}

/* ---- dead letters ---- */

int list_dead(struct exchange *x, struct err *err)
{
    const char *state = exchange_query(x, "state");
    AUTO(borrowed_journal) journal = {0};
    AUTO(json_out) page = {0};
    int64_t after;
    int64_t limit;

    if (state != NULL && !str_same(state, "open") && !str_same(state, "closed"))
        return err_set(err, ERR_USAGE, "the parameter \"state\" is open or closed, not \"%.100s\"",
                       state);
    TRY(exchange_query_int(x, "after", 0, INT64_MAX, 0, &after, err));
    TRY(exchange_query_int(x, "limit", 1, 500, 100, &limit, err));
    TRY(borrow(x, &journal, err));
    TRY(browse_dead(journal.journal, !str_same(state, "closed"), after, limit, &page, err));
    exchange_json(x, 200, &page);
    return 0;
}

typedef int settle_fn(struct journal *journal, const char *id, int64_t *ret_count, struct err *err);

static int settle_ids(struct journal *journal, yyjson_val *ids, settle_fn *how, int64_t *ret_done,
                      struct err *err)
{
    size_t i;
    size_t count;
    yyjson_val *id;

    yyjson_arr_foreach(ids, i, count, id)
    {
        int64_t done = 0;

        if (!yyjson_is_str(id))
            return err_set(err, ERR_USAGE, "\"ids\" is a list of texts");
        TRY(how(journal, yyjson_get_str(id), &done, err));
        *ret_done += done;
    }
    return 0;
}

static int settle(struct exchange *x, settle_fn *how, struct err *err)
{
    AUTO(json) body = {0};
    AUTO(borrowed_journal) journal = {0};
    AUTO(json_out) out = {0};
    yyjson_mut_val *root = json_out_open(&out);
    yyjson_val *ids;
    int64_t done = 0;
    bool all;

    TRY(exchange_body(x, &body, err));
    ids = yyjson_obj_get(json_root(&body), "ids");
    all = json_bool(json_root(&body), "all", false);
    if (all == yyjson_is_arr(ids))
        return err_set(err, ERR_USAGE, "either \"ids\" or \"all\": true");
    TRY(borrow(x, &journal, err));
    if (all)
        TRY(how(journal.journal, NULL, &done, err));
    else
        TRY(settle_ids(journal.journal, ids, how, &done, err));
    yyjson_mut_obj_add_int(out.doc, root, "done", done);
    exchange_json(x, 200, &out);
    return 0;
}

int list_dead_retry(struct exchange *x, struct err *err)
{
    return settle(x, dead_retry, err);
}

int list_dead_drop(struct exchange *x, struct err *err)
{
    return settle(x, dead_drop, err);
}
