/*
 * Walks values and widens. Must agree with shred.c: what was inferred from a record takes that
 * record.
 */
#include "landing/infer.h"

#include "landing/keys.h"
#include "landing/number.h"

#include <string.h>

#include "base/banned.h"

/* How deep a value is: a record is at level 0, its values at level 1. */
struct place {
    int level;
    int lists; /* of the levels above it */
};

static bool is_too_deep(struct place place)
{
    return place.level > SCHEMA_MOST_DEPTH || place.lists > SCHEMA_MOST_LISTS;
}

static void infer_value(struct schema *into, yyjson_val *value, struct place place);

/* Members mostly come in the order in which they came before. */
static struct schema *field_of(struct schema *of, yyjson_val *key, size_t guess)
{
    const char *text = unsafe_yyjson_get_str(key);
    const size_t size = unsafe_yyjson_get_len(key);

    if (guess < of->field_count && of->fields[guess].key && of->fields[guess].key_size == size &&
        memcmp(of->fields[guess].key, text, size) == 0)
        return &of->fields[guess];
    return schema_field(of, text, size, true);
}

/* Of a STRUCT. Stops when there are too many keys: it will be JSON then. */
static void infer_members(struct schema *into, yyjson_val *object, struct place place)
{
    AUTO(twins) twins = {0};
    yyjson_obj_iter iter = yyjson_obj_iter_with(object);
    yyjson_val *key;
    size_t guess = 0;

    twins_open(&twins, object);
    place.level++;
    while ((key = yyjson_obj_iter_next(&iter)) && into->field_count <= SCHEMA_MOST_KEYS) {
        struct schema *field = field_of(into, key, guess);

        guess = (size_t)(field - into->fields) + 1;
        if (!twins_override(&twins, key))
            infer_value(field, yyjson_obj_iter_get_val(key), place);
    }
}

static void infer_object(struct schema *into, yyjson_val *object, struct place place)
{
    if (into->kind == KIND_NULL)
        schema_become(into, is_too_deep(place) ? KIND_JSON : KIND_STRUCT);
    else if (into->kind != KIND_STRUCT)
        schema_become(into, KIND_JSON);
    if (into->kind != KIND_STRUCT)
        return;
    infer_members(into, object, place);
    if (into->field_count > SCHEMA_MOST_KEYS)
        schema_become(into, KIND_JSON);
}

static void infer_list(struct schema *into, yyjson_val *list, struct place place)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(list);
    yyjson_val *item;

    place.lists++;
    if (into->kind == KIND_NULL)
        schema_become(into, is_too_deep(place) ? KIND_JSON : KIND_LIST);
    else if (into->kind != KIND_LIST)
        schema_become(into, KIND_JSON);
    if (into->kind != KIND_LIST)
        return;
    place.level++;
    while ((item = yyjson_arr_iter_next(&iter)))
        infer_value(schema_items(into), item, place);
}

static void infer_number(struct schema *into, yyjson_val *value)
{
    struct number number;

    if (into->kind == KIND_NUMBER)
        return;
    number_read(unsafe_yyjson_get_raw(value), unsafe_yyjson_get_len(value), &number);
    schema_merge_scalar(into, number.kind, number.is_big, number.is_negative);
}

static void infer_value(struct schema *into, yyjson_val *value, struct place place)
{
    if (into->kind == KIND_JSON)
        return;
    switch (unsafe_yyjson_get_type(value)) {
    case YYJSON_TYPE_BOOL:
        schema_merge_scalar(into, KIND_BOOL, false, false);
        break;
    case YYJSON_TYPE_RAW:
        infer_number(into, value);
        break;
    case YYJSON_TYPE_STR:
        schema_merge_scalar(into, KIND_TEXT, false, false);
        break;
    case YYJSON_TYPE_OBJ:
        infer_object(into, value, place);
        break;
    case YYJSON_TYPE_ARR:
        infer_list(into, value, place);
        break;
    default:
        break;
    }
}

void infer_record(struct schema *schema, yyjson_val *record)
{
    if (schema->kind != KIND_STRUCT)
        schema_become(schema, KIND_STRUCT);
    if (schema_is_one_json(schema))
        return;
    if (yyjson_is_obj(record))
        infer_members(schema, record, (struct place){0});
    else
        infer_value(schema_field(schema, NULL, 0, true), record, (struct place){.level = 1});
    if (schema->field_count > SCHEMA_MOST_KEYS)
        schema_settle(schema);
}
