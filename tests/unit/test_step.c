/*
 * Steps: what they publish, what they refuse, and what is known afterwards.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/dead.h"
#include "db/ledger.h"
#include "db/messages.h"
#include "db/prune.h"
#include "db/report.h"
#include "db/staging.h"
#include "db/step_parts.h"
#include "world.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/banned.h"

struct scene {
    struct world world;
    struct journal journal;
    struct staging landing;
    struct staging adjusted;
};

static int set_up(void **state)
{
    struct scene *scene = mem_alloc(sizeof *scene);
    struct err err = {0};

    world_open(&scene->world);
    if (world_journal(&scene->world, &scene->journal, &err) != 1 ||
        staging_open(&scene->landing, scene->world.landing, scene->journal.process, &err) < 0 ||
        staging_open(&scene->adjusted, scene->world.adjusted, scene->journal.process, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    staging_close(&scene->landing);
    staging_close(&scene->adjusted);
    journal_close(&scene->journal);
    world_close(&scene->world);
    free(scene);
    return 0;
}

static void make(struct scene *scene, const char *id, const char *origin, const char *text,
                 struct made *made)
{
    struct err err = {0};

    DONE(world_make(&scene->world, origin ? scene->adjusted.dir : scene->landing.dir, id, origin,
                    text, made, &err));
}

static void expect_bytes(const char *path, const char *text)
{
    AUTO(buf) bytes = {0};
    struct err err = {0};

    DONE(fs_read(path, 1 << 20, &bytes, &err));
    assert_string_equal(buf_text(&bytes), text);
}

static void land(struct scene *scene, const char *prefix, int first, int last)
{
    struct err err = {0};

    if (world_land(&scene->world, &scene->journal, prefix, first, last, &err) != 1)
        fail_msg("%s", err.text);
}

static int consume(struct journal *journal, const char *group, const char *topic, const char *id,
                   struct err *err)
{
    AUTO(step) step = {0};

    step_open(&step);
    step_add_consumed(&step, &(struct step_consumed){.group = group, .topic = topic, .id = id});
    return step_commit(&step, journal, NULL, err);
}

/* ---- publishing ---- */

static void an_empty_step_is_done(void **state)
{
    struct scene *scene = *state;
    AUTO(step) step = {0};
    struct err err = {0};

    step_open(&step);
    assert_int_equal(step_commit(&step, &scene->journal, NULL, &err), 1);
}

static void a_file_its_row_and_its_reference_become_true_together(void **state)
{
    struct scene *scene = *state;
    AUTO(made) made = {0};
    AUTO(step) step = {0};
    struct message message = {0};
    AUTO(buf) event = {0};
    struct err err = {0};

    make(scene, "a-1", NULL, "hello", &made);
    step_open(&step);
    made_add(&made, &step);
    assert_int_equal(step_commit(&step, &scene->journal, NULL, &err), 1);

    expect_bytes(made.final_path, "hello");
    assert_false(fs_exists(made.temp_path));
    assert_int_equal(messages_claim(&scene->journal, "g", WORLD_LANDED, 1000, 1, &message, &err),
                     1);
    ref_write(&made.ref, &event);
    assert_string_equal(message.value, buf_text(&event));
    assert_string_equal(message.id, "a-1");
    assert_int_equal(world_number(&scene->world, "SELECT count(*) FROM intents"), 0);
    assert_int_equal(world_number(&scene->world,
                                  "SELECT bytes FROM totals WHERE stage = 'extract'"),
                     5);
    message_close(&message);
}

static void many_files_in_several_folders(void **state)
{
    struct scene *scene = *state;

    land(scene, "a", 1, 64);
    land(scene, "b", 1, 64);
    assert_int_equal(world_count_files(scene->world.landing, ".parquet"), 128);
    assert_int_equal(world_number(&scene->world, "SELECT next FROM topics"), 128);
    assert_int_equal(world_number(&scene->world, "SELECT files FROM totals"), 128);
}

