/*
 * A walk over a topic, outside of any group.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include "broker/kafka_client.h"
#include "broker/kafka_look.h"
#include "broker/kafka_message.h"
#include "broker/kafka_topics.h"

#include "base/banned.h"

#define POLL_MS 50
#define SILENCE_MS 15000 /* without a message, before the walk is given up */

/* The group's name is asked for, and not used: nothing subscribes, and nothing is committed. */
static const struct kafka_setting reading_settings[] = {{"group.id", "riacho.read"},
                                                        {"enable.auto.commit", "false"},
                                                        {"auto.offset.reset", "error"},
                                                        {"isolation.level", "read_committed"},
                                                        {"enable.partition.eof", "true"},
                                                        {"check.crcs", "true"},
                                                        {NULL, NULL}};

/* What is still to be read: each partition with where it ends. */
struct walk {
    struct kafka_client *client;
    rd_kafka_topic_partition_list_t *ends;
    int open; /* partitions that have not come to their end */
    void *ctx;
    broker_each *each;
};

static rd_kafka_topic_partition_list_t *all(const char *topic, int partitions)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);

    rd_kafka_topic_partition_list_add_range(list, topic, 0, partitions - 1);
    return list;
}

/* Begins the partitions that have something to read. */
static int begin(struct walk *walk, const int64_t *from, size_t from_count,
                 const rd_kafka_topic_partition_list_t *firsts, struct err *err)
{
    rd_kafka_topic_partition_list_t *wanted = rd_kafka_topic_partition_list_new(walk->ends->cnt);
    rd_kafka_resp_err_t code;

    for (int i = 0; i < walk->ends->cnt; i++) {
        const rd_kafka_topic_partition_t *end = &walk->ends->elems[i];
        int64_t start = (size_t)i < from_count ? from[i] : 0;

        if (start < firsts->elems[i].offset)
            start = firsts->elems[i].offset;
        if (start < end->offset)
            rd_kafka_topic_partition_list_add(wanted, end->topic, end->partition)->offset = start;
    }
    walk->open = wanted->cnt;
    code = wanted->cnt > 0 ? rd_kafka_assign(walk->client->rk, wanted) : RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_destroy(wanted);
    return code ? kafka_err(walk->client, err, code, NULL, "could not begin to read") : 0;
}

/* Whatever came reaches up to `next`. */
static void note_progress(struct walk *walk, int32_t partition, int64_t next)
{
    rd_kafka_topic_partition_t *end = &walk->ends->elems[partition];

    if (end->offset >= 0 && next >= end->offset) {
        end->offset = -1;
        walk->open--;
    }
}

static int take(struct walk *walk, const rd_kafka_message_t *record, struct err *err)
{
    struct message message;
    int got;

    if (walk->ends->elems[record->partition].offset <= record->offset)
        return 0; /* it came after the walk had begun */
    kafka_message_read(record, &message);
    got = walk->each(walk->ctx, &message, err);
    message_close(&message);
    note_progress(walk, record->partition, record->offset + 1);
    return got;
}

static int take_any(struct walk *walk, const rd_kafka_message_t *record, struct err *err)
{
    if (record->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return take(walk, record, err);
    if (record->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        note_progress(walk, record->partition, record->offset);
        return 0;
    }
    kafka_err(walk->client, err, record->err, rd_kafka_message_errstr(record),
              "could not read from Kafka");
    return err->retriable ? 0 : -1; /* silence ends it */
}

static int go_through(struct walk *walk, struct err *err)
{
    int64_t heard_ms = clock_monotonic_ms();

    while (walk->open > 0) {
        rd_kafka_message_t *record = rd_kafka_consumer_poll(walk->client->rk, POLL_MS);
        int got = 0;

        if (record) {
            heard_ms = record->err ? heard_ms : clock_monotonic_ms();
            got = take_any(walk, record, err);
            rd_kafka_message_destroy(record);
        }
        if (got < 0)
            return -1;
        if (stop_asked())
            return err_set(err, ERR_STOPPED, "stopped while reading from Kafka");
        if (clock_monotonic_ms() - heard_ms > SILENCE_MS)
            return kafka_err(walk->client, err, RD_KAFKA_RESP_ERR__TIMED_OUT, "no answer",
                             "could not read from Kafka");
    }
    return 0;
}

static int walk_topic(struct walk *walk, const char *topic, int partitions, const int64_t *from,
                      size_t from_count, struct err *err)
{
    rd_kafka_topic_partition_list_t *firsts = all(topic, partitions);
    int got = kafka_topics_offsets(walk->client, firsts, RD_KAFKA_OFFSET_BEGINNING, err);

    walk->ends = all(topic, partitions);
    if (got == 0)
        got = kafka_topics_offsets(walk->client, walk->ends, RD_KAFKA_OFFSET_END, err);
    if (got == 0)
        got = begin(walk, from, from_count, firsts, err);
    if (got == 0)
        got = go_through(walk, err);
    rd_kafka_topic_partition_list_destroy(firsts);
    rd_kafka_topic_partition_list_destroy(walk->ends);
    return got;
}

int kafka_read(const struct broker_conf *conf, const char *topic, const int64_t *from,
               size_t from_count, void *ctx, broker_each *each, struct err *err)
{
    AUTO(kafka_client) client = {0};
    struct walk walk = {.client = &client, .ctx = ctx, .each = each};
    int partitions = 0;

    TRY(kafka_client_open(&client, conf,
                          &(struct kafka_client_make){.type = RD_KAFKA_CONSUMER,
                                                      .settings = reading_settings},
                          err));
    rd_kafka_poll_set_consumer(client.rk);
    TRY(kafka_topics_look(&client, &topic, 1, &partitions, err));
    if (partitions == 0)
        return kafka_err_no_topic(&client, err, topic);
    return walk_topic(&walk, topic, partitions, from, from_count, err);
}
