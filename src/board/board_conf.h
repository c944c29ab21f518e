/*
 * What a pipeline file says under `dashboard:`. Filled through the option table of board_conf.c; owns
 * its strings.
 */
#ifndef RIACHO_BOARD_CONF_H
#define RIACHO_BOARD_CONF_H

#include "base/opt.h"

struct board_conf {
    char *listen;      /* "127.0.0.1:8321" */
    char *listen_host; /* its parts: "127.0.0.1" (an IPv6 address without its brackets) */
    int64_t listen_port;
    char *token; /* NULL or empty: none is asked for to read, and one is made to act */
    char **
        hosts; /* names by which it may be asked beside its address: "data.example.org", "h:8443" */
    size_t host_count;
};

extern const struct opt dashboard_options[]; /* of struct board_conf */

void board_conf_close(struct board_conf *conf);

#endif
