/*
 * The small world.
 */
#include "world.h"

#include "base/mem.h"
#include "base/str.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"

/* In memory where there is such a file system: a process that is killed does not tell the difference. */
void world_open(struct world *world)
{
    char in_memory[] = "/dev/shm/riacho-test-XXXXXX";
    char on_disk[] = "/tmp/riacho-test-XXXXXX";
    char *dir = mkdtemp(in_memory);

    if (dir == NULL)
        dir = mkdtemp(on_disk);
    if (dir == NULL) {
        perror("mkdtemp");
        abort();
    }
    *world = (struct world){.dir = mem_str(dir)};
    world->state = fs_join(dir, ".riacho");
    world->landing = fs_join(dir, "landing");
    world->adjusted = fs_join(dir, "adjusted");
    if (mkdir(world->landing, 0777) != 0 || mkdir(world->adjusted, 0777) != 0)
        abort();
}

void world_close(struct world *world)
{
    struct err ignored = {0};

    if (world->dir && fs_remove_tree(world->dir, &ignored) < 0)
        fprintf(stderr, "%s\n", ignored.text);
    free(world->dir);
    free(world->state);
    free(world->landing);
    free(world->adjusted);
    *world = (struct world){0};
}

int world_journal(const struct world *world, struct journal *journal, struct err *err)
{
    return journal_open(journal, world->state, "quakes", world->broker ? world->broker : "local",
                        JOURNAL_CREATE, err);
}

int world_recover(const struct world *world, struct journal *journal, struct err *err)
{
    const char *const roots[] = {world->landing, world->adjusted};

    return journal_recover(journal, roots, 2, err);
}

int world_set_up(void **state)
{
    struct world *world = mem_alloc(sizeof *world);

    world_open(world);
    *state = world;
    return 0;
}

int world_tear_down(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static int open_world_make(void **state, const char *broker)
{
    struct open_world *scene = mem_alloc(sizeof *scene);
    struct err err = {0};

    world_open(&scene->world);
    scene->world.broker = broker;
    if (world_journal(&scene->world, &scene->journal, &err) != 1) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    *state = scene;
    return 0;
}

int open_world_set_up(void **state)
{
    return open_world_make(state, "local");
}

int open_world_set_up_kafka(void **state)
{
    return open_world_make(state, "kafka");
}

int open_world_tear_down(void **state)
{
    struct open_world *scene = *state;

    journal_close(&scene->journal);
    world_close(&scene->world);
    free(scene);
    return 0;
}

void made_close(struct made *made)
{
    ref_close(&made->ref);
    free(made->temp_path);
    free(made->final_path);
    *made = (struct made){0};
}

int world_make(const struct world *world, const char *temp_dir, const char *id, const char *origin,
               const char *text, struct made *ret_made, struct err *err)
{
    AUTO(made) made = {0};
    char sha256[FS_SHA256_TEXT];

    fs_sha256_of(text, strlen(text), sha256);
    made.ref = (struct ref){
        .id = mem_str(id),
        .source = mem_str("/riacho/quakes"),
        .type = mem_str(origin ? REF_ADJUSTED : REF_LANDED),
        .subject = mem_str("quakes"),
        .time = mem_str("2026-11-22T09:00:00Z"),
        .root = mem_str(origin ? "adjusted" : "landing"),
        .path = mem_fmt("quakes/%s.parquet", id),
        .format = mem_str("parquet"),
        .bytes = (int64_t)strlen(text),
        .rows = 1,
        .sha256 = mem_str(sha256),
        .first_page = 1,
        .last_page = 1,
    };
    if (origin)
        *MEM_PUSH(made.ref.origin, made.ref.origins) = mem_str(origin);
    made.temp_path = mem_fmt("%s/%s", temp_dir, id);
    made.final_path = fs_join(origin ? world->adjusted : world->landing, made.ref.path);
    TRY(fs_write(made.temp_path, text, strlen(text), 0644, err));
    made_close(ret_made);
    *ret_made = made;
    made = (struct made){0};
    return 0;
}

void made_add(const struct made *made, struct step *step)
{
    const bool is_landing = made->ref.origins == 0;

    step_add_file(step,
                  &(struct step_file){.temp_path = made->temp_path,
                                      .final_path = made->final_path,
                                      .stage = is_landing ? "extract" : "transform",
                                      .topic = is_landing ? WORLD_LANDED : WORLD_ADJUSTED,
                                      .ref = &made->ref,
                                      .request = is_landing ? "https://api.example/quakes" : NULL});
}

int world_land(const struct world *world, struct journal *journal, const char *prefix, int first,
               int last, struct err *err)
{
    AUTO(step) step = {0};

    step_open(&step);
    for (int n = first; n <= last; n++) {
        char *id = mem_fmt("%s-%d", prefix, n);
        AUTO(made) made = {0};
        const int written = world_make(world, world->dir, id, NULL, id, &made, err);

        free(id);
        TRY(written);
        made_add(&made, &step);
    }
    return step_commit(&step, journal, NULL, err);
}

int world_count_files(const char *dir, const char *ending)
{
    DIR *entries = opendir(dir);
    struct dirent *entry;
    int count = 0;

    while (entries && (entry = readdir(entries)) != NULL) {
        char *path;
        struct stat info;

        if (str_same(entry->d_name, ".") || str_same(entry->d_name, ".."))
            continue;
        path = fs_join(dir, entry->d_name);
        if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode))
            count += world_count_files(path, ending);
        else
            count += str_ends(entry->d_name, ending);
        free(path);
    }
    if (entries)
        closedir(entries);
    return count;
}

int64_t world_number(const struct world *world, const char *sql)
{
    char *path = fs_join(world->state, "state.db");
    AUTO(lite) lite = {0};
    struct err err = {0};
    int64_t number = -1;

    if (lite_open(&lite, path, false, &err) != 1 ||
        lite_number(&lite, sql, BIND_NOTHING, &number, &err) < 0)
        fprintf(stderr, "%s\n", err.text);
    free(path);
    return number;
}
