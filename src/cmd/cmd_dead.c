/*
 * riacho dead: references whose data could not be processed, and what becomes of them.
 */
#include "base/json.h"
#include "base/str.h"
#include "cmd/cmd_mend.h"
#include "cmd/river.h"
#include "cmd/table.h"
#include "db/messages.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

const struct cmd_option dead_options[] = {
    {"all", 0, NULL, "Takes every open dead letter (retry, drop)."},
    {NULL, 0, NULL, NULL},
};

struct listing {
    struct table table;
    struct buf json;
    bool as_json;
};

static void listing_close(struct listing *listing)
{
    table_close(&listing->table);
    buf_close(&listing->json);
}

static void put_json(struct buf *to, const struct dead_letter *dead)
{
    buf_puts(to, to->size ? "," : "");
    buf_puts(to, "{\"id\":");
    json_put_string(to, dead->id);
    buf_puts(to, ",\"group\":");
    json_put_string(to, dead->group);
    buf_puts(to, ",\"x-original-topic\":");
    json_put_string(to, dead->topic);
    buf_printf(to,
               ",\"x-original-partition\":%" PRId64 ",\"x-original-offset\":%" PRId64
               ",\"x-attempts\":%" PRId64 ",\"x-error\":",
               dead->partition, dead->offset, dead->attempts);
    json_put_string(to, dead->error);
    buf_puts(to, ",\"time\":");
    json_put_string(to, dead->time);
    buf_puts(to, ",\"value\":");
    json_put_string(to, dead->value);
    buf_putc(to, '}');
}

static int list_one(void *ctx, const struct dead_letter *dead, struct err *err)
{
    struct listing *listing = ctx;

    (void)err;
    if (listing->as_json) {
        put_json(&listing->json, dead);
        return 0;
    }
    table_add(&listing->table, dead->id);
    table_add(&listing->table, dead->group);
    table_add(&listing->table, dead->time);
    table_addf(&listing->table, "%" PRId64, dead->attempts);
    table_add(&listing->table, dead->error);
    return 0;
}

static int list(struct river *river, const struct cmd_line *line, struct err *err)
{
    static const char *const heads[] = {"id", "group", "time", ">attempts", "error", NULL};
    AUTO(listing) listing = {.as_json = line->json};
    AUTO(buf) text = {0};

    table_open(&listing.table, heads);
    TRY(dead_each(&river->journal, &listing, list_one, err));
    if (line->json)
        printf("[%s]\n", buf_text(&listing.json));
    else if (table_rows(&listing.table) == 0)
        puts("no open dead letters");
    else {
        table_put(&listing.table, &text);
        fputs(text.data, stdout);
    }
    return 0;
}

typedef int settle_fn(struct journal *journal, const char *id, int64_t *ret_count,
                      struct err *err);

/* Retries or drops those that are named, or all. An id that is none is an error, told at once. */
static int settle(struct river *river, const struct cmd_line *line, settle_fn *how,
                  const char *done, struct err *err)
{
    int64_t total = 0;

    if (cmd_flag(line, "all") == (line->arg_count > 2)) {
        err_set(err, ERR_USAGE, "riacho dead %s needs ids or --all", line->args[0]);
        return err_hint(err, "See them: riacho dead list %s", line->args[1]);
    }
    if (cmd_flag(line, "all"))
        TRY(how(&river->journal, NULL, &total, err));
    for (size_t i = 2; i < line->arg_count; i++) {
        int64_t count = 0;

        TRY(how(&river->journal, line->args[i], &count, err));
        if (count == 0)
            return err_set(err, ERR_USAGE, "there is no open dead letter \"%s\"", line->args[i]);
        total += count;
    }
    if (line->json)
        printf("{\"%s\":%" PRId64 "}\n", done, total);
    else if (!line->quiet)
        printf("%" PRId64 " dead letter%s %s\n", total, total == 1 ? "" : "s", done);
    return 0;
}

int cmd_dead(const struct cmd_line *line, struct err *err)
{
    AUTO(river) river = {0};
    const char *verb = line->args[0];
    const bool is_list = str_same(verb, "list");

    if (!is_list && !str_same(verb, "retry") && !str_same(verb, "drop")) {
        err_set(err, ERR_USAGE, "riacho dead does not know \"%s\"", verb);
        return err_hint(err, "It knows list, retry and drop.");
    }
    TRY(river_open(&river, line->args[1], RIVER_LOOK, err));
    if (is_list)
        return list(&river, line, err);
    if (str_same(verb, "retry"))
        return settle(&river, line, dead_retry, "retried", err);
    return settle(&river, line, dead_drop, "dropped", err);
}
