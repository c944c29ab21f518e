/*
 * Partitions come and go. One begins where the group is; where that cannot be told, or the messages there are
 * gone, it is "lost": assigned, but paused, until it is known or mended.
 */
#include "base/clock.h"
#include "base/logger.h"
#include "base/stop.h"
#include "broker/kafka_consumer_parts.h"
#include "broker/kafka_topics.h"

#include <inttypes.h>

#include "base/banned.h"

#define RESEAT_MS 5000 /* between two looks whether an offset that was gone is mended */

static void fault_gone(struct kafka_consumer *c, int32_t partition, int64_t offset)
{
    struct err fault = {0};

    err_set(&fault, ERR_REMOTE,
            "messages of the topic \"%s\", partition %" PRId32 ", from offset %" PRId64
            " on are gone before the group \"%s\" worked them off",
            c->topic, partition, offset, c->group);
    err_hint(
        &fault,
        "Somebody or the topic's retention deleted them. To go on with the oldest that are kept: "
        "kafka-consumer-groups.sh --reset-offsets --to-earliest --group %.60s --topic %.60s "
        "--execute --bootstrap-server …",
        c->group, c->topic);
    kafka_consumer_fail(c, &fault);
}

/* ---- they come ---- */

/* Each partition's first offset; -1 where it cannot be told. */
static void find_first(struct kafka_consumer *c, const rd_kafka_topic_partition_list_t *of,
                       rd_kafka_topic_partition_list_t **ret_list)
{
    struct err ignored = {0};

    *ret_list = rd_kafka_topic_partition_list_copy(of);
    if (kafka_topics_offsets(&c->client, *ret_list, RD_KAFKA_OFFSET_BEGINNING, &ignored) < 0)
        for (int i = 0; i < (*ret_list)->cnt; i++)
            (*ret_list)->elems[i].offset = -1;
}

/*
 * Where the group is: its committed offset, or the beginning if it has none. What was deleted before the group
 * saw it is a fault; its partition is then lost until that is mended.
 */
static void choose_offsets(struct kafka_consumer *c, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *first;

    find_first(c, list, &first);
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *at = &list->elems[i];
        const int64_t begin = first->elems[i].offset;
        const int64_t wanted = at->offset >= 0 ? at->offset : 0;

        if (begin > wanted) {
            track_add(&c->lost, at->partition);
            fault_gone(c, at->partition, wanted);
        }
        if (at->offset < 0)
            at->offset = RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_topic_partition_list_destroy(first);
}

/* The group's offsets; waits for them. false: it is of no use any more, or a fault that fetch tells. */
static bool ask_committed(struct kafka_consumer *c, rd_kafka_topic_partition_list_t *list)
{
    while (!kafka_consumer_is_closing(c) && !stop_asked() &&
           !rd_kafka_assignment_lost(c->client.rk)) {
        struct err err = {0};

        if (kafka_offsets_ask(c, list, KAFKA_ASK_MS, &err) == 0)
            return true;
        if (!err.retriable) {
            kafka_consumer_fail(c, &err);
            return false;
        }
        stop_wait_ms(KAFKA_POLL_MS);
    }
    return false;
}

static void pause_partitions(struct kafka_consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *paused = rd_kafka_topic_partition_list_copy(list);

    if (paused->cnt > 0)
        rd_kafka_pause_partitions(c->client.rk, paused);
    rd_kafka_topic_partition_list_destroy(paused);
}

/* Without the group's offsets nothing is begun: they are asked for again by kafka_seats_look(). */
static void assign(struct kafka_consumer *c, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *lost = rd_kafka_topic_partition_list_new(list->cnt);
    const bool is_known = ask_committed(c, list);

    if (is_known)
        choose_offsets(c, list);
    for (int i = 0; i < list->cnt; i++)
        if (!is_known)
            track_add(&c->lost, list->elems[i].partition);
    for (int i = 0; i < list->cnt; i++)
        if (track_has(&c->lost, list->elems[i].partition)) {
            list->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
            rd_kafka_topic_partition_list_add(lost, c->topic, list->elems[i].partition);
        }
    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < list->cnt; i++)
        if (!track_has(&c->lost, list->elems[i].partition))
            track_add(&c->track, list->elems[i].partition);
    pthread_mutex_unlock(&c->lock);
    kafka_consumer_say(rd_kafka_incremental_assign(c->client.rk, list));
    pause_partitions(c, c->is_paused ? list : lost);
    rd_kafka_topic_partition_list_destroy(lost);
}

static void unassign(struct kafka_consumer *c, rd_kafka_topic_partition_list_t *list)
{
    if (c->has_keeper && !rd_kafka_assignment_lost(c->client.rk))
        kafka_offsets_settle_or_say(c, &c->own);
    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < list->cnt; i++) {
        track_remove(&c->track, list->elems[i].partition);
        track_remove(&c->lost, list->elems[i].partition);
    }
    kafka_inbox_keep(&c->inbox, &c->track);
    pthread_mutex_unlock(&c->lock);
    kafka_consumer_say(rd_kafka_incremental_unassign(c->client.rk, list));
}

void kafka_seats_change(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                        rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_consumer *c = opaque;

    (void)rk;
    log_debug("Kafka group \"%s\": %d partitions %s", c->group, list->cnt,
              code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? "came" : "went");
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        assign(c, list);
    else
        unassign(c, list);
}

void kafka_seats_look(struct kafka_consumer *c)
{
    const int64_t now_ms = clock_monotonic_ms();
    rd_kafka_topic_partition_list_t *list;

    if (c->lost.count == 0 || now_ms - c->reseated_ms < RESEAT_MS)
        return;
    c->reseated_ms = now_ms;
    list = rd_kafka_topic_partition_list_new((int)c->lost.count);
    for (size_t i = 0; i < c->lost.count; i++)
        rd_kafka_topic_partition_list_add(list, c->topic, c->lost.partitions[i].number);
    kafka_consumer_say(rd_kafka_incremental_unassign(c->client.rk, list));
    track_close(&c->lost);
    rd_kafka_resume_partitions(c->client.rk, list);
    assign(c, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- what was there is gone ---- */

void kafka_seats_lose(struct kafka_consumer *c, const rd_kafka_message_t *record)
{
    int64_t offset = record->offset;

    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->track.count; i++)
        if (c->track.partitions[i].number == record->partition && c->track.partitions[i].next > 0)
            offset = c->track.partitions[i].next;
    track_remove(&c->track, record->partition);
    kafka_inbox_keep(&c->inbox, &c->track);
    pthread_mutex_unlock(&c->lock);
    track_add(&c->lost, record->partition);
    c->reseated_ms = clock_monotonic_ms();
    fault_gone(c, record->partition, offset);
}
