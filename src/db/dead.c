/*
 * Dead letters: burying, looking at them, trying them again, dropping them.
 */
#include "db/dead.h"

#include "base/clock.h"
#include "base/mem.h"
#include "db/dead_parts.h"
#include "db/outbox.h"
#include "db/recover.h"

#include <inttypes.h>

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

void dead_letter_close(struct dead_letter *dead)
{
    free(dead->id);
    free(dead->group);
    free(dead->topic);
    free(dead->error);
    free(dead->time);
    free(dead->value);
    *dead = (struct dead_letter){0};
}

/* The first open one after `*no`. 1 found, 0 not. */
static int next_dead(struct lite *lite, int64_t *no, struct dead_letter *ret_dead, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    char time[CLOCK_TEXT];
    const int got =
        lite_first(lite,
                   "SELECT no, id, grp, topic, partition, offset, error, attempts, time,"
                   " value FROM dead WHERE state = 'open' AND no > ? ORDER BY no LIMIT 1",
                   BIND(lite_int(*no)), &rows, err);

    if (got <= 0)
        return got;
    *no = lite_col_int(&rows, 0);
    *ret_dead = (struct dead_letter){
        .id = lite_col_copy(&rows, 1),
        .group = lite_col_copy(&rows, 2),
        .topic = lite_col_copy(&rows, 3),
        .partition = lite_col_int(&rows, 4),
        .offset = lite_col_int(&rows, 5),
        .error = lite_col_copy(&rows, 6),
        .attempts = lite_col_int(&rows, 7),
        .time = mem_str(clock_iso8601(lite_col_int(&rows, 8), time)),
        .value = lite_col_copy(&rows, 9),
        .value_size = lite_col_size(&rows, 9),
    };
    return 1;
}

int dead_each(struct journal *journal, void *ctx,
              int (*each)(void *ctx, const struct dead_letter *dead, struct err *err),
              struct err *err)
{
    int64_t no = 0;

    for (;;) {
        AUTO(dead_letter) dead = {0};
        const int got = next_dead(&journal->lite, &no, &dead, err);

        if (got <= 0)
            return got;
        TRY(each(ctx, &dead, err));
    }
}

/* ---- burying ---- */

static int name_letter(struct journal *journal, const struct step_dead *dead, int64_t now_ms,
                       int64_t *ret_no, char **ret_letter, struct err *err)
{
    struct lite *lite = &journal->lite;

    TRY(lite_run(lite,
                 "INSERT INTO dead(id, grp, topic, partition, offset, error, attempts, time, value,"
                 " state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')",
                 BIND(lite_text(dead->id), lite_text(dead->group), lite_text(dead->topic),
                      lite_int(dead->partition), lite_int(dead->offset), lite_text(dead->error),
                      lite_int(dead->attempts), lite_int(now_ms),
                      lite_bytes(dead->value, dead->value_size)),
                 err));
    *ret_no = lite_last_id(lite);
    *ret_letter = mem_fmt("%s-%" PRId64, journal->epoch, *ret_no);
    return lite_run(lite, "UPDATE dead SET letter = ? WHERE no = ?",
                    BIND(lite_text(*ret_letter), lite_int(*ret_no)), err);
}

static void put_headers(const struct step_dead *dead, const char *letter, struct buf *to)
{
    AUTO(json_out) headers = {0};
    yyjson_mut_val *root = json_out_open(&headers);
    AUTO(buf) error = {0};

    json_put_utf8(&error, dead->error, strlen(dead->error));
    yyjson_mut_obj_add_str(headers.doc, root, "x-original-topic", dead->topic);
    yyjson_mut_obj_add_sint(headers.doc, root, "x-original-partition", dead->partition);
    yyjson_mut_obj_add_sint(headers.doc, root, "x-original-offset", dead->offset);
    yyjson_mut_obj_add_str(headers.doc, root, "x-error", buf_text(&error));
    yyjson_mut_obj_add_sint(headers.doc, root, "x-attempts", dead->attempts);
    yyjson_mut_obj_add_str(headers.doc, root, "x-group", dead->group);
    yyjson_mut_obj_add_str(headers.doc, root, "x-id", dead->id);
    yyjson_mut_obj_add_str(headers.doc, root, "x-letter", letter);
    if (dead->whole_size > 0) {
        yyjson_mut_obj_add_sint(headers.doc, root, "x-size", dead->whole_size);
        yyjson_mut_obj_add_str(headers.doc, root, "x-sha256", dead->whole_sha256);
    }
    json_out_write(&headers, to);
}

