/*
 * Recovery: after a crash the INTENT rows tell what was about to become true.
 */
#include "db/recover.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/staging.h"
#include "db/step_parts.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

#define RECOVERY_MOST_MS 600000
#define LOOK_IDLE_MS 100
#define LOOK_BUSY_MS 1000
#define CHECKED_MOST_BYTES (8 << 20) /* a state up to this size is checked whole at each start */

/* ---- one step ---- */

/* 1 the step is true, 0 it is undone. */
static int end_plan(struct journal *journal, yyjson_val *plan, int64_t intent, struct err *err)
{
    bool is_back;
    int whole = files_are_whole(plan, err);

    if (whole == 1)
        whole = plan_is_current(journal, plan, err);
    if (whole == 1)
        whole = files_publish(plan, NULL, &is_back, err);
    TRY(whole);
    if (whole == 1) {
        TRY(files_unlink_old(plan, err));
        TRY(plan_apply(journal, plan, intent, err));
        files_clear(plan);
        return 1;
    }
    TRY(files_remove(plan, err));
    return plan_forget(journal, intent, err);
}

/* As end_plan. The text is borrowed from nobody's statement: a step ends in transactions of its own. */
static int end_step(struct journal *journal, int64_t intent, const struct buf *text,
                    struct err *err)
{
    AUTO(json) doc = {0};
    struct err ignored = {0};
    int ended;

    /* It tells nothing of its files then; what it held back is free again. */
    if (plan_read(&doc, buf_text(text), text->size, &ignored) < 0 ||
        !plan_is_sound(json_root(&doc))) {
        log_warn("a step in the state \"%s\" cannot be read; it is undone", journal->dir);
        return plan_forget(journal, intent, err);
    }
    ended = end_plan(journal, json_root(&doc), intent, err);
    return ended < 0 ? err_wrap(err, "could not end a step that was left half done") : ended;
}

/* The first INTENT of the process from `intent` on: 1, 0 there is none. */
static int find_intent(struct journal *journal, const char *process, int64_t *intent,
                       struct buf *ret_text, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got = lite_first(&journal->lite,
                               "SELECT seq, doc FROM intents WHERE seq >= ? AND process = ?"
                               " ORDER BY seq LIMIT 1",
                               BIND(lite_int(*intent), lite_text(process)), &rows, err);

    if (got == 1) {
        *intent = lite_col_int(&rows, 0);
        buf_reset(ret_text);
        buf_put(ret_text, lite_col_text(&rows, 1), lite_col_size(&rows, 1));
    }
    return got;
}

int journal_settle(struct journal *journal, struct err *err)
{
    AUTO(buf) text = {0};
    int64_t intent = journal->unsettled;
    int got;

    if (intent == 0)
        return 0;
    got = find_intent(journal, journal->process, &intent, &text, err);
    if (got == 1 && intent == journal->unsettled)
        got = end_step(journal, intent, &text, err);
    TRY(got);
    journal->unsettled = 0;
    return 0;
}

/* ---- processes ---- */

struct names {
    char **items;
    size_t count;
};

static void names_close(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct names){0};
}

static void names_add(struct names *names, const char *name, size_t size)
{
    for (size_t i = 0; i < names->count; i++)
        if (strlen(names->items[i]) == size && memcmp(names->items[i], name, size) == 0)
            return;
    *MEM_PUSH(names->items, names->count) = mem_strn(name, size);
}

/* Whoever left traces in the tables. */
static int add_from_tables(struct journal *journal, struct names *names, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    int got;

    TRY(lite_query(
        &journal->lite,
        "SELECT process FROM intents UNION SELECT process FROM claims"
        " WHERE process IS NOT NULL UNION SELECT process FROM runs WHERE status = 'running'",
        BIND_NOTHING, &rows, err));
    while ((got = lite_next(&rows, err)) > 0)
        names_add(names, lite_col_text(&rows, 0), lite_col_size(&rows, 0));
    return got;
}