static void a_name_taken_by_other_bytes_publishes_nothing(void **state)
{
    struct scene *scene = *state;
    AUTO(made) first = {0};
    AUTO(made) second = {0};
    AUTO(step) step = {0};
    char *taken = NULL;
    char *dir;
    struct err err = {0};

    make(scene, "a-1", NULL, "one", &first);
    make(scene, "a-2", NULL, "two", &second);
    dir = fs_dir_of(second.final_path);
    DONE(fs_make_dirs(dir, 0777, &err));
    DONE(fs_write(second.final_path, "other", 5, 0644, &err));
    step_open(&step);
    made_add(&first, &step);
    made_add(&second, &step);

    assert_int_equal(step_commit(&step, &scene->journal, &taken, &err), 0);
    assert_string_equal(taken, second.final_path);
    assert_true(fs_exists(first.temp_path));
    assert_true(fs_exists(second.temp_path));
    assert_false(fs_exists(first.final_path));
    expect_bytes(second.final_path, "other");
    assert_int_equal(world_number(&scene->world, "SELECT count(*) FROM files"), 0);
    assert_int_equal(world_number(&scene->world, "SELECT count(*) FROM intents"), 0);
    free(dir);
    free(taken);
}

static void a_name_taken_by_the_same_bytes_is_no_obstacle(void **state)
{
    struct scene *scene = *state;
    AUTO(made) made = {0};
    AUTO(step) step = {0};
    char *dir;
    struct err err = {0};

    make(scene, "a-1", NULL, "one", &made);
    dir = fs_dir_of(made.final_path);
    DONE(fs_make_dirs(dir, 0777, &err));
    DONE(fs_write(made.final_path, "one", 3, 0644, &err));
    step_open(&step);
    made_add(&made, &step);

    assert_int_equal(step_commit(&step, &scene->journal, NULL, &err), 1);
    assert_false(fs_exists(made.temp_path));
    assert_int_equal(world_number(&scene->world, "SELECT count(*) FROM files"), 1);
    free(dir);
}

static void an_id_never_names_other_bytes(void **state)
{
    struct scene *scene = *state;
    AUTO(made) made = {0};
    AUTO(step) step = {0};
    struct err err = {0};

    land(scene, "a", 1, 1);
    make(scene, "a-1", NULL, "other bytes", &made);
    assert_int_equal(unlink(made.final_path), 0);
    step_open(&step);
    made_add(&made, &step);

    assert_int_equal(step_commit(&step, &scene->journal, NULL, &err), -1);
    assert_int_equal(err.code, ERR_DATA);
    assert_false(fs_exists(made.final_path));
    assert_int_equal(world_number(&scene->world, "SELECT count(*) FROM messages"), 1);
}

static void the_same_file_twice_is_known_once(void **state)
{
    struct scene *scene = *state;

    land(scene, "a", 1, 2);
    land(scene, "a", 1, 3);
    assert_int_equal(world_number(&scene->world, "SELECT count(*) FROM files"), 3);
    assert_int_equal(world_number(&scene->world, "SELECT count(*) FROM messages"), 3);
    assert_int_equal(world_number(&scene->world, "SELECT next FROM topics"), 3);
    assert_int_equal(world_number(&scene->world, "SELECT files FROM totals"), 3);
}

static void a_folder_is_published_as_one(void **state)
{
    struct scene *scene = *state;
    AUTO(made) part = {0};
    char *temp = fs_join(scene->adjusted.dir, "folder");
    char *final = fs_join(scene->world.adjusted, "quakes/a-1.quakes.parquet");
    char *inside = fs_join(final, "a-1");
    AUTO(step) step = {0};
    struct err err = {0};

    DONE(fs_make_dirs(temp, 0777, &err));
    DONE(world_make(&scene->world, temp, "a-1", "a", "part", &part, &err));
    struct ref_file file = {.path = part.ref.id,
                            .sha256 = part.ref.sha256,
                            .bytes = part.ref.bytes,
                            .rows = 1};
    struct ref ref = part.ref;
    ref.sha256 = NULL;
    ref.files = &file;
    ref.file_count = 1;
    step_open(&step);
    step_add_file(&step, &(struct step_file){.temp_path = temp,
                                             .final_path = final,
                                             .stage = "transform",
                                             .topic = WORLD_ADJUSTED,
                                             .ref = &ref});

    assert_int_equal(step_commit(&step, &scene->journal, NULL, &err), 1);
    expect_bytes(inside, "part");
    assert_false(fs_exists(temp));
    free(temp);
    free(final);
    free(inside);
}

