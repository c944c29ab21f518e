/*
 * Bodies, by yyjson's mutable documents.
 */
#include "source/request_body.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

char *request_plain_text(const char *json)
{
    AUTO(json) text = {0};
    struct err ignored = {0};

    if (*json != '"' || json_parse(&text, json, strlen(json), &ignored) < 0)
        return mem_str(json);
    return mem_str(yyjson_get_str(json_root(&text)));
}

static int no_place(const char *path, struct err *err)
{
    return err_set(err, ERR_USAGE, "the body has no place \"%s\"", path);
}

/* One step down, making objects on the way. NULL if there is no way. */
static yyjson_mut_val *step_down(yyjson_mut_doc *doc, yyjson_mut_val *from,
                                 const struct json_step *step)
{
    yyjson_mut_val *below;

    if (step->key == NULL)
        return yyjson_mut_arr_get(from, (size_t)step->index);
    if (!yyjson_mut_is_obj(from))
        return NULL;
    below = yyjson_mut_obj_get(from, step->key);
    if (below && !yyjson_mut_is_null(below))
        return below;
    below = yyjson_mut_obj(doc);
    yyjson_mut_obj_put(from, yyjson_mut_strcpy(doc, step->key), below);
    return below;
}

static int set_at(yyjson_mut_doc *doc, const char *path, const char *json, struct err *err)
{
    AUTO(json_path) steps = {0};
    yyjson_mut_val *at = yyjson_mut_doc_get_root(doc);
    yyjson_mut_val *value = yyjson_mut_rawcpy(doc, json);
    const struct json_step *last;
    bool is_done;

    TRY(json_path_parse(&steps, path, err));
    if (steps.count == 0)
        return no_place(path, err);
    last = &steps.steps[steps.count - 1];
    for (size_t i = 0; i + 1 < steps.count && at; i++)
        at = step_down(doc, at, &steps.steps[i]);
    is_done = last->key ? yyjson_mut_obj_put(at, yyjson_mut_strcpy(doc, last->key), value)
                        : yyjson_mut_arr_replace(at, (size_t)last->index, value) != NULL;
    return is_done ? 0 : no_place(path, err);
}

int request_body(const struct template_values *values, const char *json,
                 const struct page_want *want, char **ret_body, struct err *err)
{
    AUTO(json_out) body = {0};
    AUTO(buf) text = {0};
    bool is_needed = json != NULL;

    if (json)
        TRY(template_expand_json(values, json, &body, err));
    else
        json_out_open(&body);
    for (size_t i = 0; i < want->count; i++) {
        if (want->sets[i].body_path == NULL)
            continue;
        is_needed = true;
        TRY(set_at(body.doc, want->sets[i].body_path, want->sets[i].json, err));
    }
    if (!is_needed)
        return 0;
    json_out_write(&body, &text);
    *ret_body = buf_take(&text);
    return 0;
}
