/*
 * What the board's own files share.
 */
#ifndef RIACHO_BOARD_PARTS_H
#define RIACHO_BOARD_PARTS_H

#include "base/json.h"
#include "board/board.h"
#include "board/events.h"
#include "board/exchange.h"
#include "board/guard.h"
#include "board/journal_pool.h"
#include "board/login.h"
#include "board/queries.h"
#include "board/web_server.h"

#include <stdatomic.h>

struct board_impl {
    struct board_setup setup;
    struct guard guard;
    struct login login;
    struct journal_pool pool;
    struct clients clients;
    struct events events;
    struct queries queries;
    struct web_server server;
    char *token_path; /* where a new token was written; NULL: nowhere */
    bool is_token_new;
    int64_t started_ms;    /* wall clock */
    atomic_llong answered; /* requests */
    atomic_llong refused;  /* of them: answers from 400 on */
};

#endif
