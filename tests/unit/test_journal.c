/*
 * The state: whose it is, who works on it, what it remembers of runs, tables and rates.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/dead.h"
#include "db/messages.h"
#include "db/recover.h"
#include "db/report.h"
#include "db/staging.h"
#include "world.h"

#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

static mode_t mode_of(const char *dir, const char *name)
{
    char *path = fs_join(dir, name);
    struct stat info;

    assert_int_equal(stat(path, &info), 0);
    free(path);
    return info.st_mode & 07777;
}

static void write_file(const char *dir, const char *name, const void *bytes, size_t size)
{
    char *path = fs_join(dir, name);
    struct err err = {0};

    DONE(fs_make_dirs(dir, 0700, &err));
    DONE(fs_write(path, bytes, size, 0600, &err));
    free(path);
}

/* As after SIGKILL, for a journal of this very process: its lock is let go, its file stays. */
static void abandon(struct journal *journal)
{
    free(journal->alive.path);
    journal->alive.path = NULL;
    lock_close(&journal->alive);
    journal_close(journal);
}

/* ---- opening ---- */

static void a_new_state_is_private(void **state)
{
    const struct world *world = *state;
    AUTO(journal) journal = {0};
    struct err err = {0};

    assert_int_equal(world_journal(world, &journal, &err), 1);

    assert_int_equal(mode_of(world->state, "."), 0700);
    assert_int_equal(mode_of(world->state, "state.db"), 0600);
    assert_int_equal(mode_of(world->state, "state.db-wal"), 0600);
    assert_int_equal(strlen(journal.epoch), 6);
    assert_int_equal(strspn(journal.epoch, "0123456789abcdef"), 6);
}

static void a_folder_that_others_may_read_is_made_private(void **state)
{
    const struct world *world = *state;
    AUTO(journal) journal = {0};
    struct err err = {0};

    assert_int_equal(mkdir(world->state, 0755), 0);
    assert_int_equal(world_journal(world, &journal, &err), 1);
    assert_int_equal(mode_of(world->state, "."), 0700);
}

static void the_epoch_stays_and_a_new_state_has_another(void **state)
{
    const struct world *world = *state;
    char first[8];
    AUTO(journal) journal = {0};
    struct err err = {0};

    assert_int_equal(world_journal(world, &journal, &err), 1);
    memcpy(first, journal.epoch, sizeof first);
    journal_close(&journal);

    assert_int_equal(world_journal(world, &journal, &err), 1);
    assert_string_equal(journal.epoch, first);
    journal_close(&journal);

    DONE(fs_remove_tree(world->state, &err));
    assert_int_equal(world_journal(world, &journal, &err), 1);
    assert_string_not_equal(journal.epoch, first);
}

static void no_state_is_made_by_looking_for_one(void **state)
{
    const struct world *world = *state;
    AUTO(journal) journal = {0};
    struct err err = {0};

    assert_int_equal(journal_open(&journal, world->state, "quakes", "local", JOURNAL_EXISTING,
                                  &err),
                     0);
    assert_false(fs_exists(world->state));

    DONE(fs_make_dirs(world->state, 0700, &err));
    assert_int_equal(journal_open(&journal, world->state, "quakes", "local", JOURNAL_EXISTING,
                                  &err),
                     0);
    write_file(world->state, "state.db", "", 0);
    assert_int_equal(journal_open(&journal, world->state, "quakes", "local", JOURNAL_EXISTING,
                                  &err),
                     0);
    assert_int_equal(world_journal(world, &journal, &err), 1);
}

static void expect_refused(const struct world *world, const char *pipeline, const char *broker,
                           const char *told)
{
    AUTO(journal) journal = {0};
    struct err err = {0};

    assert_int_equal(journal_open(&journal, world->state, pipeline, broker, JOURNAL_CREATE, &err),
                     -1);
    assert_int_equal(err.code, ERR_USAGE);
    if (strstr(err.text, told) == NULL)
        fail_msg("\"%s\" does not tell of %s", err.text, told);
    assert_string_not_equal(err.hint, "");
}

