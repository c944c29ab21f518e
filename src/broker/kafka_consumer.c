/*
 * A member of a consumer group: the slots, which the stage calls. How its parts work together is told in
 * kafka_consumer_parts.h.
 */
#include "broker/kafka_consumer.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/stop.h"
#include "broker/kafka_consumer_parts.h"
#include "broker/kafka_topics.h"
#include "db/outbox.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"

#define CLOSE_MS 5000  /* until the group has let us go */
#define GRACE_MS 15000 /* a server that has just started knows no topics */

static const struct kafka_setting group_settings[] = {
    {"enable.auto.commit", "true"}, /* of what was stored */
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"partition.assignment.strategy", "cooperative-sticky"},
    {"isolation.level", "read_committed"},
    {"check.crcs", "true"},
    {"enable.partition.eof", "true"},
    {NULL, NULL},
};

/* ---- for the parts ---- */

void kafka_consumer_fail(struct kafka_consumer *c, const struct err *fault)
{
    pthread_mutex_lock(&c->lock);
    if (c->fault.code == ERR_NONE)
        c->fault = *fault;
    pthread_cond_broadcast(&c->came);
    pthread_mutex_unlock(&c->lock);
}

bool kafka_consumer_is_closing(struct kafka_consumer *c)
{
    bool is;

    pthread_mutex_lock(&c->lock);
    is = c->is_closing;
    pthread_mutex_unlock(&c->lock);
    return is;
}

void kafka_consumer_say(rd_kafka_error_t *error_taken)
{
    if (error_taken == NULL)
        return;
    log_debug("librdkafka: %s", rd_kafka_error_string(error_taken));
    rd_kafka_error_destroy(error_taken);
}

/* ---- opening ---- */

static void set_callbacks(rd_kafka_conf_t *settings)
{
    rd_kafka_conf_set_rebalance_cb(settings, kafka_seats_change);
}

static int subscribe(struct kafka_consumer *c, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t code;

    rd_kafka_poll_set_consumer(c->client.rk);
    rd_kafka_topic_partition_list_add(list, c->topic, RD_KAFKA_PARTITION_UA);
    code = rd_kafka_subscribe(c->client.rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        return kafka_err(&c->client, err, code, NULL, "could not subscribe");
    return 0;
}

static int start(struct kafka_consumer *c, const struct broker_conf *conf, struct err *err)
{
    struct kafka_setting settings[sizeof group_settings / sizeof *group_settings + 1] = {
        {"group.id", c->group}};

    memcpy(settings + 1, group_settings, sizeof group_settings);
    TRY(kafka_client_open(&c->client, conf,
                          &(struct kafka_client_make){.type = RD_KAFKA_CONSUMER,
                                                      .settings = settings,
                                                      .set_callbacks = set_callbacks},
                          err));
    TRY(journal_share(c->journal, &c->own, err));
    TRY(subscribe(c, err));
    if (pthread_create(&c->keeper, NULL, kafka_keeper_run, c) != 0)
        return err_set(err, ERR_IO, "could not start a thread for Kafka");
    c->has_keeper = true;
    return 0;
}

int kafka_consumer_open(struct broker *broker, const struct broker_conf *conf,
                        struct journal *journal, const char *group, const char *topic,
                        struct err *err)
{
    struct kafka_consumer *c = mem_alloc(sizeof *c);
    pthread_condattr_t attr;

    c->journal = journal;
    c->group = mem_fmt("%s.%s", journal->pipeline, group);
    c->topic = mem_str(topic);
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->came, &attr);
    pthread_condattr_destroy(&attr);
    broker->impl = c;
    if (start(c, conf, err) == 0)
        return 0;
    kafka_consumer_close(broker);
    broker->impl = NULL;
    return -1;
}

/* ---- taking, giving back ---- */

/* Under the lock. Waits for a while, or until something came. */
static void wait_for_more(struct kafka_consumer *c, int64_t wait_ms)
{
    const int64_t slice_ms = wait_ms < KAFKA_POLL_MS ? wait_ms : KAFKA_POLL_MS;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += slice_ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&c->came, &c->lock, &until);
}

static bool has_something(const struct kafka_consumer *c)
{
    return c->inbox.first != NULL || c->fault.code != ERR_NONE;
}

/* Under the lock. Messages go before a fault, which concerns others. */
static int take(struct kafka_consumer *c, size_t most, struct message *ret_messages,
                struct err *err)
{
    int count = 0;

