/*
 * Types and their words.
 */
#include "engine/sql_type.h"

#include "base/mem.h"
#include "base/str.h"
#include "db/duck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static const struct {
    const char *words;
    const char *brief;
} scalars[] = {
    [SQL_NULL] = {"NULL", "null"},
    [SQL_BOOLEAN] = {"BOOLEAN", "boolean"},
    [SQL_BIGINT] = {"BIGINT", "bigint"},
    [SQL_DOUBLE] = {"DOUBLE", "double"},
    [SQL_TEXT] = {"VARCHAR", "text"},
    [SQL_DATE] = {"DATE", "date"},
    [SQL_TIMESTAMP] = {"TIMESTAMP WITH TIME ZONE", "timestamp"},
    [SQL_JSON] = {"JSON", "json"},
};

#define SCALARS (sizeof scalars / sizeof *scalars)

void sql_type_close(struct sql_type *type)
{
    for (size_t i = 0; i < type->field_count; i++)
        sql_type_close(&type->fields[i]);
    free(type->fields);
    free(type->name);
    free(type->word);
    *type = (struct sql_type){0};
}

struct sql_type *sql_type_add(struct sql_type *type, const char *name)
{
    *MEM_PUSH(type->fields, type->field_count) = (struct sql_type){.name = mem_str(name)};
    return &type->fields[type->field_count - 1];
}

/* All but the name. */
static void copy_shape(const struct sql_type *from, struct sql_type *to)
{
    to->kind = from->kind;
    to->precision = from->precision;
    to->scale = from->scale;
    to->word = mem_str(from->word);
    for (size_t i = 0; i < from->field_count; i++)
        copy_shape(&from->fields[i], sql_type_add(to, from->fields[i].name));
}

void sql_type_copy(const struct sql_type *from, struct sql_type *ret_type)
{
    struct sql_type made = {.name = mem_str(from->name)};

    copy_shape(from, &made);
    *ret_type = made;
}

bool sql_type_same(const struct sql_type *a, const struct sql_type *b)
{
    AUTO(buf) words_a = {0};
    AUTO(buf) words_b = {0};

    sql_type_put(a, &words_a);
    sql_type_put(b, &words_b);
    return str_same(words_a.data, words_b.data);
}

static void put_type(const struct sql_type *type, const char *json, struct buf *to)
{
    switch (type->kind) {
    case SQL_DECIMAL:
        buf_printf(to, "DECIMAL(%d,%d)", type->precision, type->scale);
        return;
    case SQL_LIST:
        put_type(&type->fields[0], json, to);
        buf_puts(to, "[]");
        return;
    case SQL_STRUCT:
        buf_puts(to, "STRUCT(");
        for (size_t i = 0; i < type->field_count; i++) {
            buf_puts(to, i ? ", " : "");
            sql_put_name(to, type->fields[i].name);
            buf_putc(to, ' ');
            put_type(&type->fields[i], json, to);
        }
        buf_putc(to, ')');
        return;
    default:
        buf_puts(to, type->kind == SQL_OTHER  ? type->word
                     : type->kind == SQL_JSON ? json
                                              : scalars[type->kind].words);
    }
}

void sql_type_put(const struct sql_type *type, struct buf *to)
{
    put_type(type, scalars[SQL_JSON].words, to);
}

void sql_type_put_stored(const struct sql_type *type, struct buf *to)
{
    put_type(type, scalars[SQL_TEXT].words, to);
}

static void read_scalar(const char *words, size_t size, struct sql_type *type)
{
    char *word = mem_strn(words, size);

    type->kind = SQL_OTHER;
    for (size_t i = 0; i < SCALARS; i++)
        if (str_same(scalars[i].words, word))
            type->kind = (enum sql_kind)i;
    if (sscanf(word, "DECIMAL(%d,%d)", &type->precision, &type->scale) == 2)
        type->kind = SQL_DECIMAL;
    if (type->kind == SQL_OTHER)
        type->word = word;
    else
        free(word);
}

static void read_words(const char *words, size_t size, struct sql_type *type);