static void a_state_of_another_pipeline_or_broker_is_refused(void **state)
{
    const struct world *world = *state;
    AUTO(journal) journal = {0};
    struct err err = {0};

    assert_int_equal(world_journal(world, &journal, &err), 1);

    expect_refused(world, "floods", "local", "\"quakes\", not of \"floods\"");
    expect_refused(world, "quakes", "kafka", "\"local\", not \"kafka\"");
    journal_close(&journal);
    assert_int_equal(journal_open(&journal, world->state, "quakes", NULL, JOURNAL_EXISTING, &err),
                     1);
}

static void an_unknown_format_is_refused(void **state)
{
    const struct world *world = *state;
    AUTO(journal) journal = {0};
    struct err err = {0};

    assert_int_equal(world_journal(world, &journal, &err), 1);
    DONE(lite_script(&journal.lite, "PRAGMA user_version=99", &err));
    expect_refused(world, "quakes", "local", "format 99");
    DONE(lite_script(&journal.lite, "PRAGMA user_version=0", &err));
    expect_refused(world, "quakes", "local", "format 0");
}

static void a_file_that_is_no_state_is_refused_and_left_alone(void **state)
{
    const struct world *world = *state;
    char *path = fs_join(world->state, "state.db");
    char text[8192];
    sqlite3 *foreign = NULL;
    char before[FS_SHA256_TEXT];
    char after[FS_SHA256_TEXT];
    int64_t bytes;
    struct err err = {0};

    memset(text, 'x', sizeof text);
    write_file(world->state, "state.db", text, sizeof text);
    expect_refused(world, "quakes", "local", "not a");

    assert_int_equal(unlink(path), 0);
    assert_int_equal(sqlite3_open(path, &foreign), SQLITE_OK);
    assert_int_equal(sqlite3_exec(foreign, "CREATE TABLE t(a)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(foreign);
    DONE(fs_sha256(path, before, &bytes, &err));
    expect_refused(world, "quakes", "local", "not a state of riacho");
    DONE(fs_sha256(path, after, &bytes, &err));
    assert_string_equal(before, after);
    free(path);
}

static void two_processes_may_make_one_state(void **state)
{
    const struct world *world = *state;
    pid_t children[6];

    for (size_t i = 0; i < 6; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct journal journal = {0};
            struct err err = {0};

            _exit(world_journal(world, &journal, &err) == 1 ? 0 : 1);
        }
    }
    for (size_t i = 0; i < 6; i++) {
        int status;

        waitpid(children[i], &status, 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(world_number(world, "SELECT count(*) FROM meta WHERE key = 'epoch'"), 1);
}

static void damage_is_told_at_the_start(void **state)
{
    const struct world *world = *state;
    char *path = fs_join(world->state, "state.db");
    AUTO(journal) journal = {0};
    struct err err = {0};
    char junk[4096];
    FILE *file;

    assert_int_equal(world_journal(world, &journal, &err), 1);
    assert_int_equal(world_land(world, &journal, "a", 1, 200, &err), 1);
    journal_close(&journal);
    memset(junk, 0xa5, sizeof junk);
    file = fopen(path, "r+");
    for (int page = 4; page < 40; page += 3) {
        fseek(file, page * 4096L, SEEK_SET);
        fwrite(junk, 1, sizeof junk, file);
    }
    fclose(file);

    if (world_journal(world, &journal, &err) == 1)
        assert_int_equal(world_recover(world, &journal, &err), -1);
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.text, "state.db"));
    free(path);
}

/* ---- who works on it ---- */

static void one_extractor_at_a_time(void **state)
{
    const struct world *world = *state;
    AUTO(journal) journal = {0};
    AUTO(lock) first = {0};
    AUTO(lock) second = {0};
    char pid[32];
    struct err err = {0};

    assert_int_equal(world_journal(world, &journal, &err), 1);
    DONE(journal_lock(&journal, "extractor", &first, &err));

    assert_int_equal(journal_lock(&journal, "extractor", &second, &err), -1);
    assert_int_equal(err.code, ERR_LOCKED);
    snprintf(pid, sizeof pid, "process %ld ", (long)getpid());
    assert_non_null(strstr(err.text, pid));
    lock_close(&first);
    DONE(journal_lock(&journal, "extractor", &second, &err));
}

static void the_version_changes_with_every_commit_of_anybody(void **state)
{
    const struct world *world = *state;
    AUTO(journal) journal = {0};
    AUTO(journal) other = {0};
    AUTO(run_state) run = {0};
    int64_t before = 0;
    int64_t after = 0;
    struct err err = {0};

    assert_int_equal(world_journal(world, &journal, &err), 1);
    DONE(journal_share(&journal, &other, &err));
    DONE(journal_version(&journal, &before, &err));
    DONE(journal_version(&journal, &after, &err));
    assert_int_equal(before, after);

    DONE(journal_run_start(&other, "quakes", NULL, &run, &err));
    DONE(journal_version(&journal, &after, &err));
    assert_int_not_equal(before, after);
    before = after;
    DONE(journal_run_start(&journal, "quakes", NULL, &run, &err));
    DONE(journal_version(&journal, &after, &err));
    assert_int_not_equal(before, after);
}

static void what_a_dead_process_left_is_cleared(void **state)
{
    const struct world *world = *state;
    AUTO(journal) dead = {0};
    AUTO(journal) journal = {0};
    AUTO(run_state) run = {0};
    AUTO(staging) staging = {0};
    struct message message = {0};
    char *process;
    struct err err = {0};

    assert_int_equal(world_journal(world, &dead, &err), 1);
    assert_int_equal(world_land(world, &dead, "a", 1, 1, &err), 1);
    DONE(journal_run_start(&dead, "quakes", NULL, &run, &err));
    DONE(staging_open(&staging, world->landing, dead.process, &err));
    write_file(staging.dir, "half", "abc", 3);
    assert_int_equal(messages_claim(&dead, "g", WORLD_LANDED, 60000, 1, &message, &err), 1);
    message_close(&message);
    process = mem_str(dead.process);
    assert_int_equal(world_journal(world, &journal, &err), 1);
    assert_true(journal_is_alive(&journal, process));

    abandon(&dead);
    lock_close(&staging.lock);
    assert_false(journal_is_alive(&journal, process));
    DONE(world_recover(world, &journal, &err));

    assert_int_equal(world_count_files(world->landing, "half"), 0);
    assert_int_equal(world_count_files(world->state, ".lock"), 3); /* ours, open, recovery */
    assert_int_equal(world_number(world, "SELECT count(*) FROM runs WHERE status = 'killed'"), 1);
    assert_int_equal(messages_claim(&journal, "g", WORLD_LANDED, 60000, 1, &message, &err), 1);
    assert_int_equal(message.attempts, 1);
    message_close(&message);
    free(process);
}

/* As the tasks of a Spark job do, which outlive the process that asked for them for a while. */
static void write_on(const char *dir)
{
    for (int i = 0;; i++) {
        char *inner = mem_fmt("%s/%d", dir, i % 50);

        mkdir(dir, 0777);
        mkdir(inner, 0777);
        free(inner);
    }
}

static pid_t start_late_writer(const char *dir)
{
    char *first = fs_join(dir, "0");
    const pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* also if the test fails */
        close_range(3, ~0U, 0);           /* the locks are not its own */
        write_on(dir);
    }
    while (!fs_exists(first))
        usleep(1000);
    free(first);
    return pid;
}

