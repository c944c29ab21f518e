#include "landing_bed.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <yyjson.h>

#include <cmocka.h>

#include "base/banned.h"

/* Commits are made by the committer's thread and looked at by the test's. */
static pthread_mutex_t commits_lock = PTHREAD_MUTEX_INITIALIZER;

static void keep_file(struct bed *bed, const struct landed_file *landed, const char *url)
{
    struct bed_file file = {
        .path = mem_fmt("%s/%04zu.parquet", bed->dir, bed->file_count),
        .url = mem_str(landed->url ? landed->url : url),
        .cursor_from = mem_str(landed->cursor_from),
        .cursor_to = mem_str(landed->cursor_to),
        .rows = landed->rows,
        .first_page = landed->first_page,
        .last_page = landed->last_page,
        .commit = bed->commit_count,
    };

    memcpy(file.fingerprint, landed->fingerprint, sizeof file.fingerprint);
    schema_copy(&landed->schema, &file.schema);
    /* Not rename(): tests of faults stand in for that. */
    syscall(SYS_renameat2, AT_FDCWD, landed->temp_path, AT_FDCWD, file.path, 0);
    *MEM_PUSH(bed->files, bed->file_count) = file;
}

static int commit(void *ctx, const struct landed *landed, struct err *err)
{
    struct bed *bed = ctx;
    struct bed_commit made = {.page = landed->page,
                              .position = mem_str(landed->position),
                              .url = mem_str(landed->url),
                              .cursor = mem_str(landed->cursor),
                              .boundary = mem_str(landed->boundary),
                              .is_last = landed->is_last};

    pthread_mutex_lock(&bed->gate);
    pthread_mutex_unlock(&bed->gate);
    pthread_mutex_lock(&commits_lock);
    for (const struct landed_file *file = landed->files; file && !bed->refuses_commits;
         file = file->next) {
        keep_file(bed, file, landed->url);
        made.files++;
    }
    *MEM_PUSH(bed->commits, bed->commit_count) = made;
    pthread_mutex_unlock(&commits_lock);
    return bed->refuses_commits ? err_set(err, ERR_IO, "the journal is full") : 0;
}

int bed_set_up(void **state)
{
    struct bed *bed = mem_alloc(sizeof *bed);
    const struct duck_conf duck = {.threads = 2, .memory_bytes = 256 << 20};
    struct duck *opened;

    pthread_mutex_init(&bed->gate, NULL);
    memcpy(bed->dir, "/tmp/riacho-bed-XXXXXX", 23);
    assert_non_null(mkdtemp(bed->dir));
    bed->temp_dir = fs_join(bed->dir, "tmp");
    assert_int_equal(fs_make_dirs(bed->temp_dir, 0700, &bed->err), 0);
    duck_soon_begin(&bed->duck, &duck);
    assert_int_equal(duck_soon_get(&bed->duck, &opened, &bed->err), 0);
    assert_int_equal(duck_connect(opened, &bed->conn, &bed->err), 0);
    bed->conf = (struct landing_conf){.roll_rows = 1000000, .roll_bytes = 1 << 30};
    bed->run = (struct landing_run){.resource = "things",
                                    .temp_dir = bed->temp_dir,
                                    .start_page = 1,
                                    .ctx = bed,
                                    .commit = commit,
                                    .stats = &bed->stats};
    *state = bed;
    return 0;
}

static void free_commits(struct bed *bed)
{
    for (size_t i = 0; i < bed->commit_count; i++) {
        free(bed->commits[i].position);
        free(bed->commits[i].url);
        free(bed->commits[i].cursor);
        free(bed->commits[i].boundary);
    }
    free(bed->commits);
}

static void free_files(struct bed *bed)
{
    for (size_t i = 0; i < bed->file_count; i++) {
        schema_close(&bed->files[i].schema);
        free(bed->files[i].url);
        free(bed->files[i].cursor_from);
        free(bed->files[i].cursor_to);
        free(bed->files[i].path);
    }
    free(bed->files);
}