int dead_bury(struct journal *journal, const struct step_dead *dead, int64_t now_ms,
              struct err *err)
{
    char *letter = NULL;
    int64_t no = 0;
    AUTO(buf) headers = {0};
    struct message message = {.value = (char *)(uintptr_t)dead->value,
                              .value_size = dead->value_size};
    int done = name_letter(journal, dead, now_ms, &no, &letter, err);

    if (done == 0) {
        put_headers(dead, letter, &headers);
        message.topic = mem_fmt("%s.dead", journal->pipeline);
        message.id = mem_fmt("%s.dead-%" PRId64, dead->id, no);
        message.headers = headers.data;
        done = outbox_publish(&journal->lite, &message, now_ms, err);
    }
    free(message.topic);
    free(message.id);
    free(letter);
    return done;
}

/* ---- deciding ---- */

/* Its group will be handed the message again. */
static int free_again(struct lite *lite, const char *id, struct err *err)
{
    TRY(lite_run(lite,
                 "INSERT INTO claims(grp, offset, process, until, handed)"
                 " SELECT g.no, m.offset, NULL, 0, 0 FROM dead d"
                 " JOIN topics t ON t.name = d.topic"
                 " JOIN groups g ON g.topic = t.no AND g.grp = d.grp"
                 " JOIN messages m ON m.topic = t.no AND m.id = d.id AND m.offset < g.next"
                 " WHERE d.state = 'open' AND " DEAD_IS_WHOLE(
                     "d.value") " AND (?1 IS NULL OR d.id = ?1) ON CONFLICT DO NOTHING",
                 BIND(lite_text(id)), err));
    return lite_run(lite,
                    "DELETE FROM consumed WHERE (grp, id) IN (SELECT grp, id FROM dead"
                    " WHERE state = 'open' AND " DEAD_IS_WHOLE(
                        "value") " AND (?1 IS NULL OR id = ?1))",
                    BIND(lite_text(id)), err);
}

static int close_dead(struct journal *journal, const char *id, bool again, int64_t *ret_count,
                      struct err *err)
{
    AUTO(lite_txn) txn = {0};
    struct lite *lite = &journal->lite;
    const char *decision = again ? "retried" : "dropped";
    int64_t count;

    TRY(journal_settle(journal, err));
    TRY(lite_begin(&txn, lite, err));
    TRY(dead_tell_others(journal, id, decision, err));
    if (again)
        TRY(free_again(lite, id, err));
    TRY(lite_run(lite,
                 "UPDATE dead SET state = ?2, closed = ?3 WHERE state = 'open'"
                 " AND (?1 IS NULL OR id = ?1) AND (?2 <> 'retried' OR " DEAD_IS_WHOLE("value") ")",
                 BIND(lite_text(id), lite_text(decision), lite_int(clock_wall_ms())), err));
    count = lite_changes(lite);
    TRY(lite_commit(&txn, err));
    *ret_count = count;
    return 0;
}

int dead_retry(struct journal *journal, const char *id, int64_t *ret_count, struct err *err)
{
    return close_dead(journal, id, true, ret_count, err);
}

int dead_drop(struct journal *journal, const char *id, int64_t *ret_count, struct err *err)
{
    return close_dead(journal, id, false, ret_count, err);
}

int dead_count(struct journal *journal, int64_t *ret_count, struct err *err)
{
    TRY(lite_number(&journal->lite, "SELECT count(*) FROM dead WHERE state = 'open'", BIND_NOTHING,
                    ret_count, err));
    return 0;
}

int dead_count_cut(struct journal *journal, const char *id, int64_t *ret_count, struct err *err)
{
    TRY(lite_number(&journal->lite,
                    "SELECT count(*) FROM dead WHERE state = 'open' AND NOT (" DEAD_IS_WHOLE(
                        "value") ")"
                                 " AND (?1 IS NULL OR id = ?1)",
                    BIND(lite_text(id)), ret_count, err));
    return 0;
}

int dead_is_open(struct journal *journal, const char *group, const char *id, struct err *err)
{
    int64_t found;

    return lite_number(&journal->lite,
                       "SELECT 1 FROM dead WHERE state = 'open' AND id = ? AND grp = ? LIMIT 1",
                       BIND(lite_text(id), lite_text(group)), &found, err);
}