/* Found by killing riacho in the middle of jobs on Spark: the next start failed. */
static void a_folder_that_is_written_into_still_is_cleared_later(void **state)
{
    const struct world *world = *state;
    AUTO(journal) dead = {0};
    AUTO(journal) journal = {0};
    AUTO(staging) staging = {0};
    struct err err = {0};
    pid_t writer;

    assert_int_equal(world_journal(world, &dead, &err), 1);
    DONE(staging_open(&staging, world->landing, dead.process, &err));
    writer = start_late_writer(staging.dir);
    assert_int_equal(world_journal(world, &journal, &err), 1);
    abandon(&dead);
    lock_close(&staging.lock);

    for (int i = 0; i < 20; i++)
        DONE(world_recover(world, &journal, &err));
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    DONE(world_recover(world, &journal, &err));

    assert_false(fs_exists(staging.dir));
}

static void the_living_are_left_alone(void **state)
{
    const struct world *world = *state;
    AUTO(journal) alive = {0};
    AUTO(journal) journal = {0};
    AUTO(staging) staging = {0};
    AUTO(staging) second = {0};
    struct err err = {0};

    assert_int_equal(world_journal(world, &alive, &err), 1);
    DONE(staging_open(&staging, world->landing, alive.process, &err));
    DONE(staging_open(&second, world->landing, alive.process, &err));
    assert_string_not_equal(staging.dir, second.dir);
    write_file(staging.dir, "half", "abc", 3);
    assert_int_equal(world_journal(world, &journal, &err), 1);
    DONE(world_recover(world, &journal, &err));

    assert_int_equal(world_count_files(world->landing, "half"), 1);
    staging_close(&staging);
    assert_int_equal(world_count_files(world->landing, "half"), 0);
    assert_true(fs_exists(second.dir));
}

