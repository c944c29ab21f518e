/*
 * Broker: calls go to the backend.
 */
#include "broker/broker.h"

#include <assert.h>

#include "base/banned.h"

const struct broker_ops *broker_of(enum broker_type type)
{
    return type == BROKER_KAFKA ? &broker_kafka : &broker_local;
}

int broker_prepare(const struct broker_ops *ops, const struct broker_conf *conf,
                   const char *const *topics, size_t count, int wait_ms, bool *ret_made,
                   char (*ret_ids)[BROKER_ID], struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (ret_made)
            ret_made[i] = false;
        if (ret_ids)
            ret_ids[i][0] = '\0';
    }
    return ops->prepare ? ops->prepare(conf, topics, count, wait_ms, ret_made, ret_ids, err) : 0;
}

int broker_relay(const struct broker_ops *ops, const struct broker_conf *conf,
                 struct journal *journal, const atomic_bool *finish, struct err *err)
{
    return ops->relay ? ops->relay(conf, journal, finish, err) : 0;
}

int broker_read(const struct broker_ops *ops, const struct broker_conf *conf, const char *topic,
                const int64_t *from, size_t from_count, void *ctx, broker_each *each,
                struct err *err)
{
    return ops->read ? ops->read(conf, topic, from, from_count, ctx, each, err) : 0;
}

int broker_describe(const struct broker_ops *ops, const struct broker_conf *conf,
                    const struct broker_scope *scope, struct json_out *out, yyjson_mut_val *object,
                    struct err *err)
{
    return ops->describe ? ops->describe(conf, scope, out, object, err) : 0;
}

int broker_open(struct broker *broker, const struct broker_ops *ops, const struct broker_conf *conf,
                struct journal *journal, const char *group, const char *topic, struct err *err)
{
    struct broker made = {.ops = ops};

    if (ops->missing)
        return err_set(err, ERR_USAGE, "this build has no broker \"%s\": %s", ops->name,
                       ops->missing);
    if (ops->open(&made, conf, journal, group, topic, err) < 0)
        return err_wrap(err, "could not open the broker \"%s\"", ops->name);
    broker_close(broker);
    *broker = made;
    return 0;
}

int broker_fetch(struct broker *broker, size_t most, int wait_ms, struct message *ret_messages,
                 struct err *err)
{
    assert(broker->ops);
    return broker->ops->fetch(broker, most, wait_ms, ret_messages, err);
}

int broker_keep(struct broker *broker, struct err *err)
{
    assert(broker->ops);
    return broker->ops->keep(broker, err);
}

int broker_commit(struct broker *broker, const struct message *message, struct err *err)
{
    assert(broker->ops);
    return broker->ops->commit(broker, message, err);
}

int broker_release(struct broker *broker, const struct message *message, struct err *err)
{
    assert(broker->ops);
    return broker->ops->release(broker, message, err);
}

int broker_lag(struct broker *broker, int64_t *ret_lag, struct err *err)
{
    assert(broker->ops);
    return broker->ops->lag(broker, ret_lag, err);
}

void broker_close(struct broker *broker)
{
    if (broker->ops)
        broker->ops->close(broker);
    *broker = (struct broker){0};
}
