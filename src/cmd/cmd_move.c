/*
 * riacho state move: unread references change the broker, while nobody works on them.
 *
 * The pipeline file names Kafka in both directions: that is where its settings stand.
 */
#include "base/json.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/cmd_mend.h"
#include "db/move.h"
#include "river/readers.h"
#include "river/relay.h"
#include "river/river.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

struct moving {
    struct river *river;
    struct readers readers;
    struct move_reader of_state[READERS_MOST]; /* the same, borrowed */
    struct move_home home;
    struct json_out server; /* what the server knows of topics and groups */
};

static void moving_close(struct moving *moving)
{
    move_home_close(&moving->home);
    json_out_close(&moving->server);
    readers_close(&moving->readers);
}

static void moving_open(struct moving *moving, struct river *river)
{
    moving->river = river;
    readers_open(&moving->readers, river);
    for (size_t i = 0; i < moving->readers.count; i++)
        moving->of_state[i] = (struct move_reader){.group = moving->readers.items[i].group,
                                                   .topic = moving->readers.items[i].topic};
}

/* ---- to kafka ---- */

static int move_to_kafka(struct moving *moving, int64_t *ret_count, struct err *err)
{
    struct river *river = moving->river;

    /* Before anything changes: a server that does not answer is told first. */
    TRY(broker_prepare(river->broker_ops, &river->conf.broker, moving->readers.topics,
                       moving->readers.topic_count, 0, NULL, NULL, err));
    TRY(move_away(&river->journal, moving->of_state, moving->readers.count, ret_count, err));
    return relay_flush(river, BROKER_FOR_EVER, err);
}

/* ---- to local ---- */

static yyjson_mut_val *find_row(yyjson_mut_val *list, const char *key, const char *name)
{
    yyjson_mut_val *row;
    size_t i;
    size_t count;

    yyjson_mut_arr_foreach(list, i, count, row)
    {
        if (str_same(yyjson_mut_get_str(yyjson_mut_obj_get(row, key)), name))
            return row;
    }
    return NULL;
}

static yyjson_mut_val *find_group(const struct moving *moving, const struct move_reader *reader)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(moving->server.doc);
    yyjson_mut_val *topic = find_row(yyjson_mut_obj_get(root, "topics"), "topic", reader->topic);

    return find_row(yyjson_mut_obj_get(topic, "groups"), "group", reader->group);
}

/* What the group has read of the partition ends there; 0: it has read nothing. */
static int64_t read_up_to(const struct moving *moving, const struct move_reader *reader,
                          int64_t partition)
{
    yyjson_mut_val *offsets = yyjson_mut_obj_get(find_group(moving, reader), "offsets");
    yyjson_mut_val *row;
    size_t i;
    size_t count;

    yyjson_mut_arr_foreach(offsets, i, count, row)
    {
        if (yyjson_mut_get_sint(yyjson_mut_obj_get(row, "partition")) == partition)
            return yyjson_mut_get_sint(yyjson_mut_obj_get(row, "offset"));
    }
    return 0;
}

/* Consumers on other hosts would go on with what is brought here. */
static int check_nobody_reads(const struct moving *moving, struct err *err)
{
    for (size_t i = 0; i < moving->readers.count; i++) {
        const struct move_reader *reader = &moving->of_state[i];
        const size_t members =
            yyjson_mut_arr_size(yyjson_mut_obj_get(find_group(moving, reader), "members"));

        if (members == 0)
            continue;
        err_set(err, ERR_LOCKED, "%zu consumers of the group \"%s\" are at work on another host",
                members, reader->group);
        return err_hint(err, "Stop them: references are moved while nobody reads them. Kafka takes "
                             "some seconds to notice one that died.");
    }
    return 0;
}

/* The group that a second try is for; NULL: it is for all. */
static char *retry_group(const struct message *message)
{
    AUTO(json) headers = {0};
    struct err ignored = {0};

    if (message->headers == NULL ||
        json_parse(&headers, message->headers, strlen(message->headers), &ignored) < 0)
        return NULL;
    return mem_str(json_str(json_root(&headers), "x-retry"));
}

