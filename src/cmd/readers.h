/*
 * The consumer groups of a river and the topics they read, as its pipeline file names them.
 */
#ifndef RIACHO_READERS_H
#define RIACHO_READERS_H

#include "broker/broker.h"
#include "cmd/river.h"

#define READERS_MOST 66

struct readers {
    struct broker_reader items[READERS_MOST]; /* the transform, then the exports */
    size_t count;
    char *groups[READERS_MOST]; /* owned */
    const char *topics[3];      /* landed, adjusted, dead: borrowed from the river */
    size_t topic_count;
};

void readers_open(struct readers *readers, const struct river *river);
void readers_close(struct readers *readers);
/* Borrows from both. */
struct broker_scope readers_scope(const struct readers *readers, const struct river *river);

#endif
