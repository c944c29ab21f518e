/*
 * Placeholders in path, params, headers and json: each must be one that a run can fill, and what
 * came from the environment is none.
 */
#include "source/resource_tree.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static const char *const known[] = {"incremental.start_value", "incremental.initial_value",
                                    "incremental.last_value"};

struct checking {
    const struct opt_reading *reading;
    bool has_incremental;
    bool is_path; /* a bare {name} may have been meant as a parameter */
};

static bool is_known(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_same(name, known[i]))
            return true;
    return false;
}

static void check_name(const struct checking *checking, const struct conf_node *node,
                       const char *path, const char *name)
{
    if (is_known(name) && !checking->has_incremental)
        opt_fault(checking->reading, node, path, NULL,
                  "\"{%s}\" needs \"incremental\" in the same endpoint", name);
    else if (is_known(name))
        return;
    else if (str_starts(name, "resources."))
        opt_fault(checking->reading, node, path, NULL,
                  "\"{%s}\" is not supported yet: resources cannot depend on one another", name);
    else if (str_same(name, "incremental.end_value"))
        opt_fault(checking->reading, node, path, NULL, "\"{%s}\" is not supported yet", name);
    else if (checking->is_path && strchr(name, '.') == NULL)
        opt_fault(checking->reading, node, path, NULL,
                  "\"{%s}\" needs a parameter of that name in \"params\"", name);
    else
        opt_fault(checking->reading, node, path,
                  str_nearest(name, known, sizeof known / sizeof *known),
                  "\"{%s}\" is no placeholder (a literal brace is written {{ or }})", name);
}

static void check_text(const struct checking *checking, const struct conf_node *node,
                       const char *path)
{
    for (const char *at = node->text; *at; at++) {
        const char *end;
        char *name;

        if (*at != '{' && *at != '}')
            continue;
        if (at[1] == *at) {
            at++;
            continue;
        }
        end = at + 1 + strcspn(at + 1, "{}");
        if (*at == '}' || *end != '}') {
            opt_fault(checking->reading, node, path, NULL,
                      "a brace stands alone (a literal brace is written {{ or }})");
            return;
        }
        name = mem_strn(at + 1, (size_t)(end - at - 1));
        check_name(checking, node, path, name);
        free(name);
        at = end;
    }
}

static void check_node(const struct checking *checking, const struct conf_node *node,
                       const char *path)
{
    if (node->text && node->kind == CONF_TEXT)
        check_text(checking, node, path);
    for (size_t i = 0; i < node->count; i++) {
        char *item_path =
            node->keys ? opt_path(path, node->keys[i].text) : mem_fmt("%s[%zu]", path, i);

        if (node->keys)
            check_node(checking, &node->keys[i], item_path);
        check_node(checking, &node->items[i], item_path);
        free(item_path);
    }
}

static bool has_brace(const char *text)
{
    return strpbrk(text, "{}") != NULL;
}

/* Doubles the braces of `value` wherever it stands in the node's text. */
static void escape_value(struct conf_node *node, const char *value)
{
    const size_t size = strlen(value);
    const char *at = node->text;
    AUTO(buf) escaped = {0};

    while (*at) {
        const bool is_value = strncmp(at, value, size) == 0;

        for (size_t i = 0; i < (is_value ? size : 1); i++, at++) {
            if (is_value && (*at == '{' || *at == '}'))
                buf_putc(&escaped, *at);
            buf_putc(&escaped, *at);
        }
    }
    free(node->text);
    node->text = mem_str(buf_text(&escaped));
}

void resource_tree_escape(struct conf_node *node)
{
    for (size_t i = 0; i < node->value_count; i++)
        if (has_brace(node->values[i].text))
            escape_value(node, node->values[i].text);
    for (size_t i = 0; i < node->count; i++)
        resource_tree_escape(&node->items[i]);
}

void resource_tree_check(const struct opt_reading *reading, const struct conf_node *resource,
                         const char *path)
{
    static const char *const keys[] = {"path", "params", "headers", "json"};
    const struct conf_node *endpoint = conf_get(resource, "endpoint");
    const struct conf_node *incremental = conf_get(endpoint, "incremental");
    struct checking checking = {
        .reading = reading,
        .has_incremental = incremental && incremental->kind != CONF_NULL,
    };

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct conf_node *node = conf_get(endpoint, keys[i]);
        char *node_path = mem_fmt("%s.endpoint.%s", path, keys[i]);

        checking.is_path = i == 0;
        if (node)
            check_node(&checking, node, node_path);
        free(node_path);
    }
}
