/*
 * Outbox → Kafka. A row leaves the outbox only when the servers said that they have it (PERSISTED). Whatever
 * else comes back, nothing more is sent until all that is under way has come back too; then the relay begins
 * again at the first row that is left, so that a topic's order stays. A message that got there although nobody
 * said so is then sent twice, with the same id.
 */
#include "broker/kafka_relay.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/stop.h"
#include "broker/kafka_client.h"
#include "broker/kafka_message.h"
#include "db/outbox.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define MOST_UNDER_WAY 2048
#define PEEK_MOST 256
#define IDLE_MS 10        /* between two looks whether anything was committed */
#define REPORT_MS 2       /* how long reports are waited for while something is under way */
#define LOCK_MS 100       /* between two tries to become the one that sends */
#define LAST_WORD_MS 5000 /* for what is under way when a stop is asked */
#define SILENCE_MS                                                                                 \
    5000 /* without a message that got there, before the client is given the addresses again */
#define RENEW_MS                                                                                   \
    15000 /* the same, before the client is made anew if it gives up messages by itself */
#define PAUSE_MS 500 /* after a fault, before what is left is sent again */

static const struct kafka_setting sending_settings[] = {{"enable.idempotence", "true"},
                                                        {"acks", "all"},
                                                        {NULL, NULL}};

struct relay {
    struct kafka_client client; /* first: callbacks get it */
    const struct broker_conf *conf;
    struct journal *journal;
    const atomic_bool *finish;
    struct lock lock; /* "relay" of the state */
    int64_t version;  /* of the journal when the outbox was last read to its end */
    bool is_read;     /* to its end, at that version */
    int64_t after;    /* rows up to it have been given to librdkafka */
    size_t under_way;
    int64_t heard_ms;             /* when a message got there, or there was nothing to send */
    int64_t sent[MOST_UNDER_WAY]; /* persisted, and still in the outbox */
    size_t sent_count;
    bool is_broken;     /* something came back: no more is sent until all has */
    struct err refused; /* what waiting does not mend; code 0: nothing */
    int64_t warned_pid;
};

/* ---- reports ---- */

static void note_failure(struct relay *relay, const rd_kafka_message_t *record)
{
    struct err err = {0};
    char *doing =
        mem_fmt("could not publish \"%.*s\" to the topic \"%s\"", (int)record->key_len,
                record->key ? (const char *)record->key : "", rd_kafka_topic_name(record->rkt));

    kafka_err(&relay->client, &err, record->err, NULL, doing);
    free(doing);
    log_debug("%s (%s)", err.text,
              rd_kafka_message_status(record) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED
                  ? "not there"
                  : "perhaps there");
    relay->is_broken = true;
    if (!err.retriable && relay->refused.code == ERR_NONE)
        relay->refused = err;
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *record, void *opaque)
{
    struct relay *relay = opaque;

    (void)rk;
    relay->under_way--;
    if (rd_kafka_message_status(record) != RD_KAFKA_MSG_STATUS_PERSISTED) {
        note_failure(relay, record);
        return;
    }
    relay->heard_ms = clock_monotonic_ms();
    kafka_say_back(relay->conf);
    relay->sent[relay->sent_count++] = (int64_t)(intptr_t)record->_private;
}

/* Takes what was persisted out of the outbox, all in one transaction. */
static int mark_sent(struct relay *relay, struct err *err)
{
    if (relay->sent_count == 0)
        return 0;
    TRY(outbox_sent(relay->journal, relay->sent, relay->sent_count, err));
    relay->sent_count = 0;
    return 0;
}

/* ---- the producer ---- */

static void set_callbacks(rd_kafka_conf_t *settings)
{
    rd_kafka_conf_set_dr_msg_cb(settings, on_report);
}

static int open_producer(struct relay *relay, struct err *err)
{
    if (relay->client.rk)
        return 0;
    return kafka_client_open(&relay->client, relay->conf,
                             &(struct kafka_client_make){.type = RD_KAFKA_PRODUCER,
                                                         .settings = sending_settings,
                                                         .set_callbacks = set_callbacks},
                             err);
}

