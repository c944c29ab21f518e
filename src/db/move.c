/*
 * Unread references change the broker.
 */
#include "db/move.h"

#include "base/clock.h"
#include "base/mem.h"
#include "db/outbox.h"
#include "db/recover.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/banned.h"

static int set_broker(struct lite *lite, const char *broker, struct err *err)
{
    return lite_run(lite, "UPDATE meta SET value = ? WHERE key = 'broker'", BIND(lite_text(broker)),
                    err);
}

/* ---- away ---- */

#define STILL_THERE                                                                                \
    "(m.value IS NOT NULL OR EXISTS (SELECT 1 FROM files f WHERE f.id = m.id"                      \
    " AND f.event IS NOT NULL AND f.removed IS NULL))"

static int send_unread(struct lite *lite, const struct move_reader *reader, struct err *err)
{
    return lite_run(lite,
                    "INSERT INTO outbox(topic, offset) SELECT m.topic, m.offset FROM topics t"
                    " JOIN messages m ON m.topic = t.no WHERE t.name = ?2 AND " STILL_THERE
                    " AND NOT EXISTS (SELECT 1 FROM consumed WHERE grp = ?1 AND id = m.id)"
                    " ORDER BY m.offset ON CONFLICT DO NOTHING",
                    BIND(lite_text(reader->group), lite_text(reader->topic)), err);
}

/* Groups that the pipeline does not name any more may come back. */
static int send_unread_of_known(struct lite *lite, struct err *err)
{
    return lite_run(lite,
                    "INSERT INTO outbox(topic, offset) SELECT m.topic, m.offset FROM groups g"
                    " JOIN messages m ON m.topic = g.topic WHERE " STILL_THERE
                    " AND NOT EXISTS (SELECT 1 FROM consumed WHERE grp = g.grp AND id = m.id)"
                    " ORDER BY m.topic, m.offset ON CONFLICT DO NOTHING",
                    BIND_NOTHING, err);
}

static int send_open_letters(struct journal *journal, struct err *err)
{
    char *topic = mem_fmt("%s.dead", journal->pipeline);
    const int done =
        lite_run(&journal->lite,
                 "INSERT INTO outbox(topic, offset) SELECT m.topic, m.offset FROM topics t"
                 " JOIN messages m ON m.topic = t.no WHERE t.name = ? AND m.headers ->> 'x-letter'"
                 " IN (SELECT letter FROM dead WHERE state = 'open')"
                 " ORDER BY m.offset ON CONFLICT DO NOTHING",
                 BIND(lite_text(topic)), err);

    free(topic);
    return done;
}

int move_away(struct journal *journal, const struct move_reader *readers, size_t count,
              int64_t *ret_count, struct err *err)
{
    struct lite *lite = &journal->lite;
    AUTO(lite_txn) txn = {0};
    int64_t sent = 0;

    TRY(journal_settle(journal, err));
    TRY(lite_begin(&txn, lite, err));
    for (size_t i = 0; i < count; i++)
        TRY(send_unread(lite, &readers[i], err));
    TRY(send_unread_of_known(lite, err));
    TRY(send_open_letters(journal, err));
    TRY(outbox_count(journal, &sent, err));
    /* Places in topics are the other broker's from now on. */
    TRY(lite_run(lite, "DELETE FROM claims", BIND_NOTHING, err));
    TRY(lite_run(lite, "DELETE FROM groups", BIND_NOTHING, err));
    TRY(lite_run(lite, "DELETE FROM places", BIND_NOTHING, err));
    TRY(set_broker(lite, "kafka", err));
    TRY(lite_commit(&txn, err));
    *ret_count = sent;
    return 0;
}

/* ---- home ---- */

int move_home_open(struct move_home *move, struct journal *journal, struct err *err)
{
    AUTO(move_home) made = {.journal = journal};
    int64_t waiting = 0;

    TRY(journal_settle(journal, err));
    TRY(lite_begin(&made.txn, &journal->lite, err));
    TRY(outbox_count(journal, &waiting, err));
    if (waiting > 0)
        return err_set(err, ERR_REMOTE, "%" PRId64 " references wait to be sent", waiting);
    *move = made;
    made = (struct move_home){0};
    return 0;
}

