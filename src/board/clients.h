/*
 * Who is connected, and until when he must have sent what he began to send: many slow senders hold
 * connections, but none for long.
 */
#ifndef RIACHO_CLIENTS_H
#define RIACHO_CLIENTS_H

#include <pthread.h>
#include <stdint.h>

#define CLIENT_HEAD_MS 10000 /* for the head of a request, and again for its body */
#define CLIENT_IDLE_MS 30000 /* between two requests, and for taking any part of an answer */

struct client {
    int fd;
    int64_t until_ms; /* monotonic; 0: nothing is waited for. Guarded by the clients' lock */
    struct client *next;
    struct client *previous;
};

struct clients {
    pthread_mutex_t lock; /* guards all below */
    struct client *first;
    int64_t count;
};

void clients_open(struct clients *clients);
void clients_close(struct clients *clients);

/* Called as a connection opens, and before its descriptor is closed. */
struct client *clients_add(struct clients *clients, int fd);
void clients_remove(struct clients *clients, struct client *client);
/* From now on he has that long; 0: he may take his time. */
void clients_allow(struct clients *clients, struct client *client, int64_t ms);
/* Ends the connections of those who took too long. */
void clients_reap(struct clients *clients);
int64_t clients_count(struct clients *clients);

#endif