/* What is still under way comes back as not persisted. */
static void take_back(struct relay *relay)
{
    if (relay->client.rk == NULL)
        return;
    rd_kafka_purge(relay->client.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(relay->client.rk, LAST_WORD_MS);
}

static void close_producer(struct relay *relay)
{
    take_back(relay);
    kafka_client_close(&relay->client);
    relay->under_way = 0;
}

static void begin_again(struct relay *relay)
{
    relay->is_broken = false;
    relay->is_read = false;
    relay->after = 0;
}

/* A producer with a fatal error is dead for ever; the next one takes over from the outbox. */
static int rebuild(struct relay *relay, struct err *err)
{
    char why[256] = "";
    const rd_kafka_resp_err_t code = rd_kafka_fatal_error(relay->client.rk, why, sizeof why);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    log_info("Kafka: the producer is made anew: %s", rd_kafka_err2str(code));
    log_debug("librdkafka: %s", why);
    rd_kafka_flush(relay->client.rk, LAST_WORD_MS);
    close_producer(relay);
    TRY(mark_sent(relay, err));
    begin_again(relay);
    relay->refused = (struct err){0};
    return open_producer(relay, err);
}

/* ---- sending ---- */

static rd_kafka_resp_err_t hand_over(struct relay *relay, const struct outbox_entry *entry)
{
    const struct message *message = &entry->message;
    rd_kafka_headers_t *headers = kafka_message_headers(message);
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = message->topic},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {message->id, strlen(message->id)}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {message->value, message->value_size}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(intptr_t)entry->seq},
    };
    rd_kafka_error_t *error =
        rd_kafka_produceva(relay->client.rk, parts, sizeof parts / sizeof *parts);
    const rd_kafka_resp_err_t code = rd_kafka_error_code(error);

    if (code)
        rd_kafka_headers_destroy(headers);
    rd_kafka_error_destroy(error);
    return code;
}

/* 1 given to librdkafka, 0 it takes no more for now. */
static int produce(struct relay *relay, const struct outbox_entry *entry, struct err *err)
{
    const rd_kafka_resp_err_t code = hand_over(relay, entry);
    char *doing;

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        relay->under_way++;
        return 1;
    }
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL || code == RD_KAFKA_RESP_ERR__FATAL)
        return 0;
    doing = mem_fmt("could not publish \"%s\" to the topic \"%s\"", entry->message.id,
                    entry->message.topic);
    kafka_err(&relay->client, err, code, NULL, doing);
    free(doing);
    return -1;
}

static int send_all(struct relay *relay, const struct outbox_entry *entries, int count,
                    struct err *err)
{
    for (int i = 0; i < count; i++) {
        const int got = produce(relay, &entries[i], err);

        TRY(got);
        if (got == 0)
            return 0;
        relay->after = entries[i].seq;
    }
    return 0;
}

/* Reads on in the outbox, as far as there is room. */
static int send_more(struct relay *relay, struct err *err)
{
    struct outbox_entry entries[PEEK_MOST];
    const size_t room = MOST_UNDER_WAY - relay->under_way - relay->sent_count;
    const size_t most = room < PEEK_MOST ? room : PEEK_MOST;
    int64_t version;
    int count;
    int got;

    if (most == 0 || relay->is_broken)
        return 0;
    TRY(journal_version(relay->journal, &version, err));
    if (relay->is_read && version == relay->version)
        return 0;
    count = outbox_peek(relay->journal, relay->after, most, entries, err);
    TRY(count);
    got = send_all(relay, entries, count, err);
    relay->version = version; /* from before the look: what came since is a change */
    relay->is_read = count == 0;
    for (int i = 0; i < count; i++)
        outbox_entry_close(&entries[i]);
    return got;
}

/* ---- one turn ---- */

