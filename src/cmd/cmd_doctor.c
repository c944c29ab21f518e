/*
 * riacho doctor: what is installed and reachable, one line each. Changes nothing but, for the test
 * whether a folder can be written, a file that it removes again.
 */
#include "cmd/cmd_doctor.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "broker/broker.h"
#include "db/duck.h"
#include "engine/engine.h"
#include "river/outputs.h"
#include "river/readers.h"
#include "river/river.h"
#include "river/scratch.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/banned.h"

#define LITTLE_SPACE ((uint64_t)1 << 30)

struct checkup {
    const struct cmd_line *line;
    struct buf json;
    int failures;
};

static void checkup_close(struct checkup *checkup)
{
    buf_close(&checkup->json);
}

/* One line: what was looked at, and what was found. */
static void tell(struct checkup *checkup, bool is_good, const char *what, const char *found)
{
    checkup->failures += !is_good;
    if (!checkup->line->json) {
        printf("%-4s %-9s %s\n", is_good ? "ok" : "FAIL", what, found);
        return;
    }
    buf_puts(&checkup->json, checkup->json.size ? "," : "");
    buf_printf(&checkup->json, "{\"check\":\"%s\",\"ok\":%s,\"text\":", what,
               is_good ? "true" : "false");
    json_put_string(&checkup->json, found);
    buf_putc(&checkup->json, '}');
}

static void tell_err(struct checkup *checkup, const char *what, const struct err *err)
{
    AUTO(buf) text = {0};

    buf_printf(&text, "%s%s%s", err->text, err->hint[0] ? ". " : "", err->hint);
    tell(checkup, false, what, text.data);
}

static void check_program(struct checkup *checkup)
{
    char text[256];

    snprintf(text, sizeof text, "%s, with DuckDB %s, SQLite %s, %s", RIACHO_VERSION,
             duckdb_library_version(), sqlite3_libversion(), curl_version());
    tell(checkup, true, "riacho", text);
}

static void check_source(struct checkup *checkup, const struct river *river)
{
    for (size_t i = 0; i < river->conf.source.resource_count; i++) {
        const struct resource_conf *resource = &river->conf.source.resources[i];
        AUTO(buf) text = {0};
        struct err err = {0};

        if (source_probe(&river->conf.source, resource, &text, &err) < 0)
            tell_err(checkup, "source", &err);
        else
            tell(checkup, true, "source", buf_text(&text));
    }
}

/* How many of the river's topics the server has; 0 and err if it could not be asked. */
static size_t count_topics(const struct river *river, const struct readers *readers,
                           struct err *err)
{
    AUTO(json_out) report = {0};
    yyjson_mut_val *root = json_out_open(&report);
    yyjson_mut_val *topic;
    size_t there = 0;
    size_t i;
    size_t count;

    if (readers_describe(readers, river, &report, root, err) < 0)
        return 0;
    yyjson_mut_arr_foreach(yyjson_mut_obj_get(root, "topics"), i, count, topic) there +=
        yyjson_mut_obj_get(topic, "partitions") != NULL;
    return there;
}

/* Topics that the first run will make are not missed. */
static void check_server(struct checkup *checkup, const struct river *river,
                         const struct readers *readers)
{
    struct broker_conf conf = river->conf.broker;
    struct err err = {0};
    char text[512];
    const size_t there = count_topics(river, readers, &err);

    conf.create_topics = false;
    if (err.code == ERR_NONE &&
        (there == readers->topic_count || !river->conf.broker.create_topics) &&
        broker_prepare(river->broker_ops, &conf, readers->topics, readers->topic_count, 0, NULL,
                       NULL, &err) == 0)
        err.code = ERR_NONE;
    if (err.code != ERR_NONE) {
        tell_err(checkup, "broker", &err);
        return;
    }
    snprintf(text, sizeof text, "%s at %s%s", river->broker_ops->summary, conf.brokers,
             there == readers->topic_count ? "" : "; the first run makes the topics");
    tell(checkup, true, "broker", text);
}

