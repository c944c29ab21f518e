/*
 * Sinks behind one door.
 */
#include "sink/sink.h"

#include <assert.h>

#include "base/banned.h"

int sink_open(struct sink *sink, const struct sink_ops *ops, const struct sink_conf *conf,
              struct err *err)
{
    struct sink made = {.ops = ops};

    TRY(ops->open(&made, conf, err));
    *sink = made;
    return 0;
}

int sink_write(struct sink *sink, const struct export_conf *export_conf, struct sink_job *jobs,
               size_t count, struct err *err)
{
    assert(sink->ops);
    return sink->ops->write(sink, export_conf, jobs, count, err);
}

void sink_close(struct sink *sink)
{
    if (sink->ops)
        sink->ops->close(sink);
    *sink = (struct sink){0};
}
