/*
 * The keeper: polls, whatever the stage is doing.
 */
#include "base/clock.h"
#include "base/logger.h"
#include "broker/kafka_consumer_parts.h"
#include "broker/kafka_message.h"

#include "base/banned.h"

#define SETTLE_EVERY_MS 20
#define FULL_MESSAGES 512 /* then fetching pauses, … */
#define FULL_BYTES ((size_t)8 << 20)
#define LOW_MESSAGES 128 /* … until so few are left */

static void take_record(struct kafka_consumer *c, const rd_kafka_message_t *record)
{
    struct message message;

    kafka_message_read(record, &message);
    kafka_say_back(c->client.conf);
    pthread_mutex_lock(&c->lock);
    c->topic_since_ms = 0;
    if (track_take(&c->track, record->partition, record->offset)) {
        kafka_inbox_add(&c->inbox, &message);
        pthread_cond_broadcast(&c->came);
    } else {
        message_close(&message);
    }
    pthread_mutex_unlock(&c->lock);
}

/* What waiting mends is told by the client; the rest is told by fetch. */
static void take_error(struct kafka_consumer *c, const rd_kafka_message_t *record)
{
    struct err fault = {0};

    switch (record->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        pthread_mutex_lock(&c->lock);
        track_end(&c->track, record->partition, record->offset);
        pthread_mutex_unlock(&c->lock);
        return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        kafka_seats_lose(c, record);
        return;
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
        log_info("Kafka group \"%s\": this process stood still for so long that it was left out; "
                 "joining again",
                 c->group);
        return;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        pthread_mutex_lock(&c->lock);
        if (c->topic_since_ms == 0)
            c->topic_since_ms = clock_monotonic_ms();
        pthread_mutex_unlock(&c->lock);
        return;
    default:
        break;
    }
    kafka_err(&c->client, &fault, record->err, rd_kafka_message_errstr(record),
              "could not read from Kafka");
    if (fault.retriable)
        log_debug("%s", fault.text);
    else
        kafka_consumer_fail(c, &fault);
}

/* Pauses when the queue is full, and goes on when it is nearly empty. */
static void balance(struct kafka_consumer *c)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    bool is_full;
    bool is_low;

    pthread_mutex_lock(&c->lock);
    is_full = c->inbox.count >= FULL_MESSAGES || c->inbox.bytes >= FULL_BYTES;
    is_low = c->inbox.count <= LOW_MESSAGES && c->inbox.bytes <= FULL_BYTES / 2;
    if (c->is_paused ? is_low : is_full) {
        list = rd_kafka_topic_partition_list_new((int)c->track.count);
        for (size_t i = 0; i < c->track.count; i++)
            rd_kafka_topic_partition_list_add(list, c->topic, c->track.partitions[i].number);
    }
    pthread_mutex_unlock(&c->lock);
    if (list == NULL)
        return;
    if (c->is_paused)
        rd_kafka_resume_partitions(c->client.rk, list);
    else
        rd_kafka_pause_partitions(c->client.rk, list);
    c->is_paused = !c->is_paused;
    rd_kafka_topic_partition_list_destroy(list);
}

void *kafka_keeper_run(void *ctx)
{
    struct kafka_consumer *c = ctx;
    int64_t settled_ms = clock_monotonic_ms();

    while (!kafka_consumer_is_closing(c)) {
        rd_kafka_message_t *record = rd_kafka_consumer_poll(c->client.rk, KAFKA_POLL_MS);
        const int64_t now_ms = clock_monotonic_ms();

        if (record && record->err)
            take_error(c, record);
        else if (record)
            take_record(c, record);
        if (record)
            rd_kafka_message_destroy(record);
        if (now_ms - settled_ms >= SETTLE_EVERY_MS) {
            kafka_offsets_settle_or_say(c, &c->own);
            settled_ms = now_ms;
        }
        balance(c);
        kafka_seats_look(c);
    }
    return NULL;
}