static void a_root_that_was_exchanged_is_told(void **state)
{
    const struct world *world = *state;
    AUTO(journal) journal = {0};
    char *id_path = fs_join(world->landing, ".riacho-root");
    struct err err = {0};

    assert_int_equal(world_journal(world, &journal, &err), 1);
    for (int i = 0; i < 2; i++) {
        AUTO(staging) staging = {0};

        DONE(world_recover(world, &journal, &err));
        DONE(staging_open(&staging, world->landing, journal.process, &err));
    }
    assert_int_equal(world_number(world, "SELECT count(*) FROM roots"), 1);

    write_file(world->landing, ".riacho-root", "another\n", 8);
    DONE(lite_script(&journal.lite,
                     "INSERT INTO intents(process, time, doc) VALUES ('1-0', 0, '{}')", &err));
    assert_int_equal(world_recover(world, &journal, &err), -1);
    assert_int_equal(err.code, ERR_IO);
    DONE(lite_script(&journal.lite, "DELETE FROM intents", &err));
    DONE(world_recover(world, &journal, &err)); /* a warning is enough */
    free(id_path);
}

/* ---- runs ---- */

static void commit_page(struct journal *journal, const struct step_run *run)
{
    AUTO(step) step = {0};
    struct err err = {0};

    step_open(&step);
    step_add_run(&step, run);
    if (step_commit(&step, journal, NULL, &err) != 1)
        fail_msg("%s", err.text);
}

static void a_fresh_run_starts_with_the_initial_value(void **state)
{
    AUTO(journal) journal = {0};
    AUTO(run_state) run = {0};
    struct err err = {0};

    assert_int_equal(world_journal(*state, &journal, &err), 1);
    DONE(journal_run_start(&journal, "quakes", "5", &run, &err));

    assert_int_equal(run.number, 1);
    assert_int_equal(run.resumes, 0);
    assert_int_equal(run.next_page, 1);
    assert_string_equal(run.start_value, "5");
    assert_null(run.position);
    assert_null(run.cursor);
}

static void an_unfinished_run_goes_on_where_it_was(void **state)
{
    AUTO(journal) journal = {0};
    AUTO(run_state) run = {0};
    struct err err = {0};

    assert_int_equal(world_journal(*state, &journal, &err), 1);
    DONE(journal_run_start(&journal, "quakes", "5", &run, &err));
    commit_page(&journal, &(struct step_run){.resource = "quakes",
                                             .number = run.number,
                                             .page = 7,
                                             .position = "{\"offset\":8}",
                                             .cursor = "70",
                                             .boundary = "[\"a\"]"});
    DONE(journal_run_failed(&journal, "quakes", run.number, "failed", "no network",
                            "{\"requests\":8}", &err));

    DONE(journal_run_start(&journal, "quakes", "9999", &run, &err));
    assert_int_equal(run.number, 2);
    assert_int_equal(run.resumes, 1);
    assert_int_equal(run.next_page, 8);
    assert_string_equal(run.position, "{\"offset\":8}");
    assert_string_equal(run.start_value, "5");
    assert_string_equal(run.cursor, "70");
    assert_string_equal(run.boundary, "[\"a\"]");
}

