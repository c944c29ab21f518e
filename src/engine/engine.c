/*
 * Engines behind one door.
 */
#include "engine/engine.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

int engine_open(struct engine *engine, const struct engine_ops *ops, const struct engine_conf *conf,
                struct err *err)
{
    struct engine made = {.ops = ops};

    if (ops->missing) {
        err_set(err, ERR_USAGE, "the engine \"%s\" is not in this build", ops->name);
        return err_hint(err, "%s", ops->missing);
    }
    TRY(ops->open(&made, conf, err));
    *engine = made;
    return 0;
}

int engine_run(struct engine *engine, const struct engine_tables *tables, struct engine_job *jobs,
               size_t count, struct journal *journal, struct err *err)
{
    assert(engine->ops);
    return engine->ops->run(engine, tables, jobs, count, journal, err);
}

int engine_probe(struct engine *engine, struct buf *to, struct err *err)
{
    buf_puts(to, engine->ops->summary);
    return engine->ops->probe ? engine->ops->probe(engine, to, err) : 0;
}

int engine_try_dir(struct engine *engine, const char *dir, struct err *err)
{
    return engine->ops->try_dir ? engine->ops->try_dir(engine, dir, err) : 0;
}

void engine_interrupt(struct engine *engine)
{
    if (engine->ops)
        engine->ops->interrupt(engine);
}

void engine_close(struct engine *engine)
{
    if (engine->ops)
        engine->ops->close(engine);
    *engine = (struct engine){0};
}

void engine_job_close(struct engine_job *job)
{
    struct engine_output *next;

    for (struct engine_output *output = job->outputs; output; output = next) {
        next = output->next;
        for (size_t i = 0; i < output->file_count; i++) {
            free(output->files[i].path);
            free(output->files[i].sha256);
        }
        free(output->files);
        free(output->table);
        free(output->temp_path);
        free(output);
    }
    job->outputs = NULL;
}
