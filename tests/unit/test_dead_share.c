/*
 * Dead letters of several hosts: what one buried the others see, what one decided the others learn, and a second
 * try passes whoever buried it.
 */
#include "base/mem.h"
#include "db/dead.h"
#include "db/outbox.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

#define MOST 32

/* A topic as the broker keeps it: what hosts sent, in order. */
struct log {
    struct message messages[MOST];
    size_t count;
};

struct scene {
    struct world world; /* of the first host */
    struct world other;
    struct journal here;
    struct journal there;
    struct log dead;
    struct log landed;
};

static int set_up(void **state)
{
    struct scene *scene = mem_alloc(sizeof *scene);
    struct err err = {0};

    world_open(&scene->world);
    world_open(&scene->other);
    scene->world.broker = scene->other.broker = "kafka";
    if (world_journal(&scene->world, &scene->here, &err) != 1 ||
        world_journal(&scene->other, &scene->there, &err) != 1)
        return -1;
    *state = scene;
    return 0;
}

static void log_clear(struct log *log)
{
    for (size_t i = 0; i < log->count; i++)
        message_close(&log->messages[i]);
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    log_clear(&scene->dead);
    log_clear(&scene->landed);
    journal_close(&scene->here);
    journal_close(&scene->there);
    world_close(&scene->world);
    world_close(&scene->other);
    free(scene);
    return 0;
}

/* What waits in the outbox goes to its topic. */
static void send(struct scene *scene, struct journal *journal)
{
    struct outbox_entry entries[MOST] = {0};
    struct err err = {0};
    const int got = outbox_peek(journal, 0, MOST, entries, &err);

    DONE(got);
    for (int i = 0; i < got; i++) {
        struct log *log =
            strcmp(entries[i].message.topic, WORLD_DEAD) == 0 ? &scene->dead : &scene->landed;

        entries[i].message.partition = 1;
        entries[i].message.offset = (int64_t)log->count;
        log->messages[log->count++] = entries[i].message;
        DONE(outbox_sent(journal, &entries[i].seq, 1, &err));
    }
}

/* Reads on in the topic of the dead. */
static void learn(struct scene *scene, struct journal *journal)
{
    int64_t *next = NULL;
    size_t count = 0;
    struct err err = {0};

    DONE(dead_places(journal, &next, &count, &err));
    for (size_t i = count > 1 ? (size_t)next[1] : 0; i < scene->dead.count; i++)
        DONE(dead_learn(journal, &scene->dead.messages[i], &err));
    free(next);
}

static void bury_value(struct journal *journal, const char *group, const char *id,
                       const char *value, size_t size)
{
    AUTO(step) step = {0};
    struct err err = {0};

    step_open(&step);
    step_add_dead(&step, &(struct step_dead){.group = group,
                                             .topic = WORLD_LANDED,
                                             .id = id,
                                             .partition = 3,
                                             .offset = 9,
                                             .error = "torn \"x\"",
                                             .attempts = 3,
                                             .value = value,
                                             .value_size = size});
    DONE(step_commit(&step, journal, NULL, &err));
}

static void bury(struct journal *journal, const char *group, const char *id)
{
    bury_value(journal, group, id, "the value", 9);
}

static int put_text(void *ctx, const struct dead_letter *dead, struct err *err)
{
    (void)err;
    buf_printf(ctx, "%s %s %s %s %d/%d %d '%.*s'\n", dead->id, dead->group, dead->topic,
               dead->error, (int)dead->partition, (int)dead->offset, (int)dead->attempts,
               (int)dead->value_size, dead->value ? dead->value : "");
    return 0;
}

static void expect_open(struct journal *journal, const char *expected)
{
    AUTO(buf) text = {0};
    struct err err = {0};

    DONE(dead_each(journal, &text, put_text, &err));
    assert_string_equal(buf_text(&text), expected);
}

#define LETTER(id) id " g quakes.landed torn \"x\" 3/9 3 'the value'\n"

static void a_letter_is_seen_on_every_host(void **state)
{
    struct scene *scene = *state;

    bury(&scene->here, "g", "a-1");
    send(scene, &scene->here);
    learn(scene, &scene->here);
    learn(scene, &scene->there);
    learn(scene, &scene->there);

    expect_open(&scene->here, LETTER("a-1"));
    expect_open(&scene->there, LETTER("a-1"));
}

