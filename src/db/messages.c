/*
 * Messages: handing out, giving back, counting.
 *
 * A group has a place in its topic, `next`: what lies from there on was never handed out. What was
 * handed out and is not done has a row in `claims`. So the cost of a claim depends on what is open,
 * not on what was ever worked off.
 */
#include "db/messages.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "db/recover.h"

#include <stdlib.h>

#include "base/banned.h"

void message_close(struct message *message)
{
    free(message->topic);
    free(message->id);
    free(message->value);
    free(message->headers);
    *message = (struct message){0};
}

/* ---- claiming ---- */

struct offsets {
    int64_t *items;
    size_t count;
};

static void offsets_close(struct offsets *offsets)
{
    free(offsets->items);
    *offsets = (struct offsets){0};
}

struct taking {
    struct journal *journal;
    const char *group;
    const char *topic;
    int64_t group_no;
    int64_t topic_no;
    int64_t group_next;
    int64_t topic_next;
    int64_t now_ms;
    int64_t until_ms;
    size_t most;
    struct message *messages;
    size_t count;
};

/* 1 found, 0 the topic has no message yet. */
static int find_topic(struct taking *taking, bool *ret_has_group, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got =
        lite_first(&taking->journal->lite,
                   "SELECT t.no, t.next, g.no, g.next FROM topics t"
                   " LEFT JOIN groups g ON g.topic = t.no AND g.grp = ? WHERE t.name = ?",
                   BIND(lite_text(taking->group), lite_text(taking->topic)), &rows, err);

    if (got == 1) {
        taking->topic_no = lite_col_int(&rows, 0);
        taking->topic_next = lite_col_int(&rows, 1);
        taking->group_no = lite_col_int(&rows, 2);
        taking->group_next = lite_col_int(&rows, 3);
        *ret_has_group = !lite_col_is_null(&rows, 2);
    }
    return got;
}

static int make_group(struct taking *taking, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got = lite_first(&taking->journal->lite,
                               "INSERT INTO groups(grp, topic, next) VALUES (?1, ?2, coalesce("
                               "(SELECT min(offset) FROM messages WHERE topic = ?2), ?3))"
                               " RETURNING no, next",
                               BIND(lite_text(taking->group), lite_int(taking->topic_no),
                                    lite_int(taking->topic_next)),
                               &rows, err);

    if (got == 1) {
        taking->group_no = lite_col_int(&rows, 0);
        taking->group_next = lite_col_int(&rows, 1);
    }
    return got < 0 ? -1 : 0;
}

/* Whether there is anything to claim, without troubling the writers. */
static int is_worth_it(struct taking *taking, struct err *err)
{
    bool has_group = false;
    int64_t freed;
    const int got = find_topic(taking, &has_group, err);

    if (got <= 0 || !has_group || taking->group_next < taking->topic_next)
        return got;
    return lite_number(&taking->journal->lite,
                       "SELECT 1 FROM claims WHERE grp = ? AND until <= ? LIMIT 1",
                       BIND(lite_int(taking->group_no), lite_int(taking->now_ms)), &freed, err);
}

static void take_message(struct taking *taking, const struct lite_rows *rows)
{
    taking->messages[taking->count++] = (struct message){
        .topic = mem_str(taking->topic),
        .offset = lite_col_int(rows, 0),
        .id = lite_col_copy(rows, 1),
        .value = lite_col_copy(rows, 2),
        .value_size = lite_col_size(rows, 2),
        .headers = lite_col_copy(rows, 3),
        .attempts = lite_col_int(rows, 4),
    };
}

/* Those that were handed out and are free again: `gone` gets those whose file is no more. */
static int read_freed(struct taking *taking, struct offsets *gone, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    int got;

    TRY(lite_query(&taking->journal->lite,
                   "SELECT c.offset, m.id, coalesce(m.value, f.event), m.headers, c.handed,"
                   " m.value IS NULL AND (f.removed IS NOT NULL OR f.event IS NULL)"
                   " FROM claims c LEFT JOIN messages m ON m.topic = ? AND m.offset = c.offset"
                   " LEFT JOIN files f ON f.id = m.id"
                   " WHERE c.grp = ? AND c.until <= ? ORDER BY c.offset",
                   BIND(lite_int(taking->topic_no), lite_int(taking->group_no),
                        lite_int(taking->now_ms)),
                   &rows, err));
    while (taking->count < taking->most && (got = lite_next(&rows, err)) != 0) {
        TRY(got);
        if (lite_col_int(&rows, 5))
            *MEM_PUSH(gone->items, gone->count) = lite_col_int(&rows, 0);
        else
            take_message(taking, &rows);
    }
    return 0;
}