static void check_broker(struct checkup *checkup, const struct river *river)
{
    struct readers readers = {0};

    if (river->broker_ops->missing)
        tell(checkup, false, "broker", river->broker_ops->missing);
    else if (river->broker_ops->prepare == NULL)
        tell(checkup, true, "broker", river->broker_ops->summary);
    else {
        readers_open(&readers, river);
        check_server(checkup, river, &readers);
        readers_close(&readers);
    }
}

/* Whether outputs can be made: by an engine elsewhere that takes more than its answering. */
static int try_outputs(struct engine *engine, const char *dir, struct err *err)
{
    AUTO(scratch) scratch = {0};
    char process[32];

    snprintf(process, sizeof process, "doctor-%d", (int)getpid());
    TRY(scratch_open(&scratch, dir, process, err));
    return engine_try_dir(engine, scratch.staging.dir, err);
}

static void check_engine(struct checkup *checkup, struct river *river)
{
    const struct engine_ops *ops = engine_of(river->conf.transform.engine);
    AUTO(engine) engine = {0};
    AUTO(buf) found = {0};
    struct err err = {0};

    if (outputs_open_engine(river, ops, NULL, &engine, &err) < 0 ||
        engine_probe(&engine, &found, &err) < 0 ||
        (ops->try_dir && try_outputs(&engine, river->conf.transform.dir, &err) < 0))
        tell_err(checkup, "engine", &err);
    else
        tell(checkup, true, "engine", buf_text(&found));
}

/* The nearest folder above `path` that is there. The caller frees. */
static char *existing_part(const char *path)
{
    char *part = mem_str(path);

    while (!fs_exists(part)) {
        char *parent = fs_dir_of(part);

        free(part);
        part = parent;
    }
    return part;
}

static void check_dir(struct checkup *checkup, const char *path)
{
    char *part = existing_part(path);
    struct statvfs disk;
    char text[512];
    char size[32];

    if (access(part, W_OK | X_OK) != 0 || statvfs(part, &disk) != 0) {
        snprintf(text, sizeof text, "%s cannot be written: %s", part, strerror(errno));
        tell(checkup, false, "disk", text);
    } else {
        const uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;

        snprintf(text, sizeof text, "%s has %s free", path, str_of_bytes(room, size, sizeof size));
        tell(checkup, room >= LITTLE_SPACE, "disk", text);
    }
    free(part);
}

static void check_state(struct checkup *checkup, const struct river *river)
{
    AUTO(journal) journal = {0};
    struct err err = {0};
    char text[512];
    const int got = journal_open(&journal, river->conf.state_dir, river->conf.name,
                                 river->broker_ops->name, JOURNAL_EXISTING, &err);

    if (got < 0) {
        tell_err(checkup, "state", &err);
        return;
    }
    snprintf(text, sizeof text, "%s%s", river->conf.state_dir,
             got ? "" : " (none yet: the first run makes it)");
    tell(checkup, true, "state", text);
}

static void check_pipeline(struct checkup *checkup, const char *file)
{
    AUTO(river) river = {0};
    struct err err = {0};
    const char *dirs[RIVER_MOST_DIRS];
    size_t count;

    if (river_read(&river, file, &err) < 0) {
        tell_err(checkup, "pipeline", &err);
        return;
    }
    tell(checkup, true, "pipeline", river.conf.path);
    check_source(checkup, &river);
    check_broker(checkup, &river);
    check_engine(checkup, &river);
    check_state(checkup, &river);
    count = river_dirs(&river, dirs);
    for (size_t i = 0; i < count; i++)
        check_dir(checkup, dirs[i]);
}

int cmd_doctor(const struct cmd_line *line, struct err *err)
{
    AUTO(checkup) checkup = {.line = line};

    check_program(&checkup);
    if (line->arg_count)
        check_pipeline(&checkup, line->args[0]);
    if (line->json)
        printf("{\"ok\":%s,\"checks\":[%s]}\n", checkup.failures ? "false" : "true",
               buf_text(&checkup.json));
    if (checkup.failures)
        return err_set(err, ERR_IO, "%d of the checks failed", checkup.failures);
    return 0;
}
