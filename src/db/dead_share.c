/*
 * Dead letters of several hosts: each state learns of all letters and decisions from their topic.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/dead.h"
#include "db/dead_parts.h"
#include "db/outbox.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* ---- telling ---- */

/* An open letter of our own or of another host. */
struct open_letter {
    char *letter;
    char *id;
    char *group;
    char *topic;
    char *value;
    size_t value_size;
};

static void open_letter_close(struct open_letter *open)
{
    free(open->letter);
    free(open->id);
    free(open->group);
    free(open->topic);
    free(open->value);
    *open = (struct open_letter){0};
}

/* The first one after `*no` that may be decided on so: 1, 0 there is none. */
static int next_open(struct lite *lite, const char *id, const char *decision, int64_t *no,
                     struct open_letter *ret_open, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got =
        lite_first(lite,
                   "SELECT no, letter, id, grp, topic, value FROM dead WHERE state = 'open'"
                   " AND no > ?2 AND (?1 IS NULL OR id = ?1)"
                   " AND (?3 <> 'retried' OR " DEAD_IS_WHOLE("value") ") ORDER BY no LIMIT 1",
                   BIND(lite_text(id), lite_int(*no), lite_text(decision)), &rows, err);

    if (got != 1)
        return got;
    *no = lite_col_int(&rows, 0);
    *ret_open = (struct open_letter){.letter = lite_col_copy(&rows, 1),
                                     .id = lite_col_copy(&rows, 2),
                                     .group = lite_col_copy(&rows, 3),
                                     .topic = lite_col_copy(&rows, 4),
                                     .value = lite_col_copy(&rows, 5),
                                     .value_size = lite_col_size(&rows, 5)};
    return 1;
}

/* As JSON: {"x-id", "x-letter", `key`: `value`, and "x-group" of a decision}. */
static void put_headers(const struct open_letter *open, const char *key, const char *value,
                        bool with_group, struct buf *to)
{
    AUTO(json_out) headers = {0};
    yyjson_mut_val *root = json_out_open(&headers);

    yyjson_mut_obj_add_str(headers.doc, root, "x-id", open->id);
    yyjson_mut_obj_add_str(headers.doc, root, "x-letter", open->letter);
    yyjson_mut_obj_add_str(headers.doc, root, key, value);
    if (with_group)
        yyjson_mut_obj_add_str(headers.doc, root, "x-group", open->group);
    json_out_write(&headers, to);
}

static int publish(struct lite *lite, const char *topic, const struct open_letter *open,
                   const char *ending, const struct buf *headers, bool with_value, struct err *err)
{
    struct message message = {.topic = (char *)(uintptr_t)topic,
                              .id = mem_fmt("%s.%s.%s", open->id, open->letter, ending),
                              .value = with_value ? open->value : NULL,
                              .value_size = with_value ? open->value_size : 0,
                              .headers = headers->data};
    const int done = outbox_publish(lite, &message, clock_wall_ms(), err);

    free(message.id);
    return done;
}

static int tell_one(struct journal *journal, const struct open_letter *open, const char *decision,
                    struct err *err)
{
    char *topic = mem_fmt("%s.dead", journal->pipeline);
    AUTO(buf) told = {0};
    AUTO(buf) again = {0};
    int done;

    put_headers(open, "x-decision", decision, true, &told);
    done = publish(&journal->lite, topic, open, decision, &told, false, err);
    if (done == 0 && str_same(decision, "retried")) {
        put_headers(open, "x-retry", open->group, false, &again);
        done = publish(&journal->lite, open->topic, open, "retry", &again, true, err);
    }
    free(topic);
    return done;
}

int dead_tell_others(struct journal *journal, const char *id, const char *decision, struct err *err)
{
    int64_t no = 0;
    int64_t found;
    int got =
        lite_number(&journal->lite, "SELECT 1 FROM meta WHERE key = 'broker' AND value = 'kafka'",
                    BIND_NOTHING, &found, err);

    while (got == 1) {
        AUTO(open_letter) open = {0};

        got = next_open(&journal->lite, id, decision, &no, &open, err);
        if (got == 1)
            TRY(tell_one(journal, &open, decision, err));
    }
    return got;
}

/* ---- learning ---- */

static int close_letter(struct lite *lite, const char *letter, const char *decision,
                        struct err *err)
{
    /* Who buried it lets the second try pass. */
    if (str_same(decision, "retried"))
        TRY(lite_run(lite,
                     "DELETE FROM consumed WHERE (grp, id) IN (SELECT grp, id FROM dead"
                     " WHERE state = 'open' AND letter = ?)",
                     BIND(lite_text(letter)), err));
    return lite_run(lite,
                    "UPDATE dead SET state = ?, closed = ? WHERE state = 'open' AND letter = ?",
                    BIND(lite_text(decision), lite_int(clock_wall_ms()), lite_text(letter)), err);
}

