/*
 * Folders of part files.
 */
#include "engine/spark_output.h"

#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define MOST_PART_BYTES ((size_t)64 << 20) /* of a file without rows */

/* ---- names in a folder ---- */

struct entries {
    char **names;
    size_t count;
};

static void entries_close(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        free(entries->names[i]);
    free(entries->names);
    *entries = (struct entries){0};
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In order, so that parts keep theirs. */
static int list_dir(const char *dir, struct entries *entries, struct err *err)
{
    DIR *open_dir = opendir(dir);
    struct dirent *entry;

    if (open_dir == NULL)
        return err_errno(err, "could not list \"%s\"", dir);
    while ((entry = readdir(open_dir)) != NULL)
        if (!str_same(entry->d_name, ".") && !str_same(entry->d_name, ".."))
            *MEM_PUSH(entries->names, entries->count) = mem_str(entry->d_name);
    closedir(open_dir);
    if (entries->count > 1)
        qsort(entries->names, entries->count, sizeof *entries->names, compare_names);
    return 0;
}

static bool is_part(const char *name)
{
    return *name != '.' && *name != '_' && str_ends(name, ".parquet");
}

/* ---- outputs ---- */

static struct engine_output *add_output(struct engine_job *job, const char *table)
{
    static atomic_llong made; /* tells the folders apart within the process */
    struct engine_output *output = mem_alloc(sizeof *output);
    struct engine_output **last = &job->outputs;

    while (*last)
        last = &(*last)->next;
    *last = output;
    output->table = mem_str(table);
    output->temp_path = mem_fmt("%s/folder-%lld", job->temp_dir, atomic_fetch_add(&made, 1) + 1);
    return output;
}

bool spark_output_is_made(const struct engine_job *job, const char *table)
{
    for (const struct engine_output *output = job->outputs; output; output = output->next)
        if (str_same(output->table, table))
            return true;
    return false;
}

void spark_output_undo(struct engine_job *job)
{
    struct err ignored;

    for (struct engine_output *output = job->outputs; output; output = output->next)
        if (fs_remove_tree(output->temp_path, &ignored) < 0)
            continue; /* the temporary folder goes as a whole in the end */
    engine_job_close(job);
}

/* One part under a name that does not depend on the job that wrote it. */
static int finish_part(struct parquet_rows *rows, struct engine_output *output, const char *name,
                       struct err *err)
{
    char *final = mem_fmt("part-%05zu.parquet", output->file_count);
    struct ref_file *file = MEM_PUSH(output->files, output->file_count);
    char *from = fs_join(output->temp_path, name);
    char *path = fs_join(output->temp_path, final);
    char sha256[FS_SHA256_TEXT];
    int done;

    *file = (struct ref_file){.path = final};
    done = fs_rename_new(from, path, err) == 1 ? 0 : -1;
    if (done == 0)
        done = fs_sync_file(path, err);
    if (done == 0)
        done = fs_sha256(path, sha256, &file->bytes, err);
    if (done == 0) {
        file->sha256 = mem_str(sha256);
        done = parquet_rows_count(rows, path, &file->rows, err);
        if (done < 0)
            err->code = ERR_IO; /* Spark says that it is whole: so it is the folder, not the data */
    }
    output->rows += file->rows;
    output->bytes += file->bytes;
    free(from);
    free(path);
    return done;
}

/* What lies beside the parts (checksums, marks) goes. */
static int finish_folder(struct parquet_rows *rows, struct engine_output *output, struct err *err)
{
    AUTO(entries) entries = {0};

    TRY(list_dir(output->temp_path, &entries, err));
    for (size_t i = 0; i < entries.count; i++) {
        char *path =
            is_part(entries.names[i]) ? NULL : fs_join(output->temp_path, entries.names[i]);
        const int done =
            path ? fs_remove_tree(path, err) : finish_part(rows, output, entries.names[i], err);

        free(path);
        TRY(done);
    }
    return fs_sync_dir(output->temp_path, err);
}

/* ---- taking apart ---- */

static int digit_of(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* The value in a partition's name, which Spark encodes with %XX. NULL: it is none. The caller frees. */
static char *value_of(const char *name)
{
    static const char before[] = SPARK_FILE_COLUMN "=";
    struct buf value = {0};

    if (!str_starts(name, before))
        return NULL;
    for (const char *at = name + sizeof before - 1; *at; at++) {
        if (*at == '%' && isxdigit((unsigned char)at[1]) && isxdigit((unsigned char)at[2])) {
            buf_putc(&value, (char)(digit_of(at[1]) * 16 + digit_of(at[2])));
            at += 2;
        } else
            buf_putc(&value, *at);
    }
    return value.data ? buf_take(&value) : mem_str("");
}

static const char *file_name(const struct engine_job *job)
{
    const char *slash = strrchr(job->input_path, '/');

    return slash ? slash + 1 : job->input_path;
}

static int take_partition(struct parquet_rows *rows, const char *table, const char *staging,
                          const char *name, struct engine_job *const *jobs, size_t count,
                          struct err *err)
{
    char *value = value_of(name);
    struct engine_output *output = NULL;
    char *from;
    int renamed;

    for (size_t i = 0; value && i < count && output == NULL; i++)
        if (str_same(file_name(jobs[i]), value))
            output = add_output(jobs[i], table);
    free(value);
    if (output == NULL)
        return 0; /* a mark of Hadoop's */
    from = fs_join(staging, name);
    renamed = fs_rename_new(from, output->temp_path, err);
    free(from);
    if (renamed == 0)
        return err_set(err, ERR_IO, "\"%s\" is there already", output->temp_path);
    return renamed < 0 ? -1 : finish_folder(rows, output, err);
}

int spark_output_take(struct parquet_rows *rows, const char *table, const char *staging,
                      struct engine_job *const *jobs, size_t count, struct err *err)
{
    AUTO(entries) entries = {0};

    TRY(list_dir(staging, &entries, err));
    for (size_t i = 0; i < entries.count; i++)
        TRY(take_partition(rows, table, staging, entries.names[i], jobs, count, err));
    return 0;
}

/* ---- files without rows ---- */

static int copy_parts(const char *from, const char *to, struct err *err)
{
    AUTO(entries) entries = {0};

    TRY(fs_make_dirs(to, 0777, err));
    TRY(list_dir(from, &entries, err));
    for (size_t i = 0; i < entries.count; i++) {
        AUTO(buf) bytes = {0};
        char *source = fs_join(from, entries.names[i]);
        char *target = fs_join(to, entries.names[i]);
        int done = 0;

        if (is_part(entries.names[i])) {
            done = fs_read(source, MOST_PART_BYTES, &bytes, err);
            if (done == 0)
                done = fs_write(target, buf_text(&bytes), bytes.size, 0666, err);
        }
        free(source);
        free(target);
        TRY(done);
    }
    return 0;
}

int spark_output_copy(struct parquet_rows *rows, const char *table, const char *empty,
                      struct engine_job *const *jobs, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct engine_output *output;

        if (spark_output_is_made(jobs[i], table))
            continue;
        output = add_output(jobs[i], table);
        TRY(copy_parts(empty, output->temp_path, err));
        TRY(finish_folder(rows, output, err));
    }
    return 0;
}
