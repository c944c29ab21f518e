/*
 * The board of a river: what the board is to know of it.
 */
#ifndef RIACHO_RIVER_BOARD_H
#define RIACHO_RIVER_BOARD_H

#include "board/board.h"
#include "river/river.h"

struct river_board {
    struct board board;
    struct board_setup setup;
    struct board_root *roots; /* what the board borrows */
    struct board_group *groups;
    const char **resources;
    const char **exports;
    size_t export_count;
};

/* Fills `setup` alone, for those who want to look without a server. */
void river_board_set_up(struct river_board *board, const struct river *river);
/* Opens the board of an open river, which outlives it. `listen` NULL: where the pipeline file says. */
MUST_CHECK int river_board_open(struct river_board *board, const struct river *river,
                                const char *listen, bool is_read_only, struct err *err);
void river_board_close(struct river_board *board);

/* Tells people where it is. */
void river_board_tell(const struct river_board *board);

#endif
