/*
 * Single values of an option table: from a node to a field of a struct.
 */
#include "base/opt.h"

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/opt_value.h"
#include "base/str.h"

#include <inttypes.h>
#include <regex.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define MOST_CHOICES 32

/* The text with values of the node that may be secret replaced. The caller frees. */
static char *hide_secrets(const struct conf_node *node, const char *text)
{
    AUTO(buf) hidden = {0};

    while (*text) {
        size_t size = 0;

        for (size_t i = 0; i < node->value_count && size == 0; i++)
            if (node->values[i].may_be_secret && str_starts(text, node->values[i].text))
                size = strlen(node->values[i].text);
        if (size > 0)
            buf_puts(&hidden, "***");
        else
            buf_putc(&hidden, *text);
        text += size ? size : 1;
    }
    return mem_str(buf_text(&hidden));
}

static void add_fault(const struct opt_reading *reading, const struct conf_node *at,
                      const char *path, bool is_warning, const char *nearest, const char *text)
{
    char *shown = hide_secrets(at, text);
    const struct fault_place place = {.line = at->line,
                                      .column = at->column,
                                      .is_warning = is_warning,
                                      .key = path && *path ? path : NULL};

    faults_add(reading->faults, &place, shown, nearest);
    free(shown);
}

void opt_fault(const struct opt_reading *reading, const struct conf_node *at, const char *path,
               const char *nearest, const char *fmt, ...)
{
    char text[600];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    add_fault(reading, at, path, false, nearest, text);
}

void opt_warn(const struct opt_reading *reading, const struct conf_node *at, const char *path,
              const char *fmt, ...)
{
    char text[600];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    add_fault(reading, at, path, true, NULL, text);
}

void opt_fault_expected(const struct opt_reading *reading, const struct conf_node *at,
                        const char *path, const char *nearest, const char *what)
{
    static const char *const kinds[] = {
        [CONF_NULL] = "nothing", [CONF_LIST] = "a list", [CONF_MAP] = "a map"};

    if (at->kind == CONF_NULL || at->kind == CONF_LIST || at->kind == CONF_MAP)
        opt_fault(reading, at, path, nearest, "expected %s, found %s", what, kinds[at->kind]);
    else if (conf_may_be_secret(at))
        opt_fault(reading, at, path, nearest, "expected %s, and the variable's value is none",
                  what);
    else
        opt_fault(reading, at, path, nearest, "expected %s, found %s%.60s%s", what,
                  at->kind == CONF_TEXT ? "\"" : "", at->text, at->kind == CONF_TEXT ? "\"" : "");
}

static void *field(const struct opt *row, void *target)
{
    return (char *)target + row->at;
}

static void set_text(const struct opt *row, void *target, char *text_taken)
{
    char **text = field(row, target);

    free(*text);
    *text = text_taken;
}

static bool is_scalar(const struct conf_node *node)
{
    return node->kind != CONF_LIST && node->kind != CONF_MAP && node->kind != CONF_NULL;
}

/*
 * A quoted text is a text, not a number; but within { } a variable must be quoted for YAML's sake,
 * so what came of a variable is looked at as if it were plain.
 */
static enum conf_kind kind_of(const struct conf_node *node)
{
    return node->kind == CONF_TEXT && node->has_variable ? conf_resolve(node->text) : node->kind;
}

static void warn_of_literal_secret(const struct opt_reading *reading, const struct opt *row,
                                   const struct conf_node *node, const char *path)
{
    if ((row->flags & OPT_SECRET) && !node->has_variable && node->text && *node->text)
        opt_warn(reading, node, path,
                 "a secret stands in the file; give it through the environment: ${NAME}");
}

/* Whether the whole text matches the row's pattern. */
static bool is_of_pattern(const struct opt *row, const char *text)
{
    char *whole = mem_fmt("^(%s)$", row->pattern);
    regex_t regex;
    bool is_match = false;

    if (regcomp(&regex, whole, REG_EXTENDED | REG_NOSUB) == 0) {
        is_match = regexec(&regex, text, 0, NULL, 0) == 0;
        regfree(&regex);
    }
    free(whole);
    return is_match;
}

static void read_text(const struct opt_reading *reading, const struct opt *row,
                      const struct conf_node *node, const char *path, void *target)
{
    AUTO(json_path) steps = {0};
    struct err err;

    if (!is_scalar(node)) {
        opt_fault_expected(reading, node, path, NULL, "a text");
        return;
    }
    if ((row->flags & OPT_JSON_PATH) && json_path_parse(&steps, node->text, &err) < 0) {
        opt_fault_expected(reading, node, path, NULL,
                           "a path such as data.items, a[0].b or ['odd key']");
        return;
    }
    if ((row->flags & OPT_ONE_ITEM) && steps.all_items) {
        opt_fault(reading, node, path, NULL, "[*] means many values, and one is needed");
        return;
    }
    if (row->pattern && !is_of_pattern(row, node->text)) {
        opt_fault_expected(reading, node, path, NULL, row->kind);
        return;
    }
    warn_of_literal_secret(reading, row, node, path);
    set_text(row, target, mem_str(node->text));
}

