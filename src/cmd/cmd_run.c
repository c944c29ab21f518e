/*
 * riacho run, extract, transform, export: the stages, once or following.
 */
#include "cmd/cmd_run.h"

#include "base/logger.h"
#include "base/stop.h"
#include "base/str.h"
#include "cmd/progress.h"
#include "cmd/summary.h"
#include "db/dead.h"
#include "river/flow.h"
#include "river/live.h"
#include "river/relay.h"
#include "river/replay.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

#define STATUS_DEAD_LETTERS 3

#define NO_WAIT_OPTION                                                                             \
    {                                                                                              \
        "no-wait", 0, NULL,                                                                        \
            "Fails at once if the broker does not answer, in place of waiting for it."             \
    }

const struct cmd_option run_options[] = {
    {"follow", 'f', NULL, "Keeps going until interrupted: extracts again at every schedule.every."},
    NO_WAIT_OPTION,
    {NULL, 0, NULL, NULL},
};

#define LISTEN_OPTION                                                                              \
    {                                                                                              \
        "follow", 'f', NULL, "Keeps listening until interrupted."                                  \
    }

const struct cmd_option export_command_options[] = {
    LISTEN_OPTION,
    NO_WAIT_OPTION,
    {NULL, 0, NULL, NULL},
};

const struct cmd_option transform_command_options[] = {
    LISTEN_OPTION,
    {"replay", 0, "TABLE", "Makes the table's whole history anew, with today's definition."},
    NO_WAIT_OPTION,
    {NULL, 0, NULL, NULL},
};

static void print_summary(const struct cmd_line *line, const struct river *river, unsigned stages,
                          int64_t dead, const struct err *error)
{
    AUTO(buf) text = {0};

    if (line->json)
        summary_put_json(&text, river, stages, dead, error);
    else if (!line->quiet)
        summary_put_text(&text, river, stages, dead);
    fputs(buf_text(&text), stdout);
    fflush(stdout);
}

/* Open ones that this state knows; others may have decided on them meanwhile. */
static int count_dead(struct river *river, bool follow, int64_t *ret_count, struct err *err)
{
    TRY(dead_count(&river->journal, ret_count, err));
    if (*ret_count == 0 || follow || stop_asked())
        return 0;
    TRY(relay_learn_dead(river, err));
    return dead_count(&river->journal, ret_count, err);
}

static int run_stages(const struct cmd_line *line, unsigned stages, struct err *err)
{
    const struct flow_how how = {.follow = cmd_flag(line, "follow"),
                                 .no_wait = cmd_flag(line, "no-wait")};
    AUTO(river) river = {.will_extract = stages & FLOW_EXTRACT};
    AUTO(progress) progress = {0};
    AUTO(live) live = {0};
    struct err ignored = {0};
    int64_t dead = 0;
    int done;

    TRY(river_open(&river, line->args[0], RIVER_WORK, err));
    TRY(live_open(&live, &river, line->cmd->name, stages, err));
    progress_open(&progress, &river, line->quiet);
    done = flow_run(&river, stages, &how, err);
    progress_close(&progress);
    if (count_dead(&river, how.follow, &dead, done < 0 ? &ignored : err) < 0 && done == 0)
        done = -1;
    if (done == 0 || err->code != ERR_LOCKED)
        print_summary(line, &river, stages, dead, done < 0 ? err : NULL);
    if (done < 0)
        return -1;
    return dead > 0 && !how.follow ? STATUS_DEAD_LETTERS : 0;
}

int cmd_run(const struct cmd_line *line, struct err *err)
{
    return run_stages(line, FLOW_ALL, err);
}

int cmd_extract(const struct cmd_line *line, struct err *err)
{
    return run_stages(line, FLOW_EXTRACT, err);
}

static void print_replayed(const struct cmd_line *line, const char *table,
                           const struct replayed *replayed)
{
    char rows[32];

    if (replayed->kept > 0)
        log_warn("%" PRId64 " file%s of \"%s\" stay%s: the landing files are pruned",
                 replayed->kept, str_plural(replayed->kept), table,
                 replayed->kept == 1 ? "s as it is" : " as they are");
    if (line->json)
        printf("{\"table\":\"%s\",\"files\":%" PRId64 ",\"rows\":%" PRId64 ",\"kept\":%" PRId64
               "}\n",
               table, replayed->files, replayed->rows, replayed->kept);
    else if (!line->quiet)
        printf("%s: %" PRId64 " file%s made anew, %s row%s\n", table, replayed->files,
               str_plural(replayed->files),
               str_of_count((uint64_t)replayed->rows, rows, sizeof rows),
               str_plural(replayed->rows));
}

static int run_replay(const struct cmd_line *line, const char *table, struct err *err)
{
    AUTO(river) river = {0};
    AUTO(lock) lock = {0};
    struct replayed replayed = {0};

    TRY(river_open(&river, line->args[0], RIVER_MEND, err));
    TRY(river_lock_broker(&river, &lock, err));
    TRY(replay_table(&river, table, &replayed, err));
    TRY(relay_flush(&river, cmd_flag(line, "no-wait") ? 0 : BROKER_FOR_EVER, err));
    print_replayed(line, table, &replayed);
    return 0;
}

int cmd_transform(const struct cmd_line *line, struct err *err)
{
    if (cmd_value(line, "replay"))
        return run_replay(line, cmd_value(line, "replay"), err);
    return run_stages(line, FLOW_TRANSFORM, err);
}

int cmd_export(const struct cmd_line *line, struct err *err)
{
    return run_stages(line, FLOW_EXPORT, err);
}