void move_home_close(struct move_home *move)
{
    lite_txn_close(&move->txn);
    *move = (struct move_home){0};
}

/* Its place in the local topic: 1, 0 it is not there. */
static int find_place(struct lite *lite, const struct message *message, int64_t *ret_topic,
                      int64_t *ret_offset, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got = lite_first(lite,
                               "SELECT m.topic, m.offset FROM topics t JOIN messages m"
                               " ON m.topic = t.no AND m.id = ? WHERE t.name = ?",
                               BIND(lite_text(message->id), lite_text(message->topic)), &rows, err);

    if (got == 1) {
        *ret_topic = lite_col_int(&rows, 0);
        *ret_offset = lite_col_int(&rows, 1);
    }
    return got;
}

/* 1 and its place; 0 its file is no more. */
static int take_in(struct lite *lite, const struct message *message, int64_t *ret_topic,
                   int64_t *ret_offset, struct err *err)
{
    const struct message plain = {.topic = message->topic,
                                  .id = message->id,
                                  .value = message->value,
                                  .value_size = message->value_size};
    int64_t found;
    int got = lite_number(lite, "SELECT 1 FROM files WHERE id = ? AND removed IS NOT NULL",
                          BIND(lite_text(message->id)), &found, err);

    if (got != 0)
        return got < 0 ? -1 : 0;
    got = find_place(lite, message, ret_topic, ret_offset, err);
    if (got != 0)
        return got;
    TRY(outbox_publish(lite, &plain, clock_wall_ms(), err));
    return find_place(lite, message, ret_topic, ret_offset, err);
}

static int hand_to(struct move_home *move, const char *group, int64_t topic, int64_t offset,
                   const char *id, struct err *err)
{
    struct lite *lite = &move->journal->lite;

    TRY(lite_run(lite,
                 "INSERT INTO groups(grp, topic, next) VALUES (?, ?, 0) ON CONFLICT DO NOTHING",
                 BIND(lite_text(group), lite_int(topic)), err));
    TRY(lite_run(lite,
                 "INSERT INTO claims(grp, offset, process, until, handed)"
                 " SELECT no, ?3, NULL, 0, 0 FROM groups WHERE grp = ?1 AND topic = ?2"
                 " AND NOT EXISTS (SELECT 1 FROM consumed WHERE grp = ?1 AND id = ?4)"
                 " ON CONFLICT DO NOTHING",
                 BIND(lite_text(group), lite_int(topic), lite_int(offset), lite_text(id)), err));
    move->unread += lite_changes(lite);
    return 0;
}

int move_home_add(struct move_home *move, const struct message *message, const char *const *groups,
                  size_t count, struct err *err)
{
    int64_t topic = 0;
    int64_t offset = 0;
    const int got = take_in(&move->journal->lite, message, &topic, &offset, err);

    if (got != 1)
        return got;
    for (size_t i = 0; i < count; i++)
        TRY(hand_to(move, groups[i], topic, offset, message->id, err));
    return 0;
}

static int add_group(struct lite *lite, const struct move_reader *reader, struct err *err)
{
    return lite_run(lite,
                    "INSERT INTO groups(grp, topic, next) SELECT ?, no, 0 FROM topics"
                    " WHERE name = ? ON CONFLICT DO NOTHING",
                    BIND(lite_text(reader->group), lite_text(reader->topic)), err);
}

int move_home_commit(struct move_home *move, const struct move_reader *readers, size_t count,
                     struct err *err)
{
    struct lite *lite = &move->journal->lite;

    for (size_t i = 0; i < count; i++)
        TRY(add_group(lite, &readers[i], err));

    /* A second try stands there as its own message now. */
    TRY(lite_run(lite, "DELETE FROM messages WHERE headers ->> 'x-retry' IS NOT NULL", BIND_NOTHING,
                 err));
    TRY(lite_run(lite, "DELETE FROM outbox", BIND_NOTHING, err));
    TRY(lite_run(lite, "UPDATE groups SET next = (SELECT next FROM topics WHERE no = groups.topic)",
                 BIND_NOTHING, err));
    TRY(set_broker(lite, "local", err));
    return lite_commit(&move->txn, err);
}
