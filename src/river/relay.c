/*
 * Wires journal → broker.
 */
#include "river/relay.h"

#include "base/logger.h"
#include "base/stop.h"
#include "db/dead.h"
#include "db/outbox.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/banned.h"

#define TOPICS 3
#define FIRST_PAUSE_MS 1000
#define LONGEST_PAUSE_MS 60000
#define LOOK_EVERY_MS 20

/* What a topic held that is gone, and this state still keeps, is sent again. */
static int meet_topic(struct journal *journal, const char *topic, const char *id, bool is_new,
                      struct err *err)
{
    int64_t count = 0;

    TRY(outbox_meet_topic(journal, topic, id[0] ? id : NULL, is_new, &count, err));
    if (count > 0)
        log_warn("the topic \"%s\" was gone and was made anew: %" PRId64
                 " references are sent again",
                 topic, count);
    return 0;
}

int relay_prepare(const struct river *river, struct journal *journal, int wait_ms, struct err *err)
{
    const char *const topics[TOPICS] = {river->landed_topic, river->adjusted_topic,
                                        river->dead_topic};
    char ids[TOPICS][BROKER_ID] = {0};
    bool made[TOPICS] = {false};

    if (river->broker_ops->prepare == NULL)
        return 0;
    TRY(broker_prepare(river->broker_ops, &river->conf.broker, topics, TOPICS, wait_ms, made, ids,
                       err));
    for (size_t i = 0; i < TOPICS; i++)
        TRY(meet_topic(journal, topics[i], ids[i], made[i], err));
    return 0;
}

static int prepare_and_send(struct river *river, struct journal *journal, const atomic_bool *finish,
                            struct err *err)
{
    if (!atomic_load(&river->broker_ready)) {
        TRY(relay_prepare(river, journal, BROKER_FOR_EVER, err));
        atomic_store(&river->broker_ready, true);
    }
    return broker_relay(river->broker_ops, &river->conf.broker, journal, finish, err);
}

static void wait_out(const struct err *err, int *pause_ms)
{
    log_warn("the relay waits %d s: %s", *pause_ms / 1000, err->text);
    if (err->hint[0])
        log_info("hint: %s", err->hint);
    stop_wait_ms(*pause_ms);
    if (*pause_ms < LONGEST_PAUSE_MS)
        *pause_ms *= 2;
}

int relay_run(struct river *river, bool follow, const atomic_bool *finish, struct err *err)
{
    AUTO(journal) journal = {0};
    int pause_ms = FIRST_PAUSE_MS;

    TRY(journal_share(&river->journal, &journal, err));
    for (;;) {
        const int done = prepare_and_send(river, &journal, finish, err);

        if (done == 0 || stop_asked())
            return 0;
        if (!follow)
            return -1;
        wait_out(err, &pause_ms);
    }
}

int relay_flush(struct river *river, int wait_ms, struct err *err)
{
    const atomic_bool at_once = true;

    TRY(relay_prepare(river, &river->journal, wait_ms, err));
    return broker_relay(river->broker_ops, &river->conf.broker, &river->journal, &at_once, err);
}

static int learn(void *ctx, const struct message *message, struct err *err)
{
    return dead_learn(ctx, message, err);
}

static int read_dead(struct river *river, struct err *err)
{
    int64_t *next = NULL;
    size_t count = 0;
    int done = relay_prepare(river, &river->journal, 0, err);

    if (done == 0)
        done = dead_places(&river->journal, &next, &count, err);
    if (done == 0)
        done = broker_read(river->broker_ops, &river->conf.broker, river->dead_topic, next, count,
                           &river->journal, learn, err);
    free(next);
    return done;
}

int relay_learn_dead(struct river *river, struct err *err)
{
    if (river->broker_ops->read == NULL)
        return 1;
    if (read_dead(river, err) == 0)
        return 1;
    if (err->code != ERR_NET)
        return -1;
    log_warn("only what this state knows of dead letters: %s", err->text);
    return 0;
}

void relay_wait_ready(const struct river *river)
{
    while (!atomic_load(&river->broker_ready) && !stop_asked())
        stop_wait_ms(LOOK_EVERY_MS);
}
