/*
 * A member of a consumer group. Two threads share it:
 *
 *   the keeper  polls, always: so that a long transform does not cost us the membership, and rebalances
 *               are served. What comes goes into a bounded queue; when it is full, fetching pauses.
 *   the stage   takes from the queue, and says what is worked off.
 *
 * Either moves the offsets, each by a journal of its own: files → ledger → references of the outputs are
 * with the brokers → input offset.
 */
#include "broker/kafka_consumer.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/stop.h"
#include "broker/kafka_client.h"
#include "broker/kafka_message.h"
#include "broker/kafka_topics.h"
#include "broker/kafka_track.h"
#include "db/outbox.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"

#define POLL_MS 20
#define SETTLE_EVERY_MS 20
#define FULL_MESSAGES 512 /* then fetching pauses, … */
#define FULL_BYTES ((size_t)8 << 20)
#define LOW_MESSAGES 128 /* … until so few are left */
#define ASK_MS 5000      /* for the group's offsets */
#define CLOSE_MS 5000    /* until the group has let us go */
#define GRACE_MS 15000   /* a server that has just started knows no topics */
#define RESEAT_MS 5000   /* between two looks whether an offset that was gone is mended */
#define LOOK_MS 10000    /* between two looks how many partitions there are */

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

struct queued {
    struct queued *next;
    struct message message;
};

struct consumer {
    struct kafka_client client; /* first: callbacks get it */
    struct journal *journal;    /* the stage's */
    struct journal own;         /* the keeper's; the stage's again once it is closed */
    char *group;                /* as Kafka knows it */
    char *topic;
    int partitions;    /* of the topic, the stage's; 0: not known */
    int64_t looked_ms; /* when it was asked for */
    int64_t last_lag;
    pthread_t keeper;
    bool has_keeper;

    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t came;  /* signalled when the queue or the fault got something */
    struct track track;
    struct queued *first;
    struct queued **last;
    size_t count;
    size_t bytes;
    struct err fault;       /* to be told by fetch; code 0: none */
    int64_t topic_since_ms; /* since when the topic is said to be missing; 0: it is not */
    bool is_closing;

    bool is_paused;      /* the keeper's */
    int64_t reseated_ms; /* the keeper's */
    struct track lost;   /* the keeper's: partitions whose offset is gone */
};

/* ---- the queue; under the lock ---- */

static void push_last(struct consumer *c, const struct message *message_taken)
{
    struct queued *queued = mem_alloc(sizeof *queued);

    queued->message = *message_taken;
    *c->last = queued;
    c->last = &queued->next;
    c->count++;
    c->bytes += message_taken->value_size;
}

static void push_first(struct consumer *c, const struct message *message_taken)
{
    struct queued *queued = mem_alloc(sizeof *queued);

    queued->message = *message_taken;
    queued->next = c->first;
    if (c->first == NULL)
        c->last = &queued->next;
    c->first = queued;
    c->count++;
    c->bytes += message_taken->value_size;
}

static void unlink_at(struct consumer *c, struct queued **at, struct message *ret_message)
{
    struct queued *gone = *at;

    *ret_message = gone->message;
    *at = gone->next;
    if (c->last == &gone->next)
        c->last = at;
    c->count--;
    c->bytes -= gone->message.value_size;
    free(gone);
}

/* Those of partitions that are not ours any more. */
static void drop_strangers(struct consumer *c)
{
    struct queued **at = &c->first;

    while (*at) {
        struct message gone;

        if (track_has(&c->track, (int32_t)(*at)->message.partition)) {
            at = &(*at)->next;
            continue;
        }
        unlink_at(c, at, &gone);
        message_close(&gone);
    }
}

/* ---- moving the offsets ---- */

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
static void store_moved(struct consumer *c)
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

static int settle(struct consumer *c, struct journal *journal, struct err *err)
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

static void settle_or_say(struct consumer *c, struct journal *journal)
{
    struct err err = {0};

    if (settle(c, journal, &err) < 0)
        log_debug("could not look into the outbox: %s", err.text);
}

/* ---- faults ---- */

static void set_fault(struct consumer *c, const struct err *fault)
{
    pthread_mutex_lock(&c->lock);
    if (c->fault.code == ERR_NONE)
        c->fault = *fault;
    pthread_cond_broadcast(&c->came);
    pthread_mutex_unlock(&c->lock);
}

