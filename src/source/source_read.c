/*
 * From the tree of `source:` to its struct: defaults and client laid under every resource, then the
 * checks that one row of a table cannot make.
 */
#include "source/source_conf.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/snake.h"
#include "base/str.h"
#include "source/fields_conf.h"
#include "source/resource_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define SHORTEST_SECRET 8 /* a shorter value from the environment is a version or a language */
#define LONGEST_NAME 64

/* What one resource's checks need. */
struct at_resource {
    const struct opt_reading *reading;
    const struct conf_node *node; /* its tree in long form */
    const char *path;             /* "source.resources[0]" */
};

static void fault_at(const struct at_resource *at, const char *key, const char *nearest,
                     const char *text)
{
    char *path = opt_path(at->path, key);

    opt_fault(at->reading, conf_find(at->node, key), path, nearest, "%s", text);
    free(path);
}

static void set_default(char **text, const char *otherwise)
{
    if (*text == NULL)
        *text = mem_str(otherwise);
}

/* dlt's names for parameters hold only where no place in the body was given. */
static void complete_paginator(struct paginator_conf *p)
{
    if (!p->is_set)
        return;
    if (p->type == PAGINATOR_CURSOR && p->cursor_body_path == NULL)
        set_default(&p->cursor_param, "cursor");
    if (p->type == PAGINATOR_OFFSET && p->offset_body_path == NULL)
        set_default(&p->offset_param, "offset");
    if (p->type == PAGINATOR_OFFSET && p->limit_body_path == NULL)
        set_default(&p->limit_param, "limit");
    if (p->type == PAGINATOR_PAGE_NUMBER && p->page_body_path == NULL)
        set_default(&p->page_param, "page");
}

/* Two ways to send one thing, or none. `at` tells where the paginator is. */
static void check_either(const struct at_resource *at, const char *one, const char *param,
                         const char *other, const char *body_path)
{
    char text[120];

    if (body_path && param) {
        snprintf(text, sizeof text, "give either \"%s\" or \"%s\", not both", one, other);
        fault_at(at, other, NULL, text);
    } else if ((param && *param == '\0') || (body_path && *body_path == '\0'))
        fault_at(at, param ? one : other, NULL, "is empty");
}

static void check_stop(const struct at_resource *at, const struct paginator_conf *p,
                       const char *maximum_name, int64_t maximum)
{
    char text[200];

    if (p->total_path || maximum >= 0 || p->has_more_path || p->stop_after_empty_page)
        return;
    snprintf(text, sizeof text,
             "it would never stop: give \"total_path\", \"%s\" or \"has_more_path\", or set "
             "\"stop_after_empty_page\"",
             maximum_name);
    opt_fault(at->reading, at->node, at->path, NULL, "%s", text);
}

static void check_paginator(const struct at_resource *at, const struct paginator_conf *p)
{
    if (!p->is_set)
        return;
    if (p->type == PAGINATOR_CURSOR)
        check_either(at, "cursor_param", p->cursor_param, "cursor_body_path", p->cursor_body_path);
    if (p->type == PAGINATOR_OFFSET) {
        check_either(at, "offset_param", p->offset_param, "offset_body_path", p->offset_body_path);
        check_either(at, "limit_param", p->limit_param, "limit_body_path", p->limit_body_path);
        check_stop(at, p, "maximum_offset", p->maximum_offset);
    }
    if (p->type == PAGINATOR_PAGE_NUMBER) {
        check_either(at, "page_param", p->page_param, "page_body_path", p->page_body_path);
        check_stop(at, p, "maximum_page", p->maximum_page);
    }
}

static void check_paginator_in(const struct at_resource *at, const char *key,
                               const struct paginator_conf *p)
{
    char *path = opt_path(at->path, key);

    check_paginator(&(struct at_resource){at->reading, conf_find(at->node, key), path}, p);
    free(path);
}

static bool is_empty(const char *text)
{
    return text == NULL || *text == '\0';
}

static bool is_empty_auth(const struct auth_conf *auth)
{
    switch (auth->type) {
    case AUTH_BEARER:
        return auth->token && *auth->token == '\0';
    case AUTH_API_KEY:
        return auth->api_key && *auth->api_key == '\0';
    case AUTH_HTTP_BASIC:
        return auth->username && is_empty(auth->username) && is_empty(auth->password);
    case AUTH_NONE:
        break;
    }
    return false;
}

/* An empty secret (${TOKEN:-}) is a way to say: without. dlt's "param" is another word for query. */
static void complete_auth(const struct at_resource *at, const char *key, struct auth_conf *auth)
{
    char *path;

    if (auth->location && str_same(auth->location, "param"))
        memcpy(auth->location, "query", sizeof "query");
    if (!is_empty_auth(auth))
        return;
    auth->type = AUTH_NONE;
    path = opt_path(at->path, key);
    opt_warn(at->reading, conf_find(at->node, key), path,
             "the secret is empty: requests go without authentication");
    free(path);
}

