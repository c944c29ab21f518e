/*
 * Steps under faults: killed before every call that changes a file, killed again while recovering,
 * failing at every such call, and killed at random moments. Whatever happened, going on afterwards
 * must land each page once and adjust each landing file once.
 *
 * RIACHO_TORTURE=1 visits every point (of pairs of points every 25th); without it a part of them.
 */
#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/ledger.h"
#include "db/messages.h"
#include "db/staging.h"
#include "fault.h"
#include "world.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/banned.h"

#define PAGES 3
#define NEVER 1000000

static bool is_torture(void)
{
    return getenv("RIACHO_TORTURE") != NULL;
}

/* ---- the work: extract, transform, replay of the first page; each goes on where it was ---- */

struct worker {
    const struct world *world;
    int pages;
    struct journal journal;
    struct staging landing;
    struct staging adjusted;
};

static void worker_close(struct worker *worker)
{
    staging_close(&worker->landing);
    staging_close(&worker->adjusted);
    journal_close(&worker->journal);
}

static int worker_open(struct worker *worker, const struct world *world, int pages, struct err *err)
{
    worker->world = world;
    worker->pages = pages;
    TRY(world_journal(world, &worker->journal, err));
    TRY(world_recover(world, &worker->journal, err));
    TRY(staging_open(&worker->landing, world->landing, worker->journal.process, err));
    return staging_open(&worker->adjusted, world->adjusted, worker->journal.process, err);
}

static int land_page(struct worker *worker, const struct run_state *run, int64_t page,
                     struct err *err)
{
    char *id = mem_fmt("quakes-%06" PRId64 "-%04" PRId64, run->number, page);
    char *text = mem_fmt("page %" PRId64, page);
    char *position = mem_fmt("%" PRId64, page + 1);
    AUTO(made) made = {0};
    AUTO(step) step = {0};
    int done = world_make(worker->world, worker->landing.dir, id, NULL, text, &made, err);

    if (done == 0) {
        const bool is_last = page == worker->pages;

        step_open(&step);
        made_add(&made, &step);
        step_add_run(&step, &(struct step_run){.resource = "quakes",
                                               .number = run->number,
                                               .page = page,
                                               .position = is_last ? NULL : position,
                                               .cursor = position,
                                               .ended = is_last});
        done = step_commit(&step, &worker->journal, NULL, err);
    }
    free(position);
    free(text);
    free(id);
    return done == 0 ? err_set(err, ERR_DATA, "a name is taken") : done;
}

static int extract(struct worker *worker, struct err *err)
{
    AUTO(run_state) run = {0};
    int64_t ended = 0;

    TRY(journal_run_start(&worker->journal, "quakes", "0", &run, err));
    TRY(lite_number(&worker->journal.lite, "SELECT count(*) FROM runs WHERE status = 'ended'",
                    BIND_NOTHING, &ended, err));
    for (int64_t page = run.next_page; ended == 0 && page <= worker->pages; page++)
        TRY(land_page(worker, &run, page, err));
    return 0;
}

static int adjust(struct worker *worker, const struct message *message, struct step *step,
                  struct err *err)
{
    AUTO(ref) ref = {0};
    AUTO(buf) bytes = {0};
    AUTO(made) made = {0};
    char *path = NULL;
    char *id;
    char *text;
    int done;

    TRY(ref_read(message->value, message->value_size, &ref, err));
    TRY(fs_beneath(worker->world->landing, ref.path, &path, err));
    done = fs_read(path, 1000, &bytes, err);
    id = mem_fmt("%s.quakes", message->id);
    text = mem_fmt("adjusted %s", buf_text(&bytes));
    if (done == 0)
        done = world_make(worker->world, worker->adjusted.dir, id, message->id, text, &made, err);
    if (done == 0) {
        made_add(&made, step);
        step_add_consumed(step, &(struct step_consumed){.group = "transform",
                                                        .topic = WORLD_LANDED,
                                                        .id = message->id,
                                                        .offset = message->offset});
    }
    free(text);
    free(id);
    free(path);
    return done;
}

/* Works off what it was handed, in one step. */
static int adjust_all(struct worker *worker, const struct message *messages, int count,
                      struct err *err)
{
    AUTO(step) step = {0};
    int done;

