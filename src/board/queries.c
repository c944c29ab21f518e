/*
 * Workers, each with a connection; a keeper that looks after what runs.
 */
#include "board/queries.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"
#include "board/query_disk.h"
#include "board/query_files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/banned.h"

#define KEEPER_MS 100
#define WIDE_FILES 10000 /* DuckDB keeps 2 KiB of each, beyond its limit, until a query ends */
#define MOST_FILE_BYTES ((int64_t)8 << 30) /* of a download */

/* ---- one query ---- */

static void drop_file(struct query *query)
{
    if (query->file)
        unlink(query->file);
    free(query->file);
    query->file = NULL;
    query->file_bytes = 0;
}

static void free_query(struct query *query)
{
    drop_file(query);
    free(query->file_name);
    free(query->columns);
    free(query->result);
    free(query->row_ends);
    buf_close(&query->rows);
    json_close(&query->request);
    free(query);
}

/* ---- the list; called with the lock held ---- */

static struct query *find(struct queries *queries, const char *id)
{
    for (struct query *query = queries->first; query; query = query->next)
        if (str_same(query->id, id))
            return query;
    return NULL;
}

static void unlink_query(struct queries *queries, struct query *query)
{
    struct query **at = &queries->first;

    while (*at != query)
        at = &(*at)->next;
    *at = query->next;
    free_query(query);
}

static bool has_wide_running(struct queries *queries, const struct query *but)
{
    for (struct query *query = queries->first; query; query = query->next)
        if (query != but && query->is_wide && query->state == QUERY_RUNNING)
            return true;
    return false;
}

/* Oldest first: it was queued first. */
static struct query *next_queued(struct queries *queries)
{
    const bool has_wide = has_wide_running(queries, NULL);
    struct query *oldest = NULL;

    for (struct query *query = queries->first; query; query = query->next)
        if (query->state == QUERY_QUEUED && !(has_wide && query->is_wide))
            oldest = query;
    return oldest;
}

static size_t count_in(struct queries *queries, enum query_state from, enum query_state to)
{
    size_t count = 0;

    for (struct query *query = queries->first; query; query = query->next)
        count += query->state >= from && query->state <= to;
    return count;
}

static void forget_old(struct queries *queries, int64_t now_ms)
{
    size_t ended = 0;
    int64_t bytes = 0;
    struct query *next;

    for (struct query *query = queries->first; query; query = next) {
        next = query->next;
        if (!query_has_ended(query))
            continue;
        ended++;
        bytes += query->file_bytes;
        if (ended > QUERIES_MOST_KEPT || (query->file && bytes > QUERIES_MOST_KEPT_BYTES) ||
            now_ms - query->asked_ms > QUERIES_KEEP_MS)
            unlink_query(queries, query);
    }
}

static void end_query(struct queries *queries, struct query *query, enum query_state state)
{
    query->state = state;
    query->conn = NULL;
    if (state == QUERY_DONE && query->file)
        query->file_bytes = query_disk_bytes(query->file);
    else
        drop_file(query);
    query->ended_ms = clock_monotonic_ms();
    if (query->started_ms == 0)
        query->started_ms = query->ended_ms;
    pthread_cond_broadcast(&queries->changed);
}

static void put_back(struct queries *queries, struct query *query)
{
    query->is_put_back = false;
    query->state = QUERY_QUEUED;
    query->conn = NULL;
    query->started_ms = 0;
    pthread_cond_broadcast(&queries->changed);
}

/* ---- working ---- */

static void say_why_ended(const struct query *query, struct err *err)
{
    switch (query->end) {
    case QUERY_NOT_ENDED:
        return;
    case QUERY_OVERDUE:
        err_set(err, ERR_LIMIT, "the query took longer than %" PRId64 " s, and was ended",
                query->kind->most_ms / 1000);
        break;
    case QUERY_TOO_LARGE:
        err_set(err, ERR_LIMIT, "the download came to more than %" PRId64 " GiB, and was ended",
                MOST_FILE_BYTES >> 30);
        break;
    case QUERY_NO_ROOM:
        err_set(err, ERR_IO,
                "the query was ended, as the disk that the state lies on has little room left");
        err_hint(err, "Free some space on it, or ask for less.");
        return;
    }
    err_hint(err, "Ask for less: a filter, fewer columns, a LIMIT.");
}

