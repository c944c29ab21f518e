/*
 * What a consumer tells a broker that hands out what it has handed out already, as Kafka does when a partition went
 * and came back: a reference counts as worked off only when the ledger has it.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "db/step.h"
#include "river/consume.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/banned.h"

#define GROUP "transform"
#define MOST_TURNS 50 /* after which the consumer stands still */

/* A reference that is handed out: its id, its place, and whether its file is there. */
struct handed {
    const char *id; /* NULL: the turn ends */
    int64_t offset;
    bool is_whole;
};

#define LOST(id, offset)                                                                           \
    {                                                                                              \
        id, offset, false                                                                          \
    }
#define WHOLE(id, offset)                                                                          \
    {                                                                                              \
        id, offset, true                                                                           \
    }
#define TURN_ENDS                                                                                  \
    {                                                                                              \
        NULL, 0, false                                                                             \
    }

static struct {
    const struct handed *next;   /* turn for turn; ends with an empty one */
    const char *taken_by_others; /* worked off elsewhere after the last turn; NULL: nothing */
    struct journal *journal;
    int turns;
    char committed[16][16];
    int commits;
    int early; /* commits of what the ledger does not have */
    int released;
} server;

static struct message message_of(const struct handed *handed)
{
    AUTO(buf) value = {0};
    AUTO(ref) ref = {0};
    char sha256[FS_SHA256_TEXT];

    fs_sha256_of("text", 4, sha256);
    ref = (struct ref){.id = mem_str(handed->id),
                       .source = mem_str("/riacho/p"),
                       .type = mem_str(REF_LANDED),
                       .subject = mem_str("quakes"),
                       .time = mem_str("2026-11-22T09:00:00Z"),
                       .root = mem_str("landing"),
                       .path = mem_str(handed->is_whole ? "whole.parquet" : "missing.parquet"),
                       .format = mem_str("parquet"),
                       .bytes = 4,
                       .rows = 1,
                       .sha256 = mem_str(sha256),
                       .schema = mem_str("0123456789abcdef"),
                       .first_page = 1,
                       .last_page = 1,
                       .run = mem_str("r")};
    ref_write(&ref, &value);
    return (struct message){.topic = mem_str("p.landed"),
                            .id = mem_str(handed->id),
                            .value = mem_strn(value.data, value.size),
                            .value_size = value.size,
                            .offset = handed->offset};
}

static int open_fake(struct broker *broker, const struct broker_conf *conf, struct journal *journal,
                     const char *group, const char *topic, struct err *err)
{
    (void)conf;
    (void)group;
    (void)topic;
    (void)err;
    server.journal = journal;
    broker->impl = &server;
    return 0;
}

static int work_off_elsewhere(const char *id, struct err *err)
{
    AUTO(step) step = {0};

    step_open(&step);
    step_add_consumed(&step,
                      &(struct step_consumed){.group = GROUP, .topic = "p.landed", .id = id});
    return step_commit(&step, server.journal, NULL, err);
}

static int fetch_fake(struct broker *broker, size_t most, int wait_ms, struct message *ret_messages,
                      struct err *err)
{
    int count = 0;

    (void)broker;
    (void)most;
    (void)wait_ms;
    if (server.turns++ == MOST_TURNS)
        return err_set(err, ERR_USAGE, "the consumer stands still");
    while (server.next->id)
        ret_messages[count++] = message_of(server.next++);
    if (count > 0)
        server.next++;
    else if (server.taken_by_others) {
        TRY(work_off_elsewhere(server.taken_by_others, err));
        server.taken_by_others = NULL;
    }
    return count;
}

static int keep_fake(struct broker *broker, struct err *err)
{
    (void)broker;
    (void)err;
    return 0;
}

static int commit_fake(struct broker *broker, const struct message *message, struct err *err)
{
    (void)broker;
    snprintf(server.committed[server.commits++], sizeof *server.committed, "%s@%d", message->id,
             (int)message->offset);
    server.early += messages_is_consumed(server.journal, GROUP, message->id, err) != 1;
    return 0;
}

static int release_fake(struct broker *broker, const struct message *message, struct err *err)
{
    (void)broker;
    (void)message;
    (void)err;
    server.released++;
    return 0;
}

static int lag_fake(struct broker *broker, int64_t *ret_lag, struct err *err)
{
    (void)broker;
    (void)err;
    *ret_lag = 0;
    return 0;
}

static void close_fake(struct broker *broker)
{
    (void)broker;
}