static void fault_gone(struct consumer *c, int32_t partition, int64_t offset)
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
    set_fault(c, &fault);
}

/* ---- partitions come and go: the keeper ---- */

/* Each partition's first offset; -1 where it cannot be told. */
static void find_first(struct consumer *c, const rd_kafka_topic_partition_list_t *of,
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
static void choose_offsets(struct consumer *c, rd_kafka_topic_partition_list_t *list)
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

static bool ask_committed(struct consumer *c, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    bool is_closing = false;

    while (!is_closing && !stop_asked() && !rd_kafka_assignment_lost(c->client.rk)) {
        code = rd_kafka_committed(c->client.rk, list, ASK_MS);
        for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
            code = list->elems[i].err;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
            return true;
        kafka_client_revive(&c->client);
        pthread_mutex_lock(&c->lock);
        is_closing = c->is_closing;
        pthread_mutex_unlock(&c->lock);
        if (!is_closing)
            stop_wait_ms(POLL_MS);
    }
    return false;
}

static void pause_partitions(struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *paused = rd_kafka_topic_partition_list_copy(list);

    if (paused->cnt > 0)
        rd_kafka_pause_partitions(c->client.rk, paused);
    rd_kafka_topic_partition_list_destroy(paused);
}

static void say_error(rd_kafka_error_t *error)
{
    if (error == NULL)
        return;
    log_debug("librdkafka: %s", rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
}

/* Without the group's offsets nothing is begun: they are asked for again by reseat(). */
static void assign(struct consumer *c, rd_kafka_topic_partition_list_t *list)
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
    say_error(rd_kafka_incremental_assign(c->client.rk, list));
    pause_partitions(c, c->is_paused ? list : lost);
    rd_kafka_topic_partition_list_destroy(lost);
}

static void unassign(struct consumer *c, rd_kafka_topic_partition_list_t *list)
{
    if (c->has_keeper && !rd_kafka_assignment_lost(c->client.rk))
        settle_or_say(c, &c->own);
    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < list->cnt; i++) {
        track_remove(&c->track, list->elems[i].partition);
        track_remove(&c->lost, list->elems[i].partition);
    }
    drop_strangers(c);
    pthread_mutex_unlock(&c->lock);
    say_error(rd_kafka_incremental_unassign(c->client.rk, list));
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct consumer *c = opaque;

    (void)rk;
    log_debug("Kafka group \"%s\": %d partitions %s", c->group, list->cnt,
              code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? "came" : "went");
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        assign(c, list);
    else
        unassign(c, list);
}

/* Looks whether partitions whose offset was gone or unknown can be read now, and begins them. */
static void reseat(struct consumer *c)
{
    const int64_t now_ms = clock_monotonic_ms();
    rd_kafka_topic_partition_list_t *list;

    if (c->lost.count == 0 || now_ms - c->reseated_ms < RESEAT_MS)
        return;
    c->reseated_ms = now_ms;
    list = rd_kafka_topic_partition_list_new((int)c->lost.count);
    for (size_t i = 0; i < c->lost.count; i++)
        rd_kafka_topic_partition_list_add(list, c->topic, c->lost.partitions[i].number);
    say_error(rd_kafka_incremental_unassign(c->client.rk, list));
    track_close(&c->lost);
    rd_kafka_resume_partitions(c->client.rk, list);
    assign(c, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- what comes: the keeper ---- */

static void take_record(struct consumer *c, const rd_kafka_message_t *record)
{
    struct message message;

    kafka_message_read(record, &message);
    kafka_say_back(c->client.conf);
    pthread_mutex_lock(&c->lock);
    c->topic_since_ms = 0;
    if (track_take(&c->track, record->partition, record->offset)) {
        push_last(c, &message);
        pthread_cond_broadcast(&c->came);
    } else {
        message_close(&message);
    }
    pthread_mutex_unlock(&c->lock);
}

/* The offset was there when the partition was begun, and is not any more. */
static void lose(struct consumer *c, const rd_kafka_message_t *record)
{
    int64_t offset = record->offset;

    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->track.count; i++)
        if (c->track.partitions[i].number == record->partition && c->track.partitions[i].next > 0)
            offset = c->track.partitions[i].next;
    track_remove(&c->track, record->partition);
    drop_strangers(c);
    pthread_mutex_unlock(&c->lock);
    track_add(&c->lost, record->partition);
    c->reseated_ms = clock_monotonic_ms();
    fault_gone(c, record->partition, offset);
}

/* What waiting mends is told by the client; the rest is told by fetch. */
static void take_error(struct consumer *c, const rd_kafka_message_t *record)
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
        lose(c, record);
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
        set_fault(c, &fault);
}