static void the_cursor_advances_only_when_the_run_ends(void **state)
{
    AUTO(journal) journal = {0};
    AUTO(run_state) run = {0};
    struct err err = {0};

    assert_int_equal(world_journal(*state, &journal, &err), 1);
    DONE(journal_run_start(&journal, "quakes", "5", &run, &err));
    commit_page(&journal, &(struct step_run){.resource = "quakes",
                                             .number = 1,
                                             .page = 1,
                                             .position = "1",
                                             .cursor = "70",
                                             .boundary = "[]"});
    assert_int_equal(world_number(*state, "SELECT count(*) FROM resources WHERE cursor NOT NULL"),
                     0);
    commit_page(&journal, &(struct step_run){.resource = "quakes",
                                             .number = 1,
                                             .page = 2,
                                             .cursor = "80",
                                             .boundary = "[\"b\"]",
                                             .ended = true,
                                             .why = "empty page",
                                             .counts = "{\"requests\":2}"});

    DONE(journal_run_start(&journal, "quakes", "5", &run, &err));
    assert_int_equal(run.next_page, 1);
    assert_int_equal(run.resumes, 0);
    assert_null(run.position);
    assert_string_equal(run.start_value, "80");
    assert_string_equal(run.start_boundary, "[\"b\"]");
    assert_string_equal(run.cursor, "80");
    assert_string_equal(run.boundary, "[\"b\"]");
}

static void where_the_last_run_found_the_records_is_kept_until_a_reset(void **state)
{
    AUTO(journal) journal = {0};
    AUTO(run_state) run = {0};
    struct step_run page = {.resource = "quakes",
                            .number = 1,
                            .page = 1,
                            .ended = true,
                            .why = "single page",
                            .counts = "{\"requests\":1,\"selector\":\"a['\\\"']\"}"};
    int64_t count;
    struct err err = {0};

    assert_int_equal(world_journal(*state, &journal, &err), 1);
    DONE(journal_run_start(&journal, "quakes", NULL, &run, &err));
    assert_null(run.selector);
    commit_page(&journal, &page);

    DONE(journal_run_start(&journal, "quakes", NULL, &run, &err));
    assert_string_equal(run.selector, "a['\"']");
    DONE(journal_run_failed(&journal, "quakes", 2, "failed", "no network", "{}", &err));
    DONE(journal_run_start(&journal, "quakes", NULL, &run, &err));
    assert_string_equal(run.selector, "a['\"']");
    DONE(journal_run_start(&journal, "floods", NULL, &run, &err));
    assert_null(run.selector);

    DONE(journal_reset(&journal, "quakes", &count, &err));
    DONE(journal_run_start(&journal, "quakes", NULL, &run, &err));
    assert_null(run.selector);
}

static void a_run_without_records_keeps_the_cursor(void **state)
{
    AUTO(journal) journal = {0};
    AUTO(run_state) run = {0};
    struct err err = {0};

    assert_int_equal(world_journal(*state, &journal, &err), 1);
    for (int i = 1; i <= 3; i++) {
        DONE(journal_run_start(&journal, "quakes", "5", &run, &err));
        commit_page(&journal, &(struct step_run){.resource = "quakes",
                                                 .number = run.number,
                                                 .page = 1,
                                                 .cursor = i == 1 ? "80" : NULL,
                                                 .boundary = i == 1 ? "[\"b\"]" : NULL,
                                                 .ended = true});
    }
    DONE(journal_run_start(&journal, "quakes", "5", &run, &err));
    assert_string_equal(run.start_value, "80");
    assert_string_equal(run.start_boundary, "[\"b\"]");
}

static void a_refused_position_starts_over_from_the_same_value(void **state)
{
    AUTO(journal) journal = {0};
    AUTO(run_state) run = {0};
    struct err err = {0};

    assert_int_equal(world_journal(*state, &journal, &err), 1);
    DONE(journal_run_start(&journal, "quakes", "5", &run, &err));
    commit_page(&journal,
                &(struct step_run){
                    .resource = "quakes", .number = 1, .page = 4, .position = "4", .cursor = "70"});
    DONE(journal_run_start(&journal, "quakes", "5", &run, &err));

    DONE(journal_run_over(&journal, "quakes", &run, &err));
    assert_int_equal(run.number, 2);
    assert_int_equal(run.next_page, 1);
    assert_null(run.position);
    assert_string_equal(run.start_value, "5");

    DONE(journal_run_start(&journal, "quakes", "5", &run, &err));
    assert_int_equal(run.next_page, 1);
    assert_string_equal(run.start_value, "5");
}