/* Takes out "." and "x/..", so that folders can be compared by name. The caller frees. */
static char *tidy_path(const char *path)
{
    AUTO(buf) tidy = {0};
    const char *at = path;

    while (*at) {
        const size_t size = strcspn(at, "/");

        if (size == 2 && at[0] == '.' && at[1] == '.') {
            const char *slash = tidy.size ? strrchr(tidy.data, '/') : NULL;

            tidy.size = slash ? (size_t)(slash - tidy.data) : 0;
            if (tidy.data)
                tidy.data[tidy.size] = '\0';
        } else if (size > 0 && !(size == 1 && at[0] == '.')) {
            buf_putc(&tidy, '/');
            buf_put(&tidy, at, size);
        }
        at += size + (at[size] == '/');
    }
    if (tidy.size == 0)
        buf_putc(&tidy, '/');
    return buf_take(&tidy);
}

static void read_path(const struct opt_reading *reading, const struct opt *row,
                      const struct conf_node *node, const char *path, void *target)
{
    char *joined;

    if (!is_scalar(node) || *node->text == '\0') {
        opt_fault_expected(reading, node, path, NULL, "a path");
        return;
    }
    joined = fs_join(reading->dir, node->text);
    set_text(row, target, tidy_path(joined));
    free(joined);
}

static const char *name_of_number(const struct opt *row)
{
    return row->type == OPT_MS      ? "a duration such as 500ms, 30s, 5m, 12h or 7d"
           : row->type == OPT_BYTES ? "a size such as 64MiB, 10MB or 4096"
                                    : "a whole number";
}

static int number_of(const struct opt *row, const struct conf_node *node, int64_t *ret_value)
{
    struct err err;

    if (!is_scalar(node))
        return -1;
    if (row->type == OPT_MS)
        return str_to_ms(node->text, ret_value, &err);
    if (row->type == OPT_BYTES)
        return str_to_bytes(node->text, ret_value, &err);
    return kind_of(node) == CONF_INT && conf_int(node->text, ret_value) ? 0 : -1;
}

static void put_amount(struct buf *to, const char *before, const struct opt *row, int64_t amount)
{
    char text[32];

    if (row->type == OPT_INT)
        snprintf(text, sizeof text, "%" PRId64, amount);
    else if (row->type == OPT_MS)
        str_of_ms(amount, text, sizeof text);
    else
        str_of_bytes((uint64_t)amount, text, sizeof text);
    buf_printf(to, "%s%s", before, text);
}

static void read_number(const struct opt_reading *reading, const struct opt *row,
                        const struct conf_node *node, const char *path, void *target)
{
    const int64_t most = row->least || row->most ? row->most : INT64_MAX;
    AUTO(buf) expected = {0};
    int64_t value;

    buf_puts(&expected, name_of_number(row));
    if (number_of(row, node, &value) < 0) {
        opt_fault_expected(reading, node, path, NULL, buf_text(&expected));
        return;
    }
    if (value >= row->least && value <= most) {
        memcpy(field(row, target), &value, sizeof value);
        return;
    }
    put_amount(&expected, " of at least ", row, row->least);
    if (most != INT64_MAX)
        put_amount(&expected, " and at most ", row, most);
    opt_fault_expected(reading, node, path, NULL, buf_text(&expected));
}

static void read_bool(const struct opt_reading *reading, const struct opt *row,
                      const struct conf_node *node, const char *path, void *target)
{
    bool *value = field(row, target);

    if (kind_of(node) != CONF_BOOL)
        opt_fault_expected(reading, node, path, NULL, "true or false");
    else
        *value = *node->text == 't' || *node->text == 'T';
}

static const struct opt_choice *find_choice(const struct opt_choice *choices, const char *text)
{
    for (; choices->name; choices++)
        if (strcasecmp(choices->name, text) == 0)
            return choices;
    return NULL;
}

static void fault_choice(const struct opt_reading *reading, const struct opt_choice *choices,
                         const struct conf_node *node, const char *path)
{
    const char *names[MOST_CHOICES];
    size_t count = 0;
    AUTO(buf) expected = {0};

    for (size_t i = 0; choices[i].name && count < MOST_CHOICES; i++)
        if (choices[i].refused == NULL) {
            buf_printf(&expected, "%s\"%s\"", count ? ", " : "", choices[i].name);
            names[count++] = choices[i].name;
        }
    opt_fault_expected(reading, node, path,
                       is_scalar(node) ? str_nearest(node->text, names, count) : NULL,
                       buf_text(&expected));
}

static void read_choice(const struct opt_reading *reading, const struct opt *row,
                        const struct conf_node *node, const char *path, void *target)
{
    const bool is_null = node->kind == CONF_NULL;
    const struct opt_choice *choice = NULL;

    if (is_null || is_scalar(node))
        choice = find_choice(row->choices, is_null ? "null" : node->text);
    if (choice == NULL)
        fault_choice(reading, row->choices, node, path);
    else if (choice->refused)
        opt_fault(reading, node, path, NULL, "%s", choice->refused);
    else if (row->flags & OPT_CHECKED)
        return;
    else if (row->type == OPT_ENUM)
        memcpy(field(row, target), &choice->value, sizeof choice->value);
    else
        set_text(row, target, mem_str(choice->name));
}

