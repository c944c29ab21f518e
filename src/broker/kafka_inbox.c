/*
 * A list that grows at its end, and now and then at its head.
 */
#include "broker/kafka_inbox.h"

#include "base/mem.h"

#include <stdlib.h>

#include "base/banned.h"

struct kafka_inbox_entry {
    struct kafka_inbox_entry *next;
    struct message message;
};

static struct kafka_inbox_entry *new_entry(struct kafka_inbox *inbox,
                                           const struct message *message_taken)
{
    struct kafka_inbox_entry *entry = mem_alloc(sizeof *entry);

    entry->message = *message_taken;
    inbox->count++;
    inbox->bytes += message_taken->value_size;
    return entry;
}

void kafka_inbox_add(struct kafka_inbox *inbox, const struct message *message_taken)
{
    struct kafka_inbox_entry *entry = new_entry(inbox, message_taken);

    if (inbox->last)
        inbox->last->next = entry;
    else
        inbox->first = entry;
    inbox->last = entry;
}

void kafka_inbox_add_first(struct kafka_inbox *inbox, const struct message *message_taken)
{
    struct kafka_inbox_entry *entry = new_entry(inbox, message_taken);

    entry->next = inbox->first;
    inbox->first = entry;
    if (inbox->last == NULL)
        inbox->last = entry;
}

bool kafka_inbox_take(struct kafka_inbox *inbox, struct message *ret_message)
{
    struct kafka_inbox_entry *entry = inbox->first;

    if (entry == NULL)
        return false;
    *ret_message = entry->message;
    inbox->first = entry->next;
    if (inbox->first == NULL)
        inbox->last = NULL;
    inbox->count--;
    inbox->bytes -= entry->message.value_size;
    free(entry);
    return true;
}

void kafka_inbox_keep(struct kafka_inbox *inbox, const struct track *track)
{
    struct kafka_inbox kept = {0};
    struct message message;

    while (kafka_inbox_take(inbox, &message)) {
        if (track_has(track, (int32_t)message.partition))
            kafka_inbox_add(&kept, &message);
        else
            message_close(&message);
    }
    *inbox = kept;
}

void kafka_inbox_close(struct kafka_inbox *inbox)
{
    struct message message;

    while (kafka_inbox_take(inbox, &message))
        message_close(&message);
}