static void a_step_of_a_run_that_is_not_the_current_one_is_refused(void **state)
{
    AUTO(journal) journal = {0};
    AUTO(run_state) run = {0};
    AUTO(step) step = {0};
    struct err err = {0};

    assert_int_equal(world_journal(*state, &journal, &err), 1);
    DONE(journal_run_start(&journal, "quakes", "5", &run, &err));
    DONE(journal_run_start(&journal, "quakes", "5", &run, &err));
    step_open(&step);
    step_add_run(&step,
                 &(struct step_run){.resource = "quakes", .number = 1, .page = 1, .position = "1"});

    assert_int_equal(step_commit(&step, &journal, NULL, &err), -1);
    assert_int_equal(err.code, ERR_LOCKED);
    assert_int_equal(world_number(*state, "SELECT count(*) FROM resources WHERE position NOT NULL"),
                     0);
}

static void a_reset_forgets_the_cursor_and_never_a_number(void **state)
{
    AUTO(journal) journal = {0};
    AUTO(run_state) run = {0};
    int64_t count = 0;
    struct err err = {0};

    assert_int_equal(world_journal(*state, &journal, &err), 1);
    DONE(journal_run_start(&journal, "quakes", "5", &run, &err));
    commit_page(&journal,
                &(struct step_run){
                    .resource = "quakes", .number = 1, .page = 1, .cursor = "80", .ended = true});
    DONE(journal_run_start(&journal, "floods", NULL, &run, &err));

    DONE(journal_reset(&journal, "quakes", &count, &err));
    assert_int_equal(count, 1);
    DONE(journal_run_start(&journal, "quakes", "5", &run, &err));
    assert_int_equal(run.number, 3);
    assert_string_equal(run.start_value, "5");
    DONE(journal_reset(&journal, NULL, &count, &err));
    assert_int_equal(count, 2);
    DONE(lite_script(&journal.lite, "DELETE FROM runs", &err));
    DONE(journal_run_start(&journal, "quakes", "5", &run, &err));
    assert_int_equal(run.number, 4);
}

static void a_schema_is_kept_with_its_history(void **state)
{
    AUTO(journal) journal = {0};
    AUTO(schema) narrow = {.kind = KIND_STRUCT};
    AUTO(schema) wide = {.kind = KIND_STRUCT};
    AUTO(schema) found = {0};
    struct err err = {0};

    assert_int_equal(world_journal(*state, &journal, &err), 1);
    assert_int_equal(journal_schema(&journal, "quakes", &found, &err), 0);
    schema_field(&narrow, "id", 2, true)->kind = KIND_INT;
    schema_field(&wide, "id", 2, true)->kind = KIND_INT;
    schema_field(&wide, "mag", 3, true)->kind = KIND_DOUBLE;
    for (int i = 0; i < 3; i++) {
        AUTO(step) step = {0};

        step_open(&step);
        step_add_schema(&step, "quakes", "aaaa", &narrow);
        if (i > 0)
            step_add_schema(&step, "quakes", "bbbb", &wide);
        DONE(step_commit(&step, &journal, NULL, &err));
    }

    assert_int_equal(journal_schema(&journal, "quakes", &found, &err), 1);
    assert_true(schema_same(&found, &wide));
    assert_int_equal(journal_schema_by(&journal, "quakes", "aaaa", &found, &err), 1);
    assert_true(schema_same(&found, &narrow));
    assert_int_equal(journal_schema_by(&journal, "quakes", "cccc", &found, &err), 0);
    assert_int_equal(world_number(*state, "SELECT count(*) FROM schemas"), 2);
}

/* ---- tables ---- */

static void fix(struct journal *journal, const char *name, const char *type, const char *expected)
{
    struct fixed_column column = {.name = mem_str(name), .type = mem_str(type)};
    struct err err = {0};

    DONE(journal_fix_columns(journal, "quakes", &column, 1, &err));
    assert_string_equal(column.type, expected);
    free(column.name);
    free(column.type);
}

