/*
 * From the events of libyaml to the tree. The parser's own words about syntax are passed on, with
 * what we know of the usual causes.
 */
#include "base/conf.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/banned.h"

struct anchor {
    char *name;
    struct conf_node node; /* a copy: the tree's own nodes move while it grows */
};

struct parsing {
    yaml_parser_t parser;
    const char *text;
    size_t size;
    struct faults *faults;
    struct anchor *anchors;
    size_t anchor_count;
    struct buf path; /* of the node that is being built: "source.resources[0]" */
    size_t nodes;
    int depth;
};

static int parse_node(struct parsing *p, yaml_event_t *event_taken, struct conf_node *ret_node);

static void add_fault(struct parsing *p, yaml_mark_t mark, const char *text)
{
    faults_add(p->faults,
               &(struct fault_place){.line = (int)mark.line + 1,
                                     .column = (int)mark.column + 1,
                                     .key = p->path.size ? p->path.data : NULL},
               text, NULL);
}

static int stop_with(struct parsing *p, yaml_mark_t mark, const char *text)
{
    add_fault(p, mark, text);
    return -1;
}

/* The parser's reader knows only an offset in bytes. */
static yaml_mark_t mark_of_offset(const struct parsing *p, size_t offset)
{
    yaml_mark_t mark = {0};

    for (size_t i = 0; i < offset && i < p->size; i++) {
        mark.column++;
        if (p->text[i] == '\n') {
            mark.line++;
            mark.column = 0;
        }
    }
    return mark;
}

static bool line_holds(const struct parsing *p, size_t line, const char *what)
{
    const char *at = p->text;
    const char *end = p->text + p->size;
    const char *line_end;

    while (line > 0 && at) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
        line--;
    }
    if (at == NULL || at >= end)
        return false;
    line_end = memchr(at, '\n', (size_t)(end - at));
    return memmem(at, (size_t)((line_end ? line_end : end) - at), what, strlen(what)) != NULL;
}

static void add_syntax_fault(struct parsing *p)
{
    const yaml_parser_t *parser = &p->parser;
    const bool is_reader = parser->error == YAML_READER_ERROR;
    const yaml_mark_t mark =
        is_reader ? mark_of_offset(p, parser->problem_offset) : parser->problem_mark;
    AUTO(buf) text = {0};

    buf_puts(&text, "YAML syntax: ");
    buf_puts(&text, parser->problem ? parser->problem : "cannot be read");
    if (parser->context)
        buf_printf(&text, " %s", parser->context);
    if (line_holds(p, mark.line, "\t"))
        buf_puts(&text, " (a tab cannot indent, use spaces)");
    else if (line_holds(p, mark.line, "${"))
        buf_puts(&text, " (within { } or [ ] a value with ${…} must be in quotes)");
    p->path.size = 0; /* the parser looks ahead: the key at hand need not be the culprit */
    add_fault(p, mark, buf_text(&text));
}

static int next_event(struct parsing *p, yaml_event_t *ret_event)
{
    if (yaml_parser_parse(&p->parser, ret_event))
        return 0;
    add_syntax_fault(p);
    return -1;
}

static int count_nodes(struct parsing *p, yaml_mark_t mark, size_t more)
{
    p->nodes += more;
    if (p->nodes > CONF_MOST_NODES)
        return stop_with(p, mark, "more than 100,000 values, with aliases replaced");
    return 0;
}

static size_t nodes_in(const struct conf_node *node, int *ret_depth)
{
    size_t nodes = 1;
    int deepest = 0;

    for (size_t i = 0; i < node->count; i++) {
        int depth;

        nodes += nodes_in(&node->items[i], &depth);
        deepest = depth > deepest ? depth : deepest;
    }
    *ret_depth = deepest + 1;
    return nodes;
}

static int parse_alias(struct parsing *p, const yaml_event_t *event, struct conf_node *ret_node)
{
    const char *name = (const char *)event->data.alias.anchor;

    for (size_t i = p->anchor_count; i-- > 0;) {
        const struct conf_node *node = &p->anchors[i].node;
        int depth;

        if (!str_same(p->anchors[i].name, name))
            continue;
        TRY(count_nodes(p, event->start_mark, nodes_in(node, &depth)));
        if (p->depth + depth > CONF_MOST_DEPTH)
            return stop_with(p, event->start_mark, "nested more than 64 deep");
        conf_copy(node, ret_node);
        return 0;
    }
    return stop_with(p, event->start_mark, "no anchor of that name stands before this alias");
}

