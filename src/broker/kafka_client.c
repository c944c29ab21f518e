/*
 * Settings, talk and errors of librdkafka.
 */
#include "broker/kafka_client.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/stop.h"
#include "base/str.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define POLL_MS 20
#define REVIVE_MS 2000
#define DOWN_MS 1000   /* some tries at each address */
#define LEAST_SECRET 3 /* shorter values would black out harmless text */

/* May be changed by broker.config. The reasons are in docs/broker.md. */
static const struct kafka_setting usual[] = {
    {"client.id", "riacho"},
    {"log.connection.close", "true"}, /* on_log() learns of it */
    {"enable.metrics.push", "false"},
    {"socket.keepalive.enable", "true"},
    {"socket.timeout.ms",
     "20000"}, /* a server that is frozen shall not hold up all that wait for it */
    {"socket.connection.setup.timeout.ms", "10000"},
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "1000"},
    /* "rebootstrap" drops the servers that are away, and with them what the group is waiting for. */
    {"metadata.recovery.strategy", "none"},
    {NULL, NULL},
};

static const struct kafka_setting usual_of_producers[] = {
    {"linger.ms", "5"},
    {"partitioner", "murmur2_random"}, /* as Java's clients place keys */
    {"message.timeout.ms", "0"},       /* what is late is not lost, and leaves no gap */
    {"message.max.bytes", "4194304"},
    {NULL, NULL},
};

static const struct kafka_setting usual_of_consumers[] = {
    {"auto.commit.interval.ms", "500"},     {"queued.min.messages", "512"},
    {"queued.max.messages.kbytes", "4096"}, {"fetch.wait.max.ms", "100"},
    {"fetch.queue.backoff.ms", "20"},       {NULL, NULL},
};

/* ---- texts without secrets ---- */

static void hide_one(char *text, const char *secret)
{
    const size_t size = strlen(secret);
    char *at = text;

    while (size >= LEAST_SECRET && (at = strstr(at, secret)) != NULL) {
        memcpy(at, "***", LEAST_SECRET);
        memmove(at + LEAST_SECRET, at + size, strlen(at + size) + 1);
        at += LEAST_SECRET;
    }
}

/* The caller frees. */
static char *hide_secrets(const struct broker_conf *conf, const char *said)
{
    char *text = mem_str(said);

    for (size_t i = 0; i < conf->secrets.count; i++)
        hide_one(text, conf->secrets.items[i].value);
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    return text;
}

/* ---- errors ---- */

struct meaning {
    rd_kafka_resp_err_t code;
    enum err_code means; /* ERR_NET: waiting may mend it */
    const char *hint;    /* NULL: none */
};

#define REACH "Check that the server runs, and that `broker.brokers` names its address."
#define ENTER "Check `security.protocol` and the `sasl.*` settings in `broker.config`."
#define ALLOW "Let the user of `broker.config` do this by an ACL of the cluster (kafka-acls.sh)."

static const struct meaning meanings[] = {
    {RD_KAFKA_RESP_ERR__TRANSPORT, ERR_NET, REACH},
    {RD_KAFKA_RESP_ERR__RESOLVE, ERR_NET, REACH},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, ERR_NET, REACH},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, ERR_NET, REACH},
    {RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, ERR_NET, REACH},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, ERR_NET, REACH},
    {RD_KAFKA_RESP_ERR__WAIT_COORD, ERR_NET, REACH},
    {RD_KAFKA_RESP_ERR__WAIT_CACHE, ERR_NET, REACH},
    {RD_KAFKA_RESP_ERR__PURGE_QUEUE, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR__DESTROY, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR__DESTROY_BROKER, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR__NODE_UPDATE, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR__UNKNOWN_BROKER, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR__OUTDATED, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR__STATE, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR__NO_OFFSET, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR__FATAL, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR__RETRY, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, ERR_NET, REACH},
    {RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, ERR_NET, REACH},
    {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_NOT_CONTROLLER, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_NOT_COORDINATOR, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, ERR_NET, "Look at the disk and the log of the server."},
    /* A server whose disk is full says no more than this. */
    {RD_KAFKA_RESP_ERR_UNKNOWN, ERR_NET, "Look at the disk and the log of the server."},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, ERR_NET, "Too few servers of the cluster are up."},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, ERR_NET,
     "Too few servers of the cluster are up."},
    {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR_INVALID_MSG, ERR_NET, NULL},
    {RD_KAFKA_RESP_ERR__SSL, ERR_REMOTE,
     "The server speaks no TLS here, or its certificate is not trusted: check `security.protocol` "
     "and the `ssl.*` settings in `broker.config`."},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, ERR_REMOTE, ENTER},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, ERR_REMOTE, ENTER},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, ERR_REMOTE, ENTER},
    {RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE, ERR_REMOTE, ENTER},
    {RD_KAFKA_RESP_ERR_SECURITY_DISABLED, ERR_REMOTE, ENTER},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ERR_REMOTE, ALLOW},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, ERR_REMOTE, ALLOW},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, ERR_REMOTE, ALLOW},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, ERR_REMOTE,
     "If the topic was deleted, run again: it is made anew, and gets what was not worked off."},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, ERR_REMOTE, NULL},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ERR_REMOTE,
     "If the topic was deleted, run again: it is made anew, and gets what was not worked off."},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ERR_REMOTE,
     "Raise max.message.bytes of the topic (kafka-configs.sh)."},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, ERR_REMOTE,
     "The cluster has too few servers for `broker.create_topics.replication`."},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, ERR_REMOTE, NULL},
};