    step_open(&step);
    for (int i = 0; i < count; i++) {
        const int known = messages_is_consumed(&worker->journal, "transform", messages[i].id, err);

        TRY(known);
        if (known == 0)
            TRY(adjust(worker, &messages[i], &step, err));
    }
    done = step_commit(&step, &worker->journal, NULL, err);
    return done == 0 ? err_set(err, ERR_DATA, "a name is taken") : done;
}

static int transform(struct worker *worker, struct err *err)
{
    int got;

    do {
        struct message messages[2] = {0};
        int done = 0;
        struct err ignored = {0};

        got = messages_claim(&worker->journal, "transform", WORLD_LANDED, 60000, 2, messages, err);
        if (got > 0)
            done = adjust_all(worker, messages, got, err);
        for (int i = 0; i < got; i++) {
            if (done < 0 &&
                messages_release(&worker->journal, "transform", &messages[i], &ignored) < 0)
                log_debug("%s", ignored.text);
            message_close(&messages[i]);
        }
        if (done < 0)
            return -1;
    } while (got > 0);
    return got;
}

static int replay_one(void *ctx, const struct known_file *landed, struct err *err)
{
    struct worker *worker = ctx;
    AUTO(known_file) old = {0};
    AUTO(made) made = {0};
    AUTO(step) step = {0};
    char *id;
    char *old_path;
    int done = ledger_output(&worker->journal, landed->id, "transform", "quakes", &old, err);

    if (done <= 0 || str_ends(old.id, ".2"))
        return done < 0 ? -1 : 0;
    id = mem_fmt("%s.2", old.id);
    old_path = fs_join(worker->world->adjusted, old.path);
    done = world_make(worker->world, worker->adjusted.dir, id, landed->id, "adjusted page 1", &made,
                      err);
    if (done == 0) {
        made.ref.replaces = mem_str(old.id);
        step_open(&step);
        step_add_file(&step, &(struct step_file){.temp_path = made.temp_path,
                                                 .final_path = made.final_path,
                                                 .stage = "transform",
                                                 .topic = WORLD_ADJUSTED,
                                                 .ref = &made.ref,
                                                 .unlink_path = old_path});
        done = step_commit(&step, &worker->journal, NULL, err);
    }
    free(old_path);
    free(id);
    return done < 0 ? -1 : 0;
}

static int work(struct worker *worker, struct err *err)
{
    TRY(extract(worker, err));
    TRY(transform(worker, err));
    return ledger_each(&worker->journal, "extract", NULL, 0, 1, worker, replay_one, err);
}

/* ---- what must hold afterwards ---- */

static void complain(const char *what, const char *of)
{
    fprintf(stderr, "%s: %s\n", what, of);
}

struct checking {
    const struct world *world;
    int64_t known;
    int wrong;
    int *pages; /* how often each was seen in this stage */
};

static int check_file(void *ctx, const struct known_file *file, struct err *err)
{
    struct checking *checking = ctx;
    const bool is_landing = str_same(file->stage, "extract");
    char *path =
        fs_join(is_landing ? checking->world->landing : checking->world->adjusted, file->path);
    AUTO(buf) bytes = {0};
    int page = 0;

    checking->known++;
    if (fs_read(path, 1000, &bytes, err) < 0 ||
        sscanf(buf_text(&bytes), is_landing ? "page %d" : "adjusted page %d", &page) != 1) {
        complain("no such file, or torn", path);
        checking->wrong++;
    } else
        checking->pages[page]++;
    free(path);
    return 0;
}

/* Returns how much is wrong with a stage. `is_done`: every page must be there. */
static int check_stage(const struct world *world, struct journal *journal, const char *stage,
                       const char *dir, int pages, bool is_done)
{
    struct checking checking = {.world = world,
                                .pages = mem_alloc(((size_t)pages + 1) * sizeof(int))};
    struct err err = {0};

    if (ledger_each(journal, stage, NULL, 0, 0, &checking, check_file, &err) < 0) {
        complain(stage, err.text);
        checking.wrong++;
    }
    for (int page = 1; page <= pages; page++)
        if (checking.pages[page] > 1 || (is_done && checking.pages[page] == 0)) {
            fprintf(stderr, "%s: page %d is there %d times\n", stage, page, checking.pages[page]);
            checking.wrong++;
        }
    if (world_count_files(dir, ".parquet") != checking.known) {
        fprintf(stderr, "%s: %d files, %d of them known\n", stage,
                world_count_files(dir, ".parquet"), (int)checking.known);
        checking.wrong++;
    }
    free(checking.pages);
    return checking.wrong;
}