static void keep_anchor(struct parsing *p, const yaml_char_t *name, const struct conf_node *node)
{
    struct anchor *anchor;

    if (name == NULL)
        return;
    anchor = MEM_PUSH(p->anchors, p->anchor_count);
    anchor->name = mem_str((const char *)name);
    conf_copy(node, &anchor->node);
}

/* The kind that a tag asks for; -1: a tag we do not know. */
static int kind_of_tag(const char *tag, const char *text)
{
    static const struct {
        const char *tag;
        enum conf_kind kind;
    } tags[] = {{YAML_STR_TAG, CONF_TEXT},
                {YAML_NULL_TAG, CONF_NULL},
                {YAML_BOOL_TAG, CONF_BOOL},
                {YAML_INT_TAG, CONF_INT},
                {YAML_FLOAT_TAG, CONF_FLOAT}};

    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (str_same(tag, tags[i].tag))
            return tags[i].kind == CONF_TEXT || tags[i].kind == conf_resolve(text)
                       ? (int)tags[i].kind
                       : -1;
    return str_same(tag, "!") ? CONF_TEXT : -1;
}

static void resolve_scalar(struct parsing *p, const yaml_event_t *event, struct conf_node *node)
{
    const char *tag = (const char *)event->data.scalar.tag;
    int kind;

    node->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->kind = node->is_quoted ? CONF_TEXT : conf_resolve(node->text);
    if (node->kind == CONF_NULL && node->has_variable)
        node->kind = CONF_TEXT; /* ${TOKEN:-} is an empty text, not nothing */
    if (tag == NULL)
        return;
    kind = kind_of_tag(tag, node->text);
    if (kind < 0)
        add_fault(p, event->start_mark, "the tag does not fit the value, or is not known");
    else
        node->kind = (enum conf_kind)kind;
}

static int parse_scalar(struct parsing *p, const yaml_event_t *event, struct conf_node *ret_node)
{
    const char *value = (const char *)event->data.scalar.value;
    struct conf_expansion expansion;
    AUTO(buf) text = {0};

    if (strlen(value) != event->data.scalar.length)
        return stop_with(p, event->start_mark, "holds a NUL character");
    conf_expand(value, &text, &expansion);
    if (expansion.problem[0])
        add_fault(p, event->start_mark, expansion.problem);
    ret_node->is_faulty = expansion.problem[0] != '\0';
    ret_node->has_variable = expansion.has_variable;
    ret_node->values = expansion.values;
    ret_node->value_count = expansion.value_count;
    ret_node->text = mem_str(buf_text(&text));
    resolve_scalar(p, event, ret_node);
    return 0;
}

static int parse_list(struct parsing *p, struct conf_node *list)
{
    const size_t path_size = p->path.size;

    for (;;) {
        yaml_event_t event;
        struct conf_node item = {0};
        int got;

        TRY(next_event(p, &event));
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return 0;
        }
        buf_printf(&p->path, "[%zu]", list->count);
        got = parse_node(p, &event, &item);
        p->path.size = path_size;
        *MEM_PUSH(list->items, list->count) = item;
        TRY(got);
    }
}

/* A key must be a scalar of its own name. Faults that leave the tree usable do not stop. */
static int check_key(struct parsing *p, const struct conf_node *map, const struct conf_node *key)
{
    const yaml_mark_t mark = {.line = (size_t)key->line - 1, .column = (size_t)key->column - 1};
    const struct conf_node *first;
    char text[80];

    if (key->kind == CONF_MAP || key->kind == CONF_LIST)
        return stop_with(p, mark, "a map's key must be a text");
    if (str_same(key->text, "<<") && !key->is_quoted)
        return stop_with(p, mark, "the merge key << is not part of YAML 1.2: repeat the keys");
    first = conf_key(map, key->text);
    if (first) {
        snprintf(text, sizeof text, "the key is given twice, first in line %d", first->line);
        add_fault(p, mark, text);
    }
    return 0;
}

/* Reads the value of a key that was read. Keys and items grow together, whatever happens. */
static int parse_member(struct parsing *p, struct conf_node *map, struct conf_node *key_taken)
{
    size_t keys = map->count;
    yaml_event_t event;
    struct conf_node item = {0};
    int got;

    buf_printf(&p->path, "%s%s", p->path.size ? "." : "", key_taken->text ? key_taken->text : "");
    got = check_key(p, map, key_taken);
    if (got == 0)
        got = next_event(p, &event);
    if (got == 0)
        got = parse_node(p, &event, &item);
    *MEM_PUSH(map->keys, keys) = *key_taken;
    *MEM_PUSH(map->items, map->count) = item;
    return got;
}