static int64_t int_in(yyjson_val *headers, const char *key)
{
    const char *text = json_str(headers, key);

    return text ? strtoll(text, NULL, 10) : json_int(headers, key, 0);
}

static const char *text_in(yyjson_val *headers, const char *key, const char *otherwise)
{
    const char *text = json_str(headers, key);

    return text ? text : otherwise;
}

static int add_letter(struct lite *lite, yyjson_val *headers, const char *letter,
                      const struct message *message, struct err *err)
{
    return lite_run(
        lite,
        "INSERT INTO dead(letter, id, grp, topic, partition, offset, error, attempts, time, value,"
        " state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open') ON CONFLICT(letter) DO NOTHING",
        BIND(lite_text(letter), lite_text(text_in(headers, "x-id", message->id)),
             lite_text(json_str(headers, "x-group")),
             lite_text(json_str(headers, "x-original-topic")),
             lite_int(int_in(headers, "x-original-partition")),
             lite_int(int_in(headers, "x-original-offset")),
             lite_text(text_in(headers, "x-error", "")), lite_int(int_in(headers, "x-attempts")),
             lite_int(clock_wall_ms()), lite_bytes(message->value, message->value_size)),
        err);
}

/* What tells of no group and no topic is nothing that can be tried again: it is passed over. */
static int learn(struct lite *lite, yyjson_val *headers, const struct message *message,
                 struct err *err)
{
    const char *letter = json_str(headers, "x-letter");
    const char *decision = json_str(headers, "x-decision");

    if (letter == NULL)
        return 0;
    if (decision)
        return close_letter(lite, letter, decision, err);
    if (json_str(headers, "x-group") == NULL || json_str(headers, "x-original-topic") == NULL)
        return 0;
    return add_letter(lite, headers, letter, message, err);
}

/* NULL if it has none. */
static yyjson_val *read_headers(const struct message *message, struct json *doc)
{
    struct err ignored = {0};

    if (message->headers == NULL ||
        json_parse(doc, message->headers, strlen(message->headers), &ignored) < 0)
        return NULL;
    return json_root(doc);
}

int dead_learn(struct journal *journal, const struct message *message, struct err *err)
{
    struct lite *lite = &journal->lite;
    AUTO(json) doc = {0};
    yyjson_val *headers = read_headers(message, &doc);
    AUTO(lite_txn) txn = {0};

    TRY(lite_begin_light(&txn, lite, err));
    TRY(learn(lite, headers, message, err));
    TRY(lite_run(lite,
                 "INSERT INTO places(topic, partition, next) VALUES (?, ?, ?)"
                 " ON CONFLICT(topic, partition) DO UPDATE SET next = excluded.next",
                 BIND(lite_text(message->topic), lite_int(message->partition),
                      lite_int(message->offset + 1)),
                 err));
    return lite_commit(&txn, err);
}

int dead_places(struct journal *journal, int64_t **ret_next, size_t *ret_count, struct err *err)
{
    char *topic = mem_fmt("%s.dead", journal->pipeline);
    AUTO(lite_rows) rows = {0};
    int64_t *next = NULL;
    size_t count = 0;
    int got = lite_query(&journal->lite,
                         "SELECT partition, next FROM places WHERE topic = ? ORDER BY partition",
                         BIND(lite_text(topic)), &rows, err);

    while (got == 0 && (got = lite_next(&rows, err)) == 1) {
        while (count <= (size_t)lite_col_int(&rows, 0))
            *MEM_PUSH(next, count) = 0;
        next[count - 1] = lite_col_int(&rows, 1);
        got = 0;
    }
    lite_rows_close(&rows);
    free(topic);
    if (got < 0) {
        free(next);
        return -1;
    }
    *ret_next = next;
    *ret_count = count;
    return 0;
}

/* ---- second tries ---- */

static int open_the_way(struct journal *journal, const char *letter, struct err *err)
{
    AUTO(lite_txn) txn = {0};

    TRY(lite_begin(&txn, &journal->lite, err));
    TRY(close_letter(&journal->lite, letter, "retried", err));
    return lite_commit(&txn, err);
}

int dead_is_for_others(struct journal *journal, const char *group, const struct message *message,
                       struct err *err)
{
    AUTO(json) doc = {0};
    yyjson_val *headers = read_headers(message, &doc);
    const char *whose = json_str(headers, "x-retry");
    const char *letter = json_str(headers, "x-letter");

    if (whose == NULL)
        return 0;
    if (!str_same(whose, group))
        return 1;
    return letter ? open_the_way(journal, letter, err) : 0;
}
