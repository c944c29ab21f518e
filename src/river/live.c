/*
 * A thread that reads the live figures and writes them down. A disk that is full stops nobody: what
 * cannot be written is not seen, and that is all.
 */
#include "river/live.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/live_file.h"
#include "river/flow.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

#define EVERY_MS 250
#define SAMPLES 20 /* rates are over the last five seconds */

/* A counter's last values, in a ring. */
struct meter {
    int64_t values[SAMPLES];
};

struct extract_meters {
    struct meter requests;
    struct meter rows;
    struct meter bytes;
};

struct live_impl {
    struct river *river;
    const char *command;
    unsigned stages;
    struct journal journal;
    struct live_file file;
    int64_t started_ms; /* wall clock */
    pthread_t thread;
    pthread_mutex_t lock;  /* guards `closing` */
    pthread_cond_t closed; /* signalled when it is set */
    bool closing;

    uint64_t samples; /* taken so far; from here on the thread's own */
    int64_t times_ms[SAMPLES];
    struct extract_meters *extracts;
    struct meter transform;
    struct meter *exports;
};

/* ---- rates ---- */

/* Puts the value in the newest sample's place, and tells how fast it grew since the oldest. */
static double rate_of(const struct live_impl *live, struct meter *meter, int64_t value)
{
    const size_t newest = live->samples % SAMPLES;
    const size_t oldest = live->samples < SAMPLES ? 0 : (live->samples + 1) % SAMPLES;
    const int64_t ms = live->times_ms[newest] - live->times_ms[oldest];

    meter->values[newest] = value;
    if (ms <= 0 || value < meter->values[oldest])
        return 0;
    return (double)(value - meter->values[oldest]) * 1000 / (double)ms;
}

/* ---- the document ---- */

static const char *const state_names[] = {"waiting", "running", "done", "failed"};

static void put_figure(yyjson_mut_doc *doc, yyjson_mut_val *to, const char *name,
                       const atomic_llong *figure)
{
    yyjson_mut_obj_add_int(doc, to, name, atomic_load(figure));
}

static void put_waiting(yyjson_mut_doc *doc, yyjson_mut_val *to, const struct extract_live *of)
{
    const int64_t left_ms = atomic_load(&of->source.waiting_ms) - clock_wall_ms();

    yyjson_mut_obj_add_int(doc, to, "waiting_ms", left_ms > 0 ? left_ms : 0);
}

static void put_extract(struct live_impl *live, yyjson_mut_doc *doc, yyjson_mut_val *to, size_t i)
{
    const struct extract_live *of = &live->river->extracts[i];
    struct extract_meters *meters = &live->extracts[i];
    const int64_t run = atomic_load(&of->run);

    yyjson_mut_obj_add_str(doc, to, "resource", of->resource->name);
    yyjson_mut_obj_add_str(doc, to, "state", state_names[atomic_load(&of->state)]);
    if (run > 0)
        yyjson_mut_obj_add_int(doc, to, "run", run);
    else
        yyjson_mut_obj_add_null(doc, to, "run");
    put_figure(doc, to, "in_flight", &of->source.in_flight);
    put_figure(doc, to, "requests", &of->source.requests);
    put_figure(doc, to, "retries", &of->source.retries);
    put_figure(doc, to, "pages", &of->source.pages);
    put_figure(doc, to, "records", &of->source.records);
    put_figure(doc, to, "bytes", &of->source.bytes);
    put_figure(doc, to, "wire_bytes", &of->source.wire_bytes);
    put_figure(doc, to, "rows", &of->landing.rows);
    put_figure(doc, to, "files", &of->landing.files);
    put_figure(doc, to, "landed_bytes", &of->landing.bytes);
    put_figure(doc, to, "skipped", &of->landing.skipped);
    put_figure(doc, to, "queue_bytes", &of->landing.queued_bytes);
    yyjson_mut_obj_add_int(doc, to, "queue_limit", LANDING_QUEUE_BYTES);
    put_waiting(doc, to, of);
    yyjson_mut_obj_add_real(doc, to, "requests_per_s",
                            rate_of(live, &meters->requests, atomic_load(&of->source.requests)));
    yyjson_mut_obj_add_real(doc, to, "rows_per_s",
                            rate_of(live, &meters->rows, atomic_load(&of->source.records)));
    yyjson_mut_obj_add_real(doc, to, "bytes_per_s",
                            rate_of(live, &meters->bytes, atomic_load(&of->source.bytes)));
}

static void put_consume(const struct live_impl *live, yyjson_mut_doc *doc, yyjson_mut_val *to,
                        const struct consume_live *of, struct meter *meter)
{
    yyjson_mut_obj_add_str(doc, to, "name", of->name);
    yyjson_mut_obj_add_str(doc, to, "state", state_names[atomic_load(&of->state)]);
    put_figure(doc, to, "references", &of->references);
    put_figure(doc, to, "files", &of->files);
    put_figure(doc, to, "rows", &of->rows);
    put_figure(doc, to, "bytes", &of->bytes);
    put_figure(doc, to, "dead", &of->dead);
    put_figure(doc, to, "lag", &of->lag);
    yyjson_mut_obj_add_real(doc, to, "rows_per_s", rate_of(live, meter, atomic_load(&of->rows)));
}