/* Whatever the client is waiting for: a new one waits for nothing. */
static int renew(struct relay *relay, struct err *err)
{
    log_debug("the producer is made anew: nothing has got through for %d s", RENEW_MS / 1000);
    close_producer(relay);
    TRY(mark_sent(relay, err));
    relay->heard_ms = clock_monotonic_ms();
    return open_producer(relay, err);
}

/* All that was under way has come back, and some of it not as it should. */
static int mend(struct relay *relay, struct err *err)
{
    if (!relay->is_broken || relay->under_way > 0)
        return 0;
    begin_again(relay);
    if (relay->refused.code != ERR_NONE) {
        *err = relay->refused;
        relay->refused = (struct err){0};
        return -1;
    }
    if (clock_monotonic_ms() - relay->heard_ms > RENEW_MS)
        TRY(renew(relay, err));
    stop_wait_ms(PAUSE_MS);
    return 0;
}

static void rest(struct relay *relay)
{
    relay->heard_ms = clock_monotonic_ms();
    if (relay->is_read)
        stop_wait_ms(IDLE_MS);
}

static int turn(struct relay *relay, struct err *err)
{
    TRY(send_more(relay, err));
    rd_kafka_poll(relay->client.rk, relay->under_way > 0 ? REPORT_MS : 0);
    if (relay->under_way == 0 && !relay->is_broken)
        rest(relay);
    if (clock_monotonic_ms() - relay->heard_ms > SILENCE_MS)
        kafka_client_revive(&relay->client);
    TRY(mark_sent(relay, err));
    TRY(rebuild(relay, err));
    return mend(relay, err);
}

/* 1 all was sent and no more will come, 0 not. */
static int is_over(struct relay *relay, struct err *err)
{
    int64_t count;

    if (relay->under_way > 0 || !atomic_load(relay->finish))
        return 0;
    TRY(outbox_count(relay->journal, &count, err));
    return count == 0;
}

/* ---- whose turn it is ---- */

static void say_who_sends(struct relay *relay, const struct err *err)
{
    if (relay->warned_pid++ == 0)
        log_debug("another process of this state sends its references: %s", err->text);
}

/* 1 we send, 0 all was sent by another process and no more will come (or a stop is asked). */
static int become_sender(struct relay *relay, struct err *err)
{
    for (;;) {
        struct err held = {0};
        int over;

        if (journal_lock(relay->journal, "relay", &relay->lock, &held) == 0)
            return 1;
        if (held.code != ERR_LOCKED) {
            *err = held;
            return -1;
        }
        say_who_sends(relay, &held);
        over = is_over(relay, err);
        TRY(over);
        if (over == 1 || stop_wait_ms(LOCK_MS))
            return 0;
    }
}

static int send_until_over(struct relay *relay, struct err *err)
{
    int over = 0;

    relay->heard_ms = clock_monotonic_ms();
    TRY(open_producer(relay, err));
    while (over == 0 && !stop_asked()) {
        TRY(turn(relay, err));
        over = is_over(relay, err);
    }
    return over < 0 ? -1 : 0;
}

/* What is with the servers already shall not be sent again by the next one. */
static void end(struct relay *relay)
{
    struct err ignored = {0};

    if (relay->client.rk && relay->under_way > 0)
        rd_kafka_flush(relay->client.rk, LAST_WORD_MS);
    close_producer(relay);
    if (mark_sent(relay, &ignored) < 0)
        log_debug("%s", ignored.text);
    lock_close(&relay->lock);
}

int kafka_relay(const struct broker_conf *conf, struct journal *journal, const atomic_bool *finish,
                struct err *err)
{
    struct relay *relay = mem_alloc(sizeof *relay);
    int got;

    relay->conf = conf;
    relay->journal = journal;
    relay->finish = finish;
    got = become_sender(relay, err);
    if (got == 1)
        got = send_until_over(relay, err);
    end(relay);
    free(relay);
    return got < 0 ? -1 : 0;
}