int bed_tear_down(void **state)
{
    struct bed *bed = *state;

    landing_close(&bed->landing);
    duck_conn_close(&bed->conn);
    duck_soon_close(&bed->duck);
    free_commits(bed);
    free_files(bed);
    assert_int_equal(fs_remove_tree(bed->dir, &bed->err), 0);
    free(bed->temp_dir);
    pthread_mutex_destroy(&bed->gate);
    free(bed);
    return 0;
}

static void assert_done(const struct bed *bed, int done)
{
    if (done < 0)
        fail_msg("%s", bed->err.text);
}

void bed_open(struct bed *bed)
{
    assert_done(bed, landing_open(&bed->landing, &bed->duck, &bed->conf, &bed->run, &bed->err));
}

struct batch *bed_make_batch(int64_t page, int64_t first_index, const char *records)
{
    struct batch *batch = mem_alloc(sizeof *batch);
    yyjson_doc *doc;

    batch->json = mem_fmt("[%s]%4s", records, "");
    batch->size = strlen(records) + 2;
    memset(batch->json + batch->size, 0, 4);
    doc = yyjson_read(batch->json, batch->size, YYJSON_READ_NUMBER_AS_RAW);
    batch->records = doc ? yyjson_arr_size(yyjson_doc_get_root(doc)) : 1;
    yyjson_doc_free(doc);
    batch->page = page;
    batch->first_index = first_index;
    batch->body_offset = 10;
    batch->url = mem_fmt("http://api/%" PRId64, page);
    return batch;
}

void bed_batch(struct bed *bed, int64_t page, int64_t first_index, const char *records)
{
    assert_done(bed, landing_batch(&bed->landing, bed_make_batch(page, first_index, records),
                                   &bed->err));
}

void bed_end_page(struct bed *bed, int64_t number, bool is_last)
{
    char *position = mem_fmt("{\"next\":%" PRId64 "}", number + 1);
    char *url = mem_fmt("http://api/%" PRId64, number);
    const struct page page = {.number = number,
                              .url = url,
                              .position = position,
                              .is_last = is_last};

    assert_done(bed, landing_page(&bed->landing, &page, &bed->err));
    free(position);
    free(url);
}

void bed_page(struct bed *bed, int64_t page, const char *records)
{
    if (*records)
        bed_batch(bed, page, 0, records);
    bed_end_page(bed, page, false);
}

void bed_finish(struct bed *bed)
{
    assert_done(bed, landing_finish(&bed->landing, &bed->err));
}

void bed_wait_for_commits(struct bed *bed, size_t count)
{
    const int64_t until = clock_monotonic_ms() + 10000;
    size_t made = 0;

    while (made < count && clock_monotonic_ms() < until) {
        pthread_mutex_lock(&commits_lock);
        made = bed->commit_count;
        pthread_mutex_unlock(&commits_lock);
        usleep(1000);
    }
    assert_true(made >= count);
}

char *bed_text(struct bed *bed, const char *sql)
{
    AUTO(buf) full = {0};
    AUTO(duck_result) result = {0};

    buf_printf(&full, "WITH landed AS (FROM read_parquet('%s/*.parquet', union_by_name = true)) ",
               bed->dir);
    buf_puts(&full, sql);
    assert_done(bed, duck_query(&bed->conn, buf_text(&full), &result, &bed->err));
    return duck_text(&result, 0, 0);
}

int64_t bed_number(struct bed *bed, const char *sql)
{
    char *text = bed_text(bed, sql);
    const int64_t number = text ? strtoll(text, NULL, 10) : -1;

    duckdb_free(text);
    return number;
}

void bed_assert_text(struct bed *bed, const char *sql, const char *expected)
{
    char *text = bed_text(bed, sql);

    assert_non_null(text);
    assert_string_equal(text, expected);
    duckdb_free(text);
}

size_t bed_temp_files(const struct bed *bed)
{
    DIR *dir = opendir(bed->temp_dir);
    size_t count = 0;

    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

void bed_assert_failed(struct bed *bed, int done, enum err_code code, const char *part)
{
    assert_int_equal(done, -1);
    if (strstr(bed->err.text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, bed->err.text);
    assert_int_equal(bed->err.code, code);
    landing_close(&bed->landing);
    assert_int_equal(bed_temp_files(bed), 0);
}
