/*
 * The sample API: the bundled earthquakes over HTTP, in the shape of the USGS event API
 * (/fdsnws/event/1/query, count, version) and as strict. For the demo and for tests; what the real
 * service also has and this has not (other formats, circles, products) it refuses with a clear text.
 */
#ifndef RIACHO_SAMPLE_API_H
#define RIACHO_SAMPLE_API_H

#include "base/err.h"
#include "base/listen.h"

#include <stdbool.h>

#define SAMPLE_API_LISTEN "127.0.0.1:8320"

struct sample_api_impl;

struct sample_api {
    struct sample_api_impl *impl; /* NULL: closed */
    char address[LISTEN_ADDRESS]; /* where it listens, for a URL: "127.0.0.1:8320" */
};

/*
 * Starts serving on "host:port" ("[host]:port" for IPv6; port 0: any free one), in a thread of its own.
 * With `is_talkative` a line per request goes to the log. ERR_USAGE if `listen` cannot be read, ERR_IO
 * if the address cannot be had.
 */
MUST_CHECK int sample_api_start(struct sample_api *api, const char *listen, bool is_talkative,
                                struct err *err);
/* Stops serving; requests that are being answered are cut. */
void sample_api_close(struct sample_api *api);

#endif
