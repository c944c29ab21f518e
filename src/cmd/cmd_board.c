/*
 * riacho dashboard: the live page of a pipeline that runs elsewhere, or not at all.
 * riacho serve: the pipeline, following, and its page in one process.
 */
#include "cmd/cmd_board.h"

#include "base/logger.h"
#include "base/stop.h"
#include "cmd/progress.h"
#include "db/outbox.h"
#include "river/flow.h"
#include "river/live.h"
#include "river/relay.h"
#include "river/river_board.h"

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

#define LOOK_MS 1000
#define AWAY_MS 10000

/* What this dashboard has seen of the messages that wait for a broker outside of the state. */
struct waiting {
    int64_t first; /* its number at the last look; 0: none waited */
    bool is_away;  /* the broker did not take them, which was told */
};

/* 1 something waits that waited at the last look already: nobody else sends it. 0 not. */
static int is_left(struct river *river, struct waiting *waiting, struct err *err)
{
    struct outbox_entry entry = {0};
    const int got = outbox_peek(&river->journal, 0, 1, &entry, err);
    const int64_t first = got == 1 ? entry.seq : 0;
    const bool left = first > 0 && first == waiting->first;

    outbox_entry_close(&entry);
    waiting->first = first;
    return got < 0 ? -1 : left;
}

/* Sends what is decided here on dead letters, if no stage runs that would. Gives the time until the next look. */
static int send_decisions(struct river *river, struct waiting *waiting)
{
    struct err err = {0};
    const int left = is_left(river, waiting, &err);

    if (left == 0)
        return LOOK_MS;
    if (left == 1 && relay_flush(river, 0, &err) == 0) {
        waiting->is_away = false;
        return LOOK_MS;
    }
    if (!waiting->is_away)
        log_warn("what was decided on dead letters is not sent yet: %s", err.text);
    waiting->is_away = true;
    return AWAY_MS;
}

int cmd_dashboard(const struct cmd_line *line, struct err *err)
{
    AUTO(river) river = {0};
    AUTO(river_board) board = {0};
    struct waiting waiting = {0};
    int pause_ms = LOOK_MS;

    TRY(river_open(&river, line->args[0], RIVER_LOOK, err));
    TRY(open_board(&board, &river, line, err));
    while (!stop_wait_ms(pause_ms))
        if (river.broker_ops->relay && !cmd_flag(line, "read-only"))
            pause_ms = send_decisions(&river, &waiting);
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
