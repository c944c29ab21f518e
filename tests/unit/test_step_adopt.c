/*
 * Names that consumers on several hosts share: whoever comes second takes over what is there, and nobody takes
 * away again what the other may count on; whenever one of them dies.
 */
#include "base/mem.h"
#include "base/str.h"
#include "db/ledger.h"
#include "db/messages.h"
#include "db/staging.h"
#include "fault.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/banned.h"

/* A host: a state of its own over folders that it shares. */
struct host {
    struct world world;
    struct journal journal;
    struct staging staging;
};

static void host_close(struct host *host)
{
    staging_close(&host->staging);
    journal_close(&host->journal);
    free(host->world.state);
    host->world.state = NULL;
}

static int host_open(struct host *host, const struct world *world, const char *name)
{
    struct err err = {0};

    host->world = *world;
    host->world.state = fs_join(world->dir, name);
    host->world.broker = "kafka";
    DONE(world_journal(&host->world, &host->journal, &err));
    DONE(world_recover(&host->world, &host->journal, &err));
    DONE(staging_open(&host->staging, world->adjusted, host->journal.process, &err));
    return 0;
}

/* Rows are told from the text: as many as it has bytes. */
static int count_bytes(void *ctx, const char *path, int64_t *ret_rows, struct err *err)
{
    AUTO(buf) bytes = {0};

    (void)ctx;
    TRY(fs_read(path, 100, &bytes, err));
    *ret_rows = (int64_t)bytes.size;
    return 0;
}

static int commit_adopting(struct host *host, struct step *step, struct err *err)
{
    int committed;

    do {
        char *taken = NULL;

        committed = step_commit(step, &host->journal, &taken, err);
        if (committed == 0 && step_adopt(step, taken, NULL, count_bytes, err) < 0)
            committed = -1;
        free(taken);
    } while (committed == 0);
    return committed;
}

/* Adjusts "in" to two files that hold `text`, in one step. */
static int adjust(struct host *host, const char *text, struct err *err)
{
    AUTO(made) first = {0};
    AUTO(made) second = {0};
    AUTO(step) step = {0};

    TRY(world_make(&host->world, host->staging.dir, "in.a", "in", text, &first, err));
    TRY(world_make(&host->world, host->staging.dir, "in.b", "in", text, &second, err));
    step_open(&step);
    step_share(&step);
    made_add(&first, &step);
    made_add(&second, &step);
    step_add_consumed(&step,
                      &(struct step_consumed){.group = "g", .topic = WORLD_LANDED, .id = "in"});
    return commit_adopting(host, &step, err);
}

/* What the host believes of its outputs is so. */
static void expect_true(struct host *host)
{
    static const char *const ids[] = {"in.a", "in.b"};

    for (size_t i = 0; i < 2; i++) {
        AUTO(known_file) file = {0};
        AUTO(buf) bytes = {0};
        AUTO(ref) ref = {0};
        char sha256[FS_SHA256_TEXT];
        char *path;
        struct err err = {0};

        assert_int_equal(ledger_find(&host->journal, ids[i], &file, &err), 1);
        DONE(ref_read(file.event, strlen(file.event), &ref, &err));
        path = fs_join(host->world.adjusted, file.path);
        DONE(fs_read(path, 100, &bytes, &err));
        fs_sha256_of(bytes.data, bytes.size, sha256);
        assert_string_equal(ref.sha256, sha256);
        assert_int_equal(ref.bytes, bytes.size);
        free(path);
    }
}

static void who_comes_second_takes_over_what_is_there(void **state)
{
    AUTO(host) one = {0};
    AUTO(host) other = {0};
    AUTO(known_file) file = {0};
    struct err err = {0};

    host_open(&one, *state, "one");
    host_open(&other, *state, "other");
    assert_int_equal(adjust(&one, "first", &err), 1);
    assert_int_equal(adjust(&other, "the second", &err), 1);

    expect_true(&one);
    expect_true(&other);
    DONE(ledger_find(&other.journal, "in.a", &file, &err));
    assert_int_equal(file.rows, 5);
    assert_int_equal(world_number(&other.world, "SELECT sum(bytes) FROM totals"), 10);
    assert_int_equal(world_number(&other.world, "SELECT count(*) FROM outbox"), 2);
    assert_int_equal(world_count_files(other.staging.dir, ""), 0);
    assert_int_equal(world_count_files(one.world.adjusted, ".parquet"), 2);
}

