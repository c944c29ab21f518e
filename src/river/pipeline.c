/*
 * The pipeline file: from a path to a checked struct. The rooms know their own settings; here they
 * are put together, and what must be true between rooms is checked.
 */
#include "river/pipeline.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/str.h"
#include "river/pipeline_options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

/* The whole tree and how it is read. */
struct at_root {
    const struct opt_reading *reading;
    const struct conf_node *node;
};

static void fault_at(const struct at_root *at, const char *path, const char *nearest,
                     const char *text)
{
    opt_fault(at->reading, conf_find(at->node, path), path, nearest, "%s", text);
}

/* "csv", "csv_2", … for the exports that have no name. */
static void name_exports(const struct at_root *at, struct pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->export_count; i++) {
        struct export_conf *export = &pipeline->exports[i];
        size_t nth = 1;

        for (size_t j = 0; j < i; j++)
            nth += pipeline->exports[j].type == export->type;
        if (export->name == NULL)
            export->name = nth == 1 ? mem_str("csv") : mem_fmt("csv_%zu", nth);
        for (size_t j = 0; j < i; j++)
            if (str_same(pipeline->exports[j].name, export->name)) {
                char *path = mem_fmt("exports[%zu].name", i);

                fault_at(at, path, NULL, "an export of that name was given before");
                free(path);
            }
    }
}

/* Without `tables` their names come from the data: "quakes", and "quakes__tags" of a list in it. */
bool pipeline_makes_table(const struct pipeline *pipeline, const char *table, const char *resource)
{
    const struct table_conf *conf = pipeline_find_table(pipeline, table);
    const size_t size = strlen(resource);

    if (pipeline->transform.table_count > 0)
        return conf && str_same(conf->from, resource);
    return str_starts(table, resource) && (table[size] == '\0' || str_starts(table + size, "__"));
}

static bool may_be_table(const struct pipeline *pipeline, const char *name)
{
    const struct source_conf *source = &pipeline->source;

    if (pipeline->transform.table_count > 0)
        return pipeline_find_table(pipeline, name) != NULL;
    for (size_t i = 0; i < source->resource_count; i++)
        if (source->resources[i].name &&
            pipeline_makes_table(pipeline, name, source->resources[i].name))
            return true;
    return false;
}

static const char *nearest_of(const struct pipeline *pipeline, const char *name, bool has_tables)
{
    const size_t most =
        has_tables ? pipeline->transform.table_count : pipeline->source.resource_count;
    const char **names = mem_alloc(most * sizeof *names);
    size_t count = 0;
    const char *nearest;

    for (size_t i = 0; i < most; i++) {
        names[count] =
            has_tables ? pipeline->transform.tables[i].name : pipeline->source.resources[i].name;
        count += names[count] != NULL;
    }
    nearest = str_nearest(name, names, count);
    free(names);
    return nearest;
}

static const char *nearest_table(const struct pipeline *pipeline, const char *name)
{
    return nearest_of(pipeline, name, pipeline->transform.table_count > 0);
}

static void check_export_tables(const struct at_root *at, const struct pipeline *pipeline,
                                size_t index)
{
    const struct export_conf *export = &pipeline->exports[index];
    char text[160];

    for (size_t i = 0; i < export->table_count; i++) {
        char *path = mem_fmt("exports[%zu].tables[%zu]", index, i);

        snprintf(text, sizeof text, "there is no table \"%.64s\"", export->tables[i]);
        if (!may_be_table(pipeline, export->tables[i]))
            fault_at(at, path, nearest_table(pipeline, export->tables[i]), text);
        free(path);
    }
}

static bool is_within(const char *dir, const char *outer)
{
    const size_t size = strlen(outer);

    return strncmp(dir, outer, size) == 0 &&
           (dir[size] == '\0' || dir[size] == '/' || str_same(outer, "/"));
}

/* Whether the file itself gives the folder, or the default stands. */
static bool is_written(const struct at_root *at, const char *path)
{
    const struct conf_node *node = conf_find(at->node, path);

    return node->kind != CONF_MAP && node->kind != CONF_LIST;
}

/* One folder against those before it; the first clash is told. */
static void check_folder(const struct at_root *at, const char *const *dirs, char *const *paths,
                         size_t index)
{
    for (size_t i = 0; i < index; i++) {
        size_t told;
        char *text;

        if (dirs[index] == NULL || dirs[i] == NULL ||
            (!is_within(dirs[index], dirs[i]) && !is_within(dirs[i], dirs[index])))
            continue;
        told = is_written(at, paths[index]) ? index : i;
        text = mem_fmt("this folder and that of \"%s\" must not hold one another",
                       paths[told == index ? i : index]);
        fault_at(at, paths[told], NULL, text);
        free(text);
        return;
    }
}

/* Folders that are cleared, listed or served must not hold one another. */
static void check_folders(const struct at_root *at, const struct pipeline *pipeline)
{
    const size_t count = 3 + pipeline->export_count;
    const char **dirs = mem_alloc(count * sizeof *dirs);
    char **paths = mem_alloc(count * sizeof *paths);

    dirs[0] = pipeline->landing.dir;
    paths[0] = mem_str("landing.dir");
    dirs[1] = pipeline->transform.dir;
    paths[1] = mem_str("transform.dir");
    dirs[2] = pipeline->state_dir;
    paths[2] = mem_str("state");
    for (size_t i = 0; i < pipeline->export_count; i++) {
        dirs[3 + i] = pipeline->exports[i].dir;
        paths[3 + i] = mem_fmt("exports[%zu].dir", i);
    }
    for (size_t i = 0; i < count; i++)
        check_folder(at, dirs, paths, i);
    for (size_t i = 0; i < count; i++)
        free(paths[i]);
    free(paths);
    free(dirs);
}