static const struct meaning *meaning_of(rd_kafka_resp_err_t code)
{
    static const struct meaning unknown = {RD_KAFKA_RESP_ERR_NO_ERROR, ERR_REMOTE, NULL};

    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].code == code)
            return &meanings[i];
    return &unknown;
}

static const struct meaning other_protocol = {
    RD_KAFKA_RESP_ERR__TRANSPORT, ERR_NET,
    "The server may speak another protocol at this address: check `security.protocol` in "
    "`broker.config`."};

static int set_err(const struct broker_conf *conf, struct err *err, rd_kafka_resp_err_t code,
                   const char *said, const char *doing)
{
    const struct meaning *meaning = meaning_of(code);
    char *text = hide_secrets(conf, said && *said ? said : rd_kafka_err2str(code));

    /* librdkafka sees it from the connection's end alone, and says so in words only. */
    if (strstr(text, "security.protocol"))
        meaning = &other_protocol;
    err_set(err, meaning->means, "%s: %s", doing, text);
    err->retriable = meaning->means == ERR_NET;
    if (meaning->hint)
        err_hint(err, "%s", meaning->hint);
    free(text);
    return -1;
}

int kafka_err(const struct kafka_client *client, struct err *err, rd_kafka_resp_err_t code,
              const char *said, const char *doing)
{
    return set_err(client->conf, err, code, said, doing);
}

int kafka_err_no_topic(const struct kafka_client *client, struct err *err, const char *name)
{
    const struct broker_conf *conf = client->conf;

    err_set(err, ERR_REMOTE, "the topic \"%s\" does not exist on \"%s\"", name, conf->brokers);
    return err_hint(err,
                    "Run: kafka-topics.sh --bootstrap-server %.80s --create --topic %.120s "
                    "--partitions 12 --config retention.ms=-1",
                    conf->brokers, name);
}

/* ---- talk ---- */

static atomic_bool is_away;

void kafka_say_away(const struct broker_conf *conf, const char *why)
{
    if (!atomic_exchange(&is_away, true))
        log_warn("no Kafka broker of \"%s\" answers, waiting: %s", conf->brokers, why);
}

void kafka_say_back(const struct broker_conf *conf)
{
    if (atomic_load(&is_away) && atomic_exchange(&is_away, false))
        log_info("Kafka at \"%s\" answers again", conf->brokers);
}

/* A server that hangs up on a client that it does not understand, or does not let in: only the log tells. */
static void note_hanging_up(struct kafka_client *client, const char *line)
{
    struct err trouble = {0};
    const bool is_greeting = strstr(line, "in state APIVERSION_QUERY") != NULL;
    const bool is_login = strstr(line, "in state AUTH_") != NULL;

    if (strstr(line, "Disconnected") == NULL || (!is_greeting && !is_login))
        return;
    set_err(client->conf, &trouble, RD_KAFKA_RESP_ERR__TRANSPORT,
            is_login ? "the server closed the connection at the login"
                     : "the server closed the connection before it answered",
            "Kafka");
    err_hint(&trouble,
             is_login ? ENTER
                      : "It speaks another protocol at this address: check `security.protocol` and "
                        "the `sasl.*` settings in `broker.config`.");
    pthread_mutex_lock(&client->lock);
    if (client->trouble.code == ERR_NONE)
        client->trouble = trouble;
    pthread_mutex_unlock(&client->lock);
}

/* Broken connections are told by on_error(), in our words and once. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *line)
{
    struct kafka_client *client = rd_kafka_opaque(rk);
    const bool is_failure = str_same(facility, "FAIL");
    const bool is_serious =
        level <= 3 && !is_failure && !str_same(facility, "ERROR") && !str_same(facility, "FATAL");
    char *text;

    if (is_failure)
        note_hanging_up(client, line);
    if (!is_serious && !log_enabled(LOG_DEBUG))
        return;
    text = hide_secrets(client->conf, line);
    log_line(is_serious ? LOG_WARN : LOG_DEBUG, "librdkafka: %s: %s", facility, text);
    free(text);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_client *client = opaque;
    struct err trouble = {0};

    (void)rk;
    set_err(client->conf, &trouble, (rd_kafka_resp_err_t)code, reason, "Kafka");
    log_debug("%s", trouble.text);
    pthread_mutex_lock(&client->lock);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        client->down_ms = clock_monotonic_ms();
    else
        client->trouble = trouble; /* it says more than that all are down */
    trouble = client->trouble;
    pthread_mutex_unlock(&client->lock);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        kafka_say_away(client->conf, trouble.text[0] ? trouble.text : reason);
}