static void copy_paginator(const struct paginator_conf *from, struct paginator_conf *to)
{
    *to = *from;
    to->next_url_path = mem_str(from->next_url_path);
    to->links_next_key = mem_str(from->links_next_key);
    to->cursor_path = mem_str(from->cursor_path);
    to->cursor_param = mem_str(from->cursor_param);
    to->cursor_body_path = mem_str(from->cursor_body_path);
    to->offset_param = mem_str(from->offset_param);
    to->limit_param = mem_str(from->limit_param);
    to->offset_body_path = mem_str(from->offset_body_path);
    to->limit_body_path = mem_str(from->limit_body_path);
    to->page_param = mem_str(from->page_param);
    to->page_body_path = mem_str(from->page_body_path);
    to->total_path = mem_str(from->total_path);
    to->has_more_path = mem_str(from->has_more_path);
}

static void copy_auth(const struct auth_conf *from, struct auth_conf *to)
{
    *to = (struct auth_conf){
        .type = from->type,
        .token = mem_str(from->token),
        .name = mem_str(from->name),
        .api_key = mem_str(from->api_key),
        .location = mem_str(from->location),
        .username = mem_str(from->username),
        .password = mem_str(from->password),
    };
}

static void inherit_client(struct endpoint_conf *endpoint, const struct source_conf *conf)
{
    if (!endpoint->paginator.is_set && conf->paginator.is_set)
        copy_paginator(&conf->paginator, &endpoint->paginator);
    if (!endpoint->auth_set)
        copy_auth(&conf->auth, &endpoint->auth);
    fields_conf_inherit(&endpoint->headers, &conf->headers);
}

static void check_url(const struct at_resource *at, const char *key, const char *url)
{
    const char *host = str_starts(url, "https://")  ? url + 8
                       : str_starts(url, "http://") ? url + 7
                                                    : NULL;
    const size_t size = host ? strcspn(host, "/?#") : 0;

    if (host == NULL || size == 0 || strpbrk(url, " \t\r\n"))
        fault_at(at, key, NULL, "expected a URL such as https://api.example.com");
    else if (memchr(host, '@', size))
        fault_at(at, key, NULL, "a URL cannot hold a name and a password; see \"auth\"");
}

static void check_base_url(const struct at_resource *at, const char *url)
{
    check_url(at, "client.base_url", url);
    if (strpbrk(url, "?#"))
        fault_at(at, "client.base_url", NULL, "a query belongs into \"params\", not into base_url");
}

static void check_endpoint(const struct at_resource *at, const struct endpoint_conf *endpoint)
{
    const char *path = endpoint->path ? endpoint->path : "";

    if (strstr(path, "://"))
        check_url(at, "endpoint.path", path);
    if (strchr(path, '#') || strpbrk(path, " \t\r\n"))
        fault_at(at, "endpoint.path", NULL, "a path cannot hold blanks or #");
    check_paginator_in(at, "endpoint.paginator", &endpoint->paginator);
    resource_tree_check(at->reading, at->node, at->path);
}

static void check_name(const struct at_resource *at, const struct source_conf *conf, size_t index)
{
    const struct resource_conf *resource = &conf->resources[index];

    if (resource->name == NULL)
        return;
    if (*resource->name == '\0' || strlen(resource->name) > LONGEST_NAME)
        fault_at(at, "name", NULL, "a name has 1 to 64 characters of a-z, 0-9 and _");
    for (size_t i = 0; i < index; i++)
        if (str_same(conf->resources[i].name, resource->name)) {
            fault_at(at, "name", NULL, "a resource of that name was given before");
            return;
        }
}

static void add_secrets(struct source_conf *conf, const struct conf_node *node, const char *within)
{
    for (size_t i = 0; node && within && i < node->value_count; i++) {
        const struct conf_value *value = &node->values[i];

        if (value->may_be_secret && strlen(value->text) >= SHORTEST_SECRET &&
            strstr(within, value->text))
            *MEM_PUSH(conf->secrets.items, conf->secrets.count) =
                (struct opt_pair){mem_str(value->name), mem_str(value->text)};
    }
}

/* What a URL holds behind its host. */
static const char *path_of_url(const char *url)
{
    const char *host = url ? strstr(url, "://") : NULL;

    return host ? strchr(host + 3, '/') : NULL;
}

static void complete_resource(const struct at_resource *at, struct source_conf *conf, size_t index)
{
    struct resource_conf *resource = &conf->resources[index];
    char *snake = resource->name ? snake_name(resource->name) : NULL;

    free(resource->name);
    resource->name = snake;
    complete_paginator(&resource->endpoint.paginator);
    check_name(at, conf, index);
    check_endpoint(at, &resource->endpoint);
    complete_auth(at, "endpoint.auth", &resource->endpoint.auth);
    add_secrets(conf, conf_get(conf_get(at->node, "endpoint"), "path"), resource->endpoint.path);
    inherit_client(&resource->endpoint, conf);
}

