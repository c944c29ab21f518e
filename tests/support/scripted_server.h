/*
 * An HTTP server that says what a test wrote down, answer after answer, byte for byte, so that it
 * can also break off, stall, and lie. It keeps what it was asked. On 127.0.0.1, in a thread of its
 * own.
 */
#ifndef RIACHO_SCRIPTED_SERVER_H
#define RIACHO_SCRIPTED_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct server; /* opaque */

/* What happens after the answer's bytes. */
enum server_end { SERVER_KEEPS, SERVER_CLOSES, SERVER_RESETS };

struct server *server_open(void);
void server_close(struct server *server);

/* "http://127.0.0.1:<port>"; lives as long as the server. */
const char *server_url(const struct server *server);

/* The next answer: bytes as they go over the wire. */
void server_says_bytes(struct server *server, const void *bytes, size_t size, enum server_end end);
/* The next answer, with Content-Length; `headers` are lines that end in \r\n, or "". */
void server_says(struct server *server, int status, const char *headers, const char *body);
/*
 * The next answer in chunks of that many bytes; broken off after `chunks` of them, if that is not
 * 0.
 */
void server_says_chunked(struct server *server, const char *body, size_t size, size_t chunk,
                         size_t chunks);
/* The answer that was added last waits that long first. */
void server_waits(struct server *server, int ms);
/* It is kept waiting that long before it ends. */
void server_lingers(struct server *server, int ms);

/* How many requests came so far, and over how many connections. */
size_t server_requests(struct server *server);
size_t server_connections(struct server *server);
/* A request as it came, head and body; "" if there were not so many. From 0. */
const char *server_request(struct server *server, size_t index);
/* Whether the request's head has this line, whatever the case of the name. */
bool server_request_has(struct server *server, size_t index, const char *line);

#endif
