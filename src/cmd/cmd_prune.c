/*
 * riacho prune: landing files that were adjusted, and old history.
 */
#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/cmd_mend.h"
#include "db/prune.h"
#include "db/step.h"
#include "river/river.h"
#include "river/transform.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define FILES_A_STEP 256

const struct cmd_option prune_options[] = {
    {"older-than", 0, "AGE", "How old what is removed must be: 12h, 30d, 4w."},
    {"dry-run", 'n', NULL, "Only tells what would be removed."},
    {NULL, 0, NULL, NULL},
};

struct pruning {
    struct river *river;
    bool dry_run;
    struct step step;
    int64_t files;
    int64_t bytes;
};

static void pruning_close(struct pruning *pruning)
{
    step_close(&pruning->step);
}

static int commit(struct pruning *pruning, struct err *err)
{
    TRY(step_commit(&pruning->step, &pruning->river->journal, NULL, err));
    step_close(&pruning->step);
    step_open(&pruning->step);
    return 0;
}

static int prune_file(void *ctx, const struct known_file *file, struct err *err)
{
    struct pruning *pruning = ctx;
    char *path = fs_join(pruning->river->conf.landing.dir, file->path);

    pruning->files++;
    pruning->bytes += file->bytes;
    if (pruning->dry_run)
        log_debug("would remove %s", path);
    else
        step_add_removed(&pruning->step, file->id, path);
    free(path);
    return pruning->step.files < FILES_A_STEP ? 0 : commit(pruning, err);
}

static void print_pruned(const struct cmd_line *line, const struct pruning *pruning,
                         const struct pruned *history)
{
    char bytes[32];

    if (line->json) {
        printf("{\"dry_run\":%s,\"files\":%" PRId64 ",\"bytes\":%" PRId64 ",\"runs\":%" PRId64
               ",\"messages\":%" PRId64 ",\"dead\":%" PRId64 "}\n",
               pruning->dry_run ? "true" : "false", pruning->files, pruning->bytes, history->runs,
               history->messages, history->dead);
        return;
    }
    if (line->quiet)
        return;
    printf("%s %" PRId64 " landing files (%s), %" PRId64 " runs, %" PRId64 " messages, %" PRId64
           " dead letters of the past\n",
           pruning->dry_run ? "would remove" : "removed", pruning->files,
           str_of_bytes((uint64_t)pruning->bytes, bytes, sizeof bytes), history->runs,
           history->messages, history->dead);
}

int cmd_prune(const struct cmd_line *line, struct err *err)
{
    const char *age = cmd_value(line, "older-than");
    AUTO(river) river = {0};
    AUTO(pruning) pruning = {.river = &river, .dry_run = cmd_flag(line, "dry-run")};
    struct pruned history = {0};
    int64_t age_ms;
    int64_t before_ms;

    if (age == NULL) {
        err_set(err, ERR_USAGE, "riacho prune needs --older-than");
        return err_hint(err, "For example: riacho prune %s --older-than 30d", line->args[0]);
    }
    if (str_to_ms(age, &age_ms, err) < 0)
        return err_wrap(err, "--older-than");
    before_ms = clock_wall_ms() - age_ms;
    TRY(river_open(&river, line->args[0], RIVER_MEND, err));
    step_open(&pruning.step);
    TRY(prune_each(&river.journal, TRANSFORM_GROUP, before_ms, &pruning, prune_file, err));
    TRY(commit(&pruning, err));
    TRY(prune_history(&river.journal, before_ms, pruning.dry_run, &history, err));
    print_pruned(line, &pruning, &history);
    return 0;
}