static void complete_client(const struct at_resource *at, struct source_conf *conf)
{
    complete_paginator(&conf->paginator);
    check_paginator_in(at, "client.paginator", &conf->paginator);
    complete_auth(at, "client.auth", &conf->auth);
    if (conf->base_url)
        check_base_url(at, conf->base_url);
    add_secrets(conf, conf_get(conf_get(at->node, "client"), "base_url"),
                path_of_url(conf->base_url));
}

/* The faults of defaults that every resource overrides would go unseen. */
static void check_defaults(const struct opt_reading *reading, const struct conf_node *defaults)
{
    struct opt_reading partial = *reading;
    AUTO(resource_conf) unused = {0};

    partial.is_partial = true;
    opt_read(&partial, resource_default_options, defaults, "source.resource_defaults", &unused);
}

static void lengthen_resources(const struct opt_reading *reading, struct conf_node *source)
{
    const struct conf_node *resources = conf_get(source, "resources");
    const struct conf_node *defaults = conf_get(source, "resource_defaults");
    struct conf_node list;

    if (defaults && defaults->kind != CONF_NULL)
        check_defaults(reading, defaults);
    if (resources == NULL || resources->kind != CONF_LIST)
        return;
    if (resources->count == 0)
        opt_fault(reading, resources, "source.resources", NULL, "at least one is needed");
    conf_copy(resources, &list);
    for (size_t i = 0; i < list.count; i++) {
        char *path = mem_fmt("source.resources[%zu]", i);

        conf_node_close(&list.items[i]);
        resource_tree_make(reading, &resources->items[i],
                           defaults && defaults->kind == CONF_MAP ? defaults : NULL, path,
                           &list.items[i]);
        free(path);
    }
    conf_set(source, "resources", &list);
}

void source_conf_read(struct source_conf *conf, const struct opt_reading *reading,
                      const struct conf_node *node)
{
    AUTO(conf_node) source = {0};
    const struct conf_node *resources;

    conf_copy(node, &source);
    lengthen_resources(reading, &source);
    opt_read(reading, source_options, &source, "source", conf);
    complete_client(&(struct at_resource){reading, &source, "source"}, conf);
    resources = conf_get(&source, "resources");
    for (size_t i = 0; i < conf->resource_count; i++) {
        char *path = mem_fmt("source.resources[%zu]", i);

        complete_resource(&(struct at_resource){reading, &resources->items[i], path}, conf, i);
        free(path);
    }
}

static void paginator_conf_close(struct paginator_conf *p)
{
    char *texts[] = {p->next_url_path,    p->links_next_key, p->cursor_path,    p->cursor_param,
                     p->cursor_body_path, p->offset_param,   p->limit_param,    p->offset_body_path,
                     p->limit_body_path,  p->page_param,     p->page_body_path, p->total_path,
                     p->has_more_path};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    *p = (struct paginator_conf){0};
}

static void auth_conf_close(struct auth_conf *auth)
{
    free(auth->token);
    free(auth->name);
    free(auth->api_key);
    free(auth->location);
    free(auth->username);
    free(auth->password);
    *auth = (struct auth_conf){0};
}

static void incremental_conf_close(struct incremental_conf *incremental)
{
    free(incremental->cursor_path);
    free(incremental->initial_value);
    free(incremental->unit);
    free(incremental->as);
    free(incremental->on_cursor_value_missing);
    *incremental = (struct incremental_conf){0};
}

static void texts_close(char ***texts, size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        free((*texts)[i]);
    free(*texts);
    *texts = NULL;
    *count = 0;
}

void resource_conf_close(struct resource_conf *resource)
{
    struct endpoint_conf *endpoint = &resource->endpoint;

    texts_close(&resource->primary_key, &resource->primary_keys);
    fields_conf_close(&endpoint->params);
    fields_conf_close(&endpoint->headers);
    paginator_conf_close(&endpoint->paginator);
    auth_conf_close(&endpoint->auth);
    incremental_conf_close(&endpoint->incremental);
    free(endpoint->path);
    free(endpoint->method);
    free(endpoint->json);
    free(endpoint->data_selector);
    free(endpoint->missing_data);
    free(resource->name);
    free(resource->write_disposition);
    *resource = (struct resource_conf){0};
}

void source_conf_close(struct source_conf *conf)
{
    for (size_t i = 0; i < conf->resource_count; i++)
        resource_conf_close(&conf->resources[i]);
    opt_pairs_close(&conf->secrets);
    fields_conf_close(&conf->headers);
    auth_conf_close(&conf->auth);
    paginator_conf_close(&conf->paginator);
    free(conf->resources);
    free(conf->base_url);
    *conf = (struct source_conf){0};
}
