/*
 * What the parts of a Kafka consumer share. Two threads have it:
 *
 *   the keeper  (kafka_keeper.c) polls, always: so that a long transform does not cost us the membership,
 *               and rebalances are served (kafka_seats.c). What comes goes into the inbox; when that is full,
 *               fetching pauses.
 *   the stage   (kafka_consumer.c) takes from the inbox, and says what is worked off.
 *
 * Either moves the offsets (kafka_offsets.c), each by a journal of its own: files → ledger → references of the
 * outputs are with the brokers → input offset.
 */
#ifndef RIACHO_KAFKA_CONSUMER_PARTS_H
#define RIACHO_KAFKA_CONSUMER_PARTS_H

#include "broker/kafka_client.h"
#include "broker/kafka_inbox.h"
#include "broker/kafka_track.h"
#include "db/journal.h"

#include <pthread.h>

#define KAFKA_POLL_MS 20
#define KAFKA_ASK_MS 5000 /* for the group's offsets */

struct kafka_consumer {
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
    pthread_cond_t came;  /* signalled when the inbox or the fault got something */
    struct track track;
    struct kafka_inbox inbox;
    struct err fault;       /* to be told by fetch; code 0: none */
    int64_t topic_since_ms; /* since when the topic is said to be missing; 0: it is not */
    bool is_closing;

    bool is_paused;      /* the keeper's */
    int64_t reseated_ms; /* the keeper's */
    struct track lost;   /* the keeper's: partitions whose offset is gone */
};

/* ---- kafka_consumer.c ---- */

/* The next fetch tells of it, unless it tells of another. Any thread. */
void kafka_consumer_fail(struct kafka_consumer *c, const struct err *fault);
bool kafka_consumer_is_closing(struct kafka_consumer *c);
/* For those who look at faults of the client. NULL is none. */
void kafka_consumer_say(rd_kafka_error_t *error_taken);

/* ---- kafka_keeper.c ---- */

/* The thread's body, for a struct kafka_consumer; ends when is_closing is set. */
void *kafka_keeper_run(void *ctx);

/* ---- kafka_seats.c: partitions come and go; the keeper ---- */

/* librdkafka's rebalance_cb; its opaque is the consumer. */
void kafka_seats_change(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                        rd_kafka_topic_partition_list_t *list, void *opaque);
/* The record's partition: its offset was there when it was begun, and is not any more. */
void kafka_seats_lose(struct kafka_consumer *c, const rd_kafka_message_t *record);
/* Whether partitions whose offset was gone or unknown can be read now; then they are begun. */
void kafka_seats_look(struct kafka_consumer *c);

/* ---- kafka_offsets.c ---- */

/* Moves the offsets over what is worked off and may not be lost any more. `journal` is the calling thread's. */
MUST_CHECK int kafka_offsets_settle(struct kafka_consumer *c, struct journal *journal,
                                    struct err *err);
void kafka_offsets_settle_or_say(struct kafka_consumer *c, struct journal *journal);
/* The group's offsets of the list's partitions; what passes is waited out for up to `wait_ms`. */
MUST_CHECK int kafka_offsets_ask(struct kafka_consumer *c, rd_kafka_topic_partition_list_t *list,
                                 int wait_ms, struct err *err);

#endif