static void read_texts(const struct opt_reading *reading, const struct opt *row,
                       const struct conf_node *node, const char *path, void *target)
{
    char ***texts = field(row, target);
    size_t *count = (size_t *)(void *)((char *)target + row->count_at);
    const struct conf_node *items = node->kind == CONF_LIST ? node->items : node;
    const size_t item_count = node->kind == CONF_LIST ? node->count : 1;

    for (size_t i = 0; i < item_count; i++)
        if (items[i].is_faulty)
            continue;
        else if (is_scalar(&items[i]) && *items[i].text)
            *MEM_PUSH(*texts, *count) = mem_str(items[i].text);
        else
            opt_fault_expected(reading, &items[i], path, NULL, "a text or a list of texts");
}

static void read_pairs(const struct opt_reading *reading, const struct opt *row,
                       const struct conf_node *node, const char *path, void *target)
{
    struct opt_pairs *pairs = field(row, target);

    if (node->kind != CONF_MAP) {
        opt_fault_expected(reading, node, path, NULL, "a map of texts");
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        char *item_path = opt_path(path, node->keys[i].text);

        if (is_scalar(&node->items[i]))
            *MEM_PUSH(pairs->items, pairs->count) =
                (struct opt_pair){mem_str(node->keys[i].text), mem_str(node->items[i].text)};
        else
            opt_fault_expected(reading, &node->items[i], item_path, NULL, "a text");
        free(item_path);
    }
}

void opt_pairs_close(struct opt_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        free(pairs->items[i].key);
        free(pairs->items[i].value);
    }
    free(pairs->items);
    *pairs = (struct opt_pairs){0};
}

/* JSON has no infinities and no NaN. */
static bool has_no_json(const struct conf_node *node)
{
    if (node->kind == CONF_FLOAT && strpbrk(node->text, "iInN"))
        return true;
    for (size_t i = 0; i < node->count; i++)
        if (has_no_json(&node->items[i]))
            return true;
    return false;
}

static void read_json(const struct opt_reading *reading, const struct opt *row,
                      const struct conf_node *node, const char *path, void *target)
{
    AUTO(buf) text = {0};

    if ((row->type == OPT_SCALAR && !is_scalar(node)) || has_no_json(node)) {
        opt_fault_expected(reading, node, path, NULL,
                           row->type == OPT_SCALAR ? "a text, a number, true or false"
                                                   : "a value that JSON can hold");
        return;
    }
    conf_put_json(node, &text);
    set_text(row, target, buf_take(&text));
}

static void read_parsed(const struct opt_reading *reading, const struct opt *row,
                        const struct conf_node *node, const char *path, void *target)
{
    struct err err;

    if (!is_scalar(node))
        opt_fault_expected(reading, node, path, NULL, "a text");
    else if (row->parse(node->text, field(row, target), &err) < 0)
        opt_fault_expected(reading, node, path, NULL, err.text);
}

static void set_null(const struct opt *row, void *target)
{
    const int64_t none = -1;

    if (row->type == OPT_TEXT || row->type == OPT_PATH)
        set_text(row, target, NULL);
    else if (row->type == OPT_INT || row->type == OPT_MS || row->type == OPT_BYTES)
        memcpy(field(row, target), &none, sizeof none);
}

bool opt_is_choice(const struct opt *row)
{
    return row->type == OPT_ENUM || row->type == OPT_WORD;
}

void opt_read_simple(const struct opt_reading *reading, const struct opt *row,
                     const struct conf_node *node, const char *path, void *target)
{
    static void (*const readers[])(const struct opt_reading *, const struct opt *,
                                   const struct conf_node *, const char *, void *) = {
        [OPT_TEXT] = read_text,     [OPT_PATH] = read_path,   [OPT_INT] = read_number,
        [OPT_BOOL] = read_bool,     [OPT_MS] = read_number,   [OPT_BYTES] = read_number,
        [OPT_ENUM] = read_choice,   [OPT_WORD] = read_choice, [OPT_TEXTS] = read_texts,
        [OPT_PAIRS] = read_pairs,   [OPT_JSON] = read_json,   [OPT_SCALAR] = read_json,
        [OPT_PARSED] = read_parsed,
    };

    if (node->kind == CONF_NULL && (row->flags & OPT_NULLABLE) && !opt_is_choice(row))
        set_null(row, target);
    else
        readers[row->type](reading, row, node, path, target);
}

void opt_set_simple(const struct opt_reading *reading, const struct opt *row, void *target)
{
    struct conf_node node = {.text = mem_str(row->standard)};

    if (row->standard) {
        node.kind = conf_resolve(node.text);
        opt_read_simple(reading, row, &node, "", target);
    } else if (row->flags & OPT_NULLABLE)
        set_null(row, target);
    free(node.text);
}