static void reading_goes_on_where_it_was_and_anew_if_the_topic_is(void **state)
{
    struct scene *scene = *state;
    int64_t *next = NULL;
    size_t count = 0;
    int64_t again;
    struct err err = {0};

    bury(&scene->here, "g", "a-1");
    bury(&scene->here, "g", "a-2");
    send(scene, &scene->here);
    learn(scene, &scene->there);
    DONE(dead_places(&scene->there, &next, &count, &err));
    assert_int_equal(count, 2);
    assert_int_equal(next[0], 0);
    assert_int_equal(next[1], 2);
    free(next);

    DONE(outbox_meet_topic(&scene->there, WORLD_DEAD, NULL, true, &again, &err));
    learn(scene, &scene->there);
    expect_open(&scene->there, LETTER("a-1") LETTER("a-2"));
}

static void what_one_drops_is_dropped_everywhere(void **state)
{
    struct scene *scene = *state;
    int64_t count = 0;
    struct err err = {0};

    bury(&scene->here, "g", "a-1");
    bury(&scene->here, "g", "a-2");
    send(scene, &scene->here);
    learn(scene, &scene->there);
    DONE(dead_drop(&scene->there, "a-1", &count, &err));
    assert_int_equal(count, 1);
    send(scene, &scene->there);
    learn(scene, &scene->here);

    expect_open(&scene->there, LETTER("a-2"));
    expect_open(&scene->here, LETTER("a-2"));
    assert_int_equal(scene->landed.count, 0);
    assert_int_equal(messages_is_consumed(&scene->here, "g", "a-1", &err), 1);
}

static void a_second_try_passes_whoever_buried_it(void **state)
{
    struct scene *scene = *state;
    struct message *again = &scene->landed.messages[0];
    int64_t count = 0;
    struct err err = {0};

    bury(&scene->here, "g", "a-1");
    send(scene, &scene->here);
    learn(scene, &scene->there);
    DONE(dead_retry(&scene->there, NULL, &count, &err));
    assert_int_equal(count, 1);
    send(scene, &scene->there);

    assert_int_equal(scene->landed.count, 1);
    assert_string_equal(again->id, "a-1");
    assert_string_equal(again->value, "the value");
    assert_int_equal(messages_is_consumed(&scene->here, "g", "a-1", &err), 1);
    assert_int_equal(dead_is_for_others(&scene->here, "other", again, &err), 1);
    assert_int_equal(dead_is_for_others(&scene->here, "g", again, &err), 0);
    assert_int_equal(messages_is_consumed(&scene->here, "g", "a-1", &err), 0);
    expect_open(&scene->here, "");
}

static void a_decision_that_is_learned_late_undoes_nothing(void **state)
{
    struct scene *scene = *state;
    AUTO(step) step = {0};
    int64_t count = 0;
    struct err err = {0};

    bury(&scene->here, "g", "a-1");
    send(scene, &scene->here);
    learn(scene, &scene->there);
    DONE(dead_retry(&scene->there, "a-1", &count, &err));
    send(scene, &scene->there);
    assert_int_equal(dead_is_for_others(&scene->here, "g", &scene->landed.messages[0], &err), 0);
    step_open(&step);
    step_add_consumed(&step,
                      &(struct step_consumed){.group = "g", .topic = WORLD_LANDED, .id = "a-1"});
    assert_int_equal(step_commit(&step, &scene->here, NULL, &err), 1);
    learn(scene, &scene->here);

    assert_int_equal(messages_is_consumed(&scene->here, "g", "a-1", &err), 1);
    assert_int_equal(dead_is_for_others(&scene->here, "g", &scene->landed.messages[0], &err), 0);
    assert_int_equal(messages_is_consumed(&scene->here, "g", "a-1", &err), 1);
}

