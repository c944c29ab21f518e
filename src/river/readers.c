/*
 * Who reads what.
 */
#include "river/readers.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include "river/export.h"
#include "river/transform.h"

#include <stdlib.h>

#include "base/banned.h"

#define ASK_EVERY_MS 500
#define ASK_AGAIN_MS 4000 /* less than one that is away takes to be told */

static void add(struct readers *readers, char *group_taken, const char *topic)
{
    readers->groups[readers->count] = group_taken;
    readers->items[readers->count++] = (struct broker_reader){.group = group_taken, .topic = topic};
}

void readers_open(struct readers *readers, const struct river *river)
{
    const char *const topics[] = {river->landed_topic, river->adjusted_topic, river->dead_topic};

    for (size_t i = 0; i < 3; i++)
        readers->topics[readers->topic_count++] = topics[i];
    add(readers, mem_str(TRANSFORM_GROUP), river->landed_topic);
    for (size_t i = 0; i < river->conf.export_count && readers->count < READERS_MOST; i++)
        add(readers, export_group_of(&river->conf.exports[i]), river->adjusted_topic);
}

void readers_close(struct readers *readers)
{
    for (size_t i = 0; i < readers->count; i++)
        free(readers->groups[i]);
    *readers = (struct readers){0};
}

int readers_describe(const struct readers *readers, const struct river *river, struct json_out *out,
                     yyjson_mut_val *object, struct err *err)
{
    const struct broker_scope scope = {.pipeline = river->conf.name,
                                       .topics = readers->topics,
                                       .topic_count = readers->topic_count,
                                       .readers = readers->items,
                                       .reader_count = readers->count};
    const int64_t began_ms = clock_monotonic_ms();

    for (;;) {
        struct err away = {0};

        if (broker_describe(river->broker_ops, &river->conf.broker, &scope, out, object, &away) ==
            0)
            return 0;
        if (!away.retriable || clock_monotonic_ms() - began_ms > ASK_AGAIN_MS || stop_asked()) {
            *err = away;
            return -1;
        }
        yyjson_mut_obj_clear(object);
        stop_wait_ms(ASK_EVERY_MS);
    }
}
