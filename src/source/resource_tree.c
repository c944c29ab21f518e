/*
 * Short forms and defaults of resources, by the rules of dlt (rest_api/config_setup.py): a
 * resource or an endpoint may be a bare text; resource_defaults lie beneath, key by key, `params`
 * and `json` merged; a parameter may be bound in the path; a parameter of type incremental is a
 * short form of `incremental`.
 */
#include "source/resource_tree.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define START_VALUE "{incremental.start_value}"

static bool is_text(const struct conf_node *node)
{
    return node && node->kind != CONF_MAP && node->kind != CONF_LIST && node->kind != CONF_NULL;
}

static bool is_map(const struct conf_node *node)
{
    return node && node->kind == CONF_MAP;
}

static void set_copy(struct conf_node *map, const char *key, const struct conf_node *from)
{
    struct conf_node copy;

    conf_copy(from, &copy);
    conf_set(map, key, &copy);
}

/* The endpoint as a map with a path. One that is neither text nor map is left to the reader. */
static void make_endpoint(const struct conf_node *resource, struct conf_node *ret_endpoint)
{
    const struct conf_node *endpoint = conf_get(resource, "endpoint");
    const struct conf_node *name = conf_get(resource, "name");
    const struct conf_node *path;

    if (is_map(endpoint))
        conf_copy(endpoint, ret_endpoint);
    else
        *ret_endpoint = conf_make_map(endpoint ? endpoint : resource);
    if (is_text(endpoint))
        set_copy(ret_endpoint, "path", endpoint);
    path = conf_get(ret_endpoint, "path");
    if ((path == NULL || path->kind == CONF_NULL) && is_text(name))
        set_copy(ret_endpoint, "path", name);
}

static void merge_key(struct conf_node *endpoint, const struct conf_node *defaults, const char *key)
{
    const struct conf_node *beneath = conf_get(defaults, key);
    const struct conf_node *own = conf_get(endpoint, key);
    struct conf_node merged;

    if (!is_map(beneath) || !is_map(own))
        return;
    conf_merge(beneath, own, &merged);
    conf_set(endpoint, key, &merged);
}

static void lay_endpoint(struct conf_node *endpoint, const struct conf_node *defaults)
{
    struct conf_node merged;

    if (!is_map(defaults))
        return;
    merge_key(endpoint, defaults, "params");
    merge_key(endpoint, defaults, "json");
    conf_merge(defaults, endpoint, &merged);
    conf_node_close(endpoint);
    *endpoint = merged;
}

/* A path that ends in a placeholder names one thing: no pages, and the answer is the record. */
static void settle_single_entity(struct conf_node *endpoint)
{
    const struct conf_node *path = conf_get(endpoint, "path");
    const char *whole = is_text(path) ? path->text : "";
    const char *slash = strrchr(whole, '/');
    const char *brace = strchr(slash ? slash : whole, '{');
    struct conf_node text;

    if (brace == NULL || brace[1] == '{' || strchr(brace, '}') == NULL)
        return;
    if (conf_get(endpoint, "data_selector") == NULL) {
        text = conf_make_text(path, "$");
        conf_set(endpoint, "data_selector", &text);
    }
    if (conf_get(endpoint, "paginator") == NULL) {
        text = conf_make_text(conf_get(endpoint, "path"), "single_page");
        conf_set(endpoint, "paginator", &text);
    }
}

/* Where the name in braces at `at` ends, or NULL if it is none that a parameter could have. */
static const char *end_of_name(const char *at)
{
    const char *end = at + strcspn(at, "{}./");

    return *end == '}' && end > at ? end : NULL;
}

