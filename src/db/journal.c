/*
 * Opening the state, and being alive in it.
 */
#include "db/journal.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/journal_format.h"
#include "db/recover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

#define OPENING_MOST_MS 30000

/* ---- the folder ---- */

static int make_private_dir(const char *dir, struct err *err)
{
    struct stat info;

    TRY(fs_make_dirs(dir, 0700, err));
    if (stat(dir, &info) != 0)
        return err_errno(err, "could not look at \"%s\"", dir);
    if ((info.st_mode & 0077) != 0 && chmod(dir, 0700) != 0)
        return err_errno(err, "could not make \"%s\" private", dir);
    return 0;
}

static int find_absolute(const char *dir, char **ret_absolute, struct err *err)
{
    char *absolute = realpath(dir, NULL);

    if (absolute == NULL)
        return err_errno(err, "could not find \"%s\"", dir);
    *ret_absolute = absolute;
    return 0;
}

/* Two processes that make the same state take turns. */
static int wait_for_turn(const char *dir, struct lock *ret_lock, struct err *err)
{
    const int64_t began_ms = clock_monotonic_ms();
    char *path = fs_join(dir, "open.lock");
    int got;

    while ((got = lock_try(ret_lock, path, err)) == 0 &&
           clock_monotonic_ms() - began_ms < OPENING_MOST_MS)
        usleep(3000);
    free(path);
    if (got == 0)
        return err_set(err, ERR_LOCKED, "another process is opening the state \"%s\" for too long",
                       dir);
    return got < 0 ? -1 : 0;
}

/* ---- whose state it is ---- */

static int random_bytes(void *ret_bytes, size_t size, struct err *err)
{
    if (getrandom(ret_bytes, size, 0) != (ssize_t)size)
        return err_errno(err, "the system gave no random bytes");
    return 0;
}

static int create_tables(struct journal *journal, const char *pipeline, const char *broker,
                         struct err *err)
{
    AUTO(lite_txn) txn = {0};
    uint32_t random = 0;
    char epoch[8];

    TRY(random_bytes(&random, sizeof random, err));
    snprintf(epoch, sizeof epoch, "%06x", random & 0xffffff);
    TRY(lite_begin(&txn, &journal->lite, err));
    TRY(format_create(&journal->lite, pipeline, broker ? broker : "local", epoch, err));
    return lite_commit(&txn, err);
}

static int read_meta(struct journal *journal, const char *key, char **ret_value, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got = lite_first(&journal->lite, "SELECT value FROM meta WHERE key = ?",
                               BIND(lite_text(key)), &rows, err);

    TRY(got);
    if (got == 0)
        return err_set(err, ERR_DATA, "the state \"%s\" lacks \"%s\"", journal->dir, key);
    free(*ret_value);
    *ret_value = lite_col_copy(&rows, 0);
    return 0;
}

static int check_owner(const struct journal *journal, const char *pipeline, struct err *err)
{
    if (str_same(journal->pipeline, pipeline))
        return 0;
    err_set(err, ERR_USAGE, "the state \"%s\" is of the pipeline \"%s\", not of \"%s\"",
            journal->dir, journal->pipeline, pipeline);
    return err_hint(err,
                    "Give each pipeline a state folder of its own, or go back to the old name.");
}

int journal_check_broker(struct journal *journal, const char *broker, struct err *err)
{
    char *of_state = NULL;

    TRY(read_meta(journal, "broker", &of_state, err));
    if (!str_same(of_state, broker)) {
        err_set(err, ERR_USAGE,
                "the state \"%s\" has its references in the broker \"%s\", not \"%s\"",
                journal->dir, of_state, broker);
        err_hint(err, "Move them with: riacho state move FILE --to %s", broker);
        free(of_state);
        return -1;
    }
    free(of_state);
    return 0;
}

static int read_identity(struct journal *journal, const char *pipeline, const char *broker,
                         struct err *err)
{
    char *epoch = NULL;

    TRY(read_meta(journal, "pipeline", &journal->pipeline, err));
    TRY(check_owner(journal, pipeline, err));
    if (broker)
        TRY(journal_check_broker(journal, broker, err));
    TRY(read_meta(journal, "epoch", &epoch, err));
    snprintf(journal->epoch, sizeof journal->epoch, "%s", epoch);
    free(epoch);
    return 0;
}

/* ---- being alive ---- */

static int take_name(struct journal *journal, const char *dir, struct err *err)
{
    uint64_t random = 0;
    char *path;
    int got;

    TRY(random_bytes(&random, sizeof random, err));
    snprintf(journal->process, sizeof journal->process, "%u-%012" PRIx64, (unsigned)getpid(),
             random & 0xffffffffffff);
    path = mem_fmt("%s/%s.lock", dir, journal->process);
    got = lock_try(&journal->alive, path, err);
    free(path);
    return got;
}

static int join_the_living(struct journal *journal, struct err *err)
{
    char *dir = fs_join(journal->dir, "processes");
    int got = fs_make_dirs(dir, 0700, err);

    /* Somebody who looks whether this new process is dead may hold its lock for a moment. */
    if (got == 0)
        while ((got = take_name(journal, dir, err)) == 0)
            usleep(1000);
    free(dir);
    return got < 0 ? -1 : 0;
}