static void run_query(struct queries *queries, struct query *query, struct duck_conn *conn)
{
    AUTO(borrowed_journal) journal = {0};
    struct query_run run = {.queries = queries,
                            .query = query,
                            .conn = conn,
                            .request = json_root(&query->request)};
    struct err err = {0};
    int done = journal_pool_take(queries->pool, &journal, &err);

    run.journal = journal.journal;
    if (done == 0)
        done = query->kind->run(&run, &err);
    query_forget_files(&run);
    pthread_mutex_lock(&queries->lock);
    if (done < 0)
        say_why_ended(query, &err);
    if (done < 0 && !query->is_put_back)
        query->err = err;
    if (done < 0 && query->is_put_back && !query->is_unwanted)
        put_back(queries, query);
    else if (done < 0 && query->is_unwanted)
        end_query(queries, query, QUERY_CANCELLED);
    else
        end_query(queries, query, done < 0 ? QUERY_FAILED : QUERY_DONE);
    pthread_mutex_unlock(&queries->lock);
}

struct worker {
    struct queries *queries;
    size_t number;
};

static void *work_thread(void *ctx)
{
    struct worker worker = *(struct worker *)ctx;
    struct queries *queries = worker.queries;

    free(ctx);
    pthread_mutex_lock(&queries->lock);
    while (!queries->closing) {
        struct query *query = next_queued(queries);

        if (query == NULL) {
            pthread_cond_wait(&queries->changed, &queries->lock);
            continue;
        }
        query->state = QUERY_RUNNING;
        query->conn = &queries->conns[worker.number];
        query->started_ms = clock_monotonic_ms();
        pthread_mutex_unlock(&queries->lock);
        run_query(queries, query, &queries->conns[worker.number]);
        pthread_mutex_lock(&queries->lock);
    }
    pthread_mutex_unlock(&queries->lock);
    return NULL;
}

/* ---- keeping ---- */

/* Called with the lock held. An interrupt may come between two statements: it is sent again. */
static void keep_running(struct query *query, int64_t now_ms, bool has_room)
{
    const duckdb_query_progress_type progress = duckdb_query_progress(query->conn->conn);

    if (progress.percentage > 0) /* 0 is also what DuckDB says when it does not know */
        query->progress = progress.percentage / 100;
    query->is_unwanted |= now_ms - query->asked_ms > QUERIES_ASKED_MS;
    if (now_ms - query->started_ms > query->kind->most_ms)
        query->end = QUERY_OVERDUE;
    else if (query->file && query_disk_bytes(query->file) > MOST_FILE_BYTES)
        query->end = QUERY_TOO_LARGE;
    else if (!has_room)
        query->end = QUERY_NO_ROOM;
    if (query->is_unwanted || query->end != QUERY_NOT_ENDED)
        duckdb_interrupt(query->conn->conn);
}

static void keep(struct queries *queries)
{
    const int64_t now_ms = clock_monotonic_ms();
    const bool is_low =
        count_in(queries, QUERY_RUNNING, QUERY_RUNNING) > 0 && query_disk_is_low(queries->folder);
    /* Who spilled cannot be told; who neither spills nor downloads takes no room. */
    const bool has_spill = is_low && query_disk_has_spill(queries->folder);

    for (struct query *query = queries->first; query; query = query->next) {
        if (query->state == QUERY_RUNNING)
            keep_running(query, now_ms, !has_spill && !(is_low && query->file));
        else if (query->state == QUERY_QUEUED && now_ms - query->asked_ms > QUERIES_ASKED_MS)
            end_query(queries, query, QUERY_CANCELLED);
    }
    forget_old(queries, now_ms);
}

static void deadline_in(int64_t ms, struct timespec *ret_until)
{
    clock_gettime(CLOCK_MONOTONIC, ret_until);
    ret_until->tv_sec += ms / 1000;
    ret_until->tv_nsec += ms % 1000 * 1000000L;
    ret_until->tv_sec += ret_until->tv_nsec / 1000000000L;
    ret_until->tv_nsec %= 1000000000L;
}

static void *keep_thread(void *ctx)
{
    struct queries *queries = ctx;

    pthread_mutex_lock(&queries->lock);
    while (!queries->closing || count_in(queries, QUERY_RUNNING, QUERY_RUNNING) > 0) {
        struct timespec until;

        keep(queries);
        deadline_in(KEEPER_MS, &until);
        while (pthread_cond_timedwait(&queries->changed, &queries->lock, &until) == 0) {
        }
    }
    pthread_mutex_unlock(&queries->lock);
    return NULL;
}

/* ---- beginning ---- */

