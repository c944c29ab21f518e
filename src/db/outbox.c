/*
 * The outbox: rows that wait for a broker.
 */
#include "db/outbox.h"

#include "base/mem.h"
#include "db/recover.h"

#include <string.h>

#include "base/banned.h"

void outbox_entry_close(struct outbox_entry *entry)
{
    message_close(&entry->message);
    *entry = (struct outbox_entry){0};
}

static void take_entry(const struct lite_rows *rows, struct outbox_entry *ret_entry)
{
    *ret_entry = (struct outbox_entry){
        .seq = lite_col_int(rows, 0),
        .message = {.topic = lite_col_copy(rows, 1),
                    .offset = lite_col_int(rows, 2),
                    .id = lite_col_copy(rows, 3),
                    .value = lite_col_copy(rows, 4),
                    .value_size = lite_col_size(rows, 4),
                    .headers = lite_col_copy(rows, 5)},
    };
}

static int read_entries(struct lite *lite, int64_t after_seq, size_t most,
                        struct outbox_entry *ret_entries, size_t *count, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    int got;

    /* A dead letter's id is its own; its key is the one of the message that died. */
    TRY(lite_query(lite,
                   "SELECT o.seq, t.name, m.offset, coalesce(m.headers ->> 'x-id', m.id),"
                   " coalesce(m.value, f.event), m.headers"
                   " FROM outbox o JOIN topics t ON t.no = o.topic"
                   " JOIN messages m ON m.topic = o.topic AND m.offset = o.offset"
                   " LEFT JOIN files f ON f.id = m.id"
                   " WHERE o.seq > ? ORDER BY o.seq LIMIT ?",
                   BIND(lite_int(after_seq), lite_int((int64_t)most)), &rows, err));
    while ((got = lite_next(&rows, err)) > 0)
        take_entry(&rows, &ret_entries[(*count)++]);
    return got;
}

int outbox_peek(struct journal *journal, int64_t after_seq, size_t most,
                struct outbox_entry *ret_entries, struct err *err)
{
    size_t count = 0;

    TRY(journal_settle(journal, err));
    if (read_entries(&journal->lite, after_seq, most, ret_entries, &count, err) == 0)
        return (int)count;
    for (size_t i = 0; i < count; i++)
        outbox_entry_close(&ret_entries[i]);
    return -1;
}

int outbox_sent(struct journal *journal, const int64_t *seqs, size_t count, struct err *err)
{
    AUTO(lite_txn) txn = {0};

    /* What a power cut forgets of this is sent twice, which does no harm. */
    TRY(lite_begin_light(&txn, &journal->lite, err));
    for (size_t i = 0; i < count; i++)
        TRY(lite_run(&journal->lite, "DELETE FROM outbox WHERE seq = ?", BIND(lite_int(seqs[i])),
                     err));
    return lite_commit(&txn, err);
}

int outbox_last(struct journal *journal, int64_t *ret_seq, struct err *err)
{
    int64_t seq = 0;

    TRY(journal_settle(journal, err));
    TRY(lite_number(&journal->lite, "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'",
                    BIND_NOTHING, &seq, err));
    *ret_seq = seq;
    return 0;
}

int outbox_is_sent(struct journal *journal, int64_t seq, struct err *err)
{
    int64_t found;
    const int waits = lite_number(&journal->lite, "SELECT 1 FROM outbox WHERE seq <= ? LIMIT 1",
                                  BIND(lite_int(seq)), &found, err);

    return waits < 0 ? -1 : waits == 0;
}

int outbox_count(struct journal *journal, int64_t *ret_count, struct err *err)
{
    int64_t count = 0;

    TRY(lite_number(&journal->lite, "SELECT count(*) FROM outbox", BIND_NOTHING, &count, err));
    *ret_count = count;
    return 0;
}

static int send_again(struct lite *lite, const char *topic, int64_t *ret_count, struct err *err)
{
    TRY(lite_run(lite,
                 "INSERT INTO outbox(topic, offset) SELECT m.topic, m.offset FROM topics t"
                 " JOIN messages m ON m.topic = t.no LEFT JOIN files f ON f.id = m.id"
                 " WHERE t.name = ? AND (m.value IS NOT NULL OR m.headers IS NOT NULL OR"
                 " (f.event IS NOT NULL AND f.removed IS NULL))"
                 " ORDER BY m.offset ON CONFLICT DO NOTHING",
                 BIND(lite_text(topic)), err));
    *ret_count = lite_changes(lite);
    return lite_run(lite, "DELETE FROM places WHERE topic = ?", BIND(lite_text(topic)), err);
}

/* 1 a topic of that name and another id was met before, 0 not. */
static int was_another(struct lite *lite, const char *topic, const char *id, struct err *err)
{
    int64_t found;

    return lite_number(lite, "SELECT 1 FROM topics WHERE name = ? AND remote <> ?",
                       BIND(lite_text(topic), lite_text(id)), &found, err);
}

int outbox_meet_topic(struct journal *journal, const char *topic, const char *id, bool is_new,
                      int64_t *ret_count, struct err *err)
{
    struct lite *lite = &journal->lite;
    AUTO(lite_txn) txn = {0};
    int64_t count = 0;
    int is_lost;

    TRY(lite_begin(&txn, lite, err));
    is_lost = is_new ? 1 : was_another(lite, topic, id, err);
    TRY(is_lost);
    if (is_lost == 1)
        TRY(send_again(lite, topic, &count, err));
    TRY(lite_run(lite,
                 "INSERT INTO topics(name, next, remote) VALUES (?, 0, ?) ON CONFLICT(name)"
                 " DO UPDATE SET remote = coalesce(excluded.remote, remote)",
                 BIND(lite_text(topic), lite_text(id)), err));
    TRY(lite_commit(&txn, err));
    *ret_count = count;
    return 0;
}

static int next_place(struct lite *lite, const char *topic, int64_t *ret_topic, int64_t *ret_offset,
                      struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got = lite_first(lite,
                               "INSERT INTO topics(name, next) VALUES (?, 1) ON CONFLICT(name)"
                               " DO UPDATE SET next = next + 1 RETURNING no, next - 1",
                               BIND(lite_text(topic)), &rows, err);

    TRY(got);
    *ret_topic = lite_col_int(&rows, 0);
    *ret_offset = lite_col_int(&rows, 1);
    return 0;
}

int outbox_publish(struct lite *lite, const struct message *message, int64_t now_ms,
                   struct err *err)
{
    int64_t topic;
    int64_t offset;

    TRY(next_place(lite, message->topic, &topic, &offset, err));
    TRY(lite_run(lite,
                 "INSERT INTO messages(topic, offset, id, time, value, headers)"
                 " VALUES (?, ?, ?, ?, ?, ?)",
                 BIND(lite_int(topic), lite_int(offset), lite_text(message->id), lite_int(now_ms),
                      lite_bytes(message->value, message->value_size), lite_text(message->headers)),
                 err));
    return lite_run(lite,
                    "INSERT INTO outbox(topic, offset) SELECT ?, ? FROM meta"
                    " WHERE key = 'broker' AND value = 'kafka'",
                    BIND(lite_int(topic), lite_int(offset)), err);
}

int outbox_drop_file(struct lite *lite, const char *id, struct err *err)
{
    /* CROSS: in this order. The other way round SQLite would look through all messages. */
    return lite_run(lite,
                    "DELETE FROM outbox WHERE (topic, offset) IN (SELECT m.topic, m.offset"
                    " FROM topics t CROSS JOIN messages m ON m.topic = t.no AND m.id = ?)",
                    BIND(lite_text(id)), err);
}
