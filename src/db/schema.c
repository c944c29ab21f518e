/*
 * The tree of types: widening, names, SQL. Its text form is in schema_text.c.
 */
#include "db/schema.h"

#include "base/mem.h"
#include "db/duck.h"

#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "base/banned.h"

static void close_fields(struct schema *schema)
{
    for (size_t i = 0; i < schema->field_count; i++)
        schema_close(&schema->fields[i]);
    free(schema->fields);
    schema->fields = NULL;
    schema->field_count = 0;
}

void schema_close(struct schema *schema)
{
    close_fields(schema);
    free(schema->key);
    free(schema->name);
    *schema = (struct schema){0};
}

void schema_copy(const struct schema *from, struct schema *ret_schema)
{
    struct schema made = *from;

    made.key = from->key ? mem_strn(from->key, from->key_size) : NULL;
    made.name = mem_str(from->name);
    made.fields = NULL;
    made.field_count = 0;
    for (size_t i = 0; i < from->field_count; i++)
        schema_copy(&from->fields[i], MEM_PUSH(made.fields, made.field_count));
    *ret_schema = made;
}

static bool same_key(const struct schema *schema, const char *key, size_t key_size)
{
    if (schema->key == NULL || key == NULL)
        return schema->key == key;
    return schema->key_size == key_size && memcmp(schema->key, key, key_size) == 0;
}

