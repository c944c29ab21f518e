/*
 * A connection is ended by shutting its socket down; its own thread notices and closes it.
 */
#include "board/clients.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/banned.h"

void clients_open(struct clients *clients)
{
    *clients = (struct clients){.lock = PTHREAD_MUTEX_INITIALIZER};
}

void clients_close(struct clients *clients)
{
    pthread_mutex_destroy(&clients->lock);
    *clients = (struct clients){0};
}

struct client *clients_add(struct clients *clients, int fd)
{
    struct client *client = mem_alloc(sizeof *client);

    client->fd = fd;
    client->until_ms = clock_monotonic_ms() + CLIENT_HEAD_MS;
    pthread_mutex_lock(&clients->lock);
    client->next = clients->first;
    if (client->next)
        client->next->previous = client;
    clients->first = client;
    clients->count++;
    pthread_mutex_unlock(&clients->lock);
    return client;
}

void clients_remove(struct clients *clients, struct client *client)
{
    pthread_mutex_lock(&clients->lock);
    if (client->next)
        client->next->previous = client->previous;
    if (client->previous)
        client->previous->next = client->next;
    else
        clients->first = client->next;
    clients->count--;
    pthread_mutex_unlock(&clients->lock);
    free(client);
}

void clients_allow(struct clients *clients, struct client *client, int64_t ms)
{
    pthread_mutex_lock(&clients->lock);
    client->until_ms = ms > 0 ? clock_monotonic_ms() + ms : 0;
    pthread_mutex_unlock(&clients->lock);
}

void clients_reap(struct clients *clients)
{
    const int64_t now_ms = clock_monotonic_ms();

    pthread_mutex_lock(&clients->lock);
    for (struct client *client = clients->first; client; client = client->next)
        if (client->until_ms > 0 && client->until_ms < now_ms) {
            shutdown(client->fd, SHUT_RDWR);
            client->until_ms = 0;
        }
    pthread_mutex_unlock(&clients->lock);
}

int64_t clients_count(struct clients *clients)
{
    int64_t count;

    pthread_mutex_lock(&clients->lock);
    count = clients->count;
    pthread_mutex_unlock(&clients->lock);
    return count;
}