static int take_freed(struct taking *taking, struct err *err)
{
    struct lite *lite = &taking->journal->lite;
    AUTO(offsets) gone = {0};

    TRY(read_freed(taking, &gone, err));
    for (size_t i = 0; i < taking->count; i++)
        TRY(lite_run(lite,
                     "UPDATE claims SET process = ?, until = ?, handed = handed + 1"
                     " WHERE grp = ? AND offset = ?",
                     BIND(lite_text(taking->journal->process), lite_int(taking->until_ms),
                          lite_int(taking->group_no), lite_int(taking->messages[i].offset)),
                     err));
    for (size_t i = 0; i < gone.count; i++)
        TRY(lite_run(lite, "DELETE FROM claims WHERE grp = ? AND offset = ?",
                     BIND(lite_int(taking->group_no), lite_int(gone.items[i])), err));
    return 0;
}

/* Those that nobody of the group had yet. `*ret_next`: where the next claim goes on. */
static int read_new(struct taking *taking, int64_t *ret_next, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    int got = 1;

    TRY(lite_query(&taking->journal->lite,
                   "SELECT m.offset, m.id, coalesce(m.value, f.event), m.headers, 0,"
                   " m.value IS NULL AND (f.removed IS NOT NULL OR f.event IS NULL),"
                   " EXISTS (SELECT 1 FROM consumed WHERE grp = ?1 AND id = m.id)"
                   " OR EXISTS (SELECT 1 FROM pending WHERE grp = ?1 AND id = m.id)"
                   " FROM messages m LEFT JOIN files f ON f.id = m.id"
                   " WHERE m.topic = ?2 AND m.offset >= ?3 ORDER BY m.offset",
                   BIND(lite_text(taking->group), lite_int(taking->topic_no),
                        lite_int(taking->group_next)),
                   &rows, err));
    *ret_next = taking->group_next;
    while (taking->count < taking->most && (got = lite_next(&rows, err)) > 0) {
        *ret_next = lite_col_int(&rows, 0) + 1;
        if (!lite_col_int(&rows, 5) && !lite_col_int(&rows, 6))
            take_message(taking, &rows);
    }
    if (got == 0)
        *ret_next = taking->topic_next;
    return got < 0 ? -1 : 0;
}

static int take_new(struct taking *taking, struct err *err)
{
    struct lite *lite = &taking->journal->lite;
    const size_t before = taking->count;
    int64_t next;

    if (taking->group_next >= taking->topic_next || before == taking->most)
        return 0;
    TRY(read_new(taking, &next, err));
    for (size_t i = before; i < taking->count; i++)
        TRY(lite_run(
            lite, "INSERT INTO claims(grp, offset, process, until, handed) VALUES (?, ?, ?, ?, 1)",
            BIND(lite_int(taking->group_no), lite_int(taking->messages[i].offset),
                 lite_text(taking->journal->process), lite_int(taking->until_ms)),
            err));
    return lite_run(lite, "UPDATE groups SET next = ? WHERE no = ?",
                    BIND(lite_int(next), lite_int(taking->group_no)), err);
}

static int take(struct taking *taking, struct err *err)
{
    AUTO(lite_txn) txn = {0};
    bool has_group = false;
    int got;

    TRY(lite_begin_light(&txn, &taking->journal->lite, err));
    got = find_topic(taking, &has_group, err);
    if (got <= 0)
        return got;
    if (!has_group)
        TRY(make_group(taking, err));
    TRY(take_freed(taking, err));
    TRY(take_new(taking, err));
    return lite_commit(&txn, err);
}

static int claim(struct taking *taking, struct err *err)
{
    int got;

    taking->now_ms = clock_wall_ms();
    got = is_worth_it(taking, err);
    if (got == 1)
        got = take(taking, err);
    if (got < 0) {
        for (size_t i = 0; i < taking->count; i++)
            message_close(&taking->messages[i]);
        taking->count = 0;
    }
    return got < 0 ? -1 : (int)taking->count;
}

