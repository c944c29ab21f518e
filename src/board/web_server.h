/*
 * HTTP/1.1 for the board: connections, their bounds, requests in and answers out. The only file of
 * the board that knows libmicrohttpd. Each connection has a thread of its own, with a small stack.
 */
#ifndef RIACHO_WEB_SERVER_H
#define RIACHO_WEB_SERVER_H

#include "base/err.h"
#include "base/listen.h"
#include "board/clients.h"
#include "board/exchange.h"
#include "board/guard.h"

#define WEB_MOST_CONNECTIONS 2048
#define WEB_STACK_BYTES (256 << 10)

struct web_server {
    struct MHD_Daemon *daemon; /* NULL: closed */
    struct board *board;
    struct guard *guard; /* whom it answers */
    /* Makes the answer of a request that may be answered; called from the connection's thread. */
    void (*answer)(struct exchange *x);
    struct clients *clients; /* who is connected; outlives the server */
};

/* Takes the listening socket over. */
MUST_CHECK int web_server_open(struct web_server *server, int fd_taken, struct err *err);
/* Whoever blocks in a stream must have been told to end it before. */
void web_server_close(struct web_server *server);

#endif