static int check_number(const struct world *world, const char *sql, int64_t expected)
{
    const int64_t found = world_number(world, sql);

    if (found != expected)
        fprintf(stderr, "%s: %" PRId64 ", not %" PRId64 "\n", sql, found, expected);
    return found != expected;
}

static int check_temporary(const struct world *world)
{
    char *dirs[] = {fs_join(world->landing, ".tmp"), fs_join(world->adjusted, ".tmp")};
    int left = 0;

    for (int i = 0; i < 2; i++) {
        left += world_count_files(dirs[i], "");
        free(dirs[i]);
    }
    if (left > 0)
        fprintf(stderr, "%d temporary files are left\n", left);
    return left;
}

/* Of a state in which nobody works. */
static int check(const struct world *world, int pages, bool is_done)
{
    AUTO(journal) journal = {0};
    struct err err = {0};
    int wrong = 0;

    if (world_journal(world, &journal, &err) != 1 || world_recover(world, &journal, &err) < 0) {
        complain("recovery", err.text);
        return 1;
    }
    wrong += check_stage(world, &journal, "extract", world->landing, pages, is_done);
    wrong += check_stage(world, &journal, "transform", world->adjusted, pages, is_done);
    wrong += check_temporary(world);
    wrong += check_number(world, "SELECT count(*) FROM intents", 0);
    wrong += check_number(world, "SELECT count(*) FROM pending", 0);
    wrong += check_number(world,
                          "SELECT count(*) FROM consumed c WHERE NOT EXISTS (SELECT 1 FROM origins"
                          " WHERE origin = c.id)",
                          0);
    wrong += check_number(world,
                          "SELECT count(*) - (SELECT sum(files) FROM totals) FROM files"
                          " WHERE removed IS NULL",
                          0);
    if (is_done) {
        wrong += check_number(world, "SELECT count(*) FROM claims", 0);
        wrong += check_number(world, "SELECT count(*) FROM consumed", pages);
        wrong += check_number(world, "SELECT cursor FROM resources", pages + 1);
        wrong += check_number(world, "SELECT count(*) FROM messages WHERE topic = 2", pages + 1);
    }
    return wrong;
}

/* ---- children ---- */

/* What a child does; it ends with 0 if the work was done. */
struct errand {
    const struct world *world;
    int pages;
    int kill_at;
    int signal; /* in place of SIGKILL */
    int fail_at;
    int error;
    bool is_sticky;
};

static int run_errand(const struct errand *errand)
{
    struct worker worker = {0};
    struct err err = {0};
    int done;

    log_setup(LOG_ERROR, LOG_TEXT);
    if (errand->kill_at)
        fault_arm_signal(errand->kill_at, SIGKILL);
    done = worker_open(&worker, errand->world, errand->pages, &err);
    if (done == 0)
        done = work(&worker, &err);
    worker_close(&worker);
    if (done < 0)
        complain("child", err.text);
    return done < 0;
}

/* Whether every file under its final name is known; it need not be while a step waits to be settled. */
static bool is_clean(struct worker *worker)
{
    const struct world *world = worker->world;
    int64_t known = -1;
    struct err err = {0};

    if (worker->journal.unsettled)
        return true;
    if (lite_number(&worker->journal.lite, "SELECT count(*) FROM files WHERE removed IS NULL",
                    BIND_NOTHING, &known, &err) < 0)
        complain("ledger", err.text);
    return known == world_count_files(world->landing, ".parquet") +
                        world_count_files(world->adjusted, ".parquet");
}

/* Goes on with the same journal after each failure, as a stage that follows does. */
static int run_failing(const struct errand *errand)
{
    struct worker worker = {0};
    struct err err = {0};
    bool was_opened;
    int done;

    log_setup(LOG_ERROR, LOG_TEXT);
    fault_arm_error(errand->fail_at, errand->error, errand->is_sticky);
    done = worker_open(&worker, errand->world, errand->pages, &err);
    was_opened = done == 0;
    if (was_opened)
        done = work(&worker, &err);
    fault_disarm();
    if (done == 0 && !fault_fired())
        return 2;
    if (done < 0 && (err.code == ERR_NONE || err.code == ERR_SQL || err.code == ERR_DATA)) {
        complain("an unlikely error", err.text);
        return 1;
    }
    if (!was_opened) {
        worker_close(&worker);
        done = worker_open(&worker, errand->world, errand->pages, &err);
        if (done == 0)
            done = work(&worker, &err);
    } else if (!is_clean(&worker)) {
        complain("files that nobody knows", worker.world->dir);
        return 1;
    }
    for (int i = 0; i < 3 && done < 0; i++)
        done = work(&worker, &err);
    worker_close(&worker);
    if (done < 0)
        complain("the fault was over", err.text);
    return done < 0;
}