    while ((size_t)count < most && kafka_inbox_take(&c->inbox, &ret_messages[count]))
        count++;
    if (count > 0 || c->fault.code == ERR_NONE)
        return count;
    *err = c->fault;
    c->fault = (struct err){0};
    return -1;
}

/* A topic that is said to be missing for a while: is it? */
static int check_topic(struct kafka_consumer *c, struct err *err)
{
    const char *const names[] = {c->topic};
    int partitions = 0;
    bool is_due;
    struct err ignored = {0};

    pthread_mutex_lock(&c->lock);
    is_due = c->topic_since_ms > 0 && clock_monotonic_ms() - c->topic_since_ms > GRACE_MS;
    if (is_due)
        c->topic_since_ms = 0;
    pthread_mutex_unlock(&c->lock);
    if (!is_due || kafka_topics_look(&c->client, names, 1, &partitions, &ignored) < 0 ||
        partitions > 0)
        return 0;
    err_set(err, ERR_REMOTE, "the topic \"%s\" does not exist any more on \"%s\"", c->topic,
            c->client.conf->brokers);
    return err_hint(err, "Run again: the topic is made anew, and gets what was not worked off.");
}

int kafka_consumer_fetch(struct broker *broker, size_t most, int wait_ms,
                         struct message *ret_messages, struct err *err)
{
    struct kafka_consumer *c = broker->impl;
    const int64_t until_ms = clock_monotonic_ms() + wait_ms;
    int64_t left_ms;
    int got;

    TRY(check_topic(c, err));
    pthread_mutex_lock(&c->lock);
    while (!has_something(c) && !stop_asked() && (left_ms = until_ms - clock_monotonic_ms()) > 0)
        wait_for_more(c, left_ms);
    got = take(c, most, ret_messages, err);
    pthread_mutex_unlock(&c->lock);
    return got;
}

/* The keeper does. */
int kafka_consumer_keep(struct broker *broker, struct err *err)
{
    (void)broker;
    (void)err;
    return 0;
}

int kafka_consumer_commit(struct broker *broker, const struct message *message, struct err *err)
{
    struct kafka_consumer *c = broker->impl;
    int64_t seq;

    TRY(outbox_last(c->journal, &seq, err));
    pthread_mutex_lock(&c->lock);
    track_done(&c->track, (int32_t)message->partition, message->offset, seq);
    pthread_mutex_unlock(&c->lock);
    return 0;
}

static void copy_message(const struct message *from, struct message *ret_message)
{
    *ret_message = *from;
    ret_message->topic = mem_str(from->topic);
    ret_message->id = mem_str(from->id);
    ret_message->value = from->value ? mem_strn(from->value, from->value_size) : NULL;
    ret_message->headers = mem_str(from->headers);
}

int kafka_consumer_release(struct broker *broker, const struct message *message, struct err *err)
{
    struct kafka_consumer *c = broker->impl;
    struct message copy;

    (void)err;
    pthread_mutex_lock(&c->lock);
    if (track_has(&c->track, (int32_t)message->partition)) {
        copy_message(message, &copy);
        kafka_inbox_add_first(&c->inbox, &copy);
    }
    pthread_mutex_unlock(&c->lock);
    return 0;
}

/* ---- closing ---- */

static void end_keeper(struct kafka_consumer *c)
{
    if (!c->has_keeper)
        return;
    pthread_mutex_lock(&c->lock);
    c->is_closing = true;
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->keeper, NULL);
    kafka_offsets_settle_or_say(c, &c->own);
    c->has_keeper = false;
}

/* Commits what is stored and leaves the group, as far as the server takes part. */
static void leave(struct kafka_consumer *c)
{
    const int64_t until_ms = clock_monotonic_ms() + CLOSE_MS;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(c->client.rk);

    kafka_consumer_say(rd_kafka_consumer_close_queue(c->client.rk, queue));
    while (!rd_kafka_consumer_closed(c->client.rk) && clock_monotonic_ms() < until_ms) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, KAFKA_POLL_MS);

        if (event && rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
            kafka_seats_change(c->client.rk, rd_kafka_event_error(event),
                               rd_kafka_event_topic_partition_list(event), c);
        if (event)
            rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
}

void kafka_consumer_close(struct broker *broker)
{
    struct kafka_consumer *c = broker->impl;

    end_keeper(c);
    if (c->client.rk)
        leave(c);
    kafka_client_close(&c->client);
    journal_close(&c->own);
    track_close(&c->track);
    track_close(&c->lost);
    kafka_inbox_close(&c->inbox);
    pthread_cond_destroy(&c->came);
    pthread_mutex_destroy(&c->lock);
    free(c->group);
    free(c->topic);
    free(c);
}
