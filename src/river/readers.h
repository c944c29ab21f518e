/*
 * The consumer groups of a river and the topics they read, as its pipeline file names them.
 */
#ifndef RIACHO_READERS_H
#define RIACHO_READERS_H

#include "base/json.h"
#include "broker/broker.h"
#include "river/river.h"

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
/*
 * As broker_describe(). A server that has just begun may not know its groups yet: it is asked again for some
 * seconds.
 */
MUST_CHECK int readers_describe(const struct readers *readers, const struct river *river,
                                struct json_out *out, yyjson_mut_val *object, struct err *err);

#endif