/* ---- working off ---- */

static void what_was_worked_off_is_known_for_ever(void **state)
{
    struct scene *scene = *state;
    struct message message = {0};
    struct err err = {0};

    land(scene, "a", 1, 1);
    assert_int_equal(messages_is_consumed(&scene->journal, "g", "a-1", &err), 0);
    assert_int_equal(consume(&scene->journal, "g", WORLD_LANDED, "a-1", &err), 1);

    assert_int_equal(messages_is_consumed(&scene->journal, "g", "a-1", &err), 1);
    assert_int_equal(messages_is_consumed(&scene->journal, "other", "a-1", &err), 0);
    assert_int_equal(messages_claim(&scene->journal, "g", WORLD_LANDED, 1000, 1, &message, &err),
                     0);
}

static void a_message_is_worked_off_once(void **state)
{
    struct scene *scene = *state;
    AUTO(made) made = {0};
    AUTO(step) step = {0};
    struct err err = {0};

    land(scene, "a", 1, 1);
    assert_int_equal(consume(&scene->journal, "g", WORLD_LANDED, "a-1", &err), 1);
    make(scene, "a-1.quakes", "a-1", "adjusted", &made);
    step_open(&step);
    made_add(&made, &step);
    step_add_consumed(&step,
                      &(struct step_consumed){.group = "g", .topic = WORLD_LANDED, .id = "a-1"});

    assert_int_equal(step_commit(&step, &scene->journal, NULL, &err), -1);
    assert_int_equal(err.code, ERR_LOCKED);
    assert_true(err.retriable);
    assert_false(fs_exists(made.final_path));
    assert_true(fs_exists(made.temp_path));
    assert_int_equal(world_number(&scene->world, "SELECT count(*) FROM intents"), 0);
}

/* A consumer that stood still while its lease ended, and woke when another had done its work. */
static void a_consumer_that_was_frozen_publishes_nothing_twice(void **state)
{
    struct scene *scene = *state;
    AUTO(journal) other = {0};
    AUTO(made) slow = {0};
    AUTO(made) fast = {0};
    struct message frozen = {0};
    struct message message = {0};
    AUTO(step) slow_step = {0};
    AUTO(step) fast_step = {0};
    const struct step_consumed consumed = {.group = "g", .topic = WORLD_LANDED, .id = "a-1"};
    struct err err = {0};

    assert_int_equal(world_journal(&scene->world, &other, &err), 1);
    land(scene, "a", 1, 1);
    assert_int_equal(messages_claim(&scene->journal, "g", WORLD_LANDED, 1, 1, &frozen, &err), 1);
    usleep(3000);
    assert_int_equal(messages_claim(&other, "g", WORLD_LANDED, 60000, 1, &message, &err), 1);
    assert_int_equal(message.attempts, 1);
    make(scene, "a-1.quakes", "a-1", "by the fast one", &fast);
    step_open(&fast_step);
    made_add(&fast, &fast_step);
    step_add_consumed(&fast_step, &consumed);
    assert_int_equal(step_commit(&fast_step, &other, NULL, &err), 1);

    make(scene, "a-1.quakes", "a-1", "by the slow one", &slow);
    DONE(messages_keep(&scene->journal, "g", 60000, &err));
    step_open(&slow_step);
    made_add(&slow, &slow_step);
    step_add_consumed(&slow_step, &consumed);
    assert_int_equal(step_commit(&slow_step, &scene->journal, NULL, &err), -1);
    assert_int_equal(err.code, ERR_LOCKED);
    assert_true(err.retriable);

    DONE(messages_release(&scene->journal, "g", &frozen, &err));
    expect_bytes(fast.final_path, "by the fast one");
    assert_int_equal(world_number(&scene->world, "SELECT count(*) FROM claims"), 0);
    assert_int_equal(world_number(&scene->world,
                                  "SELECT count(*) FROM files WHERE stage = 'transform'"),
                     1);
    message_close(&message);
    message_close(&frozen);
}

