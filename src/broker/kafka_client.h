/*
 * A client of Kafka: librdkafka's handle with our settings, its talk and its errors.
 *
 * Errors of the server and of librdkafka become struct err here and nowhere else. What waiting mends
 * is ERR_NET and retriable; the rest is ERR_REMOTE. No text holds a secret of the settings.
 */
#ifndef RIACHO_KAFKA_CLIENT_H
#define RIACHO_KAFKA_CLIENT_H

#include "base/err.h"
#include "broker/broker_conf.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>

/* A setting that stands whatever the pipeline file says. NULL key ends a list. */
struct kafka_setting {
    const char *key;
    const char *value;
};

/* Its address must not change while it is open: librdkafka's threads call back to it. */
struct kafka_client {
    rd_kafka_t *rk;                 /* NULL: closed */
    const struct broker_conf *conf; /* borrowed */
    pthread_mutex_t lock;           /* guards what follows */
    struct err trouble;             /* the last one that librdkafka told of; code 0: none */
    int64_t down_ms;                /* when all servers were told to be down; 0: they were not */
    int64_t revived_ms;             /* under the lock: when kafka_client_revive() did something */
};

struct kafka_client_make {
    rd_kafka_type_t type;
    const struct kafka_setting *settings; /* that stand in any case, or NULL */
    /* More callbacks, or NULL. Their opaque is the struct kafka_client, which may lie at the head of another. */
    void (*set_callbacks)(rd_kafka_conf_t *settings);
};

MUST_CHECK int kafka_client_open(struct kafka_client *client, const struct broker_conf *conf,
                                 const struct kafka_client_make *make, struct err *err);
/* Drops what is still under way, and leaves no group: that is to be done before. */
void kafka_client_close(struct kafka_client *client);

/*
 * Sets the error from what the server or librdkafka said; `said`, if not NULL, is its text. `doing` is
 * the message's begin: "could not …". Always returns -1.
 */
int kafka_err(const struct kafka_client *client, struct err *err, rd_kafka_resp_err_t code,
              const char *said, const char *doing);

/* Waits for a result on the queue, and serves the client's callbacks meanwhile. NULL: none came in time, or a
 * stop is asked. */
rd_kafka_event_t *kafka_client_wait(struct kafka_client *client, rd_kafka_queue_t *queue,
                                    int wait_ms);

/* 1 and a copy of what librdkafka told last, 0 it told of nothing. */
int kafka_client_trouble(struct kafka_client *client, struct err *ret_trouble);
/* All servers have been down for a second, of those since `since_ms`: whoever asks needs not wait any longer. */
bool kafka_client_is_down(struct kafka_client *client, int64_t since_ms);
/* After an answer. */
void kafka_client_forget_trouble(struct kafka_client *client);

/*
 * No server answered for a while. A server that was frozen may come back with an empty list of servers, upon which
 * librdkafka forgets all addresses for ever: they are given to it again, every few seconds.
 */
void kafka_client_revive(struct kafka_client *client);

/* The process talks once of a server that is away, and once of its return. */
void kafka_say_away(const struct broker_conf *conf, const char *why);
void kafka_say_back(const struct broker_conf *conf);

/* The pipeline file's words about the topic `name` that is missing, with what to run. Returns -1. */
int kafka_err_no_topic(const struct kafka_client *client, struct err *err, const char *name);

#endif