static void add_from_locks(const char *dir, struct names *names)
{
    DIR *entries = opendir(dir);
    struct dirent *entry;

    while (entries && (entry = readdir(entries)) != NULL)
        if (str_ends(entry->d_name, ".lock"))
            names_add(names, entry->d_name, strlen(entry->d_name) - 5);
    if (entries)
        closedir(entries);
}

static int end_steps_of(struct journal *journal, const char *process, struct buried *buried,
                        struct err *err)
{
    AUTO(buf) text = {0};
    int64_t intent = 0;
    int got;

    while ((got = find_intent(journal, process, &intent, &text, err)) > 0) {
        got = end_step(journal, intent, &text, err);
        TRY(got);
        buried->forward += got == 1;
        buried->back += got == 0;
        intent++;
    }
    return got;
}

static int free_leases_of(struct journal *journal, const char *process, struct buried *buried,
                          struct err *err)
{
    AUTO(lite_txn) txn = {0};

    TRY(lite_begin_light(&txn, &journal->lite, err));
    TRY(lite_run(&journal->lite,
                 "UPDATE claims SET process = NULL, until = 0 WHERE process = ? AND intent IS NULL",
                 BIND(lite_text(process)), err));
    buried->leases += lite_changes(&journal->lite);
    TRY(lite_run(
        &journal->lite,
        "UPDATE runs SET status = 'killed', ended = ? WHERE process = ? AND status = 'running'",
        BIND(lite_int(clock_wall_ms()), lite_text(process)), err));
    return lite_commit(&txn, err);
}

/* While its lock is held nobody else does the same. */
static int bury_if_dead(struct journal *journal, const char *dir, const char *process,
                        struct buried *buried, struct err *err)
{
    char *path = mem_fmt("%s/%s.lock", dir, process);
    char *live = mem_fmt("%s/%s.live", dir, process);
    char *board = mem_fmt("%s/%s.board", dir, process);
    AUTO(lock) lock = {0};
    int got = lock_try(&lock, path, err);

    if (got == 1) {
        got = end_steps_of(journal, process, buried, err);
        if (got == 0)
            got = free_leases_of(journal, process, buried, err);
        if (got == 0)
            got = fs_remove_tree(board, err);
        if (got == 0) {
            unlink(live);
            unlink(path);
        }
    }
    free(board);
    free(live);
    free(path);
    return got;
}

bool journal_is_alive(const struct journal *journal, const char *process)
{
    char *path = mem_fmt("%s/processes/%s.lock", journal->dir, process);
    struct err ignored = {0};
    AUTO(lock) lock = {0};
    const bool is_alive = fs_exists(path) && lock_try(&lock, path, &ignored) == 0;

    free(path);
    return is_alive;
}

static int bury_all(struct journal *journal, struct buried *buried, struct err *err)
{
    char *dir = fs_join(journal->dir, "processes");
    AUTO(names) names = {0};
    int done = add_from_tables(journal, &names, err);

    add_from_locks(dir, &names);
    for (size_t i = 0; i < names.count && done == 0; i++)
        if (!str_same(names.items[i], journal->process))
            done = bury_if_dead(journal, dir, names.items[i], buried, err);
    free(dir);
    return done;
}

/* 1 it is this process's turn, 0 another one is at it. */
static int take_turn(const struct journal *journal, bool wait, struct lock *ret_lock,
                     struct err *err)
{
    const int64_t began_ms = clock_monotonic_ms();
    char *path = fs_join(journal->dir, "recovery.lock");
    int got;

    while ((got = lock_try(ret_lock, path, err)) == 0 && wait &&
           clock_monotonic_ms() - began_ms < RECOVERY_MOST_MS)
        usleep(10000);
    if (got == 0 && wait)
        got = err_set(err, ERR_LOCKED, "the process %ld recovers this state for unusually long",
                      (long)lock_holder(path));
    free(path);
    return got;
}

int journal_bury_dead(struct journal *journal, bool wait, struct buried *ret_buried,
                      struct err *err)
{
    struct buried buried = {0};
    AUTO(lock) turn = {0};
    const int got = take_turn(journal, wait, &turn, err);

    TRY(got);
    if (got == 1)
        TRY(bury_all(journal, &buried, err));
    *ret_buried = buried;
    return 0;
}

