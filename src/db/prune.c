/*
 * Removing what is old.
 */
#include "db/prune.h"

#include "base/mem.h"
#include "db/recover.h"

#include <stdlib.h>

#include "base/banned.h"

/* ---- files ---- */

/* The id of the first one after `*seq`: 1, 0 there are no more. */
static int next_prunable(struct lite *lite, const char *group, int64_t before_ms, int64_t *seq,
                         char **ret_id, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got =
        lite_first(lite,
                   "SELECT seq, id FROM files f WHERE stage = 'extract' AND seq > ?"
                   " AND removed IS NULL AND time < ?"
                   " AND EXISTS (SELECT 1 FROM consumed WHERE grp = ? AND id = f.id)"
                   " AND NOT EXISTS (SELECT 1 FROM dead WHERE id = f.id AND state = 'open')"
                   " ORDER BY seq LIMIT 1",
                   BIND(lite_int(*seq), lite_int(before_ms), lite_text(group)), &rows, err);

    if (got == 1) {
        *seq = lite_col_int(&rows, 0);
        *ret_id = lite_col_copy(&rows, 1);
    }
    return got;
}

int prune_each(struct journal *journal, const char *group, int64_t before_ms, void *ctx,
               int (*each)(void *ctx, const struct known_file *file, struct err *err),
               struct err *err)
{
    int64_t seq = 0;

    TRY(journal_settle(journal, err));
    for (;;) {
        AUTO(known_file) file = {0};
        char *id = NULL;
        int got = next_prunable(&journal->lite, group, before_ms, &seq, &id, err);

        if (got == 1)
            got = ledger_find(journal, id, &file, err);
        free(id);
        if (got <= 0)
            return got;
        TRY(each(ctx, &file, err));
    }
}

/* ---- history ---- */

#define NOT_WAITING " AND (topic, offset) NOT IN (SELECT topic, offset FROM outbox)"

static int prune_runs(struct lite *lite, int64_t before_ms, struct pruned *pruned, struct err *err)
{
    TRY(lite_run(lite,
                 "DELETE FROM runs WHERE status <> 'running' AND ended < ?"
                 " AND number NOT IN (SELECT run FROM resources)",
                 BIND(lite_int(before_ms)), err));
    pruned->runs = lite_changes(lite);
    return 0;
}

/*
 * What every group of the topic is through with; a topic without groups waits for its first. What Kafka has
 * confirmed is kept there, whoever reads it.
 */
static int prune_topic(struct lite *lite, int64_t topic, int64_t before_ms, struct pruned *pruned,
                       struct err *err)
{
    int64_t bound = 0;

    TRY(lite_number(lite,
                    "SELECT CASE WHEN (SELECT value FROM meta WHERE key = 'broker') = 'kafka'"
                    " THEN (SELECT next FROM topics WHERE no = ?1)"
                    " ELSE coalesce(min(coalesce((SELECT min(offset) FROM claims WHERE grp = "
                    "g.no), g.next)), 0)"
                    " END FROM groups g WHERE g.topic = ?1",
                    BIND(lite_int(topic)), &bound, err));
    TRY(lite_run(lite,
                 "DELETE FROM messages WHERE topic = ? AND offset < ? AND time < ? AND id NOT IN"
                 " (SELECT id FROM dead WHERE state = 'open')" NOT_WAITING,
                 BIND(lite_int(topic), lite_int(bound), lite_int(before_ms)), err));
    pruned->messages += lite_changes(lite);
    return 0;
}

static int prune_topics(struct lite *lite, int64_t before_ms, struct pruned *pruned,
                        struct err *err)
{
    int64_t topics = 0;

    TRY(lite_number(lite, "SELECT coalesce(max(no), 0) FROM topics", BIND_NOTHING, &topics, err));
    for (int64_t topic = 1; topic <= topics; topic++)
        TRY(prune_topic(lite, topic, before_ms, pruned, err));
    return 0;
}

/* The topic of the dead letters has no group: it is kept from the oldest open one on. */
static int prune_dead(struct journal *journal, int64_t before_ms, struct pruned *pruned,
                      struct err *err)
{
    struct lite *lite = &journal->lite;
    char *topic = mem_fmt("%s.dead", journal->pipeline);
    int done = lite_run(lite, "DELETE FROM dead WHERE state <> 'open' AND closed < ?",
                        BIND(lite_int(before_ms)), err);

    pruned->dead = done == 0 ? lite_changes(lite) : 0;
    if (done == 0)
        done = lite_run(lite,
                        "DELETE FROM messages WHERE topic = (SELECT no FROM topics WHERE name = ?)"
                        " AND time < ? AND time < coalesce((SELECT min(time) FROM dead WHERE"
                        " state = 'open'), ?2)" NOT_WAITING,
                        BIND(lite_text(topic), lite_int(before_ms)), err);
    free(topic);
    return done;
}

int prune_history(struct journal *journal, int64_t before_ms, bool dry_run,
                  struct pruned *ret_pruned, struct err *err)
{
    struct pruned pruned = {0};
    AUTO(lite_txn) txn = {0};

    TRY(journal_settle(journal, err));
    TRY(lite_begin(&txn, &journal->lite, err));
    TRY(prune_runs(&journal->lite, before_ms, &pruned, err));
    TRY(prune_topics(&journal->lite, before_ms, &pruned, err));
    TRY(prune_dead(journal, before_ms, &pruned, err));
    if (!dry_run)
        TRY(lite_commit(&txn, err));
    *ret_pruned = pruned;
    return 0;
}
