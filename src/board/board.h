/*
 * The board: the live page of one pipeline, its API, its metrics. It reads the journal and the files, and
 * what running processes publish of themselves (db/live_file.h); it runs beside the stages or alone, and
 * neither slows nor blocks them: reads of the journal are short, what may be long runs in a DuckDB
 * instance of its own, with limits, and can be cancelled (docs/board.md).
 */
#ifndef RIACHO_BOARD_H
#define RIACHO_BOARD_H

#include "base/err.h"
#include "base/listen.h"
#include "board/board_conf.h"
#include "db/journal.h"

struct board_root {
    const char *name; /* as the ledger has it: "landing", "adjusted", an export's group */
    const char *dir;
};

/* A consumer group of the pipeline, which may not have begun yet. */
struct board_group {
    const char *topic;
    const char *group;
};

/* What the board is to show. Everything is borrowed and outlives it. */
struct board_setup {
    const char *pipeline;
    const char *engine;
    const struct board_conf *conf;
    const char *listen;            /* in place of conf->listen; NULL */
    const struct journal *journal; /* connections of its own are made from it */
    const struct board_root *roots;
    size_t root_count;
    const struct board_group *groups;
    size_t group_count;
    const char *const *resources;
    size_t resource_count;
    const char *const *exports; /* their names */
    size_t export_count;
    int64_t memory_bytes; /* what queries may take */
    bool is_read_only;    /* no actions at all */
};

struct board {
    struct board_impl *impl; /* NULL: closed */
    char address[LISTEN_ADDRESS];
};

/*
 * Serves until board_close(). ERR_USAGE if the address can be reached by others and there is no token, or if
 * that is too short; ERR_IO if the address cannot be had.
 */
MUST_CHECK int board_open(struct board *board, const struct board_setup *setup, struct err *err);
void board_close(struct board *board);
/* What a viewer must show to act (and to read, if it was configured). Borrowed. */
const char *board_token(const struct board *board);
/* Whether that token was made for this start, and is not in the pipeline file. */
bool board_token_is_new(const struct board *board);

#endif