/* ---- opening and closing ---- */

/* 1 if the path is there or will be made, 0 if not. */
static int find_state(const char *path, enum journal_access access, struct err *err)
{
    const int found = access == JOURNAL_CREATE ? 1 : fs_look(path, err);

    if (found < 0)
        err_hint(err, "A state is its owner's alone: do this as the user who runs the pipeline.");
    return found;
}

/* 1 open, 0 there is no state. */
static int open_database(struct journal *journal, const char *pipeline, const char *broker,
                         enum journal_access access, struct err *err)
{
    char *path = fs_join(journal->dir, "state.db");
    int got = find_state(path, access, err);
    enum format_found found = FORMAT_EMPTY;

    if (got > 0)
        got = lite_open(&journal->lite, path, access == JOURNAL_CREATE, err);
    free(path);
    if (got <= 0)
        return got;
    TRY(format_check(&journal->lite, &found, err));
    if (found == FORMAT_EMPTY && access == JOURNAL_EXISTING)
        return 0;
    TRY(lite_set_up(&journal->lite, err));
    if (found == FORMAT_EMPTY) {
        /* By name: opening the file besides SQLite would drop SQLite's locks at the close. */
        if (chmod(journal->lite.path, 0600) != 0)
            return err_errno(err, "could not make \"%s\" private", journal->lite.path);
        TRY(create_tables(journal, pipeline, broker, err));
        /* SQLite ignores when this fails. */
        TRY(fs_sync_dir(journal->dir, err));
    }
    return 1;
}

static void hand_over(struct journal *made, struct journal *ret_journal)
{
    journal_close(ret_journal);
    *ret_journal = *made;
    *made = (struct journal){0};
}

int journal_open(struct journal *journal, const char *dir, const char *pipeline, const char *broker,
                 enum journal_access access, struct err *err)
{
    AUTO(journal) made = {0};
    AUTO(lock) turn = {0};
    int got = find_state(dir, access, err);

    if (got <= 0)
        return got;
    if (access == JOURNAL_CREATE)
        TRY(make_private_dir(dir, err));
    TRY(find_absolute(dir, &made.dir, err));
    if (access == JOURNAL_CREATE)
        TRY(wait_for_turn(made.dir, &turn, err));
    got = open_database(&made, pipeline, broker, access, err);
    if (got <= 0)
        return got;
    TRY(read_identity(&made, pipeline, broker, err));
    TRY(join_the_living(&made, err));
    hand_over(&made, journal);
    return 1;
}

int journal_share(const struct journal *journal, struct journal *ret_other, struct err *err)
{
    AUTO(journal) made = {0};
    int got;

    got = lite_open(&made.lite, journal->lite.path, false, err);
    if (got == 0)
        return err_set(err, ERR_IO, "the state \"%s\" is gone", journal->lite.path);
    TRY(got);
    TRY(lite_set_up(&made.lite, err));
    made.dir = mem_str(journal->dir);
    made.pipeline = mem_str(journal->pipeline);
    memcpy(made.epoch, journal->epoch, sizeof made.epoch);
    memcpy(made.process, journal->process, sizeof made.process);
    hand_over(&made, ret_other);
    return 0;
}

void journal_close(struct journal *journal)
{
    struct err err = {0};

    if (journal->lite.db && journal_settle(journal, &err) < 0)
        log_debug("left for the next start: %s", err.text);
    lite_close(&journal->lite);
    /* Before the lock goes: whoever takes it afterwards holds a file without a name. */
    if (journal->alive.path)
        unlink(journal->alive.path);
    lock_close(&journal->alive);
    free(journal->dir);
    free(journal->pipeline);
    *journal = (struct journal){0};
}

static int lock_by(int (*how)(struct lock *lock, const char *path, struct err *err),
                   const struct journal *journal, const char *what, struct lock *ret_lock,
                   struct err *err)
{
    char *path = mem_fmt("%s/%s.lock", journal->dir, what);
    const int got = how(ret_lock, path, err);
    const long holder = got == 0 ? (long)lock_holder(path) : 0;

    free(path);
    if (got != 0)
        return got < 0 ? -1 : 0;
    err_set(err, ERR_LOCKED, "the process %ld is the %s of the pipeline \"%s\" already", holder,
            what, journal->pipeline);
    return err_hint(err, "One %s at a time works on a state: stop the other one, or let it go on.",
                    what);
}

int journal_lock(const struct journal *journal, const char *what, struct lock *ret_lock,
                 struct err *err)
{
    return lock_by(lock_try, journal, what, ret_lock, err);
}

int journal_lock_shared(const struct journal *journal, const char *what, struct lock *ret_lock,
                        struct err *err)
{
    return lock_by(lock_try_shared, journal, what, ret_lock, err);
}

int journal_version(struct journal *journal, int64_t *ret_version, struct err *err)
{
    return lite_version(&journal->lite, ret_version, err);
}
