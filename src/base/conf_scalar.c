/*
 * Scalars of a pipeline file: variables of the environment, and what plain text means by the core
 * schema of YAML 1.2 (chapter 10.3).
 */
#include "base/conf.h"

#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define DEEPEST_DEFAULT 8 /* ${A:-${B:-…}} */

static void expand(const char *text, const char *end, int depth, struct buf *to,
                   struct conf_expansion *made);

/* "<before><what><after>", of which `what` is a stretch of somebody's text. */
static void set_problem(struct conf_expansion *made, const char *before, const char *what,
                        size_t size, const char *after)
{
    if (made->problem[0] == '\0') /* the first counts: what follows may be its consequence */
        snprintf(made->problem, sizeof made->problem, "%s%.*s%s", before,
                 (int)(size < 64 ? size : 64), what, after);
}

/* The brace that closes the one before `at`, or NULL. */
static const char *closing_brace(const char *at, const char *end)
{
    int open = 1;

    for (; at < end; at++) {
        open += (*at == '{') - (*at == '}');
        if (open == 0)
            return at;
    }
    return NULL;
}

/* ":-2018-01-01", but neither ":-" nor ":-${TOKEN}" */
static bool has_plain_default(const char *at, const char *end)
{
    return end - at > 2 && memmem(at, (size_t)(end - at), "${", 2) == NULL;
}

/* Replaces the variable whose "${" ends at `name`. Returns where the text goes on, or NULL. */
static const char *expand_variable(const char *name, const char *end, int depth, struct buf *to,
                                   struct conf_expansion *made)
{
    const char *close = closing_brace(name, end);
    const char *after = name;
    char variable[128];
    const char *value;

    while (after < end && (isalnum((unsigned char)*after) || *after == '_'))
        after++;
    if (close == NULL || after == name || isdigit((unsigned char)*name) ||
        (size_t)(after - name) >= sizeof variable || (after != close && !str_starts(after, ":-"))) {
        set_problem(made, "expected ${NAME} or ${NAME:-default}, found \"${", name,
                    (size_t)(end - name), "\" (a literal ${ is written $${)");
        return NULL;
    }
    memcpy(variable, name, (size_t)(after - name));
    variable[after - name] = '\0';
    value = getenv(variable);
    if (value && (*value || after == close)) {
        buf_puts(to, value);
        if (*value)
            *MEM_PUSH(made->values, made->value_count) =
                (struct conf_value){mem_str(variable), mem_str(value),
                                    !has_plain_default(after, close)};
    } else if (after != close && depth < DEEPEST_DEFAULT)
        expand(after + 2, close, depth + 1, to, made);
    else
        set_problem(made, "the environment variable \"", variable, strlen(variable),
                    "\" is not set");
    return close + 1;
}

static void expand(const char *text, const char *end, int depth, struct buf *to,
                   struct conf_expansion *made)
{
    while (text && text < end && to->size <= CONF_MOST_BYTES) {
        const char *dollar = memchr(text, '$', (size_t)(end - text));

        buf_put(to, text, (size_t)((dollar ? dollar : end) - text));
        if (dollar == NULL)
            return;
        text = dollar + 1;
        if (end - dollar > 2 && memcmp(dollar, "$${", 3) == 0) {
            buf_puts(to, "${");
            text = dollar + 3;
        } else if (end - dollar > 1 && dollar[1] == '{') {
            made->has_variable = true;
            text = expand_variable(dollar + 2, end, depth, to, made);
        } else
            buf_putc(to, '$');
    }
}

void conf_expand(const char *text, struct buf *to, struct conf_expansion *ret_expansion)
{
    struct conf_expansion made = {0};

    expand(text, text + strlen(text), 0, to, &made);
    if (to->size > CONF_MOST_BYTES)
        set_problem(&made, "is larger than 1 MiB with its variables replaced", "", 0, "");
    *ret_expansion = made;
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (str_same(text, *words))
            return true;
    return false;
}

static bool is_int(const char *text)
{
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'o') && text[2])
        return strspn(text + 2, text[1] == 'x' ? "0123456789abcdefABCDEF" : "01234567") ==
               strlen(text + 2);
    if (*text == '-' || *text == '+')
        text++;
    return *text && strspn(text, "0123456789") == strlen(text);
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_float(const char *text)
{
    size_t digits;

    if (*text == '-' || *text == '+')
        text++;
    digits = strspn(text, "0123456789");
    text += digits;
    if (*text == '.') {
        const size_t more = strspn(text + 1, "0123456789");

        digits += more;
        text += 1 + more;
    }
    if (digits == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        text += 1 + (text[1] == '-' || text[1] == '+');
        digits = strspn(text, "0123456789");
        return digits > 0 && text[digits] == '\0';
    }
    return *text == '\0';
}

enum conf_kind conf_resolve(const char *text)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const bools[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};
    static const char *const floats[] = {".inf",  "-.inf", "+.inf", ".Inf",  "-.Inf",
                                         "+.Inf", ".INF",  "-.INF", "+.INF", ".nan",
                                         ".NaN",  ".NAN",  NULL};

    if (is_one_of(text, nulls))
        return CONF_NULL;
    if (is_one_of(text, bools))
        return CONF_BOOL;
    if (is_int(text))
        return CONF_INT;
    if (is_float(text) || is_one_of(text, floats))
        return CONF_FLOAT;
    return CONF_TEXT;
}

int conf_int(const char *text, int64_t *ret_value)
{
    const bool is_other = text[0] == '0' && (text[1] == 'x' || text[1] == 'o');
    int64_t value;

    errno = 0;
    value = strtoll(is_other ? text + 2 : text, NULL, !is_other ? 10 : text[1] == 'x' ? 16 : 8);
    if (errno != 0)
        return 0;
    *ret_value = value;
    return 1;
}