int messages_claim(struct journal *journal, const char *group, const char *topic, int64_t lease_ms,
                   size_t most, struct message *ret_messages, struct err *err)
{
    struct taking taking = {.journal = journal,
                            .group = group,
                            .topic = topic,
                            .until_ms = clock_wall_ms() + lease_ms,
                            .most = most,
                            .messages = ret_messages};
    struct err ignored = {0};
    int got;

    TRY(journal_settle(journal, err));
    got = claim(&taking, err);
    if (got < 0)
        return -1;
    if (got > 0) {
        /* There is work; what cannot be freed now is told when there is none. */
        if (journal_look_for_dead(journal, true, &ignored) < 0)
            log_debug("%s", ignored.text);
        return got;
    }
    got = journal_look_for_dead(journal, false, err);
    return got == 1 ? claim(&taking, err) : got;
}

/* ---- holding and giving back ---- */

int messages_keep(struct journal *journal, const char *group, int64_t lease_ms, struct err *err)
{
    AUTO(lite_txn) txn = {0};

    TRY(lite_begin_light(&txn, &journal->lite, err));
    TRY(lite_run(&journal->lite,
                 "UPDATE claims SET until = ? WHERE process = ? AND intent IS NULL"
                 " AND grp IN (SELECT no FROM groups WHERE grp = ?)",
                 BIND(lite_int(clock_wall_ms() + lease_ms), lite_text(journal->process),
                      lite_text(group)),
                 err));
    return lite_commit(&txn, err);
}

int messages_release(struct journal *journal, const char *group, const struct message *message,
                     struct err *err)
{
    AUTO(lite_txn) txn = {0};

    TRY(lite_begin_light(&txn, &journal->lite, err));
    TRY(lite_run(&journal->lite,
                 "UPDATE claims SET process = NULL, until = 0, handed = max(handed - 1, 0)"
                 " WHERE offset = ? AND process = ? AND intent IS NULL AND grp ="
                 " (SELECT g.no FROM groups g JOIN topics t ON g.topic = t.no"
                 " WHERE g.grp = ? AND t.name = ?)",
                 BIND(lite_int(message->offset), lite_text(journal->process), lite_text(group),
                      lite_text(message->topic)),
                 err));
    return lite_commit(&txn, err);
}

/* 1 and the group's number if it has a claim on the message, 0 if not. */
static int find_own_claim(struct journal *journal, const char *group, const struct message *message,
                          int64_t *ret_group, struct err *err)
{
    return lite_number(&journal->lite,
                       "SELECT c.grp FROM topics t JOIN groups g ON g.topic = t.no AND g.grp = ?"
                       " JOIN claims c ON c.grp = g.no AND c.offset = ? WHERE t.name = ?"
                       " AND c.process = ? AND c.intent IS NULL",
                       BIND(lite_text(group), lite_int(message->offset), lite_text(message->topic),
                            lite_text(journal->process)),
                       ret_group, err);
}

int messages_done(struct journal *journal, const char *group, const struct message *message,
                  struct err *err)
{
    AUTO(lite_txn) txn = {0};
    int64_t group_no;
    int got = find_own_claim(journal, group, message, &group_no, err);

    if (got == 1)
        got = messages_is_consumed(journal, group, message->id, err);
    if (got != 1)
        return got;
    TRY(lite_begin_light(&txn, &journal->lite, err));
    TRY(lite_run(&journal->lite, "DELETE FROM claims WHERE grp = ? AND offset = ?",
                 BIND(lite_int(group_no), lite_int(message->offset)), err));
    return lite_commit(&txn, err);
}

/* ---- asking ---- */

int messages_lag(struct journal *journal, const char *group, const char *topic, int64_t *ret_lag,
                 struct err *err)
{
    int64_t lag = 0;

    TRY(journal_settle(journal, err));
    TRY(lite_number(&journal->lite,
                    "SELECT CASE WHEN g.no IS NULL THEN"
                    " (SELECT count(*) FROM messages m WHERE m.topic = t.no)"
                    " ELSE t.next - g.next + (SELECT count(*) FROM claims c WHERE c.grp = g.no) END"
                    " FROM topics t LEFT JOIN groups g ON g.topic = t.no AND g.grp = ?"
                    " WHERE t.name = ?",
                    BIND(lite_text(group), lite_text(topic)), &lag, err));
    *ret_lag = lag;
    return 0;
}

int messages_is_consumed(struct journal *journal, const char *group, const char *id,
                         struct err *err)
{
    int64_t found;

    TRY(journal_settle(journal, err));
    return lite_number(&journal->lite,
                       "SELECT 1 FROM consumed WHERE grp = ? AND id = ?2 UNION ALL"
                       " SELECT 1 FROM files WHERE id = ?2 AND removed IS NOT NULL",
                       BIND(lite_text(group), lite_text(id)), &found, err);
}