/* After a quoted name, in which a doubled quote is one. */
static const char *read_name(const char *at, struct buf *name)
{
    for (at++; *at && (*at != '"' || at[1] == '"'); at++) {
        at += *at == '"';
        buf_putc(name, *at);
    }
    return *at ? at + 1 : at;
}

/* The end of a member's type: the comma or bracket after it. */
static const char *end_of_words(const char *at, const char *end)
{
    int depth = 0;

    for (; at < end && (depth > 0 || (*at != ',' && *at != ')')); at++) {
        if (*at == '"') {
            AUTO(buf) ignored = {0};

            at = read_name(at, &ignored) - 1;
        } else
            depth += (*at == '(') - (*at == ')');
    }
    return at;
}

static void read_members(const char *at, const char *end, struct sql_type *type)
{
    type->kind = SQL_STRUCT;
    while (at < end && *at == '"') {
        AUTO(buf) name = {0};
        const char *words = read_name(at, &name) + 1;
        const char *words_end = end_of_words(words, end);

        read_words(words, (size_t)(words_end - words), sql_type_add(type, buf_text(&name)));
        at = words_end < end ? words_end + strspn(words_end, ", ") : end;
    }
}

#define STRUCT_WORD "STRUCT("

static void read_words(const char *words, size_t size, struct sql_type *type)
{
    if (size > sizeof STRUCT_WORD && str_starts(words, STRUCT_WORD) && words[size - 1] == ')')
        read_members(words + sizeof STRUCT_WORD - 1, words + size, type);
    else if (size > 2 && memcmp(words + size - 2, "[]", 2) == 0) {
        type->kind = SQL_LIST;
        read_words(words, size - 2, sql_type_add(type, NULL));
    } else
        read_scalar(words, size, type);
}

void sql_type_read(const char *words, struct sql_type *ret_type)
{
    struct sql_type made = {0};

    read_words(words, strlen(words), &made);
    *ret_type = made;
}

void sql_type_put_short(const struct sql_type *type, struct buf *to)
{
    switch (type->kind) {
    case SQL_DECIMAL:
        buf_printf(to, "decimal_%d_%d", type->precision, type->scale);
        return;
    case SQL_LIST:
        buf_puts(to, "list_");
        sql_type_put_short(&type->fields[0], to);
        return;
    case SQL_STRUCT:
        buf_puts(to, "struct");
        return;
    case SQL_OTHER:
        for (const char *at = type->word; *at; at++)
            buf_putc(to, *at >= 'A' && *at <= 'Z'   ? (char)(*at - 'A' + 'a')
                         : *at >= 'a' && *at <= 'z' ? *at
                                                    : '_');
        return;
    default:
        buf_puts(to, scalars[type->kind].brief);
    }
}

static void become_nested(const struct schema *schema, struct sql_type *type);

static void become(const struct schema *schema, struct sql_type *type)
{
    static const enum sql_kind kinds[] = {
        [KIND_NULL] = SQL_NULL,    [KIND_BOOL] = SQL_BOOLEAN,  [KIND_INT] = SQL_BIGINT,
        [KIND_UINT] = SQL_DECIMAL, [KIND_DOUBLE] = SQL_DOUBLE, [KIND_NUMBER] = SQL_TEXT,
        [KIND_TEXT] = SQL_TEXT,    [KIND_STRUCT] = SQL_STRUCT, [KIND_LIST] = SQL_LIST,
        [KIND_JSON] = SQL_JSON,
    };

    type->kind = kinds[schema->kind];
    type->precision = schema->kind == KIND_UINT ? 20 : 0;
    if (schema->kind == KIND_STRUCT || schema->kind == KIND_LIST)
        become_nested(schema, type);
}

/* A nest of nothing but nulls has no type yet. */
static void become_nested(const struct schema *schema, struct sql_type *type)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        AUTO(sql_type) field = {0};

        become(&schema->fields[i], &field);
        if (field.kind != SQL_NULL)
            copy_shape(&field,
                       sql_type_add(type,
                                    schema->kind == KIND_LIST ? NULL : schema->fields[i].name));
    }
    if (type->field_count == 0)
        type->kind = SQL_NULL;
}

void sql_type_of(const struct schema *schema, struct sql_type *ret_type)
{
    struct sql_type made = {0};

    become(schema, &made);
    *ret_type = made;
}
