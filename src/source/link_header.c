/*
 * Reads links one after another: "<target>" and parameters behind semicolons.
 */
#include "source/link_header.h"

#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

/* A stretch of the header. */
struct part {
    const char *text;
    size_t size;
};

static const char *pass_spaces(const char *at)
{
    return at + strspn(at, " \t");
}

/* Reads a parameter's value, quoted or not. Returns where it ends. */
static const char *read_value(const char *at, struct part *ret_value)
{
    const char *end;

    if (*at != '"') {
        *ret_value = (struct part){at, strcspn(at, " \t;,")};
        return at + ret_value->size;
    }
    for (end = ++at; *end && *end != '"'; end++)
        if (*end == '\\' && end[1] != '\0')
            end++;
    *ret_value = (struct part){at, (size_t)(end - at)};
    return *end ? end + 1 : end;
}

/* Reads "; name=value". Returns where it ends, or NULL if there is no parameter. */
static const char *read_param(const char *at, struct part *ret_name, struct part *ret_value)
{
    at = pass_spaces(at);
    if (*at != ';')
        return NULL;
    at = pass_spaces(at + 1);
    *ret_name = (struct part){at, strcspn(at, " \t=;,")};
    *ret_value = (struct part){0};
    at = pass_spaces(at + ret_name->size);
    return *at == '=' ? read_value(pass_spaces(at + 1), ret_value) : at;
}

/* Whether one of the words is the relation, in whatever case. */
static bool has_word(struct part words, const char *relation)
{
    const size_t size = strlen(relation);
    const char *end = words.text + words.size;

    for (const char *at = words.text; at < end;) {
        size_t word = 0;

        while (at + word < end && at[word] != ' ' && at[word] != '\t')
            word++;
        if (word == size && strncasecmp(at, relation, size) == 0)
            return true;
        at += word + 1;
    }
    return false;
}

/* Reads the parameters of a link; of several "rel" the first counts. Returns where they end. */
static const char *read_params(const char *at, const char *relation, bool *ret_fits)
{
    bool has_rel = false;
    struct part name;
    struct part value;
    const char *end;

    *ret_fits = false;
    while ((end = read_param(at, &name, &value)) != NULL) {
        if (!has_rel && name.size == 3 && strncasecmp(name.text, "rel", 3) == 0) {
            has_rel = true;
            *ret_fits = value.text && has_word(value, relation);
        }
        at = end;
    }
    return at;
}

char *link_header_find(const char *header, const char *relation)
{
    const char *at = header;

    while (at && (at = strchr(at, '<')) != NULL) {
        const char *target = at + 1;
        const char *end = strchr(target, '>');
        bool fits;

        if (end == NULL)
            return NULL;
        at = read_params(end + 1, relation, &fits);
        if (fits)
            return mem_strn(target, (size_t)(end - target));
    }
    return NULL;
}
