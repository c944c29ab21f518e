/*
 * The rate limit: a token bucket kept as one moment per key, the time at which the bucket will be
 * full (the generic cell rate algorithm of ITU-T I.371). By the wall clock, so that it survives the
 * process; a clock that is put back costs at most one bucket's worth of waiting.
 */
#include "base/clock.h"
#include "db/journal.h"

#include "base/banned.h"

struct bucket {
    int64_t now_us;
    int64_t interval_us; /* between two tokens */
    int64_t full_us;     /* time that a whole bucket takes */
};

static int read_full_at(struct lite *lite, const char *key, const struct bucket *bucket,
                        int64_t *ret_full_at, struct err *err)
{
    int64_t full_at = 0;

    TRY(lite_number(lite, "SELECT full_at FROM rates WHERE key = ?", BIND(lite_text(key)), &full_at,
                    err));
    if (full_at < bucket->now_us)
        full_at = bucket->now_us;
    if (full_at > bucket->now_us + bucket->full_us)
        full_at = bucket->now_us + bucket->full_us;
    *ret_full_at = full_at;
    return 0;
}

/* How long until the bucket has a token. */
static int64_t wait_us(const struct bucket *bucket, int64_t full_at)
{
    const int64_t wait = full_at + bucket->interval_us - bucket->full_us - bucket->now_us;

    return wait > 0 ? wait : 0;
}

static int take(struct lite *lite, const char *key, const struct bucket *bucket,
                int64_t *ret_wait_us, struct err *err)
{
    AUTO(lite_txn) txn = {0};
    int64_t full_at;

    /* Whoever must wait does not trouble the writers. */
    TRY(read_full_at(lite, key, bucket, &full_at, err));
    *ret_wait_us = wait_us(bucket, full_at);
    if (*ret_wait_us > 0)
        return 0;
    TRY(lite_begin_light(&txn, lite, err));
    TRY(read_full_at(lite, key, bucket, &full_at, err));
    *ret_wait_us = wait_us(bucket, full_at);
    if (*ret_wait_us > 0)
        return 0;
    TRY(lite_run(lite,
                 "INSERT INTO rates(key, full_at) VALUES (?, ?)"
                 " ON CONFLICT(key) DO UPDATE SET full_at = excluded.full_at",
                 BIND(lite_text(key), lite_int(full_at + bucket->interval_us)), err));
    return lite_commit(&txn, err);
}

int journal_rate_take(struct journal *journal, const char *key, double rate_per_s, int64_t burst,
                      int64_t *ret_wait_ms, struct err *err)
{
    struct bucket bucket = {.now_us = clock_wall_ms() * 1000,
                            .interval_us = (int64_t)(1e6 / rate_per_s) + 1};
    int64_t wait = 0;

    bucket.full_us = bucket.interval_us * (burst > 1 ? burst : 1);
    TRY(take(&journal->lite, key, &bucket, &wait, err));
    *ret_wait_ms = (wait + 999) / 1000;
    return 0;
}

int journal_rate_left(struct journal *journal, const char *key, double rate_per_s, int64_t burst,
                      double *ret_left, struct err *err)
{
    struct bucket bucket = {.now_us = clock_wall_ms() * 1000,
                            .interval_us = (int64_t)(1e6 / rate_per_s) + 1};
    int64_t full_at;

    bucket.full_us = bucket.interval_us * (burst > 1 ? burst : 1);
    TRY(read_full_at(&journal->lite, key, &bucket, &full_at, err));
    *ret_left = (double)(bucket.full_us - (full_at - bucket.now_us)) / (double)bucket.interval_us;
    return 0;
}