/* ---- dead letters ---- */

/* A report is JSON, whatever bytes the values are. */
static void expect_json_of_the_dead(struct journal *journal)
{
    AUTO(json_out) report = {0};
    AUTO(buf) text = {0};
    AUTO(json) doc = {0};
    struct err err = {0};

    DONE(report_dead(journal, &report, &err));
    json_out_write(&report, &text);
    DONE(json_parse(&doc, buf_text(&text), text.size, &err));
}

static void a_dead_letter_keeps_its_value_untouched(void **state)
{
    struct scene *scene = *state;
    unsigned seed = 3;
    struct err err = {0};

    land(scene, "a", 1, 50);
    for (int n = 1; n <= 50; n++) {
        char value[64];
        char id[16];
        AUTO(step) step = {0};
        struct message message = {0};

        for (size_t i = 0; i < sizeof value; i++)
            value[i] = (char)(rand_r(&seed) % (n == 1 ? 256 : n * 5));
        snprintf(id, sizeof id, "a-%d", n);
        step_open(&step);
        step_add_dead(&step, &(struct step_dead){.group = "g",
                                                 .topic = WORLD_LANDED,
                                                 .id = id,
                                                 .partition = 0,
                                                 .offset = n,
                                                 .error = "bad \xff value",
                                                 .attempts = 3,
                                                 .value = value,
                                                 .value_size = sizeof value});
        DONE(step_commit(&step, &scene->journal, NULL, &err));

        assert_int_equal(messages_claim(&scene->journal, "w", WORLD_DEAD, 1000, 1, &message, &err),
                         1);
        assert_int_equal(message.value_size, sizeof value);
        assert_memory_equal(message.value, value, sizeof value);
        assert_non_null(strstr(message.headers, "\"x-original-topic\":\"quakes.landed\""));
        assert_non_null(strstr(message.headers, "\"x-attempts\":3"));
        assert_non_null(strstr(message.headers, "\"x-error\":\"bad \xef\xbf\xbd value\""));
        message_close(&message);
    }
    assert_int_equal(messages_is_consumed(&scene->journal, "g", "a-50", &err), 1);
    expect_json_of_the_dead(&scene->journal);
}

static int keep_last(void *ctx, const struct dead_letter *dead, struct err *err)
{
    char *last = ctx;

    (void)err;
    snprintf(last, 32, "%s %s %" PRId64, dead->id, dead->error, dead->attempts);
    return 0;
}

static void bury(struct scene *scene, const char *id)
{
    AUTO(step) step = {0};
    struct err err = {0};

    step_open(&step);
    step_add_dead(&step, &(struct step_dead){.group = "g",
                                             .topic = WORLD_LANDED,
                                             .id = id,
                                             .error = "no",
                                             .attempts = 3,
                                             .value = "{}",
                                             .value_size = 2});
    DONE(step_commit(&step, &scene->journal, NULL, &err));
}

static void a_dead_letter_that_is_retried_comes_again(void **state)
{
    struct scene *scene = *state;
    struct message messages[3] = {0};
    char last[32] = "";
    int64_t count = 0;
    int64_t lag = -1;
    struct err err = {0};

    land(scene, "a", 1, 3);
    assert_int_equal(messages_claim(&scene->journal, "g", WORLD_LANDED, 60000, 3, messages, &err),
                     3);
    for (int i = 0; i < 3; i++) {
        bury(scene, messages[i].id);
        message_close(&messages[i]);
    }
    DONE(dead_count(&scene->journal, &count, &err));
    assert_int_equal(count, 3);
    DONE(dead_each(&scene->journal, last, keep_last, &err));
    assert_string_equal(last, "a-3 no 3");

    DONE(dead_retry(&scene->journal, "a-2", &count, &err));
    assert_int_equal(count, 1);
    DONE(dead_drop(&scene->journal, "a-1", &count, &err));
    assert_int_equal(count, 1);
    DONE(dead_drop(&scene->journal, "a-1", &count, &err));
    assert_int_equal(count, 0);

    DONE(messages_lag(&scene->journal, "g", WORLD_LANDED, &lag, &err));
    assert_int_equal(lag, 1);
    assert_int_equal(messages_claim(&scene->journal, "g", WORLD_LANDED, 60000, 3, messages, &err),
                     1);
    assert_string_equal(messages[0].id, "a-2");
    bury(scene, "a-2");
    DONE(dead_count(&scene->journal, &count, &err));
    assert_int_equal(count, 2);
    message_close(&messages[0]);
}

