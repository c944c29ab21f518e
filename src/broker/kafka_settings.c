/*
 * librdkafka's settings: which are ours alone, and which hold secrets.
 */
#include "broker/kafka_settings.h"

#include "base/str.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/* The promises rest on these, or another key gives them. */
static const struct ours {
    const char *key;
    const char *why;
} ours[] = {
    {"bootstrap.servers", "`broker.brokers` gives it"},
    {"metadata.broker.list", "`broker.brokers` gives it"},
    {"group.id", "it is the pipeline's name and the stage's"},
    {"group.instance.id", "several processes read this file, and each needs another one"},
    {"group.protocol", "groups are balanced by `cooperative-sticky`"},
    {"partition.assignment.strategy", "groups are balanced by `cooperative-sticky`"},
    {"enable.idempotence", "without it references could double or change places"},
    {"acks", "a reference counts as sent when all replicas have it"},
    {"request.required.acks", "a reference counts as sent when all replicas have it"},
    {"transactional.id", "references are made sure of by the outbox, not by transactions"},
    {"enable.auto.commit", "an offset is committed when the work is durable"},
    {"enable.auto.offset.store", "an offset is stored when the work is durable"},
    {"auto.commit.enable", "an offset is committed when the work is durable"},
    {"auto.offset.reset", "an offset that is gone must not be passed over"},
    {"isolation.level", "only what is committed is read"},
    {"check.crcs", "what was altered on its way must be told"},
    {"enable.partition.eof", "the consumer needs it"},
    {"allow.auto.create.topics", "`broker.create_topics` decides"},
    {"plugin.library.paths", "it would load foreign code"},
};

static const char *const secret_parts[] = {"password", "secret", "key.pem", "oauthbearer.config"};

/* Those that people give, for "did you mean". */
static const char *const usual[] = {
    "security.protocol",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "client.id",
    "compression.type",
    "linger.ms",
    "debug",
    "message.max.bytes",
    "message.timeout.ms",
    "session.timeout.ms",
    "max.poll.interval.ms",
    "socket.timeout.ms",
    "enable.ssl.certificate.verification",
};

int kafka_setting_check(const char *key, const char *value, char ret_why[KAFKA_SETTING_WHY],
                        const char **ret_nearest)
{
    char text[KAFKA_SETTING_WHY / 2] = "";
    rd_kafka_conf_t *trial;
    rd_kafka_conf_res_t got;

    *ret_nearest = NULL;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (str_same(ours[i].key, key)) {
            snprintf(ret_why, KAFKA_SETTING_WHY, "may not be set: %s", ours[i].why);
            return -1;
        }
    trial = rd_kafka_conf_new();
    got = rd_kafka_conf_set(trial, key, value, text, sizeof text);
    rd_kafka_conf_destroy(trial);
    if (got == RD_KAFKA_CONF_OK)
        return 0;
    if (got == RD_KAFKA_CONF_UNKNOWN) {
        snprintf(ret_why, KAFKA_SETTING_WHY, "librdkafka has no such setting");
        *ret_nearest = str_nearest(key, usual, sizeof usual / sizeof *usual);
    } else {
        snprintf(ret_why, KAFKA_SETTING_WHY, "librdkafka does not take it: %s", text);
    }
    return -1;
}

bool kafka_setting_is_secret(const char *key)
{
    for (size_t i = 0; i < sizeof secret_parts / sizeof *secret_parts; i++)
        if (strstr(key, secret_parts[i]))
            return true;
    return false;
}
