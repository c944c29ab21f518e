/*
 * Maps of headers and query parameters.
 */
#include "source/fields_conf.h"

#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

/* Whole names, and parts that make any name a secret's. */
static const char *const secret_names[] = {"authorization", "cookie", "key",
                                           "sig",           "auth",   "appid"};
static const char *const secret_parts[] = {"token",      "secret",           "password",
                                           "passwd",     "apikey",           "api_key",
                                           "api-key",    "accesskey",        "signature",
                                           "access_key", "subscription-key", "credential"};
/* "pageToken", "next_token": a place among the pages, which must be told and kept. */
static const char *const place_parts[] = {"page", "next", "continu", "cursor", "sync"};

static bool has_part(const char *name, const char *const *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasestr(name, parts[i]))
            return true;
    return false;
}

bool source_name_is_secret(const char *name)
{
    for (size_t i = 0; i < sizeof secret_names / sizeof *secret_names; i++)
        if (strcasecmp(name, secret_names[i]) == 0)
            return true;
    return has_part(name, secret_parts, sizeof secret_parts / sizeof *secret_parts) &&
           !has_part(name, place_parts, sizeof place_parts / sizeof *place_parts);
}

/* token of RFC 9110, 5.6.2 */
static bool is_header_name(const char *name)
{
    const char *at = name;

    while (isalnum((unsigned char)*at) || (*at && strchr("!#$%&'*+-.^_`|~", *at)))
        at++;
    return at > name && *at == '\0';
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return true;
    return false;
}

static bool is_scalar(const struct conf_node *node)
{
    return node->kind != CONF_MAP && node->kind != CONF_LIST;
}

static void add_field(const struct opt_reading *reading, const char *name,
                      const struct conf_node *node, const char *path, struct fields_conf *fields)
{
    const bool is_null = node->kind == CONF_NULL;
    const bool tells = source_name_is_secret(name);
    const bool has_placeholder = !is_null && strchr(node->text, '{');

    if (!is_null && tells && !node->has_variable && !has_placeholder && *node->text)
        opt_warn(reading, node, path,
                 "a secret stands in the file; give it through the environment: ${NAME}");
    *MEM_PUSH(fields->items, fields->count) =
        (struct field_conf){.name = mem_str(name),
                            .value = is_null ? NULL : mem_str(node->text),
                            .is_secret = tells || conf_may_be_secret(node)};
}

static void add_param(const struct opt_reading *reading, const char *name,
                      const struct conf_node *node, const char *path, struct fields_conf *fields)
{
    const struct conf_node *type = conf_get(node, "type");

    if (is_scalar(node))
        add_field(reading, name, node, path, fields);
    else if (type && str_same(type->text, "resolve"))
        opt_fault(reading, type, path, NULL,
                  "parameters of type \"resolve\" are not supported yet");
    else if (node->kind == CONF_MAP)
        opt_fault(reading, node, path, NULL,
                  "expected a text, a list of texts, or a map of type \"incremental\"");
    else
        for (size_t i = 0; i < node->count; i++)
            if (is_scalar(&node->items[i]))
                add_field(reading, name, &node->items[i], path, fields);
            else
                opt_fault_expected(reading, &node->items[i], path, NULL, "a text");
}

static void add_header(const struct opt_reading *reading, const struct conf_node *key,
                       const struct conf_node *node, const char *path, struct fields_conf *fields)
{
    if (!is_header_name(key->text))
        opt_fault(reading, key, path, NULL, "a header's name cannot hold such characters");
    else if (!is_scalar(node))
        opt_fault_expected(reading, node, path, NULL, "a text");
    else if (has_control(node->text))
        opt_fault(reading, node, path, NULL, "a header's value cannot hold control characters");
    else
        add_field(reading, key->text, node, path, fields);
}

static void take_fields(const struct opt_reading *reading, const struct conf_node *node,
                        const char *path, struct fields_conf *fields, bool are_headers)
{
    if (node->kind != CONF_MAP) {
        opt_fault_expected(reading, node, path, NULL, "a map of texts");
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        char *item_path = opt_path(path, node->keys[i].text);

        if (are_headers)
            add_header(reading, &node->keys[i], &node->items[i], item_path, fields);
        else
            add_param(reading, node->keys[i].text, &node->items[i], item_path, fields);
        free(item_path);
    }
}

void source_take_headers(const struct opt_reading *reading, const struct conf_node *node,
                         const char *path, void *target)
{
    take_fields(reading, node, path, target, true);
}

void source_take_params(const struct opt_reading *reading, const struct conf_node *node,
                        const char *path, void *target)
{
    take_fields(reading, node, path, target, false);
}

static bool has_field(const struct fields_conf *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++)
        if (strcasecmp(fields->items[i].name, name) == 0)
            return true;
    return false;
}

/* Values of the client are sent as they stand: no placeholders are looked for in them. */
static char *escape_braces(const char *text)
{
    AUTO(buf) escaped = {0};

    for (; *text; text++) {
        if (*text == '{' || *text == '}')
            buf_putc(&escaped, *text);
        buf_putc(&escaped, *text);
    }
    return escaped.size ? buf_take(&escaped) : mem_str("");
}

void fields_conf_inherit(struct fields_conf *to, const struct fields_conf *from)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct field_conf *field = &from->items[i];

        if (!has_field(to, field->name))
            *MEM_PUSH(to->items, to->count) =
                (struct field_conf){.name = mem_str(field->name),
                                    .value = field->value ? escape_braces(field->value) : NULL,
                                    .is_secret = field->is_secret};
    }
}

void fields_conf_close(struct fields_conf *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        free(fields->items[i].name);
        free(fields->items[i].value);
    }
    free(fields->items);
    *fields = (struct fields_conf){0};
}
