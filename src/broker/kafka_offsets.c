/*
 * How far the group is: moving its offsets over what is worked off, and counting what is left.
 */
#include "base/clock.h"
#include "base/logger.h"
#include "base/stop.h"
#include "broker/kafka_consumer.h"
#include "broker/kafka_consumer_parts.h"
#include "broker/kafka_topics.h"
#include "db/outbox.h"

#include <inttypes.h>

#include "base/banned.h"

#define FIRST_SLICE_MS 200
#define LOOK_MS 10000 /* between two looks how many partitions there are */

/* ---- moving ---- */

/* Numbers below it have all been sent. What is committed after the call has begun is not below it. */
static int first_unsent(struct journal *journal, int64_t *ret_seq, struct err *err)
{
    struct outbox_entry entry = {0};
    int64_t last;
    int got;

    TRY(outbox_last(journal, &last, err));
    got = outbox_peek(journal, 0, 1, &entry, err);
    TRY(got);
    *ret_seq = got == 1 && entry.seq <= last ? entry.seq : last + 1;
    if (got == 1)
        outbox_entry_close(&entry);
    return 0;
}

/* Under the lock, so that no partition is taken away in between. */
static void store_moved(struct kafka_consumer *c)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)c->track.count);

    for (size_t i = 0; i < c->track.count; i++) {
        int64_t next;

        if (track_moved(&c->track.partitions[i], &next) == 1)
            rd_kafka_topic_partition_list_add(list, c->topic, c->track.partitions[i].number)
                ->offset = next;
    }
    /* A partition that was taken from us meanwhile is refused; its messages come to somebody else. */
    if (list->cnt > 0)
        rd_kafka_offsets_store(c->client.rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

int kafka_offsets_settle(struct kafka_consumer *c, struct journal *journal, struct err *err)
{
    int64_t unsent = 0;
    bool is_waiting;

    pthread_mutex_lock(&c->lock);
    is_waiting = track_is_waiting(&c->track);
    pthread_mutex_unlock(&c->lock);
    if (is_waiting)
        TRY(first_unsent(journal, &unsent, err));
    pthread_mutex_lock(&c->lock);
    track_advance(&c->track, unsent);
    store_moved(c);
    pthread_mutex_unlock(&c->lock);
    return 0;
}

void kafka_offsets_settle_or_say(struct kafka_consumer *c, struct journal *journal)
{
    struct err err = {0};

    if (kafka_offsets_settle(c, journal, &err) < 0)
        log_debug("could not look into the outbox: %s", err.text);
}

/* ---- asking ---- */

static int ask_once(struct kafka_consumer *c, rd_kafka_topic_partition_list_t *list, int wait_ms,
                    struct err *err)
{
    rd_kafka_resp_err_t code = rd_kafka_committed(c->client.rk, list, wait_ms);

    for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        code = list->elems[i].err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    kafka_client_revive(&c->client);
    return kafka_err(&c->client, err, code, NULL, "could not ask for the group's offsets");
}

/* In slices that grow: librdkafka may miss that it knows the group's server by now, and then waits to the end. */
int kafka_offsets_ask(struct kafka_consumer *c, rd_kafka_topic_partition_list_t *list, int wait_ms,
                      struct err *err)
{
    const int64_t until_ms = clock_monotonic_ms() + wait_ms;
    int64_t slice_ms = FIRST_SLICE_MS;
    int64_t left_ms = wait_ms;

    for (;;) {
        const int got = ask_once(c, list, (int)(left_ms < slice_ms ? left_ms : slice_ms), err);

        left_ms = until_ms - clock_monotonic_ms();
        if (got == 0 || !err->retriable || left_ms <= 0 || kafka_consumer_is_closing(c) ||
            stop_wait_ms(KAFKA_POLL_MS))
            return got;
        slice_ms *= 2;
    }
}

/* ---- counting ---- */

static int look_at_partitions(struct kafka_consumer *c, struct err *err)
{
    const char *const names[] = {c->topic};
    const int64_t now_ms = clock_monotonic_ms();

    if (c->partitions > 0 && now_ms - c->looked_ms < LOOK_MS)
        return 0;
    TRY(kafka_topics_look(&c->client, names, 1, &c->partitions, err));
    c->looked_ms = now_ms;
    return 0;
}

static rd_kafka_topic_partition_list_t *all_partitions(const struct kafka_consumer *c)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(c->partitions);

    rd_kafka_topic_partition_list_add_range(list, c->topic, 0, c->partitions - 1);
    return list;
}