/* Returns the child's exit status, or minus the signal that ended it. */
static int in_child(int (*run)(const struct errand *errand), const struct errand *errand)
{
    const pid_t child = fork();
    int status = 0;

    if (child == 0)
        _exit(run(errand));
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void expect_done(const struct world *world, int pages, int nth, int second)
{
    const struct errand to_the_end = {.world = world, .pages = pages};
    const int ended = in_child(run_errand, &to_the_end);
    const int wrong = check(world, pages, true);

    if (ended != 0 || wrong != 0)
        fail_msg("after a fault at call %d (and %d): ended with %d, %d wrong", nth, second, ended,
                 wrong);
}

/* ---- the tests ---- */

/* 1 the work was done before the nth call came. */
static int visit(int nth)
{
    AUTO(world) world = {0};
    struct errand errand = {.pages = PAGES, .kill_at = nth};
    int ended;

    world_open(&world);
    errand.world = &world;
    ended = in_child(run_errand, &errand);
    if (ended == 0)
        return 1;
    assert_int_equal(ended, -SIGKILL);
    expect_done(&world, PAGES, nth, 0);
    return 0;
}

static void killed_before_any_call_the_work_is_done_once(void **state)
{
    const int stride = is_torture() ? 1 : 5;
    int nth = 1;

    (void)state;
    while (visit(nth) == 0)
        nth += stride;
    assert_true(nth > 100);
    print_message("           %d points\n", (nth - 1) / stride);
    /* The replay at the end one by one: it is the one that unlinks. */
    for (nth -= 70; visit(nth) == 0; nth++)
        ;
}

static void killed_again_while_recovering_the_work_is_done_once(void **state)
{
    const int stride = is_torture() ? 5 : 37;
    int points = 0;
    bool is_over = false;

    (void)state;
    for (int nth = 1; !is_over; nth += stride) {
        for (int second = 1 + nth % stride;; second += stride) {
            AUTO(world) world = {0};
            struct errand errand = {.pages = PAGES, .kill_at = nth};

            world_open(&world);
            errand.world = &world;
            is_over = in_child(run_errand, &errand) == 0;
            errand.kill_at = second;
            if (is_over || in_child(run_errand, &errand) == 0)
                break;
            expect_done(&world, PAGES, nth, second);
            points++;
        }
    }
    print_message("           %d points\n", points);
}

/* Every nth call fails, once or for good; then the cause is gone and the same process goes on. */
static void sweep_errors(int error, bool is_sticky)
{
    const int stride = is_torture() ? 1 : 3;
    int nth = 1;

    for (;; nth += stride) {
        AUTO(world) world = {0};
        struct errand errand = {.pages = PAGES,
                                .fail_at = nth,
                                .error = error,
                                .is_sticky = is_sticky};
        int ended;

        world_open(&world);
        errand.world = &world;
        ended = in_child(run_failing, &errand);
        if (ended == 2)
            break;
        if (ended != 0)
            fail_msg("after error %d at call %d: ended with %d", error, nth, ended);
        expect_done(&world, PAGES, nth, 0);
    }
    print_message("           %d points\n", (nth - 1) / stride);
}

static void after_any_failed_call_the_work_goes_on(void **state)
{
    (void)state;
    sweep_errors(EIO, false);
}

static void after_the_disk_was_full_the_work_goes_on(void **state)
{
    (void)state;
    sweep_errors(ENOSPC, true);
}

/* ---- what cannot be ended is undone ---- */

/* Lands two files; killed at the nth call. */
static int run_landing(const struct errand *errand)
{
    struct worker worker = {0};
    AUTO(made) first = {0};
    AUTO(made) second = {0};
    AUTO(step) step = {0};
    struct err err = {0};

    log_setup(LOG_ERROR, LOG_TEXT);
    if (worker_open(&worker, errand->world, 1, &err) < 0 ||
        world_make(errand->world, worker.landing.dir, "a-1", NULL, "one", &first, &err) < 0 ||
        world_make(errand->world, worker.landing.dir, "a-2", NULL, "two", &second, &err) < 0)
        return 2;
    step_open(&step);
    made_add(&first, &step);
    made_add(&second, &step);
    step_add_consumed(&step, &(struct step_consumed){.group = "g", .topic = "t", .id = "x"});
    fault_arm_signal(errand->kill_at, errand->signal ? errand->signal : SIGKILL);
    return step_commit(&step, &worker.journal, NULL, &err) == 1 ? 0 : 1;
}

/* Removes or cuts the file of that name, wherever it is beneath the folder. Returns whether it was there. */
static bool damage(const char *dir, const char *name, bool is_cut)
{
    char *command = mem_fmt("find %s -name '%s' | grep -q . && find %s -name '%s' -exec %s {} \\;",
                            dir, name, dir, name, is_cut ? "truncate -s 1" : "rm");
    const bool was_there = system(command) == 0;

    free(command);
    return was_there;
}

static void a_step_whose_file_is_lost_is_undone(void **state)
{
    int undone = 0;
    int renamed = 0;
    int ended = -SIGKILL;

    (void)state;
    for (int nth = 1; ended == -SIGKILL; nth++) {
        AUTO(world) world = {0};
        AUTO(journal) journal = {0};
        struct errand errand = {.kill_at = nth};
        struct err err = {0};

        world_open(&world);
        errand.world = &world;
        ended = in_child(run_landing, &errand);
        if (world_number(&world, "SELECT count(*) FROM intents") != 1 ||
            !damage(world.landing, "a-2", nth & 1))
            continue;
        renamed += world_count_files(world.landing, ".parquet");
        assert_int_equal(world_journal(&world, &journal, &err), 1);
        assert_int_equal(world_recover(&world, &journal, &err), 0);

        assert_int_equal(world_count_files(world.landing, ".parquet"), 0);
        assert_int_equal(check_temporary(&world), 0);
        assert_int_equal(world_number(&world, "SELECT count(*) FROM files"), 0);
        assert_int_equal(world_number(&world, "SELECT count(*) FROM intents"), 0);
        assert_int_equal(world_number(&world, "SELECT count(*) FROM pending"), 0);
        assert_int_equal(world_number(&world, "SELECT count(*) FROM consumed"), 0);
        undone++;
    }
    assert_int_equal(ended, 0);
    assert_true(undone >= 2);
    assert_true(renamed >= 1);
}

static void an_intent_that_cannot_be_read_is_undone(void **state)
{
    static const char *const damages[] = {
        "UPDATE intents SET doc = substr(doc, 1, length(doc) / 2)",
        "UPDATE intents SET doc = x'00ff00'",
        "UPDATE intents SET doc = '[]'",
        "UPDATE intents SET doc = '{\"files\":[{\"temp\":1}]}'",
        "UPDATE intents SET doc = json_set(doc, '$.files[0].event', '{')",
    };

    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        AUTO(world) world = {0};
        AUTO(journal) journal = {0};
        struct errand errand = {0};
        struct err err = {0};
        int ended;

        world_open(&world);
        errand.world = &world;
        do {
            errand.kill_at++;
            ended = in_child(run_landing, &errand);
            assert_int_equal(ended, -SIGKILL);
        } while (world_number(&world, "SELECT count(*) FROM intents") == 0);
        assert_int_equal(world_journal(&world, &journal, &err), 1);
        if (lite_script(&journal.lite, damages[i], &err) < 0 ||
            world_recover(&world, &journal, &err) < 0)
            fail_msg("%s: %s", damages[i], err.text);
        assert_int_equal(world_number(&world, "SELECT count(*) FROM intents"), 0);
        assert_int_equal(world_number(&world, "SELECT count(*) FROM pending"), 0);
        assert_int_equal(world_number(&world, "SELECT count(*) FROM files"), 0);
    }
}