static void check_transform(const struct at_root *at, struct pipeline *pipeline)
{
    const struct source_conf *source = &pipeline->source;
    const struct conf_node *node = conf_get(at->node, "transform");
    const char **resources = mem_alloc(source->resource_count * sizeof *resources);
    size_t count = 0;

    for (size_t i = 0; i < source->resource_count; i++)
        if (source->resources[i].name)
            resources[count++] = source->resources[i].name;
    if (node)
        transform_conf_check(&pipeline->transform, at->reading, node, resources, count);
    free(resources);
}

/* Exports follow references of adjusted files; a streaming query publishes none. */
static void check_exports_of_streams(const struct at_root *at, const struct pipeline *pipeline)
{
    if (pipeline->transform.mode == TRANSFORM_STREAMING && pipeline->export_count > 0)
        fault_at(at, "exports", NULL,
                 "streaming tables have no references to export: leave it out, or use "
                 "transform.mode: batch");
}

static void read_tree(const struct at_root *at, struct pipeline *pipeline)
{
    const struct conf_node *source = conf_get(at->node, "source");

    opt_read(at->reading, pipeline_options, at->node, "", pipeline);
    if (at->node->kind != CONF_MAP)
        return;
    if (source && source->kind != CONF_NULL)
        source_conf_read(&pipeline->source, at->reading, source);
    else
        fault_at(at, "source", NULL, "is missing");
    check_transform(at, pipeline);
    name_exports(at, pipeline);
    for (size_t i = 0; i < pipeline->export_count; i++)
        check_export_tables(at, pipeline, i);
    check_exports_of_streams(at, pipeline);
    check_folders(at, pipeline);
}

static int tell_faults(const struct faults *faults, struct err *err)
{
    err_set(err, ERR_USAGE, "\"%s\" has %zu fault%s", faults->file, faults->errors,
            str_plural((int64_t)faults->errors));
    return err_hint(err, "Nothing was touched.");
}

/* The file's own place is where relative paths start. */
static int set_place(struct pipeline *pipeline, const char *path, struct err *err)
{
    char *here = *path == '/' ? NULL : getcwd(NULL, 0);

    if (*path != '/' && here == NULL)
        return err_errno(err, "could not tell the current folder");
    pipeline->path = here ? fs_join(here, path) : mem_str(path);
    pipeline->dir = fs_dir_of(pipeline->path);
    free(here);
    return 0;
}

int pipeline_parse(struct pipeline *pipeline, const char *path, const char *text, size_t size,
                   struct faults *faults, struct err *err)
{
    AUTO(pipeline) made = {0};
    AUTO(conf_node) root = {0};

    free(faults->file);
    faults->file = mem_str(path);
    TRY(set_place(&made, path, err));
    if (conf_parse(&root, text, size, faults) == 0) {
        const struct opt_reading reading = {.faults = faults, .dir = made.dir};

        read_tree(&(struct at_root){&reading, &root}, &made);
    }
    faults_sort(faults);
    if (faults->errors > 0)
        return tell_faults(faults, err);
    *pipeline = made;
    made = (struct pipeline){0};
    return 0;
}

int pipeline_read(struct pipeline *pipeline, const char *path, struct faults *faults,
                  struct err *err)
{
    AUTO(buf) text = {0};

    if (fs_read(path, CONF_MOST_BYTES + 1, &text, err) < 0) {
        err->code = ERR_USAGE; /* nothing was begun: the command line names no such file */
        return -1;
    }
    return pipeline_parse(pipeline, path, buf_text(&text), text.size, faults, err);
}

void pipeline_close(struct pipeline *pipeline)
{
    source_conf_close(&pipeline->source);
    landing_conf_close(&pipeline->landing);
    broker_conf_close(&pipeline->broker);
    transform_conf_close(&pipeline->transform);
    for (size_t i = 0; i < pipeline->export_count; i++)
        export_conf_close(&pipeline->exports[i]);
    free(pipeline->exports);
    free(pipeline->path);
    free(pipeline->dir);
    free(pipeline->name);
    board_conf_close(&pipeline->dashboard);
    free(pipeline->state_dir);
    *pipeline = (struct pipeline){0};
}

const struct resource_conf *pipeline_find_resource(const struct pipeline *pipeline,
                                                   const char *name)
{
    for (size_t i = 0; i < pipeline->source.resource_count; i++)
        if (str_same(pipeline->source.resources[i].name, name))
            return &pipeline->source.resources[i];
    return NULL;
}

const struct table_conf *pipeline_find_table(const struct pipeline *pipeline, const char *name)
{
    for (size_t i = 0; i < pipeline->transform.table_count; i++)
        if (str_same(pipeline->transform.tables[i].name, name))
            return &pipeline->transform.tables[i];
    return NULL;
}

static int unknown(const char *what, const char *name, const char *nearest, struct err *err)
{
    err_set(err, ERR_USAGE, "there is no %s \"%.200s\"", what, name);
    return nearest ? err_hint(err, "Did you mean \"%s\"?", nearest) : -1;
}

int pipeline_check_resource(const struct pipeline *pipeline, const char *name, struct err *err)
{
    if (pipeline_find_resource(pipeline, name))
        return 0;
    return unknown("resource", name, nearest_of(pipeline, name, false), err);
}

int pipeline_check_table(const struct pipeline *pipeline, const char *name, struct err *err)
{
    if (may_be_table(pipeline, name))
        return 0;
    return unknown("table", name, nearest_table(pipeline, name), err);
}