static const struct broker_ops fake = {
    .name = "fake",
    .open = open_fake,
    .fetch = fetch_fake,
    .keep = keep_fake,
    .commit = commit_fake,
    .release = release_fake,
    .lag = lag_fake,
    .close = close_fake,
};

/* The surroundings are at fault. */
static int refuse(void *ctx, struct work *const *works, size_t count, struct step *step,
                  struct err *err)
{
    (void)ctx;
    (void)works;
    (void)count;
    (void)step;
    return err_set(err, ERR_IO, "the disk is full");
}

/* A pipeline's file, and one landing file. */
static void make_files(const struct world *world, const char *pipeline_file)
{
    static const char text[] = "name: p\nsource:\n  client: {base_url: 'http://127.0.0.1:1'}\n"
                               "  resources: [{name: quakes, endpoint: {path: /q}}]\n";
    char *landing = fs_join(world->dir, "output/landing");
    char *whole = fs_join(landing, "whole.parquet");
    struct err err = {0};

    DONE(fs_write(pipeline_file, text, strlen(text), 0644, &err));
    DONE(fs_make_dirs(landing, 0777, &err));
    DONE(fs_write(whole, "text", 4, 0644, &err));
    free(whole);
    free(landing);
}

/* The whole way of a consumer that is handed these, turn for turn. */
static int consume_all(const struct world *world, const struct handed *handed,
                       const char *taken_by_others)
{
    char *file = fs_join(world->dir, "p.yaml");
    AUTO(river) river = {0};
    struct err err = {0};
    int got;

    memset(&server, 0, sizeof server);
    server.next = handed;
    server.taken_by_others = taken_by_others;
    make_files(world, file);
    DONE(river_open(&river, file, RIVER_WORK, &err));
    free(file);
    river.broker_ops = &fake;
    got = consume(&(struct consumer){.river = &river,
                                     .journal = &river.journal,
                                     .group = GROUP,
                                     .topic = river.landed_topic,
                                     .live = &river.transform,
                                     .work_off = refuse},
                  &err);
    if (server.turns > MOST_TURNS)
        fail_msg("%s", err.text);
    return got;
}

/* ---- the tests ---- */

static void a_suspect_that_comes_again_is_not_worked_off(void **state)
{
    static const struct handed handed[] = {LOST("a", 0), TURN_ENDS,    LOST("a", 0),
                                           LOST("b", 1), LOST("c", 2), LOST("d", 3),
                                           LOST("e", 4), TURN_ENDS,    TURN_ENDS};

    assert_int_equal(consume_all(*state, handed, NULL), -1);

    assert_int_equal(server.commits, 0);
    assert_int_equal(server.released, 5);
}

static void one_in_hand_that_comes_again_is_not_worked_off(void **state)
{
    static const struct handed handed[] = {WHOLE("a", 0), WHOLE("a", 0), TURN_ENDS, TURN_ENDS};

    assert_int_equal(consume_all(*state, handed, NULL), -1);

    assert_int_equal(server.commits, 0);
    assert_int_equal(server.released, 1);
}

static void a_reference_counts_at_all_its_places_once_it_is_decided(void **state)
{
    static const struct handed handed[] = {LOST("a", 0), LOST("a", 7), TURN_ENDS,
                                           LOST("a", 9), TURN_ENDS,    TURN_ENDS};

    assert_int_equal(consume_all(*state, handed, NULL), 0);

    assert_int_equal(server.early, 0);
    assert_int_equal(server.commits, 3);
    assert_string_equal(server.committed[0], "a@0");
    assert_string_equal(server.committed[1], "a@7");
    assert_string_equal(server.committed[2], "a@9");
}

static void a_reference_is_given_back_at_all_its_places(void **state)
{
    static const struct handed handed[] = {WHOLE("a", 0), WHOLE("a", 7), TURN_ENDS, TURN_ENDS};

    assert_int_equal(consume_all(*state, handed, NULL), -1);

    assert_int_equal(server.commits, 0);
    assert_int_equal(server.released, 2);
}

static void a_suspect_that_another_process_decided_is_let_go(void **state)
{
    static const struct handed handed[] = {LOST("a", 0), LOST("b", 1), TURN_ENDS, TURN_ENDS};

    assert_int_equal(consume_all(*state, handed, "a"), 0);

    assert_int_equal(server.early, 0);
    assert_int_equal(server.commits, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
        TEST(a_suspect_that_comes_again_is_not_worked_off),
        TEST(one_in_hand_that_comes_again_is_not_worked_off),
        TEST(a_reference_counts_at_all_its_places_once_it_is_decided),
        TEST(a_reference_is_given_back_at_all_its_places),
        TEST(a_suspect_that_another_process_decided_is_let_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