/* Where the group has no offset, all that is there is before it. */
static int sum_lag(struct kafka_consumer *c, rd_kafka_topic_partition_list_t *committed,
                   rd_kafka_topic_partition_list_t *end, int64_t *ret_lag, struct err *err)
{
    rd_kafka_topic_partition_list_t *first = NULL;
    int64_t lag = 0;
    int got = 0;

    for (int i = 0; i < end->cnt && got == 0; i++) {
        int64_t from = committed->elems[i].offset;

        if (from < 0 && end->elems[i].offset > 0 && first == NULL) {
            first = all_partitions(c);
            got = kafka_topics_offsets(&c->client, first, RD_KAFKA_OFFSET_BEGINNING, err);
        }
        if (from < 0)
            from = first ? first->elems[i].offset : 0;
        if (end->elems[i].offset > from)
            lag += end->elems[i].offset - from;
    }
    if (first)
        rd_kafka_topic_partition_list_destroy(first);
    if (got == 0)
        *ret_lag = lag;
    return got;
}

/* A server that has just started knows no topics: fetch decides, after a while, whether it is gone. */
static int doubt_topic(struct kafka_consumer *c, struct err *err)
{
    pthread_mutex_lock(&c->lock);
    if (c->topic_since_ms == 0)
        c->topic_since_ms = clock_monotonic_ms();
    pthread_mutex_unlock(&c->lock);
    err_set(err, ERR_NET, "the topic \"%s\" is not known on \"%s\"", c->topic,
            c->client.conf->brokers);
    err->retriable = true;
    return -1;
}

static int ask_lag(struct kafka_consumer *c, int64_t *ret_lag, struct err *err)
{
    rd_kafka_topic_partition_list_t *committed;
    rd_kafka_topic_partition_list_t *end;
    int got;

    TRY(look_at_partitions(c, err));
    if (c->partitions == 0)
        return doubt_topic(c, err);
    committed = all_partitions(c);
    end = all_partitions(c);
    got = kafka_offsets_ask(c, committed, KAFKA_ASK_MS, err);
    if (got == 0)
        got = kafka_topics_offsets(&c->client, end, RD_KAFKA_OFFSET_END, err);
    if (got == 0)
        got = sum_lag(c, committed, end, ret_lag, err);
    rd_kafka_topic_partition_list_destroy(committed);
    rd_kafka_topic_partition_list_destroy(end);
    if (got < 0)
        c->partitions = 0; /* they are looked at anew */
    return got;
}

/* Without waiting for ever, as rd_kafka_commit() does; what it says is seen by the offsets. */
static void commit_stored(struct kafka_consumer *c)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(c->client.rk);
    rd_kafka_event_t *event = NULL;

    if (rd_kafka_commit_queue(c->client.rk, NULL, queue, NULL, NULL) == RD_KAFKA_RESP_ERR_NO_ERROR)
        event = rd_kafka_queue_poll(queue, KAFKA_ASK_MS);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
}

/* A client that has just begun does not know yet whom to ask. */
static int ask_lag_in_time(struct kafka_consumer *c, struct err *err)
{
    const int64_t until_ms = clock_monotonic_ms() + KAFKA_ASK_MS;
    int got;

    do
        got = ask_lag(c, &c->last_lag, err);
    while (got < 0 && err->retriable && clock_monotonic_ms() < until_ms &&
           !stop_wait_ms(KAFKA_POLL_MS));
    return got;
}

/* A server that is away now is waited for: there is something left to do, at least to ask it again. */
int kafka_consumer_lag(struct broker *broker, int64_t *ret_lag, struct err *err)
{
    struct kafka_consumer *c = broker->impl;
    struct err why = {0};

    TRY(kafka_offsets_settle(c, c->journal, err));
    commit_stored(c);
    if (ask_lag_in_time(c, &why) == 0) {
        kafka_say_back(c->client.conf);
        *ret_lag = c->last_lag;
        return 0;
    }
    if (!why.retriable && why.code != ERR_STOPPED) {
        *err = why;
        return -1;
    }
    log_debug("%s", why.text);
    if (c->last_lag < 1)
        c->last_lag = 1;
    *ret_lag = c->last_lag;
    return 0;
}