/* Pauses when the queue is full, and goes on when it is nearly empty. */
static void balance(struct consumer *c)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    bool is_full;
    bool is_low;

    pthread_mutex_lock(&c->lock);
    is_full = c->count >= FULL_MESSAGES || c->bytes >= FULL_BYTES;
    is_low = c->count <= LOW_MESSAGES && c->bytes <= FULL_BYTES / 2;
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

static bool is_closing(struct consumer *c)
{
    bool is;

    pthread_mutex_lock(&c->lock);
    is = c->is_closing;
    pthread_mutex_unlock(&c->lock);
    return is;
}

static void *keep_going(void *ctx)
{
    struct consumer *c = ctx;
    int64_t settled_ms = clock_monotonic_ms();

    while (!is_closing(c)) {
        rd_kafka_message_t *record = rd_kafka_consumer_poll(c->client.rk, POLL_MS);
        const int64_t now_ms = clock_monotonic_ms();

        if (record && record->err)
            take_error(c, record);
        else if (record)
            take_record(c, record);
        if (record)
            rd_kafka_message_destroy(record);
        if (now_ms - settled_ms >= SETTLE_EVERY_MS) {
            settle_or_say(c, &c->own);
            settled_ms = now_ms;
        }
        balance(c);
        reseat(c);
    }
    return NULL;
}

/* ---- the slots: the stage ---- */

static void set_callbacks(rd_kafka_conf_t *settings)
{
    rd_kafka_conf_set_rebalance_cb(settings, on_rebalance);
}

static int subscribe(struct consumer *c, struct err *err)
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

static int start(struct consumer *c, const struct broker_conf *conf, struct err *err)
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
    if (pthread_create(&c->keeper, NULL, keep_going, c) != 0)
        return err_set(err, ERR_IO, "could not start a thread for Kafka");
    c->has_keeper = true;
    return 0;
}

int kafka_consumer_open(struct broker *broker, const struct broker_conf *conf,
                        struct journal *journal, const char *group, const char *topic,
                        struct err *err)
{
    struct consumer *c = mem_alloc(sizeof *c);
    pthread_condattr_t attr;

    c->journal = journal;
    c->group = mem_fmt("%s.%s", journal->pipeline, group);
    c->topic = mem_str(topic);
    c->last = &c->first;
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

/* Under the lock. Waits for a while, or until something came. */
static void wait_for_more(struct consumer *c, int64_t wait_ms)
{
    const int64_t slice_ms = wait_ms < POLL_MS ? wait_ms : POLL_MS;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += slice_ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&c->came, &c->lock, &until);
}

static bool has_something(const struct consumer *c)
{
    return c->first != NULL || c->fault.code != ERR_NONE;
}

/* Under the lock. Messages go before a fault, which concerns others. */
static int take(struct consumer *c, size_t most, struct message *ret_messages, struct err *err)
{
    int count = 0;

    while (c->first && (size_t)count < most)
        unlink_at(c, &c->first, &ret_messages[count++]);
    if (count > 0 || c->fault.code == ERR_NONE)
        return count;
    *err = c->fault;
    c->fault = (struct err){0};
    return -1;
}

/* A topic that is said to be missing for a while: is it? */
static int check_topic(struct consumer *c, struct err *err)
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
    struct consumer *c = broker->impl;
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
    struct consumer *c = broker->impl;
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
    struct consumer *c = broker->impl;
    struct message copy;

    (void)err;
    pthread_mutex_lock(&c->lock);
    if (track_has(&c->track, (int32_t)message->partition)) {
        copy_message(message, &copy);
        push_first(c, &copy);
    }
    pthread_mutex_unlock(&c->lock);
    return 0;
}

/* ---- lag ---- */

