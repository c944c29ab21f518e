/*
 * Opening and closing what a command works with.
 */
#include "river/river.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static void make_live(struct river *river)
{
    const struct pipeline *conf = &river->conf;

    river->opened_ms = clock_monotonic_ms();
    river->landed_topic = mem_fmt("%s.landed", conf->name);
    river->adjusted_topic = mem_fmt("%s.adjusted", conf->name);
    river->dead_topic = mem_fmt("%s.dead", conf->name);
    river->broker_ops = broker_of(conf->broker.type);
    atomic_store(&river->broker_ready, river->broker_ops->prepare == NULL);
    river->extracts = mem_alloc(conf->source.resource_count * sizeof *river->extracts);
    for (size_t i = 0; i < conf->source.resource_count; i++)
        river->extracts[i].resource = &conf->source.resources[i];
    river->transform.name = "transform";
    river->exports = mem_alloc(conf->export_count * sizeof *river->exports);
    for (size_t i = 0; i < conf->export_count; i++)
        river->exports[i].name = conf->exports[i].name;
}

int river_read(struct river *river, const char *file, struct err *err)
{
    AUTO(faults) faults = {0};
    const int got = pipeline_read(&river->conf, file, &faults, err);

    if (faults.count > 0 && (got < 0 || log_enabled(LOG_WARN)))
        faults_print(&faults, stderr);
    TRY(got);
    make_live(river);
    return 0;
}

static int no_state(const struct river *river, struct err *err)
{
    err_set(err, ERR_USAGE, "the pipeline \"%s\" has no state yet in \"%s\"", river->conf.name,
            river->conf.state_dir);
    return err_hint(err, "Run it first: riacho run %s", river->conf.path);
}

/* Builds that lack a backend say so before anything is touched. */
static int check_backends(const struct pipeline *conf, struct err *err)
{
    const struct broker_ops *broker = broker_of(conf->broker.type);

    if (broker->missing) {
        err_set(err, ERR_USAGE, "this build has no broker \"%s\": %s", broker->name,
                broker->missing);
        return err_hint(err, "Use broker: {type: local}.");
    }
    return 0;
}

static enum journal_access access_to_state(const struct river *river, enum river_access access)
{
    if (access == RIVER_WORK || (access == RIVER_LEARN && river->broker_ops->read))
        return JOURNAL_CREATE;
    return JOURNAL_EXISTING;
}

int river_open(struct river *river, const char *file, enum river_access access, struct err *err)
{
    const char *dirs[RIVER_MOST_DIRS];
    int got;

    TRY(river_read(river, file, err));
    TRY(check_backends(&river->conf, err));
    if (river->will_extract)
        duck_soon_begin(&river->extract_duck,
                        &(struct duck_conf){.memory_bytes = river_memory(river, EXTRACT_MEMORY)});
    got = journal_open(&river->journal, river->conf.state_dir, river->conf.name,
                       access == RIVER_MOVE ? NULL : river->broker_ops->name,
                       access_to_state(river, access), err);
    if (got == 0)
        return no_state(river, err);
    if (got < 0)
        return err_wrap(err, "could not open the state");
    if (access != RIVER_LOOK &&
        journal_recover(&river->journal, dirs, river_dirs(river, dirs), err) < 0)
        return err_wrap(err, "could not recover the state");
    return 0;
}

int river_lock_broker(struct river *river, struct lock *ret_lock, struct err *err)
{
    if (journal_lock_shared(&river->journal, "broker", ret_lock, err) == 0)
        return journal_check_broker(&river->journal, river->broker_ops->name, err);
    if (err->code != ERR_LOCKED)
        return -1;
    err_set(err, ERR_LOCKED, "the references of \"%s\" are being moved to another broker",
            river->conf.name);
    return err_hint(err, "Wait until riacho state move has ended.");
}

int river_lock_to_move(const struct river *river, struct lock *ret_lock, struct err *err)
{
    if (journal_lock(&river->journal, "broker", ret_lock, err) == 0)
        return 0;
    if (err->code != ERR_LOCKED)
        return -1;
    err_set(err, ERR_LOCKED, "another process works on the pipeline \"%s\"", river->conf.name);
    return err_hint(err, "Stop it: references are moved while nobody reads or writes them.");
}

int river_lock_transform(const struct river *river, struct lock *ret_lock, struct err *err)
{
    if (journal_lock_shared(&river->journal, "transform", ret_lock, err) == 0)
        return 0;
    if (err->code != ERR_LOCKED)
        return -1;
    err_set(err, ERR_LOCKED, "a table of \"%s\" is being made anew by a replay", river->conf.name);
    return err_hint(err, "Wait until riacho transform --replay has ended.");
}

int river_lock_to_replay(const struct river *river, struct lock *ret_lock, struct err *err)
{
    if (journal_lock(&river->journal, "transform", ret_lock, err) == 0)
        return 0;
    if (err->code != ERR_LOCKED)
        return -1;
    err_set(err, ERR_LOCKED, "another process transforms the tables of \"%s\"", river->conf.name);
    return err_hint(
        err,
        "A replay needs the other transforms of this state stopped: stop them, or let them end.");
}

void river_close(struct river *river)
{
    duck_soon_close(&river->extract_duck);
    journal_close(&river->journal);
    free(river->landed_topic);
    free(river->adjusted_topic);
    free(river->dead_topic);
    free(river->extracts);
    free(river->exports);
    pipeline_close(&river->conf);
    memset(river, 0, sizeof *river);
}

static int64_t pass_ms(const struct extract_live *live)
{
    const int64_t started_ms = atomic_load(&live->started_ms);
    const int64_t ended_ms = atomic_load(&live->ended_ms);

    if (started_ms == 0)
        return 0;
    return (ended_ms ? ended_ms : clock_monotonic_ms()) - started_ms;
}

void extract_sums_of(const struct extract_live *live, struct extract_sums *ret_sums)
{
    struct extract_sums sums = live->before;

    sums.requests += atomic_load(&live->source.requests);
    sums.retries += atomic_load(&live->source.retries);
    sums.pages += atomic_load(&live->source.pages);
    sums.records += atomic_load(&live->source.records);
    sums.bytes += atomic_load(&live->source.bytes);
    sums.wire_bytes += atomic_load(&live->source.wire_bytes);
    sums.rows += atomic_load(&live->landing.rows);
    sums.files += atomic_load(&live->landing.files);
    sums.file_bytes += atomic_load(&live->landing.bytes);
    sums.skipped += atomic_load(&live->landing.skipped);
    sums.duplicate_keys += atomic_load(&live->landing.duplicate_keys);
    sums.half_characters += atomic_load(&live->landing.half_characters);
    sums.ms += pass_ms(live);
    *ret_sums = sums;
}

size_t river_dirs(const struct river *river, const char *ret_dirs[RIVER_MOST_DIRS])
{
    size_t count = 0;

    ret_dirs[count++] = river->conf.landing.dir;
    ret_dirs[count++] = river->conf.transform.dir;
    for (size_t i = 0; i < river->conf.export_count && count < RIVER_MOST_DIRS; i++)
        ret_dirs[count++] = river->conf.exports[i].dir;
    return count;
}

bool river_shares_names(const struct river *river)
{
    return river->conf.broker.type == BROKER_KAFKA;
}

const char *river_root(const struct river *river, const char *root)
{
    if (str_same(root, "landing"))
        return river->conf.landing.dir;
    if (str_same(root, "adjusted"))
        return river->conf.transform.dir;
    return NULL;
}

int64_t river_memory(const struct river *river, double share)
{
    return (int64_t)((double)river->conf.memory_limit_bytes * share);
}