int kafka_client_trouble(struct kafka_client *client, struct err *ret_trouble)
{
    bool has_any;

    pthread_mutex_lock(&client->lock);
    has_any = client->trouble.code != ERR_NONE;
    if (has_any)
        *ret_trouble = client->trouble;
    pthread_mutex_unlock(&client->lock);
    return has_any;
}

bool kafka_client_is_down(struct kafka_client *client, int64_t since_ms)
{
    int64_t down_ms;

    pthread_mutex_lock(&client->lock);
    down_ms = client->down_ms;
    pthread_mutex_unlock(&client->lock);
    if (down_ms == 0)
        return false;
    return clock_monotonic_ms() - (down_ms > since_ms ? down_ms : since_ms) > DOWN_MS;
}

void kafka_client_forget_trouble(struct kafka_client *client)
{
    pthread_mutex_lock(&client->lock);
    client->trouble = (struct err){0};
    client->down_ms = 0;
    pthread_mutex_unlock(&client->lock);
}

void kafka_client_revive(struct kafka_client *client)
{
    const int64_t now_ms = clock_monotonic_ms();
    bool is_due;

    pthread_mutex_lock(&client->lock);
    is_due = now_ms - client->revived_ms >= REVIVE_MS;
    if (is_due)
        client->revived_ms = now_ms;
    pthread_mutex_unlock(&client->lock);
    if (is_due)
        rd_kafka_brokers_add(client->rk, client->conf->brokers);
}

rd_kafka_event_t *kafka_client_wait(struct kafka_client *client, rd_kafka_queue_t *queue,
                                    int wait_ms)
{
    const int64_t until_ms = clock_monotonic_ms() + wait_ms;
    rd_kafka_event_t *event = NULL;

    while (event == NULL && clock_monotonic_ms() < until_ms && !stop_asked()) {
        event = rd_kafka_queue_poll(queue, POLL_MS);
        rd_kafka_poll(client->rk, 0);
    }
    return event;
}

/* ---- opening ---- */

static int set_one(rd_kafka_conf_t *to, const struct broker_conf *conf, const char *key,
                   const char *value, struct err *err)
{
    char why[256] = "";
    char *text;

    if (rd_kafka_conf_set(to, key, value, why, sizeof why) == RD_KAFKA_CONF_OK)
        return 0;
    text = hide_secrets(conf, why);
    err_set(err, ERR_USAGE, "Kafka's setting \"%s\": %s", key, text);
    free(text);
    return -1;
}

static int set_list(rd_kafka_conf_t *to, const struct broker_conf *conf,
                    const struct kafka_setting *settings, struct err *err)
{
    for (; settings && settings->key; settings++)
        TRY(set_one(to, conf, settings->key, settings->value, err));
    return 0;
}

static int set_all(rd_kafka_conf_t *to, struct kafka_client *client,
                   const struct kafka_client_make *make, struct err *err)
{
    const struct broker_conf *conf = client->conf;

    TRY(set_list(to, conf, usual, err));
    TRY(set_list(to, conf,
                 make->type == RD_KAFKA_PRODUCER ? usual_of_producers : usual_of_consumers, err));
    for (size_t i = 0; i < conf->config.count; i++)
        TRY(set_one(to, conf, conf->config.items[i].key, conf->config.items[i].value, err));
    TRY(set_one(to, conf, "bootstrap.servers", conf->brokers, err));
    TRY(set_one(to, conf, "allow.auto.create.topics", "false", err));
    TRY(set_list(to, conf, make->settings, err));
    rd_kafka_conf_set_opaque(to, client);
    rd_kafka_conf_set_log_cb(to, on_log);
    rd_kafka_conf_set_error_cb(to, on_error);
    if (make->set_callbacks)
        make->set_callbacks(to);
    return 0;
}

int kafka_client_open(struct kafka_client *client, const struct broker_conf *conf,
                      const struct kafka_client_make *make, struct err *err)
{
    rd_kafka_conf_t *settings = rd_kafka_conf_new();
    char why[512] = "";
    char *text;

    client->conf = conf;
    if (set_all(settings, client, make, err) < 0) {
        rd_kafka_conf_destroy(settings);
        return -1;
    }
    pthread_mutex_init(&client->lock, NULL);
    client->rk = rd_kafka_new(make->type, settings, why, sizeof why);
    if (client->rk)
        return 0;
    rd_kafka_conf_destroy(settings);
    pthread_mutex_destroy(&client->lock);
    text = hide_secrets(conf, why);
    err_set(err, ERR_USAGE, "librdkafka does not take the settings: %s", text);
    free(text);
    return err_hint(err, "Look at `broker.config` in the pipeline file.");
}

void kafka_client_close(struct kafka_client *client)
{
    if (client->rk == NULL)
        return;
    rd_kafka_purge(client->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy_flags(client->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    pthread_mutex_destroy(&client->lock);
    client->rk = NULL;
    client->trouble = (struct err){0};
}
