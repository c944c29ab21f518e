/*
 * riacho dashboard: the live page of a pipeline that runs elsewhere, or not at all.
 * riacho serve: the pipeline, following, and its page in one process.
 */
#include "cmd/cmd_board.h"

#include "base/stop.h"
#include "cmd/flow.h"
#include "cmd/live.h"
#include "cmd/progress.h"
#include "cmd/river_board.h"

#include "base/banned.h"

const struct cmd_option dashboard_command_options[] = {
    {"listen", 'l', "HOST:PORT",
     "Where to listen, in place of the pipeline file's dashboard.listen."},
    {"read-only", 0, NULL, "Offers no actions: dead letters can be seen, not retried or dropped."},
    {NULL, 0, NULL, NULL},
};

static int open_board(struct river_board *board, const struct river *river,
                      const struct cmd_line *line, struct err *err)
{
    TRY(river_board_open(board, river, cmd_value(line, "listen"), cmd_flag(line, "read-only"),
                         err));
    river_board_tell(board);
    return 0;
}

int cmd_dashboard(const struct cmd_line *line, struct err *err)
{
    AUTO(river) river = {0};
    AUTO(river_board) board = {0};

    TRY(river_open(&river, line->args[0], RIVER_LOOK, err));
    TRY(open_board(&board, &river, line, err));
    while (!stop_wait_ms(60000)) {
    }
    return 0;
}

int cmd_serve(const struct cmd_line *line, struct err *err)
{
    AUTO(river) river = {0};
    AUTO(river_board) board = {0};
    AUTO(progress) progress = {0};
    AUTO(live) live = {0};

    TRY(river_open(&river, line->args[0], RIVER_WORK, err));
    TRY(live_open(&live, &river, "serve", FLOW_ALL, err));
    TRY(open_board(&board, &river, line, err));
    progress_open(&progress, &river, line->quiet);
    return flow_run(&river, FLOW_ALL, &(struct flow_how){.follow = true}, err);
}
