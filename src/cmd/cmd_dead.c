/*
 * riacho dead: references whose data could not be processed, and what becomes of them.
 */
#include "base/logger.h"
#include "base/str.h"
#include "cmd/cmd_mend.h"
#include "cmd/show.h"
#include "db/dead.h"
#include "db/report.h"
#include "river/relay.h"
#include "river/river.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

const struct cmd_option dead_options[] = {
    {"all", 0, NULL, "Takes every open dead letter (retry, drop)."},
    {NULL, 0, NULL, NULL},
};

static const struct show_column dead_columns[] = {
    {"id", "id", SHOW_TEXT},       {"group", "group", SHOW_TEXT},
    {"time", "time", SHOW_TEXT},   {"attempts", "attempts", SHOW_COUNT},
    {"error", "error", SHOW_TEXT}, {NULL, NULL, SHOW_TEXT},
};

static int list(struct river *river, const struct cmd_line *line, struct err *err)
{
    AUTO(json_out) report = {0};
    AUTO(buf) text = {0};

    TRY(report_dead(&river->journal, &report, err));
    if (line->json) {
        show_json(&report);
        return 0;
    }
    show_put(&text, yyjson_mut_obj_get(yyjson_mut_doc_get_root(report.doc), "dead"), dead_columns,
             "no open dead letters");
    fputs(buf_text(&text), stdout);
    return 0;
}

/* Where the broker is away they are sent by the next start. */
static int tell_others(struct river *river, struct err *err)
{
    struct err away = {0};

    if (relay_flush(river, 0, &away) == 0)
        return 0;
    if (away.code != ERR_NET) {
        *err = away;
        return -1;
    }
    log_warn("what was decided is sent at the next start: %s", away.text);
    return 0;
}

/* An id that is none, or of a message that cannot be tried again. */
static int explain_none(struct river *river, const char *file, const char *id, struct err *err)
{
    int64_t cut = 0;

    TRY(dead_count_cut(&river->journal, id, &cut, err));
    if (cut == 0)
        return err_set(err, ERR_USAGE, "there is no open dead letter \"%s\"", id);
    err_set(err, ERR_USAGE, "\"%s\" was too large to be kept whole, so it cannot be tried again",
            id);
    return err_hint(err,
                    "It stands whole in its topic. Drop the letter: riacho dead drop %.120s %.80s",
                    file, id);
}

static int tell_left(struct river *river, struct err *err)
{
    int64_t cut = 0;

    TRY(dead_count_cut(&river->journal, NULL, &cut, err));
    if (cut > 0)
        log_warn("%" PRId64 " dead letter%s too large to be kept whole, and cannot be tried again; "
                 "`riacho dead drop` removes them",
                 cut, cut == 1 ? " was" : "s were");
    return 0;
}

typedef int settle_fn(struct journal *journal, const char *id, int64_t *ret_count, struct err *err);

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
    if (cmd_flag(line, "all"))
        TRY(tell_left(river, err));
    for (size_t i = 2; i < line->arg_count; i++) {
        int64_t count = 0;

        TRY(how(&river->journal, line->args[i], &count, err));
        if (count == 0)
            return explain_none(river, line->args[1], line->args[i], err);
        total += count;
    }
    TRY(tell_others(river, err));
    if (line->json)
        printf("{\"%s\":%" PRId64 "}\n", done, total);
    else if (!line->quiet)
        printf("%" PRId64 " dead letter%s %s\n", total, str_plural(total), done);
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
    TRY(river_open(&river, line->args[1], RIVER_LEARN, err));
    TRY(relay_learn_dead(&river, err));
    if (is_list)
        return list(&river, line, err);
    if (str_same(verb, "retry"))
        return settle(&river, line, dead_retry, "retried", err);
    return settle(&river, line, dead_drop, "dropped", err);
}