/* What can be set for a connection only, must be set before the settings are locked. */
static int connect(struct queries *queries, struct duck_conn *conn, const char *late,
                   struct err *err)
{
    TRY(duck_connect(&queries->duck, conn, err));
    TRY(duck_exec(conn, "SET enable_progress_bar = true", err));
    TRY(duck_exec(conn, "SET enable_progress_bar_print = false", err));
    TRY(duck_exec(conn, "SET errors_as_json = true", err)); /* with positions */
    return duck_exec(conn, late, err);
}

static int connect_all(struct queries *queries, struct err *err)
{
    for (size_t i = 0; i < QUERIES_AT_ONCE; i++) {
        TRY(connect(queries, &queries->conns[i], "SET late_materialization_max_rows = 0", err));
        TRY(connect(queries, &queries->late[i], "SET late_materialization_max_rows = 10000", err));
    }
    return 0;
}

int query_open_files(struct query_run *run, int64_t files, struct err *err)
{
    struct queries *queries = run->queries;
    struct query *query = run->query;

    if (files < WIDE_FILES)
        return 0;
    pthread_mutex_lock(&queries->lock);
    query->is_wide = true;
    query->is_put_back = has_wide_running(queries, query);
    pthread_mutex_unlock(&queries->lock);
    return query->is_put_back ? err_set(err, ERR_STOPPED, "another query opens many files") : 0;
}

void query_read_late(struct query_run *run)
{
    struct queries *queries = run->queries;

    pthread_mutex_lock(&queries->lock);
    run->conn = &queries->late[run->conn - queries->conns];
    run->query->conn = run->conn;
    pthread_mutex_unlock(&queries->lock);
}

static int open_duck(struct queries *queries, struct err *err)
{
    const struct board_setup *setup = queries->setup;
    const char **dirs = mem_alloc((setup->root_count + 1) * sizeof *dirs);
    struct duck_conf conf = {.memory_bytes = setup->memory_bytes,
                             .temp_dir = queries->folder,
                             .allowed_dirs = dirs,
                             .allowed_count = setup->root_count + 1};
    int done;

    for (size_t i = 0; i < setup->root_count; i++)
        dirs[i] = setup->roots[i].dir;
    dirs[setup->root_count] = queries->folder;
    done = fs_make_dirs(queries->folder, 0700, err);
    if (done == 0)
        done = duck_open(&queries->duck, &conf, err);
    if (done == 0)
        done = connect_all(queries, err);
    if (done == 0)
        done = duck_lock(&queries->conns[0], &conf, err);
    free(dirs);
    return done;
}

static int start_threads(struct queries *queries, struct err *err)
{
    for (size_t i = 0; i < QUERIES_AT_ONCE; i++) {
        struct worker *worker = mem_alloc(sizeof *worker);

        *worker = (struct worker){queries, i};
        if (pthread_create(&queries->workers[i], NULL, work_thread, worker) != 0) {
            free(worker);
            return err_set(err, ERR_IO, "the system gave no thread for queries");
        }
        queries->threads++;
    }
    if (pthread_create(&queries->keeper, NULL, keep_thread, queries) != 0)
        return err_set(err, ERR_IO, "the system gave no thread for queries");
    queries->threads++;
    return 0;
}

/* With the lock held: the second to come waits until the first has begun. */
static int begin(struct queries *queries, struct err *err)
{
    if (queries->has_begun)
        return 0;
    TRY(open_duck(queries, err));
    TRY(start_threads(queries, err));
    queries->has_begun = true;
    return 0;
}

void queries_open(struct queries *queries, const struct board_setup *setup,
                  struct journal_pool *pool)
{
    pthread_condattr_t attributes;