/* ---- a process that stands still between INTENT and end ---- */

/* The message "x" in the topic "t". */
static void put_x(const struct world *world)
{
    AUTO(journal) journal = {0};
    struct err err = {0};

    assert_int_equal(world_journal(world, &journal, &err), 1);
    assert_int_equal(lite_script(&journal.lite,
                                 "INSERT INTO topics(no, name, next) VALUES (1, 't', 1);"
                                 "INSERT INTO messages VALUES (1, 0, 'x', 0, 'value', NULL)",
                                 &err),
                     0);
}

/* A child that stands still in step_commit(), after the INTENT was written and before it is deleted. */
static pid_t freeze(struct world *world)
{
    for (int nth = 1;; nth++) {
        const struct errand errand = {.world = world, .kill_at = nth, .signal = SIGSTOP};
        pid_t child;
        int status;

        world_open(world);
        put_x(world);
        child = fork();
        if (child == 0)
            _exit(run_landing(&errand));
        waitpid(child, &status, WUNTRACED);
        assert_true(WIFSTOPPED(status));
        if (world_number(world, "SELECT count(*) FROM intents") == 1)
            return child;
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        world_close(world);
    }
}

static int consume_x(struct journal *journal, struct err *err)
{
    AUTO(step) step = {0};

    step_open(&step);
    step_add_consumed(&step, &(struct step_consumed){.group = "g", .topic = "t", .id = "x"});
    return step_commit(&step, journal, NULL, err);
}