/* Puts parameters into the path where it names them: "users/{id}". */
static void bind_path(struct conf_node *endpoint)
{
    const struct conf_node *path = conf_get(endpoint, "path");
    struct conf_node params = {0};
    struct conf_node made;
    AUTO(buf) bound = {0};

    if (!is_text(path) || !is_map(conf_get(endpoint, "params")))
        return;
    conf_copy(conf_get(endpoint, "params"), &params);
    for (const char *at = path->text; *at; at++) {
        const char *end = *at == '{' ? end_of_name(at + 1) : NULL;
        char *name = end ? mem_strn(at + 1, (size_t)(end - at - 1)) : NULL;
        const struct conf_node *param = name ? conf_get(&params, name) : NULL;

        if (is_text(param)) {
            buf_puts(&bound, param->text);
            conf_remove(&params, name);
            at = end;
        } else if (at[0] == '{' && at[1] == '{')
            buf_put(&bound, at++, 2);
        else
            buf_putc(&bound, *at);
        free(name);
    }
    conf_copy(path, &made);
    free(made.text);
    made.text = mem_str(buf_text(&bound));
    conf_set(endpoint, "path", &made);
    conf_set(endpoint, "params", &params);
}

static void set_param(struct conf_node *endpoint, const struct conf_node *name, const char *value)
{
    const struct conf_node *params = conf_get(endpoint, "params");
    struct conf_node changed;
    struct conf_node text = conf_make_text(name, value);

    if (is_map(params))
        conf_copy(params, &changed);
    else
        changed = conf_make_map(name);
    conf_set(&changed, name->text, &text);
    conf_set(endpoint, "params", &changed);
}

/* params: {since: {type: incremental, cursor_path: …}} */
static void take_short_incremental(const struct opt_reading *reading, struct conf_node *endpoint,
                                   const char *path)
{
    const struct conf_node *params = conf_get(endpoint, "params");
    const size_t count = is_map(params) ? params->count : 0;

    for (size_t i = 0; i < count; i++) {
        const struct conf_node *type;
        struct conf_node incremental;

        params = conf_get(endpoint, "params");
        type = conf_get(&params->items[i], "type");
        if (type == NULL || !str_same(type->text, "incremental"))
            continue;
        if (conf_get(endpoint, "incremental")) {
            char *key = mem_fmt("%s.endpoint.params.%s", path, params->keys[i].text);

            opt_fault(reading, type, key, NULL, "an endpoint has one \"incremental\", not two");
            free(key);
        }
        conf_copy(&params->items[i], &incremental);
        conf_remove(&incremental, "type");
        conf_set(endpoint, "incremental", &incremental);
        set_param(endpoint, &conf_get(endpoint, "params")->keys[i], START_VALUE);
    }
}

/* incremental: {start_param: since, …} */
static void take_start_param(struct conf_node *endpoint)
{
    const struct conf_node *name = conf_get(conf_get(endpoint, "incremental"), "start_param");

    if (is_text(name))
        set_param(endpoint, name, START_VALUE);
}

/* Where placeholders are looked for, and nowhere else: a token is sent as it is. */
static void escape_environment(struct conf_node *endpoint)
{
    static const char *const keys[] = {"path", "params", "headers", "json"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct conf_node *node = conf_get(endpoint, keys[i]);
        struct conf_node escaped;

        if (node == NULL)
            continue;
        conf_copy(node, &escaped);
        resource_tree_escape(&escaped);
        conf_set(endpoint, keys[i], &escaped);
    }
}

void resource_tree_make(const struct opt_reading *reading, const struct conf_node *node,
                        const struct conf_node *defaults, const char *path,
                        struct conf_node *ret_node)
{
    AUTO(conf_node) bare = {0};
    struct conf_node made;
    struct conf_node endpoint;

    if (is_text(node)) {
        bare = conf_make_map(node);
        set_copy(&bare, "name", node);
        node = &bare;
    }
    if (!is_map(node)) {
        conf_copy(node, ret_node);
        return;
    }
    make_endpoint(node, &endpoint);
    lay_endpoint(&endpoint, conf_get(defaults, "endpoint"));
    escape_environment(&endpoint);
    settle_single_entity(&endpoint);
    bind_path(&endpoint);
    take_short_incremental(reading, &endpoint, path);
    take_start_param(&endpoint);
    if (is_map(defaults))
        conf_merge(defaults, node, &made);
    else
        conf_copy(node, &made);
    if (conf_get(node, "endpoint") == NULL || is_map(conf_get(node, "endpoint")) ||
        is_text(conf_get(node, "endpoint")))
        conf_set(&made, "endpoint", &endpoint);
    conf_node_close(&endpoint);
    *ret_node = made;
}