static void a_folder_of_parts_is_taken_over(void **state)
{
    AUTO(host) host = {0};
    AUTO(known_file) file = {0};
    AUTO(ref) ref = {0};
    char *folder;
    char *part;
    struct err err = {0};

    host_open(&host, *state, "one");
    folder = fs_join(host.world.adjusted, "quakes/in.a.parquet");
    DONE(fs_make_dirs(folder, 0777, &err));
    part = fs_join(folder, "part-1.parquet");
    DONE(fs_write(part, "12345", 5, 0644, &err));
    free(part);
    part = fs_join(folder, "_SUCCESS");
    DONE(fs_write(part, "", 0, 0644, &err));
    free(part);
    part = fs_join(folder, "part-0.parquet");
    DONE(fs_write(part, "123", 3, 0644, &err));
    assert_int_equal(adjust(&host, "mine", &err), 1);

    DONE(ledger_find(&host.journal, "in.a", &file, &err));
    DONE(ref_read(file.event, strlen(file.event), &ref, &err));
    assert_null(ref.sha256);
    assert_int_equal(ref.file_count, 2);
    assert_string_equal(ref.files[0].path, "part-0.parquet");
    assert_int_equal(ref.files[1].rows, 5);
    assert_int_equal(ref.bytes, 8);
    assert_int_equal(ref.rows, 8);
    free(part);
    free(folder);
}

static void what_has_its_name_keeps_it_when_the_step_fails(void **state)
{
    AUTO(host) host = {0};
    AUTO(made) first = {0};
    AUTO(made) second = {0};
    AUTO(step) step = {0};
    struct err err = {0};

    host_open(&host, *state, "one");
    DONE(world_make(&host.world, host.staging.dir, "in.a", "in", "x", &first, &err));
    DONE(world_make(&host.world, host.staging.dir, "in.b", "in", "x", &second, &err));
    step_open(&step);
    step_share(&step);
    made_add(&first, &step);
    made_add(&second, &step);
    unlink(second.temp_path);

    assert_int_equal(step_commit(&step, &host.journal, NULL, &err), -1);
    assert_true(fs_exists(first.final_path));
    assert_int_equal(world_number(&host.world, "SELECT count(*) FROM intents"), 0);
    assert_int_equal(adjust(&host, "again", &err), 1);
    expect_true(&host);
}

/* A child that dies at its nth change of a file. Returns whether it came so far. */
static bool dies_at(const struct world *world, int nth)
{
    const pid_t child = fork();
    int status;

    if (child == 0) {
        struct host host = {0};
        struct err err = {0};

        host_open(&host, world, "one");
        fault_arm_signal(nth, SIGKILL);
        _exit(adjust(&host, "first", &err) != 1);
    }
    waitpid(child, &status, 0);
    if (WIFEXITED(status))
        assert_int_equal(WEXITSTATUS(status), 0);
    return WIFSIGNALED(status);
}

static void whenever_one_dies_both_are_right_in_the_end(void **state)
{
    bool died = true;

    (void)state;
    for (int nth = 1; died; nth++) {
        struct world world;

        world_open(&world);
        died = dies_at(&world, nth);
        {
            AUTO(host) one = {0};
            AUTO(host) other = {0};
            struct err err = {0};
            int known;

            host_open(&other, &world, "other");
            assert_int_equal(adjust(&other, "the second", &err), 1);
            host_open(&one, &world, "one");
            known = messages_is_consumed(&one.journal, "g", "in", &err);
            DONE(known);
            if (known == 0)
                assert_int_equal(adjust(&one, "the third", &err), 1);

            expect_true(&other);
            expect_true(&one);
            assert_int_equal(world_count_files(world.adjusted, ".parquet"), 2);
        }
        world_close(&world);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_comes_second_takes_over_what_is_there),
        TEST(a_folder_of_parts_is_taken_over),
        TEST(what_has_its_name_keeps_it_when_the_step_fails),
        cmocka_unit_test(whenever_one_dies_both_are_right_in_the_end),
    };

    return cmocka_run_group_tests_name("step adopt", tests, NULL, NULL);
}