static int parse_map(struct parsing *p, struct conf_node *map)
{
    const size_t path_size = p->path.size;

    for (;;) {
        yaml_event_t event;
        struct conf_node key = {0};

        TRY(next_event(p, &event));
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            return 0;
        }
        if (parse_node(p, &event, &key) < 0) {
            conf_node_close(&key);
            return -1;
        }
        TRY(parse_member(p, map, &key));
        p->path.size = path_size;
    }
}

static int parse_collection(struct parsing *p, const yaml_event_t *event, struct conf_node *node)
{
    const bool is_map = event->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *tag =
        is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag;

    if (tag && !str_same((const char *)tag, is_map ? YAML_MAP_TAG : YAML_SEQ_TAG) &&
        !str_same((const char *)tag, "!"))
        add_fault(p, event->start_mark, "the tag does not fit the value, or is not known");
    node->kind = is_map ? CONF_MAP : CONF_LIST;
    if (++p->depth > CONF_MOST_DEPTH)
        return stop_with(p, event->start_mark, "nested more than 64 deep");
    TRY(is_map ? parse_map(p, node) : parse_list(p, node));
    p->depth--;
    return 0;
}

static int parse_event(struct parsing *p, const yaml_event_t *event, struct conf_node *ret_node)
{
    TRY(count_nodes(p, event->start_mark, 1));
    if (event->type == YAML_ALIAS_EVENT) {
        TRY(parse_alias(p, event, ret_node));
    } else if (event->type == YAML_SCALAR_EVENT) {
        TRY(parse_scalar(p, event, ret_node));
        keep_anchor(p, event->data.scalar.anchor, ret_node);
    } else {
        TRY(parse_collection(p, event, ret_node));
        keep_anchor(p,
                    event->type == YAML_MAPPING_START_EVENT ? event->data.mapping_start.anchor
                                                            : event->data.sequence_start.anchor,
                    ret_node);
    }
    ret_node->line = (int)event->start_mark.line + 1;
    ret_node->column = (int)event->start_mark.column + 1;
    return 0;
}

/* Fills the node as far as it goes; on failure what is there is still to be closed. */
static int parse_node(struct parsing *p, yaml_event_t *event_taken, struct conf_node *ret_node)
{
    const int got = parse_event(p, event_taken, ret_node);

    yaml_event_delete(event_taken);
    return got;
}

/* Reads on to an event of that type, which must come next. */
static int expect_event(struct parsing *p, yaml_event_type_t type, const char *otherwise)
{
    yaml_event_t event;
    yaml_event_type_t found;
    yaml_mark_t mark;

    TRY(next_event(p, &event));
    found = event.type;
    mark = event.start_mark;
    yaml_event_delete(&event);
    return found == type ? 0 : stop_with(p, mark, otherwise);
}

static int parse_stream(struct parsing *p, struct conf_node *ret_root)
{
    yaml_event_t event;

    TRY(expect_event(p, YAML_STREAM_START_EVENT, "no YAML"));
    TRY(expect_event(p, YAML_DOCUMENT_START_EVENT, "the file is empty"));
    TRY(next_event(p, &event));
    TRY(parse_node(p, &event, ret_root));
    TRY(expect_event(p, YAML_DOCUMENT_END_EVENT, "one document is expected"));
    return expect_event(p, YAML_STREAM_END_EVENT, "a second document: one file, one pipeline");
}

static void parsing_close(struct parsing *p)
{
    for (size_t i = 0; i < p->anchor_count; i++) {
        free(p->anchors[i].name);
        conf_node_close(&p->anchors[i].node);
    }
    free(p->anchors);
    buf_close(&p->path);
    yaml_parser_delete(&p->parser);
}

int conf_parse(struct conf_node *ret_root, const char *text, size_t size, struct faults *faults)
{
    AUTO(parsing) p = {.text = text, .size = size, .faults = faults};
    struct conf_node root = {0};

    if (size > CONF_MOST_BYTES) {
        faults_add(faults, &(struct fault_place){0}, "the file is larger than 1 MiB", NULL);
        return -1;
    }
    if (!yaml_parser_initialize(&p.parser)) {
        faults_add(faults, &(struct fault_place){0}, "out of memory", NULL);
        return -1;
    }
    yaml_parser_set_input_string(&p.parser, (const unsigned char *)text, size);
    if (parse_stream(&p, &root) < 0) {
        conf_node_close(&root);
        return -1;
    }
    *ret_root = root;
    return 0;
}