static int bring_home(void *ctx, const struct message *message, struct err *err)
{
    struct moving *moving = ctx;
    const char *groups[READERS_MOST];
    size_t count = 0;
    char *only = retry_group(message);
    int done;

    for (size_t i = 0; i < moving->readers.count; i++) {
        const struct move_reader *reader = &moving->of_state[i];

        if (str_same(reader->topic, message->topic) &&
            (only == NULL || str_same(only, reader->group)) &&
            message->offset >= read_up_to(moving, reader, message->partition))
            groups[count++] = reader->group;
    }
    done = move_home_add(&moving->home, message, groups, count, err);
    free(only);
    return done;
}

static int look_at_server(struct moving *moving, struct err *err)
{
    TRY(readers_describe(&moving->readers, moving->river, &moving->server,
                         json_out_open(&moving->server), err));
    return check_nobody_reads(moving, err);
}

static int move_to_local(struct moving *moving, int64_t *ret_count, struct err *err)
{
    struct river *river = moving->river;
    struct journal *journal = &river->journal;

    TRY(relay_flush(river, 0, err));
    if (relay_learn_dead(river, err) != 1)
        return err_set(err, ERR_NET, "the broker went away");
    TRY(look_at_server(moving, err));
    TRY(move_home_open(&moving->home, journal, err));
    for (size_t i = 0; i < moving->readers.topic_count; i++)
        if (!str_same(moving->readers.topics[i], river->dead_topic))
            TRY(broker_read(river->broker_ops, &river->conf.broker, moving->readers.topics[i], NULL,
                            0, moving, bring_home, err));
    *ret_count = moving->home.unread;
    return move_home_commit(&moving->home, moving->of_state, moving->readers.count, err);
}

/* ---- either ---- */

static int need_kafka(const struct river *river, const char *to, struct err *err)
{
    if (river->conf.broker.type == BROKER_KAFKA)
        return 0;
    err_set(err, ERR_USAGE, "\"%s\" does not name the Kafka brokers", river->conf.path);
    if (str_same(to, "kafka"))
        return err_hint(err, "Write broker: {type: kafka, brokers: …} into it first.");
    return err_hint(err,
                    "Move while it has broker: {type: kafka, …}, and write {type: local} then.");
}

static void tell(const struct cmd_line *line, const char *to, int64_t count)
{
    if (line->json)
        printf("{\"broker\":\"%s\",\"moved\":%" PRId64 "}\n", to, count);
    else if (!line->quiet)
        printf("%" PRId64 " unread references moved: the state is with the broker \"%s\" now\n",
               count, to);
}

static int move(struct moving *moving, const struct cmd_line *line, const char *to, struct err *err)
{
    struct journal *journal = &moving->river->journal;
    const bool to_kafka = str_same(to, "kafka");
    struct err other = {0};
    int64_t count = 0;

    if (journal_check_broker(journal, to, &other) == 0) {
        log_info("the state is with the broker \"%s\" already", to);
        /* A move that was interrupted may have left something to send. */
        return to_kafka ? relay_flush(moving->river, BROKER_FOR_EVER, err) : 0;
    }
    TRY(need_kafka(moving->river, to, err));
    TRY(to_kafka ? move_to_kafka(moving, &count, err) : move_to_local(moving, &count, err));
    tell(line, to, count);
    return 0;
}

int cmd_move(const struct cmd_line *line, struct err *err)
{
    const char *to = cmd_value(line, "to");
    AUTO(river) river = {0};
    AUTO(moving) moving = {0};
    AUTO(lock) lock = {0};

    if (!str_same(to, "local") && !str_same(to, "kafka"))
        return err_set(err, ERR_USAGE, "riacho state move needs --to local or --to kafka");
    TRY(river_open(&river, line->args[1], RIVER_MOVE, err));
    TRY(river_lock_to_move(&river, &lock, err));
    moving_open(&moving, &river);
    return move(&moving, line, to, err);
}