/* ---- replacing and removing ---- */

static void a_replay_stands_in_for_what_was_there(void **state)
{
    struct scene *scene = *state;
    AUTO(made) before = {0};
    AUTO(made) after = {0};
    AUTO(step) step = {0};
    AUTO(known_file) file = {0};
    struct message message = {0};
    int64_t lag = -1;
    struct err err = {0};

    land(scene, "a", 1, 1);
    make(scene, "a-1.quakes", "a-1", "old", &before);
    step_open(&step);
    made_add(&before, &step);
    assert_int_equal(step_commit(&step, &scene->journal, NULL, &err), 1);

    make(scene, "a-1.quakes.2", "a-1", "newer", &after);
    after.ref.replaces = mem_str("a-1.quakes");
    step_open(&step);
    step_add_file(&step, &(struct step_file){.temp_path = after.temp_path,
                                             .final_path = after.final_path,
                                             .stage = "transform",
                                             .topic = WORLD_ADJUSTED,
                                             .ref = &after.ref,
                                             .unlink_path = before.final_path});
    assert_int_equal(step_commit(&step, &scene->journal, NULL, &err), 1);

    assert_false(fs_exists(before.final_path));
    expect_bytes(after.final_path, "newer");
    assert_int_equal(ledger_output(&scene->journal, "a-1", "transform", "quakes", &file, &err), 1);
    assert_string_equal(file.id, "a-1.quakes.2");
    assert_int_equal(world_number(&scene->world,
                                  "SELECT bytes FROM totals WHERE stage = 'transform'"),
                     5);
    assert_int_equal(messages_claim(&scene->journal, "csv", WORLD_ADJUSTED, 1000, 1, &message,
                                    &err),
                     1);
    assert_string_equal(message.id, "a-1.quakes.2");
    assert_int_equal(messages_is_consumed(&scene->journal, "csv", "a-1.quakes", &err), 1);
    DONE(messages_lag(&scene->journal, "csv", WORLD_ADJUSTED, &lag, &err));
    assert_int_equal(lag, 1);
    message_close(&message);
}

static void fix(struct scene *scene, const char *table, const char *type, const char *expected)
{
    struct fixed_column column = {.name = mem_str("mag"), .type = mem_str(type)};
    struct err err = {0};

    DONE(journal_fix_columns(&scene->journal, table, &column, 1, &err));
    assert_string_equal(column.type, expected);
    free(column.name);
    free(column.type);
}

