/*
 * Names and folders of the pipeline, as the board wants them.
 */
#include "river/river_board.h"

#include "base/logger.h"
#include "base/mem.h"
#include "river/export.h"
#include "river/transform.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define BOARD_MEMORY 0.25 /* of memory_limit, for queries */

static void name_exports(struct river_board *board, const struct river *river)
{
    const size_t count = river->conf.export_count;

    board->export_count = count;
    board->exports = mem_alloc((count + 1) * sizeof *board->exports);
    board->roots = mem_alloc((count + 2) * sizeof *board->roots);
    board->groups = mem_alloc((count + 1) * sizeof *board->groups);
    board->roots[0] = (struct board_root){"landing", river->conf.landing.dir};
    board->roots[1] = (struct board_root){"adjusted", river->conf.transform.dir};
    board->groups[0] = (struct board_group){river->landed_topic, TRANSFORM_GROUP};
    for (size_t i = 0; i < count; i++) {
        char *group = export_group_of(&river->conf.exports[i]);

        board->exports[i] = river->exports[i].name;
        board->roots[i + 2] = (struct board_root){group, river->conf.exports[i].dir};
        board->groups[i + 1] = (struct board_group){river->adjusted_topic, group};
    }
}

static void name_resources(struct river_board *board, const struct river *river)
{
    const size_t count = river->conf.source.resource_count;

    board->resources = mem_alloc((count + 1) * sizeof *board->resources);
    for (size_t i = 0; i < count; i++)
        board->resources[i] = river->conf.source.resources[i].name;
}

void river_board_set_up(struct river_board *board, const struct river *river)
{
    const struct pipeline *conf = &river->conf;

    name_exports(board, river);
    name_resources(board, river);
    board->setup = (struct board_setup){
        .pipeline = conf->name,
        .engine = conf->transform.engine == ENGINE_SPARK ? "spark" : "duckdb",
        .conf = &conf->dashboard,
        .journal = &river->journal,
        .roots = board->roots,
        .root_count = board->export_count + 2,
        .groups = board->groups,
        .group_count = board->export_count + 1,
        .resources = board->resources,
        .resource_count = conf->source.resource_count,
        .exports = board->exports,
        .export_count = board->export_count,
        .memory_bytes = river_memory(river, BOARD_MEMORY),
    };
}

int river_board_open(struct river_board *board, const struct river *river, const char *listen,
                     bool is_read_only, struct err *err)
{
    river_board_set_up(board, river);
    board->setup.listen = listen;
    board->setup.is_read_only = is_read_only;
    return board_open(&board->board, &board->setup, err);
}

void river_board_close(struct river_board *board)
{
    board_close(&board->board);
    for (size_t i = 0; i < board->export_count; i++)
        free((char *)(uintptr_t)board->groups[i + 1].group);
    free(board->roots);
    free(board->groups);
    free(board->resources);
    free(board->exports);
    *board = (struct river_board){0};
}

/* The token stands behind a #, which no browser sends; it goes to a terminal, but into no log. */
void river_board_tell(const struct river_board *board)
{
    const struct board *open = &board->board;

    if (board_token_is_new(open) && isatty(STDERR_FILENO) && !log_is_json())
        log_info("dashboard: http://%s/#token=%s", open->address, board_token(open));
    else
        log_info("dashboard: http://%s/", open->address);
}