static int look_at_partitions(struct consumer *c, struct err *err)
{
    const char *const names[] = {c->topic};
    const int64_t now_ms = clock_monotonic_ms();

    if (c->partitions > 0 && now_ms - c->looked_ms < LOOK_MS)
        return 0;
    TRY(kafka_topics_look(&c->client, names, 1, &c->partitions, err));
    c->looked_ms = now_ms;
    return 0;
}

static rd_kafka_topic_partition_list_t *all_partitions(const struct consumer *c)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(c->partitions);

    rd_kafka_topic_partition_list_add_range(list, c->topic, 0, c->partitions - 1);
    return list;
}

/* Where the group has no offset, all that is there is before it. */
static int sum_lag(struct consumer *c, rd_kafka_topic_partition_list_t *committed,
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

static int ask_lag(struct consumer *c, int64_t *ret_lag, struct err *err)
{
    rd_kafka_topic_partition_list_t *committed;
    rd_kafka_topic_partition_list_t *end;
    rd_kafka_resp_err_t code;
    int got;

    TRY(look_at_partitions(c, err));
    if (c->partitions == 0)
        return kafka_err_no_topic(&c->client, err, c->topic);
    committed = all_partitions(c);
    end = all_partitions(c);
    code = rd_kafka_committed(c->client.rk, committed, ASK_MS);
    for (int i = 0; i < committed->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        code = committed->elems[i].err;
    if (code) {
        kafka_client_revive(&c->client);
        got = kafka_err(&c->client, err, code, NULL, "could not ask for the group's offsets");
    } else
        got = kafka_topics_offsets(&c->client, end, RD_KAFKA_OFFSET_END, err);
    if (got == 0)
        got = sum_lag(c, committed, end, ret_lag, err);
    rd_kafka_topic_partition_list_destroy(committed);
    rd_kafka_topic_partition_list_destroy(end);
    return got;
}

/* Without waiting for ever, as rd_kafka_commit() does; what it says is seen by the offsets. */
static void commit_stored(struct consumer *c)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(c->client.rk);
    rd_kafka_event_t *event = NULL;

    if (rd_kafka_commit_queue(c->client.rk, NULL, queue, NULL, NULL) == RD_KAFKA_RESP_ERR_NO_ERROR)
        event = rd_kafka_queue_poll(queue, ASK_MS);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
}

/* A client that has just begun does not know yet whom to ask. */
static int ask_lag_in_time(struct consumer *c, struct err *err)
{
    const int64_t until_ms = clock_monotonic_ms() + ASK_MS;
    int got;

    do
        got = ask_lag(c, &c->last_lag, err);
    while (got < 0 && err->retriable && clock_monotonic_ms() < until_ms && !stop_wait_ms(POLL_MS));
    return got;
}

/* A server that is away now is waited for: there is something left to do, at least to ask it again. */
int kafka_consumer_lag(struct broker *broker, int64_t *ret_lag, struct err *err)
{
    struct consumer *c = broker->impl;
    struct err why = {0};

    TRY(settle(c, c->journal, err));
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

/* ---- closing ---- */

static void end_keeper(struct consumer *c)
{
    if (!c->has_keeper)
        return;
    pthread_mutex_lock(&c->lock);
    c->is_closing = true;
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->keeper, NULL);
    settle_or_say(c, &c->own);
    c->has_keeper = false;
}

/* Commits what is stored and leaves the group, as far as the server takes part. */
static void leave(struct consumer *c)
{
    const int64_t until_ms = clock_monotonic_ms() + CLOSE_MS;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(c->client.rk);

    say_error(rd_kafka_consumer_close_queue(c->client.rk, queue));
    while (!rd_kafka_consumer_closed(c->client.rk) && clock_monotonic_ms() < until_ms) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, POLL_MS);

        if (event && rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
            on_rebalance(c->client.rk, rd_kafka_event_error(event),
                         rd_kafka_event_topic_partition_list(event), c);
        if (event)
            rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
}

void kafka_consumer_close(struct broker *broker)
{
    struct consumer *c = broker->impl;

    end_keeper(c);
    if (c->client.rk)
        leave(c);
    kafka_client_close(&c->client);
    journal_close(&c->own);
    track_close(&c->track);
    track_close(&c->lost);
    drop_strangers(c);
    pthread_cond_destroy(&c->came);
    pthread_mutex_destroy(&c->lock);
    free(c->group);
    free(c->topic);
    free(c);
}