static bool same_name(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool schema_same(const struct schema *a, const struct schema *b)
{
    if (a->kind != b->kind || a->big_ints != b->big_ints || a->negatives != b->negatives ||
        a->field_count != b->field_count || !same_key(a, b->key, b->key_size) ||
        !same_name(a->name, b->name))
        return false;
    for (size_t i = 0; i < a->field_count; i++)
        if (!schema_same(&a->fields[i], &b->fields[i]))
            return false;
    return true;
}

/* ---- names ---- */

static locale_t utf8_locale;

static void open_utf8_locale(void)
{
    utf8_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* The character at `*at` in lower case; moves on. Names are valid UTF-8, or at worst bytes. */
static wint_t next_lower(const char **at)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const unsigned char lead = (unsigned char)*(*at)++;
    wint_t code = lead < 0xc0   ? lead
                  : lead < 0xe0 ? lead & 0x1f
                  : lead < 0xf0 ? lead & 15
                                : lead & 7;

    if (lead < 0x80)
        return lead >= 'A' && lead <= 'Z' ? lead + ('a' - 'A') : lead;
    while ((**at & 0xc0) == 0x80)
        code = code << 6 | (wint_t)(*(*at)++ & 0x3f);
    pthread_once(&once, open_utf8_locale);
    return utf8_locale ? towlower_l(code, utf8_locale) : code;
}

/* DuckDB disregards the case of ASCII letters, Spark of all letters. */
static bool same_but_for_case(const char *a, const char *b)
{
    while (*a && *b)
        if (next_lower(&a) != next_lower(&b))
            return false;
    return *a == *b;
}

static bool is_taken(const struct schema *of, const char *name)
{
    if (of->name == NULL && (same_but_for_case(name, SCHEMA_PAGE_COLUMN) ||
                             same_but_for_case(name, SCHEMA_INDEX_COLUMN)))
        return true;
    for (size_t i = 0; i < of->field_count; i++)
        if (of->fields[i].name && same_but_for_case(name, of->fields[i].name))
            return true;
    return false;
}

/* The key as a name: never empty, no NUL within. */
static char *plain_name(const char *key, size_t key_size)
{
    char *name;

    if (key == NULL)
        return mem_str("value");
    if (key_size == 0)
        return mem_str("_empty");
    name = mem_strn(key, key_size);
    for (size_t i = 0; i < key_size; i++)
        if (name[i] == '\0')
            name[i] = '_';
    return name;
}

static char *free_name(const struct schema *of, const char *key, size_t key_size)
{
    char *plain = plain_name(key, key_size);
    char *name = mem_str(plain);

    for (int n = 2; is_taken(of, name); n++) {
        free(name);
        name = mem_fmt("%s_%d", plain, n);
    }
    free(plain);
    return name;
}

/* ---- fields ---- */

struct schema *schema_field(struct schema *of, const char *key, size_t key_size, bool add)
{
    struct schema field = {0};

    for (size_t i = 0; i < of->field_count; i++)
        if (same_key(&of->fields[i], key, key_size))
            return &of->fields[i];
    if (!add)
        return NULL;
    field.key = key ? mem_strn(key, key_size) : NULL;
    field.key_size = key ? key_size : 0;
    field.name = free_name(of, key, key_size);
    *MEM_PUSH(of->fields, of->field_count) = field;
    return &of->fields[of->field_count - 1];
}

struct schema *schema_items(struct schema *of)
{
    return &of->fields[0];
}

void schema_become(struct schema *schema, enum kind kind)
{
    close_fields(schema);
    schema->kind = kind;
    schema->big_ints = false;
    schema->negatives = false;
    if (kind == KIND_LIST)
        *MEM_PUSH(schema->fields, schema->field_count) =
            (struct schema){.name = mem_str("element")};
}

bool schema_is_one_json(const struct schema *schema)
{
    return schema->kind == KIND_STRUCT && schema->field_count == 1 &&
           schema->fields[0].key == NULL && schema->fields[0].kind == KIND_JSON;
}

static void become_one_json(struct schema *schema)
{
    schema_become(schema, KIND_STRUCT);
    schema_field(schema, NULL, 0, true)->kind = KIND_JSON;
}

/* ---- widening ---- */

static bool is_number(enum kind kind)
{
    return kind >= KIND_INT && kind <= KIND_NUMBER;
}

static enum kind meet_numbers(const struct schema *a, enum kind kind, bool is_big, bool is_negative)
{
    if (a->kind == kind)
        return kind;
    if (a->kind == KIND_NUMBER || kind == KIND_NUMBER)
        return KIND_NUMBER;
    if (a->kind == KIND_DOUBLE || kind == KIND_DOUBLE)
        return a->big_ints || is_big ? KIND_NUMBER : KIND_DOUBLE;
    return a->negatives || is_negative ? KIND_NUMBER : KIND_UINT;
}

void schema_merge_scalar(struct schema *into, enum kind kind, bool is_big, bool is_negative)
{
    enum kind met;

    if (kind == KIND_NULL || into->kind == KIND_JSON)
        return;
    if (into->kind == KIND_NULL)
        met = kind;
    else if (is_number(into->kind) && is_number(kind))
        met = meet_numbers(into, kind, is_big, is_negative);
    else
        met = into->kind == kind ? kind : KIND_JSON;
    if (met == KIND_INT || met == KIND_UINT) {
        into->big_ints = into->big_ints || is_big || met == KIND_UINT;
        into->negatives = met == KIND_INT && (into->negatives || is_negative);
        into->kind = met;
    } else if (into->kind != met)
        schema_become(into, met);
}

static void merge_value(struct schema *into, const struct schema *other);

/* A member of `other` that `into` lacks: as it is, but under a name that is free. */
static void add_copy(struct schema *into, const struct schema *field)
{
    struct schema copy;

    schema_copy(field, &copy);
    free(copy.name);
    copy.name = free_name(into, field->key, field->key_size);
    *MEM_PUSH(into->fields, into->field_count) = copy;
}

static void merge_fields(struct schema *into, const struct schema *other)
{
    for (size_t i = 0; i < other->field_count; i++) {
        const struct schema *field = &other->fields[i];
        struct schema *known =
            i < into->field_count && same_key(&into->fields[i], field->key, field->key_size)
                ? &into->fields[i]
                : schema_field(into, field->key, field->key_size, false);

        if (known)
            merge_value(known, field);
        else
            add_copy(into, field);
    }
    if (into->field_count > SCHEMA_MOST_KEYS && into->name)
        schema_become(into, KIND_JSON);
}

/* Takes the shape of `other`, under its own key and name. */
static void take_shape(struct schema *into, const struct schema *other)
{
    struct schema copy;

    schema_copy(other, &copy);
    free(copy.key);
    free(copy.name);
    copy.key = into->key;
    copy.key_size = into->key_size;
    copy.name = into->name;
    *into = copy;
}

static void merge_value(struct schema *into, const struct schema *other)
{
    if (other->kind == KIND_NULL || into->kind == KIND_JSON)
        return;
    if (into->kind == KIND_NULL)
        take_shape(into, other);
    else if (into->kind != other->kind && (into->field_count > 0 || other->field_count > 0))
        schema_become(into, KIND_JSON);
    else if (into->kind == KIND_STRUCT && other->kind == KIND_STRUCT)
        merge_fields(into, other);
    else if (into->kind == KIND_LIST && other->kind == KIND_LIST)
        merge_value(schema_items(into), &other->fields[0]);
    else
        schema_merge_scalar(into, other->kind, other->big_ints, other->negatives);
}

void schema_merge(struct schema *into, const struct schema *other)
{
    const bool is_root = into->name == NULL;

    if (is_root && schema_is_one_json(into))
        return;
    if (is_root && schema_is_one_json(other))
        become_one_json(into);
    else
        merge_value(into, other);
    if (is_root)
        schema_settle(into);
}

/* ---- what a file can hold ---- */

size_t schema_leaves(const struct schema *schema)
{
    size_t leaves = 0;

    for (size_t i = 0; i < schema->field_count; i++)
        leaves += schema_leaves(&schema->fields[i]);
    return schema->field_count ? leaves : 1;
}

static void settle_empty(struct schema *schema)
{
    for (size_t i = 0; i < schema->field_count; i++)
        settle_empty(&schema->fields[i]);
    if (schema->kind == KIND_STRUCT && schema->field_count == 0 && schema->name)
        schema_become(schema, KIND_JSON);
}

/* The struct beneath `schema` that has the most members, or NULL. */
static struct schema *widest_beneath(struct schema *schema)
{
    struct schema *widest = NULL;

    for (size_t i = 0; i < schema->field_count; i++) {
        struct schema *field = &schema->fields[i];
        struct schema *deeper = widest_beneath(field);

        if (field->kind == KIND_STRUCT && (!widest || field->field_count > widest->field_count))
            widest = field;
        if (deeper && (!widest || deeper->field_count > widest->field_count))
            widest = deeper;
    }
    return widest;
}

void schema_settle(struct schema *schema)
{
    if (schema->kind == KIND_STRUCT && schema->field_count > SCHEMA_MOST_KEYS)
        become_one_json(schema);
    settle_empty(schema);
    while (schema_leaves(schema) > SCHEMA_MOST_COLUMNS) {
        struct schema *widest = widest_beneath(schema);

        if (widest == NULL)
            return;
        schema_become(widest, KIND_JSON);
    }
}

/* ---- SQL ---- */

static void put_struct_type(const struct schema *schema, struct buf *to)
{
    buf_puts(to, "STRUCT(");
    for (size_t i = 0; i < schema->field_count; i++) {
        buf_puts(to, i ? ", " : "");
        sql_put_name(to, schema->fields[i].name);
        buf_putc(to, ' ');
        schema_put_sql_type(&schema->fields[i], to);
    }
    buf_putc(to, ')');
}

void schema_put_sql_type(const struct schema *schema, struct buf *to)
{
    static const char *const scalars[] = {
        [KIND_NULL] = "INTEGER", [KIND_BOOL] = "BOOLEAN",  [KIND_INT] = "BIGINT",
        [KIND_UINT] = "UBIGINT", [KIND_DOUBLE] = "DOUBLE", [KIND_NUMBER] = "VARCHAR",
        [KIND_TEXT] = "VARCHAR", [KIND_JSON] = "JSON",
    };

    if (schema->kind == KIND_STRUCT)
        put_struct_type(schema, to);
    else if (schema->kind == KIND_LIST) {
        schema_put_sql_type(&schema->fields[0], to);
        buf_puts(to, "[]");
    } else
        buf_puts(to, scalars[schema->kind]);
}