int journal_look_for_dead(struct journal *journal, bool is_busy, struct err *err)
{
    const int64_t now_ms = clock_monotonic_ms();
    struct buried buried;

    if (now_ms - journal->looked_ms < (is_busy ? LOOK_BUSY_MS : LOOK_IDLE_MS))
        return 0;
    TRY(journal_bury_dead(journal, false, &buried, err));
    journal->looked_ms = now_ms;
    return buried.leases + buried.forward + buried.back > 0;
}

/* ---- the folders ---- */

static int remember_root(struct lite *lite, const char *root, const char *id, struct err *err)
{
    AUTO(lite_txn) txn = {0};

    TRY(lite_begin_light(&txn, lite, err));
    TRY(lite_run(lite,
                 "INSERT INTO roots(path, id) VALUES (?, ?)"
                 " ON CONFLICT(path) DO UPDATE SET id = excluded.id",
                 BIND(lite_text(root), lite_text(id)), err));
    return lite_commit(&txn, err);
}

/* A folder that is not the one of last time: another disk is mounted there, or none. */
static int doubt_root(struct lite *lite, const char *root, const char *id, struct err *err)
{
    int64_t intents = 0;

    TRY(lite_number(lite, "SELECT count(*) FROM intents", BIND_NOTHING, &intents, err));
    if (intents > 0) {
        err_set(err, ERR_IO, "\"%s\" is not the folder that this state knows", root);
        return err_hint(
            err, "A step that was left half done has files there. Is the right disk mounted?");
    }
    log_warn("\"%s\" is not the folder that this state knew: is the right disk mounted?", root);
    return id ? remember_root(lite, root, id, err) : 0;
}

/* 1 and what the state knows of the root, 0 it knows nothing. */
static int known_root(struct lite *lite, const char *root, char **ret_id, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got =
        lite_first(lite, "SELECT id FROM roots WHERE path = ?", BIND(lite_text(root)), &rows, err);

    if (got == 1)
        *ret_id = lite_col_copy(&rows, 0);
    return got;
}

static int check_root(struct lite *lite, const char *root, struct err *err)
{
    char *id = NULL;
    char *known = NULL;
    int got = root_id(root, &id, err);

    if (got >= 0)
        got = known_root(lite, root, &known, err);
    if (got == 1 && !str_same(known, id))
        got = doubt_root(lite, root, id, err);
    else if (got == 0 && id)
        got = remember_root(lite, root, id, err);
    free(known);
    free(id);
    return got < 0 ? -1 : 0;
}

/* ---- the start ---- */

/* Damage is told at once where looking costs little; elsewhere SQLite tells when it meets it. */
static int check_database(struct lite *lite, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    int64_t bytes = 0;
    int got;

    TRY(lite_number(lite, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
                    BIND_NOTHING, &bytes, err));
    if (bytes > CHECKED_MOST_BYTES)
        return 0;
    got = lite_first(lite, "PRAGMA quick_check(1)", BIND_NOTHING, &rows, err);
    TRY(got);
    if (got == 1 && str_same(lite_col_text(&rows, 0), "ok"))
        return 0;
    err_set(err, ERR_IO, "the state \"%s\" is damaged: %s", lite->path, lite_col_text(&rows, 0));
    return err_hint(err, "Put back a copy of its folder, or move it away to begin anew.");
}

static void tell(const struct buried *buried)
{
    if (buried->forward + buried->back + buried->leases == 0)
        return;
    log_info("recovered what a process left behind: %" PRId64 " steps completed, %" PRId64
             " undone, %" PRId64 " references free again",
             buried->forward, buried->back, buried->leases);
}

int journal_recover(struct journal *journal, const char *const *roots, size_t count,
                    struct err *err)
{
    struct buried buried = {0};

    TRY(check_database(&journal->lite, err));
    for (size_t i = 0; i < count; i++)
        TRY(check_root(&journal->lite, roots[i], err));
    TRY(journal_bury_dead(journal, true, &buried, err));
    for (size_t i = 0; i < count; i++)
        TRY(staging_clear_dead(roots[i], err));
    tell(&buried);
    return 0;
}