    queries->setup = setup;
    queries->pool = pool;
    queries->folder =
        mem_fmt("%s/processes/%s.board", setup->journal->dir, setup->journal->process);
    pthread_mutex_init(&queries->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queries->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

void queries_stop(struct queries *queries)
{
    if (queries->setup == NULL)
        return;
    pthread_mutex_lock(&queries->lock);
    queries->closing = true;
    for (struct query *query = queries->first; query; query = query->next)
        query->is_unwanted = true;
    pthread_cond_broadcast(&queries->changed);
    pthread_mutex_unlock(&queries->lock);
}

void queries_close(struct queries *queries)
{
    struct err ignored;

    if (queries->setup == NULL)
        return;
    queries_stop(queries);
    for (size_t i = 0; i < queries->threads; i++)
        pthread_join(i < QUERIES_AT_ONCE ? queries->workers[i] : queries->keeper, NULL);
    while (queries->first)
        unlink_query(queries, queries->first);
    for (size_t i = 0; i < QUERIES_AT_ONCE; i++) {
        duck_conn_close(&queries->conns[i]);
        duck_conn_close(&queries->late[i]);
    }
    duck_close(&queries->duck);
    if (fs_exists(queries->folder) && fs_remove_tree(queries->folder, &ignored) < 0)
        log_debug("left behind: %s", ignored.text);
    free(queries->folder);
    pthread_cond_destroy(&queries->changed);
    pthread_mutex_destroy(&queries->lock);
    *queries = (struct queries){0};
}

/* ---- asking ---- */

static const struct query_kind *kind_of(yyjson_val *request, struct err *err)
{
    const char *name = json_str(request, "kind");

    for (const struct query_kind *kind = query_kinds; kind->name; kind++)
        if (str_same(kind->name, name))
            return kind;
    err_set(err, ERR_USAGE, "\"kind\" is no kind of query: \"%.100s\"", name ? name : "");
    return NULL;
}

static int name_query(struct query *query, struct err *err)
{
    unsigned char random[16];

    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return err_errno(err, "the system gave no random bytes");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(query->id + 2 * i, 3, "%02x", random[i]);
    return 0;
}

static int enqueue(struct queries *queries, struct query *query, struct err *err)
{
    int done;

    pthread_mutex_lock(&queries->lock);
    done = begin(queries, err);
    if (done == 0 && count_in(queries, QUERY_QUEUED, QUERY_QUEUED) >= QUERIES_MOST_WAITING) {
        err_set(err, ERR_LIMIT, "%d queries wait already", QUERIES_MOST_WAITING);
        done = err_hint(err, "Cancel one, or wait until one has ended.");
    }
    if (done == 0) {
        query->next = queries->first;
        queries->first = query;
        queries->started++;
        pthread_cond_broadcast(&queries->changed);
    }
    pthread_mutex_unlock(&queries->lock);
    return done;
}

int queries_add(struct queries *queries, struct json *request_taken, char ret_id[QUERY_ID],
                struct err *err)
{
    const struct query_kind *kind = kind_of(json_root(request_taken), err);
    struct query *query;

    if (kind == NULL)
        return -1;
    query = mem_alloc(sizeof *query);
    query->kind = kind;
    query->request = *request_taken;
    *request_taken = (struct json){0};
    query->progress = query->total = query->position = -1;
    query->queued_ms = query->asked_ms = clock_monotonic_ms();
    query->rows.ceiling = QUERY_MOST_BYTES;
    if (name_query(query, err) < 0 || enqueue(queries, query, err) < 0) {
        free_query(query);
        return -1;
    }
    memcpy(ret_id, query->id, QUERY_ID);
    return 0;
}

/* ---- the document ---- */

int queries_look(struct queries *queries, const char *id, int64_t wait_ms, int64_t after,
                 struct buf *to)
{
    struct timespec until;
    struct query *query;
    int late = 0;
    int found = 0;

    deadline_in(wait_ms, &until);
    pthread_mutex_lock(&queries->lock);
    while ((query = find(queries, id)) != NULL) {
        query->asked_ms = clock_monotonic_ms();
        if (query_has_ended(query) || late != 0 || queries->closing ||
            (after > 0 && (int64_t)query->row_count > after))
            break;
        late = pthread_cond_timedwait(&queries->changed, &queries->lock, &until);
    }
    if (query) {
        query_put_document(query, after, to);
        found = query_has_ended(query) ? 1 : 2;
    }
    pthread_mutex_unlock(&queries->lock);
    return found;
}

int queries_drop(struct queries *queries, const char *id)
{
    struct query *query;
    const bool found = (pthread_mutex_lock(&queries->lock), query = find(queries, id)) != NULL;

    if (found && query_has_ended(query))
        unlink_query(queries, query);
    else if (found) {
        query->is_unwanted = true;
        if (query->state == QUERY_QUEUED)
            end_query(queries, query, QUERY_CANCELLED);
        else
            duckdb_interrupt(query->conn->conn);
    }
    pthread_mutex_unlock(&queries->lock);
    return found;
}

int queries_file(struct queries *queries, const char *id, int *ret_fd, char **ret_name,
                 const char **ret_type)
{
    struct query *query;
    int fd = -1;

    pthread_mutex_lock(&queries->lock);
    query = find(queries, id);
    if (query && query->state == QUERY_DONE && query->file) {
        query->asked_ms = clock_monotonic_ms();
        fd = open(query->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        *ret_name = fd >= 0 ? mem_str(query->file_name) : NULL;
        *ret_type = query->file_type;
    }
    pthread_mutex_unlock(&queries->lock);
    if (fd < 0)
        return 0;
    *ret_fd = fd;
    return 1;
}