static void a_tables_columns_change_with_the_files(void **state)
{
    static const struct fixed_column anew[] = {{.name = (char *)(uintptr_t) "place",
                                                .type = (char *)(uintptr_t) "VARCHAR"},
                                               {.name = (char *)(uintptr_t) "mag",
                                                .type = (char *)(uintptr_t) "BIGINT"}};
    struct scene *scene = *state;
    AUTO(made) made = {0};
    AUTO(step) step = {0};
    struct fixed_column *columns = NULL;
    size_t count = 0;
    struct err err = {0};

    fix(scene, "quakes", "DOUBLE", "DOUBLE");
    fix(scene, "others", "DOUBLE", "DOUBLE");
    make(scene, "a-1.quakes", "a-1", "text", &made);
    step_open(&step);
    made_add(&made, &step);
    step_add_columns(&step, "quakes", anew, 2);
    fix(scene, "quakes", "BIGINT", "DOUBLE");

    assert_int_equal(step_commit(&step, &scene->journal, NULL, &err), 1);

    fix(scene, "quakes", "VARCHAR", "BIGINT");
    fix(scene, "others", "VARCHAR", "DOUBLE");
    DONE(journal_columns(&scene->journal, "quakes", &columns, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(columns[0].name, "place");
    fixed_columns_free(columns, count);
}

static void what_is_replaced_while_somebody_has_it_does_not_come_again(void **state)
{
    struct scene *scene = *state;
    AUTO(made) before = {0};
    AUTO(made) after = {0};
    AUTO(step) step = {0};
    struct message message = {0};
    int64_t lag = -1;
    struct err err = {0};

    make(scene, "a-1.quakes", "a-1", "old", &before);
    step_open(&step);
    made_add(&before, &step);
    assert_int_equal(step_commit(&step, &scene->journal, NULL, &err), 1);
    assert_int_equal(messages_claim(&scene->journal, "csv", WORLD_ADJUSTED, 60000, 1, &message,
                                    &err),
                     1);
    make(scene, "a-1.quakes.2", "a-1", "newer", &after);
    after.ref.replaces = mem_str("a-1.quakes");
    step_open(&step);
    made_add(&after, &step);
    assert_int_equal(step_commit(&step, &scene->journal, NULL, &err), 1);

    assert_int_equal(messages_is_consumed(&scene->journal, "csv", message.id, &err), 1);
    DONE(messages_done(&scene->journal, "csv", &message, &err));
    DONE(messages_lag(&scene->journal, "csv", WORLD_ADJUSTED, &lag, &err));
    assert_int_equal(lag, 1);
    message_close(&message);
}

/* "a-1.quakes" is there; `after`, in the step, stands in for it. */
static void replace(struct scene *scene, struct made *after, struct step *step)
{
    AUTO(made) before = {0};
    struct err err = {0};

    make(scene, "a-1.quakes", "a-1", "old", &before);
    step_open(step);
    made_add(&before, step);
    assert_int_equal(step_commit(step, &scene->journal, NULL, &err), 1);
    make(scene, "a-1.quakes.g2", "a-1", "newer", after);
    after->ref.replaces = mem_str("a-1.quakes");
    step_open(step);
    made_add(after, step);
}

static void expect_locked(int returned, const struct err *err)
{
    assert_int_equal(returned, -1);
    assert_int_equal(err->code, ERR_LOCKED);
    assert_true(err->retriable);
    assert_non_null(strstr(err->text, "\"a-1.quakes\""));
}

static void what_was_replaced_meanwhile_is_not_worked_off(void **state)
{
    struct scene *scene = *state;
    AUTO(made) after = {0};
    AUTO(step) step = {0};
    struct err err = {0};

    replace(scene, &after, &step);
    assert_int_equal(step_commit(&step, &scene->journal, NULL, &err), 1);

    expect_locked(consume(&scene->journal, "csv", WORLD_ADJUSTED, "a-1.quakes", &err), &err);
    assert_int_equal(consume(&scene->journal, "csv", WORLD_ADJUSTED, "a-1.quakes.g2", &err), 1);
}

static void what_is_about_to_be_replaced_is_not_worked_off(void **state)
{
    struct scene *scene = *state;
    AUTO(made) after = {0};
    AUTO(step) step = {0};
    AUTO(json) plan = {0};
    AUTO(buf) text = {0};
    int64_t intent = 0;
    struct err err = {0};

    replace(scene, &after, &step);
    json_out_write(&step.doc, &text);
    DONE(plan_read(&plan, buf_text(&text), text.size, &err));
    DONE(plan_put_intent(&scene->journal, json_root(&plan), buf_text(&text), text.size, &intent,
                         &err));

    expect_locked(consume(&scene->journal, "csv", WORLD_ADJUSTED, "a-1.quakes", &err), &err);
    DONE(plan_forget(&scene->journal, intent, &err));
    assert_int_equal(consume(&scene->journal, "csv", WORLD_ADJUSTED, "a-1.quakes", &err), 1);
}

static void what_is_about_to_be_worked_off_is_not_replaced(void **state)
{
    struct scene *scene = *state;
    AUTO(made) after = {0};
    AUTO(step) step = {0};
    struct err err = {0};

    replace(scene, &after, &step);
    DONE(lite_script(&scene->journal.lite, "INSERT INTO pending VALUES ('csv', 'a-1.quakes', 7)",
                     &err));
    expect_locked(step_commit(&step, &scene->journal, NULL, &err), &err);
    assert_false(fs_exists(after.final_path));

    DONE(lite_script(&scene->journal.lite, "DELETE FROM pending", &err));
    assert_int_equal(step_commit(&step, &scene->journal, NULL, &err), 1);
    expect_bytes(after.final_path, "newer");
    assert_int_equal(world_number(&scene->world, "SELECT count(*) FROM pending"), 0);
}

struct pruning {
    struct scene *scene;
    int count;
};

static int remove_file(void *ctx, const struct known_file *file, struct err *err)
{
    struct pruning *pruning = ctx;
    char *path = fs_join(pruning->scene->world.landing, file->path);
    AUTO(step) step = {0};
    int done;

    pruning->count++;
    step_open(&step);
    step_add_removed(&step, file->id, path);
    done = step_commit(&step, &pruning->scene->journal, NULL, err);
    free(path);
    return done == 1 ? 0 : -1;
}

static void what_is_pruned_is_gone_and_stays_known(void **state)
{
    struct scene *scene = *state;
    struct pruning pruning = {.scene = scene};
    struct pruned pruned = {0};
    AUTO(known_file) file = {0};
    struct message messages[4] = {0};
    struct err err = {0};

    land(scene, "a", 1, 4);
    assert_int_equal(messages_claim(&scene->journal, "g", WORLD_LANDED, 60000, 3, messages, &err),
                     3);
    assert_int_equal(consume(&scene->journal, "g", WORLD_LANDED, "a-1", &err), 1);
    assert_int_equal(consume(&scene->journal, "g", WORLD_LANDED, "a-2", &err), 1);
    bury(scene, "a-3");

    DONE(prune_each(&scene->journal, "g", 0, &pruning, remove_file, &err));
    assert_int_equal(pruning.count, 0);
    DONE(prune_each(&scene->journal, "g", clock_wall_ms() + 1, &pruning, remove_file, &err));
    assert_int_equal(pruning.count, 2);
    assert_int_equal(world_count_files(scene->world.landing, ".parquet"), 2);
    assert_int_equal(world_number(&scene->world, "SELECT files FROM totals"), 2);
    assert_int_equal(ledger_find(&scene->journal, "a-1", &file, &err), 1);
    assert_true(file.removed);

    DONE(prune_history(&scene->journal, clock_wall_ms() + 1, true, &pruned, &err));
    assert_int_equal(pruned.messages, 2);
    assert_int_equal(world_number(&scene->world, "SELECT count(*) FROM messages"), 5);
    DONE(prune_history(&scene->journal, clock_wall_ms() + 1, false, &pruned, &err));
    assert_int_equal(pruned.messages, 2);
    assert_int_equal(world_number(&scene->world, "SELECT count(*) FROM messages"), 3);
    assert_int_equal(messages_is_consumed(&scene->journal, "g", "a-1", &err), 1);
    assert_int_equal(messages_claim(&scene->journal, "g", WORLD_LANDED, 60000, 4, messages + 3,
                                    &err),
                     1);
    assert_string_equal(messages[3].id, "a-4");
    for (size_t i = 0; i < 4; i++)
        message_close(&messages[i]);
}

/* ---- what is told ---- */

static char *report_text(struct json_out *report)
{
    AUTO(buf) text = {0};

    json_out_write(report, &text);
    return buf_take(&text);
}

static void the_lineage_tells_what_came_from_what(void **state)
{
    struct scene *scene = *state;
    AUTO(json_out) report = {0};
    AUTO(made) made = {0};
    AUTO(step) step = {0};
    char *text;
    struct err err = {0};

    land(scene, "a", 1, 1);
    make(scene, "a-1.quakes", "a-1", "adjusted", &made);
    *MEM_PUSH(made.ref.origin, made.ref.origins) = mem_str("from-elsewhere");
    step_open(&step);
    made_add(&made, &step);
    assert_int_equal(step_commit(&step, &scene->journal, NULL, &err), 1);

    DONE(report_files(&scene->journal, "transform", NULL, 0, 10, &report, &err));
    text = report_text(&report);
    assert_non_null(
        strstr(text, "\"id\":\"a-1.quakes\",\"subject\":\"quakes\",\"root\":\"adjusted\""));
    assert_non_null(strstr(text, "\"origins\":[{\"id\":\"a-1\",\"subject\":\"quakes\","
                                 "\"path\":\"quakes/a-1.parquet\",\"rows\":1,\"first_page\":1,"
                                 "\"last_page\":1,\"request\":\"https://api.example/quakes\""));
    assert_non_null(strstr(text, "{\"id\":\"from-elsewhere\",\"subject\":null"));
    free(text);
    DONE(report_files(&scene->journal, "transform", "quakes", 99, 10, &report, &err));
    text = report_text(&report);
    assert_string_equal(text, "{\"files\":[]}");
    free(text);
}

static void the_status_tells_all_of_it(void **state)
{
    struct scene *scene = *state;
    AUTO(json_out) report = {0};
    AUTO(run_state) run = {0};
    struct message message = {0};
    char *text;
    struct err err = {0};

    DONE(journal_run_start(&scene->journal, "quakes", "5", &run, &err));
    DONE(journal_run_failed(&scene->journal, "quakes", 1, "failed", "no network",
                            "{\"requests\":3}", &err));
    land(scene, "a", 1, 3);
    assert_int_equal(messages_claim(&scene->journal, "g", WORLD_LANDED, 60000, 1, &message, &err),
                     1);
    bury(scene, "a-2");

    DONE(report_status(&scene->journal, 5, &report, &err));
    text = report_text(&report);
    assert_non_null(strstr(text, "\"pipeline\":\"quakes\""));
    assert_non_null(strstr(text, "\"status\":\"failed\""));
    assert_non_null(strstr(text, "\"error\":\"no network\",\"counts\":{\"requests\":3}"));
    assert_non_null(strstr(text,
                           "\"topic\":\"quakes.landed\",\"messages\":3,\"group\":\"g\",\"lag\":3,"
                           "\"claimed\":1"));
    assert_non_null(strstr(text, "\"name\":\"quakes\",\"files\":3,\"rows\":3,\"bytes\":9"));
    assert_non_null(strstr(text, "\"dead\":1"));
    free(text);
    DONE(report_dead(&scene->journal, &report, &err));
    text = report_text(&report);
    assert_non_null(strstr(text, "\"id\":\"a-2\",\"group\":\"g\""));
    assert_non_null(strstr(text, "\"value\":{}"));
    free(text);
    message_close(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(an_empty_step_is_done),
        TEST(a_file_its_row_and_its_reference_become_true_together),
        TEST(many_files_in_several_folders),
        TEST(a_name_taken_by_other_bytes_publishes_nothing),
        TEST(a_name_taken_by_the_same_bytes_is_no_obstacle),
        TEST(an_id_never_names_other_bytes),
        TEST(the_same_file_twice_is_known_once),
        TEST(a_folder_is_published_as_one),
        TEST(what_was_worked_off_is_known_for_ever),
        TEST(a_message_is_worked_off_once),
        TEST(a_consumer_that_was_frozen_publishes_nothing_twice),
        TEST(a_dead_letter_keeps_its_value_untouched),
        TEST(a_dead_letter_that_is_retried_comes_again),
        TEST(a_replay_stands_in_for_what_was_there),
        TEST(a_tables_columns_change_with_the_files),
        TEST(what_is_replaced_while_somebody_has_it_does_not_come_again),
        TEST(what_was_replaced_meanwhile_is_not_worked_off),
        TEST(what_is_about_to_be_replaced_is_not_worked_off),
        TEST(what_is_about_to_be_worked_off_is_not_replaced),
        TEST(what_is_pruned_is_gone_and_stays_known),
        TEST(the_lineage_tells_what_came_from_what),
        TEST(the_status_tells_all_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