static void what_a_frozen_process_is_about_to_end_is_left_to_it(void **state)
{
    AUTO(world) world = {0};
    AUTO(journal) journal = {0};
    struct message message = {0};
    struct err err = {0};
    pid_t child;
    int status;

    (void)state;
    child = freeze(&world);
    assert_int_equal(world_journal(&world, &journal, &err), 1);

    assert_int_equal(world_recover(&world, &journal, &err), 0);
    assert_int_equal(messages_claim(&journal, "g", "t", 1000, 1, &message, &err), 0);
    assert_int_equal(consume_x(&journal, &err), -1);
    assert_int_equal(err.code, ERR_LOCKED);
    assert_true(err.retriable);
    assert_int_equal(messages_is_consumed(&journal, "g", "x", &err), 0);
    journal_close(&journal);

    kill(child, SIGCONT);
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(world_count_files(world.landing, ".parquet"), 2);
    assert_int_equal(world_number(&world, "SELECT count(*) FROM consumed"), 1);
}

static void when_it_dies_another_consumer_ends_its_step(void **state)
{
    AUTO(world) world = {0};
    AUTO(journal) journal = {0};
    struct message message = {0};
    struct err err = {0};
    pid_t child;
    int status;

    (void)state;
    child = freeze(&world);
    assert_int_equal(world_journal(&world, &journal, &err), 1);
    assert_int_equal(messages_claim(&journal, "g", "t", 1000, 1, &message, &err), 0);

    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    usleep(110000);
    assert_int_equal(messages_claim(&journal, "g", "t", 1000, 1, &message, &err), 0);
    assert_int_equal(messages_is_consumed(&journal, "g", "x", &err), 1);
    assert_int_equal(world_count_files(world.landing, ".parquet"), 2);
    assert_int_equal(world_number(&world, "SELECT count(*) FROM intents"), 0);
}

/* A process that works on until it is killed, at a random moment of its own. */
static void killed_at_random_moments_nothing_is_lost_or_doubled(void **state)
{
    const int kills = is_torture() ? 200 : 20;
    const int pages = 100000; /* never reached */
    AUTO(world) world = {0};
    unsigned seed = 20261122;
    int landed;

    (void)state;
    world_open(&world);
    for (int i = 0; i < kills; i++) {
        const struct errand errand = {.world = &world, .pages = pages};
        const pid_t child = fork();
        int status;
        int wrong;

        if (child == 0)
            _exit(run_errand(&errand));
        usleep(1000 + (useconds_t)rand_r(&seed) % 60000);
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        wrong = check(&world, pages, false);
        if (wrong != 0)
            fail_msg("after kill %d: %d wrong", i + 1, wrong);
    }
    landed = (int)world_number(&world, "SELECT count(*) FROM files WHERE stage = 'extract'");
    print_message("           %d kills, %d pages by then\n", kills, landed);
    assert_true(landed > 0 && landed < pages);
    expect_done(&world, landed + 10, kills, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_before_any_call_the_work_is_done_once),
        cmocka_unit_test(killed_again_while_recovering_the_work_is_done_once),
        cmocka_unit_test(after_any_failed_call_the_work_goes_on),
        cmocka_unit_test(after_the_disk_was_full_the_work_goes_on),
        cmocka_unit_test(a_step_whose_file_is_lost_is_undone),
        cmocka_unit_test(an_intent_that_cannot_be_read_is_undone),
        cmocka_unit_test(what_a_frozen_process_is_about_to_end_is_left_to_it),
        cmocka_unit_test(when_it_dies_another_consumer_ends_its_step),
        cmocka_unit_test(killed_at_random_moments_nothing_is_lost_or_doubled),
    };

    log_setup(LOG_ERROR, LOG_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