static void a_column_keeps_the_type_of_its_first_time(void **state)
{
    AUTO(journal) journal = {0};
    AUTO(journal) other = {0};
    struct fixed_column *columns = NULL;
    size_t count = 0;
    struct err err = {0};

    assert_int_equal(world_journal(*state, &journal, &err), 1);
    DONE(journal_share(&journal, &other, &err));
    fix(&journal, "mag", "DOUBLE", "DOUBLE");
    fix(&other, "MAG", "BIGINT", "DOUBLE");
    fix(&other, "id", "VARCHAR", "VARCHAR");
    fix(&journal, "Id", "BIGINT", "VARCHAR");

    DONE(journal_columns(&journal, "quakes", &columns, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(columns[0].name, "mag");
    assert_string_equal(columns[1].type, "VARCHAR");
    fixed_columns_free(columns, count);
}

static void a_table_that_is_made_anew_knows_no_type(void **state)
{
    AUTO(journal) journal = {0};
    AUTO(journal) apart = {0};
    struct err err = {0};

    assert_int_equal(world_journal(*state, &journal, &err), 1);
    fix(&journal, "mag", "DOUBLE", "DOUBLE");
    DONE(journal_open_columns(&apart, &err));
    fix(&apart, "mag", "BIGINT", "BIGINT");
    fix(&apart, "MAG", "VARCHAR", "BIGINT");
    fix(&journal, "mag", "VARCHAR", "DOUBLE");
}

/* ---- rates ---- */

static void a_burst_is_free_and_then_the_rate_holds(void **state)
{
    AUTO(journal) journal = {0};
    AUTO(journal) other = {0};
    int64_t wait_ms = 0;
    struct err err = {0};

    assert_int_equal(world_journal(*state, &journal, &err), 1);
    DONE(journal_share(&journal, &other, &err));
    for (int i = 0; i < 3; i++) {
        DONE(journal_rate_take(i & 1 ? &journal : &other, "api", 2.0, 3, &wait_ms, &err));
        assert_int_equal(wait_ms, 0);
    }
    DONE(journal_rate_take(&journal, "api", 2.0, 3, &wait_ms, &err));
    assert_in_range(wait_ms, 300, 501);
    DONE(journal_rate_take(&other, "api", 2.0, 3, &wait_ms, &err));
    assert_in_range(wait_ms, 300, 501);
    DONE(journal_rate_take(&journal, "other api", 2.0, 3, &wait_ms, &err));
    assert_int_equal(wait_ms, 0);
    usleep(510000);
    DONE(journal_rate_take(&journal, "api", 2.0, 3, &wait_ms, &err));
    assert_int_equal(wait_ms, 0);
}

static void a_clock_that_was_put_back_costs_one_bucket_at_most(void **state)
{
    AUTO(journal) journal = {0};
    int64_t wait_ms = 0;
    struct err err = {0};

    assert_int_equal(world_journal(*state, &journal, &err), 1);
    DONE(lite_script(&journal.lite, "INSERT INTO rates VALUES ('api', 9000000000000000)", &err));
    DONE(journal_rate_take(&journal, "api", 10.0, 5, &wait_ms, &err));
    assert_in_range(wait_ms, 1, 101);
}

/* ---- cost ---- */

/* The growing tables, and the short names that statements give them. */
static const char *const growing[] = {"messages", "consumed", "files", "origins", "runs",
                                      "dead",     "m",        "f",     "o",       "d"};

/* Every statement that was prepared finds its rows of the growing tables by an index, or takes the first few. */
static void expect_no_scans(struct lite *lite)
{
    for (size_t i = 0; i < lite->slot_count; i++) {
        char *explain = mem_fmt("EXPLAIN QUERY PLAN %s", lite->slots[i].sql);
        sqlite3_stmt *stmt = NULL;

        if (sqlite3_prepare_v2(lite->db, explain, -1, &stmt, NULL) != SQLITE_OK)
            fail_msg("%s: %s", lite->slots[i].sql, sqlite3_errmsg(lite->db));
        while (sqlite3_step(stmt) == SQLITE_ROW) {
            const char *plan = (const char *)sqlite3_column_text(stmt, 3);

            for (size_t n = 0; n < sizeof growing / sizeof *growing; n++) {
                char *scan = mem_fmt("SCAN %s", growing[n]);

                if (str_same(plan, scan) && strstr(lite->slots[i].sql, "LIMIT") == NULL)
                    fail_msg("%s: %s", lite->slots[i].sql, plan);
                free(scan);
            }
        }
        sqlite3_finalize(stmt);
        free(explain);
    }
}

static void no_statement_of_a_step_reads_a_whole_table(void **state)
{
    const struct world *world = *state;
    AUTO(journal) journal = {0};
    struct message messages[2] = {0};
    AUTO(step) step = {0};
    AUTO(json_out) report = {0};
    int64_t number;
    AUTO(run_state) run = {0};
    struct err err = {0};

    assert_int_equal(world_journal(world, &journal, &err), 1);
    DONE(world_recover(world, &journal, &err));
    DONE(journal_run_start(&journal, "quakes", NULL, &run, &err));
    assert_int_equal(world_land(world, &journal, "a", 1, 5, &err), 1);
    assert_int_equal(messages_claim(&journal, "g", WORLD_LANDED, 1, 2, messages, &err), 2);
    DONE(messages_release(&journal, "g", &messages[0], &err));
    DONE(messages_keep(&journal, "g", 1, &err));
    DONE(messages_lag(&journal, "g", WORLD_LANDED, &number, &err));
    step_open(&step);
    step_add_consumed(&step,
                      &(struct step_consumed){.group = "g", .topic = WORLD_LANDED, .id = "a-1"});
    step_add_dead(&step, &(struct step_dead){.group = "g",
                                             .topic = WORLD_LANDED,
                                             .id = "a-2",
                                             .error = "no",
                                             .value = "x",
                                             .value_size = 1});
    DONE(step_commit(&step, &journal, NULL, &err));
    DONE(messages_done(&journal, "g", &messages[1], &err));
    DONE(dead_retry(&journal, NULL, &number, &err));
    DONE(dead_count(&journal, &number, &err));
    DONE(report_status(&journal, 10, &report, &err));
    DONE(report_files(&journal, "extract", NULL, 0, 10, &report, &err));
    DONE(report_files(&journal, "extract", "quakes", 0, 10, &report, &err));

    expect_no_scans(&journal.lite);
    for (size_t i = 0; i < 2; i++)
        message_close(&messages[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
        TEST(a_new_state_is_private),
        TEST(a_folder_that_others_may_read_is_made_private),
        TEST(the_epoch_stays_and_a_new_state_has_another),
        TEST(no_state_is_made_by_looking_for_one),
        TEST(a_state_of_another_pipeline_or_broker_is_refused),
        TEST(an_unknown_format_is_refused),
        TEST(a_file_that_is_no_state_is_refused_and_left_alone),
        TEST(two_processes_may_make_one_state),
        TEST(damage_is_told_at_the_start),
        TEST(one_extractor_at_a_time),
        TEST(the_version_changes_with_every_commit_of_anybody),
        TEST(what_a_dead_process_left_is_cleared),
        TEST(a_folder_that_is_written_into_still_is_cleared_later),
        TEST(the_living_are_left_alone),
        TEST(a_root_that_was_exchanged_is_told),
        TEST(a_fresh_run_starts_with_the_initial_value),
        TEST(an_unfinished_run_goes_on_where_it_was),
        TEST(the_cursor_advances_only_when_the_run_ends),
        TEST(where_the_last_run_found_the_records_is_kept_until_a_reset),
        TEST(a_run_without_records_keeps_the_cursor),
        TEST(a_refused_position_starts_over_from_the_same_value),
        TEST(a_step_of_a_run_that_is_not_the_current_one_is_refused),
        TEST(a_reset_forgets_the_cursor_and_never_a_number),
        TEST(a_schema_is_kept_with_its_history),
        TEST(a_column_keeps_the_type_of_its_first_time),
        TEST(a_table_that_is_made_anew_knows_no_type),
        TEST(a_burst_is_free_and_then_the_rate_holds),
        TEST(a_clock_that_was_put_back_costs_one_bucket_at_most),
        TEST(no_statement_of_a_step_reads_a_whole_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