static void a_second_try_that_dies_too_is_a_letter_of_its_own(void **state)
{
    struct scene *scene = *state;
    int64_t count = 0;
    struct err err = {0};

    bury(&scene->here, "g", "a-1");
    send(scene, &scene->here);
    DONE(dead_retry(&scene->here, "a-1", &count, &err));
    send(scene, &scene->here);
    bury(&scene->here, "g", "a-1");
    assert_int_equal(dead_is_for_others(&scene->here, "g", &scene->landed.messages[0], &err), 0);
    send(scene, &scene->here);
    learn(scene, &scene->there);

    expect_open(&scene->here, LETTER("a-1"));
    expect_open(&scene->there, LETTER("a-1"));
    assert_int_equal(messages_is_consumed(&scene->here, "g", "a-1", &err), 1);
}

static void what_else_stands_in_the_topic_is_passed_over(void **state)
{
    struct scene *scene = *state;
    struct message foreign = {.topic = (char *)(uintptr_t)WORLD_DEAD,
                              .id = (char *)(uintptr_t) "x"};
    struct message odd = foreign;
    struct err err = {0};

    odd.headers = (char *)(uintptr_t) "{\"x-letter\":\"l\",\"x-group\":\"g\"}";
    DONE(dead_learn(&scene->here, &foreign, &err));
    DONE(dead_learn(&scene->here, &odd, &err));
    expect_open(&scene->here, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* ---- too large to be kept whole ---- */

static int check_cut(void *ctx, const struct dead_letter *dead, struct err *err)
{
    const char *whole = ctx;

    (void)err;
    assert_int_equal(dead->value_size, STEP_DEAD_MOST);
    assert_memory_equal(dead->value, whole, STEP_DEAD_MOST);
    return 0;
}

static void a_message_that_is_too_large_is_kept_by_its_begin(void **state)
{
    struct scene *scene = *state;
    const size_t size = (size_t)5 << 20;
    char *whole = mem_alloc(size);
    char sha256[FS_SHA256_TEXT];
    struct err err = {0};
    int64_t count = -1;

    for (size_t i = 0; i < size; i++)
        whole[i] = (char)('a' + i % 23);
    fs_sha256_of(whole, size, sha256);
    bury_value(&scene->here, "g", "large", whole, size);
    bury(&scene->here, "g", "small");
    send(scene, &scene->here);

    assert_int_equal(scene->dead.count, 2);
    assert_int_equal(scene->dead.messages[0].value_size, STEP_DEAD_MOST);
    assert_non_null(strstr(scene->dead.messages[0].headers, "\"x-size\":5242880"));
    assert_non_null(strstr(scene->dead.messages[0].headers, sha256));
    assert_null(strstr(scene->dead.messages[1].headers, "x-size"));
    learn(scene, &scene->there);
    DONE(dead_drop(&scene->there, "small", &count, &err));
    DONE(dead_each(&scene->there, whole, check_cut, &err));
    free(whole);
}

static void it_cannot_be_tried_again_and_the_others_can(void **state)
{
    struct scene *scene = *state;
    char *whole = mem_alloc(STEP_DEAD_MOST);
    struct err err = {0};
    int64_t count = -1;
    int64_t cut = -1;

    memset(whole, 'x', STEP_DEAD_MOST);
    bury_value(&scene->here, "g", "large", whole, STEP_DEAD_MOST);
    bury(&scene->here, "g", "small");
    send(scene, &scene->here);
    DONE(dead_retry(&scene->here, NULL, &count, &err));
    send(scene, &scene->here);

    assert_int_equal(count, 1);
    assert_int_equal(scene->landed.count, 1);
    DONE(dead_count_cut(&scene->here, NULL, &cut, &err));
    assert_int_equal(cut, 1);
    DONE(dead_drop(&scene->here, "large", &count, &err));
    assert_int_equal(count, 1);
    free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_letter_is_seen_on_every_host),
        TEST(reading_goes_on_where_it_was_and_anew_if_the_topic_is),
        TEST(what_one_drops_is_dropped_everywhere),
        TEST(a_second_try_passes_whoever_buried_it),
        TEST(a_decision_that_is_learned_late_undoes_nothing),
        TEST(a_second_try_that_dies_too_is_a_letter_of_its_own),
        TEST(what_else_stands_in_the_topic_is_passed_over),
        TEST(a_message_that_is_too_large_is_kept_by_its_begin),
        TEST(it_cannot_be_tried_again_and_the_others_can),
    };

    return cmocka_run_group_tests_name("dead letters of several hosts", tests, NULL, NULL);
}
