/*
 * Who reads what.
 */
#include "cmd/readers.h"

#include "base/mem.h"
#include "cmd/export.h"
#include "cmd/transform.h"

#include <stdlib.h>

#include "base/banned.h"

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

struct broker_scope readers_scope(const struct readers *readers, const struct river *river)
{
    return (struct broker_scope){.pipeline = river->conf.name,
                                 .topics = readers->topics,
                                 .topic_count = readers->topic_count,
                                 .readers = readers->items,
                                 .reader_count = readers->count};
}
