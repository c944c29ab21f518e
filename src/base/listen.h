/*
 * A socket that waits for connections.
 */
#ifndef RIACHO_LISTEN_H
#define RIACHO_LISTEN_H

#include "base/err.h"

#define LISTEN_ADDRESS 64

/*
 * Listens on "host:port" ("[host]:port" for IPv6; port 0: any free one). Gives the socket, which the
 * caller closes, and where it really listens, fit for a URL: "127.0.0.1:8320". ERR_USAGE if the address
 * cannot be read, ERR_IO if it cannot be had.
 */
MUST_CHECK int listen_open(const char *address, int *ret_fd, char ret_address[LISTEN_ADDRESS],
                           struct err *err);

#endif