/* What stands under temporary names in the landing: the files that grow. */
static void put_growing(const struct live_impl *live, yyjson_mut_doc *doc, yyjson_mut_val *to)
{
    char *dir = mem_fmt("%s/.tmp/%s", live->river->conf.landing.dir, live->journal.process);
    DIR *entries = opendir(dir);
    struct dirent *entry;
    int64_t files = 0;
    int64_t bytes = 0;

    while (entries && (entry = readdir(entries)) != NULL) {
        struct stat info;

        if (str_ends(entry->d_name, ".tmp") &&
            fstatat(dirfd(entries), entry->d_name, &info, 0) == 0) {
            files++;
            bytes += info.st_size;
        }
    }
    if (entries)
        closedir(entries);
    free(dir);
    yyjson_mut_obj_add_int(doc, to, "files", files);
    yyjson_mut_obj_add_int(doc, to, "bytes", bytes);
}

static void put_rate_budget(struct live_impl *live, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    const struct source_conf *conf = &live->river->conf.source;
    struct err ignored = {0};
    yyjson_mut_val *budget;
    double left = 0;

    if (conf->rate_per_s <= 0 || journal_rate_left(&live->journal, conf->base_url, conf->rate_per_s,
                                                   conf->rate_burst, &left, &ignored) < 0)
        return;
    budget = yyjson_mut_obj_add_obj(doc, root, "rate_budget");
    yyjson_mut_obj_add_real(doc, budget, "left", left);
    yyjson_mut_obj_add_int(doc, budget, "burst", conf->rate_burst);
    yyjson_mut_obj_add_real(doc, budget, "per_s", conf->rate_per_s);
}

static void put_stages(struct live_impl *live, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    const struct river *river = live->river;
    yyjson_mut_val *list;

    if (live->stages & FLOW_EXTRACT) {
        list = yyjson_mut_obj_add_arr(doc, root, "extract");
        for (size_t i = 0; i < river->conf.source.resource_count; i++)
            put_extract(live, doc, yyjson_mut_arr_add_obj(doc, list), i);
        put_growing(live, doc, yyjson_mut_obj_add_obj(doc, root, "growing"));
        put_rate_budget(live, doc, root);
    }
    if (live->stages & FLOW_TRANSFORM)
        put_consume(live, doc, yyjson_mut_obj_add_obj(doc, root, "transform"), &river->transform,
                    &live->transform);
    if (live->stages & FLOW_EXPORT) {
        list = yyjson_mut_obj_add_arr(doc, root, "exports");
        for (size_t i = 0; i < river->conf.export_count; i++)
            put_consume(live, doc, yyjson_mut_arr_add_obj(doc, list), &river->exports[i],
                        &live->exports[i]);
    }
}

static void write_figures(struct live_impl *live)
{
    AUTO(json_out) out = {0};
    AUTO(buf) text = {0};
    struct err err = {0};
    yyjson_mut_val *root = json_out_open(&out);
    char started[CLOCK_TEXT];

    live->times_ms[live->samples % SAMPLES] = clock_monotonic_ms();
    yyjson_mut_obj_add_str(out.doc, root, "process", live->journal.process);
    yyjson_mut_obj_add_int(out.doc, root, "pid", getpid());
    yyjson_mut_obj_add_str(out.doc, root, "command", live->command);
    yyjson_mut_obj_add_str(out.doc, root, "started", clock_iso8601(live->started_ms, started));
    put_stages(live, out.doc, root);
    live->samples++;
    json_out_write(&out, &text);
    if (live_file_write(&live->file, buf_text(&text), text.size, &err) < 0)
        log_debug("the live figures are not published: %s", err.text);
}

/* ---- life ---- */

/* Returns whether it is being closed. */
static bool wait_a_while(struct live_impl *live)
{
    struct timespec until;
    bool is_closing;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += EVERY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&live->lock);
    if (!live->closing)
        pthread_cond_timedwait(&live->closed, &live->lock, &until);
    is_closing = live->closing;
    pthread_mutex_unlock(&live->lock);
    return is_closing;
}

static void *publish_thread(void *ctx)
{
    struct live_impl *live = ctx;

    do
        write_figures(live);
    while (!wait_a_while(live));
    return NULL;
}

static void free_impl(struct live_impl *impl)
{
    live_file_close(&impl->file);
    journal_close(&impl->journal);
    free(impl->extracts);
    free(impl->exports);
    free(impl);
}

static int start(struct live_impl *impl, struct err *err)
{
    pthread_condattr_t attributes;

    TRY(journal_share(&impl->river->journal, &impl->journal, err));
    TRY(live_file_open(&impl->file, &impl->journal, err));
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&impl->closed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&impl->lock, NULL);
    if (pthread_create(&impl->thread, NULL, publish_thread, impl) == 0)
        return 0;
    return err_set(err, ERR_IO, "the system gave no thread for the live figures");
}

int live_open(struct live *live, struct river *river, const char *command, unsigned stages,
              struct err *err)
{
    struct live_impl *impl = mem_alloc(sizeof *impl);

    impl->river = river;
    impl->command = command;
    impl->stages = stages;
    impl->started_ms = clock_wall_ms();
    impl->extracts = mem_alloc(river->conf.source.resource_count * sizeof *impl->extracts);
    impl->exports = mem_alloc((river->conf.export_count + 1) * sizeof *impl->exports);
    if (start(impl, err) < 0) {
        free_impl(impl);
        return -1;
    }
    live->impl = impl;
    return 0;
}

void live_close(struct live *live)
{
    struct live_impl *impl = live->impl;

    if (impl == NULL)
        return;
    pthread_mutex_lock(&impl->lock);
    impl->closing = true;
    pthread_cond_signal(&impl->closed);
    pthread_mutex_unlock(&impl->lock);
    pthread_join(impl->thread, NULL);
    pthread_cond_destroy(&impl->closed);
    pthread_mutex_destroy(&impl->lock);
    free_impl(impl);
    live->impl = NULL;
}
