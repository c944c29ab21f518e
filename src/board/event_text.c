/*
 * JSON text has no line breaks of its own, so an event's data is one line.
 */
#include "board/event_text.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

#include "base/banned.h"

/* ---- what was told ---- */

void told_close(struct told *told)
{
    for (size_t i = 0; i < told->count; i++) {
        free(told->items[i].name);
        free(told->items[i].text);
    }
    free(told->items);
    *told = (struct told){0};
}

static struct told_item *find_told(struct told *told, const char *name)
{
    struct told_item *item;

    for (size_t i = 0; i < told->count; i++)
        if (str_same(told->items[i].name, name))
            return &told->items[i];
    item = MEM_PUSH(told->items, told->count);
    *item = (struct told_item){.name = mem_str(name)};
    return item;
}

/* Whether it was not told so last; it is then noted as told. */
static bool is_news(struct told *told, const char *name, yyjson_mut_val *value)
{
    struct told_item *item;
    char *text;

    if (told == NULL)
        return true;
    item = find_told(told, name);
    text = yyjson_mut_val_write(value, 0, NULL);
    if (str_same(text, item->text)) {
        free(text);
        return false;
    }
    free(item->text);
    item->text = text;
    return true;
}

/* ---- one event ---- */

static void put_event(const struct event_sink *sink, const char *name, const struct place *place,
                      yyjson_mut_val *data, int64_t file)
{
    struct buf text = {0};
    char id[PLACE_TEXT];
    char *json = yyjson_mut_val_write(data, 0, NULL);

    place_write(place, id);
    buf_printf(&text, "event: %s\nid: %s\ndata: ", name, id);
    buf_puts(&text, json ? json : "{}");
    buf_puts(&text, "\n\n");
    free(json);
    sink->put(sink->ctx, &text, file);
}

void event_put_snapshot(const struct json_out *snapshot, const struct event_sink *sink)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(snapshot->doc);
    struct place place = {0};

    place_read(yyjson_mut_get_str(yyjson_mut_obj_get(root, "id")), &place);
    put_event(sink, "snapshot", &place, root, 0);
}

/* They change with every look, or have events of their own. */
static bool is_no_river(const char *name)
{
    return str_same(name, "id") || str_same(name, "now") || str_same(name, "runs");
}

void event_put_river(struct json_out *snapshot, const struct place *place, struct told *told,
                     const struct event_sink *sink)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(snapshot->doc);
    yyjson_mut_val *river = yyjson_mut_obj(snapshot->doc);
    yyjson_mut_obj_iter iter = yyjson_mut_obj_iter_with(root);
    yyjson_mut_val *key;

    while ((key = yyjson_mut_obj_iter_next(&iter)) != NULL) {
        const char *name = yyjson_mut_get_str(key);
        yyjson_mut_val *value = yyjson_mut_obj_iter_get_val(key);

        if (is_no_river(name) || !is_news(told, name, value))
            continue;
        yyjson_mut_obj_iter_remove(&iter);
        yyjson_mut_obj_add(river, key, value);
    }
    if (yyjson_mut_obj_size(river) > 0)
        put_event(sink, "river", place, river, 0);
}

/* ---- what changed ---- */

void event_put_files(struct json_out *changes, const struct place *before, size_t together,
                     const struct event_sink *sink)
{
    yyjson_mut_doc *doc = changes->doc;
    yyjson_mut_val *files = yyjson_mut_obj_get(yyjson_mut_doc_get_root(doc), "files");

    while (yyjson_mut_arr_size(files) > 0) {
        yyjson_mut_val *data = yyjson_mut_obj(doc);
        yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, data, "files");
        struct place place = *before;

        for (size_t i = 0; i < together && yyjson_mut_arr_size(files) > 0; i++) {
            yyjson_mut_val *file = yyjson_mut_arr_remove_first(files);

            place.files = yyjson_mut_get_sint(yyjson_mut_obj_get(file, "seq"));
            yyjson_mut_arr_append(list, file);
        }
        put_event(sink, "files", &place, data, place.files);
    }
}

static void put_list(struct json_out *changes, const char *name, const char *list,
                     const struct place *place, struct told *told, const struct event_sink *sink)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(changes->doc);
    yyjson_mut_val *rows = yyjson_mut_obj_remove_key(root, name);
    yyjson_mut_val *data = yyjson_mut_obj(changes->doc);

    if (yyjson_mut_arr_size(rows) == 0 || !is_news(told, name, rows))
        return;
    yyjson_mut_obj_add(data, yyjson_mut_str(changes->doc, list), rows);
    put_event(sink, name, place, data, 0);
}

static void put_dead(struct json_out *changes, const struct place *place, struct told *told,
                     const struct event_sink *sink)
{
    yyjson_mut_doc *doc = changes->doc;
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    yyjson_mut_val *dead = yyjson_mut_obj_remove_key(root, "dead");
    yyjson_mut_val *closed = yyjson_mut_obj_remove_key(root, "closed");
    const bool is_closed_new = yyjson_mut_arr_size(closed) > 0 && is_news(told, "closed", closed);
    yyjson_mut_val *data = yyjson_mut_obj(doc);

    if (yyjson_mut_arr_size(dead) == 0 && !is_closed_new)
        return;
    yyjson_mut_obj_add(data, yyjson_mut_str(doc, "open"), yyjson_mut_obj_remove_key(root, "open"));
    yyjson_mut_obj_add(data, yyjson_mut_str(doc, "new"), dead);
    yyjson_mut_obj_add(data, yyjson_mut_str(doc, "closed"), closed);
    put_event(sink, "dead", place, data, 0);
}

void event_put_others(struct json_out *changes, const struct place *place, struct told *told,
                      const struct event_sink *sink)
{
    put_list(changes, "removed", "seqs", place, told, sink);
    put_list(changes, "runs", "runs", place, told, sink);
    put_list(changes, "schemas", "schemas", place, NULL, sink);
    put_dead(changes, place, told, sink);
}

void event_put_bye(struct buf *to, const char *why)
{
    buf_puts(to, "event: bye\ndata: {\"why\":");
    json_put_string(to, why);
    buf_puts(to, "}\n\n");
}
