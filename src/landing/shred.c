/*
 * The vectors' memory is written directly; DuckDB is asked only for pointers, once a chunk and when
 * a list's items outgrow their vector.
 */
#include "landing/shred.h"

#include "base/mem.h"
#include "landing/json_text.h"
#include "landing/keys.h"
#include "landing/number.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

struct shred_slot {
    duckdb_vector vector;
    void *data;
    uint64_t *validity; /* a bit for each row; NULL: no null so far */
    uint64_t object;    /* the object that wrote it last */
    uint64_t size;      /* LIST: items so far */
    uint64_t room;      /* LIST: items that its child vector holds */
};

void shredder_open(struct shredder *shredder, const struct layout *layout)
{
    shredder_close(shredder);
    shredder->layout = layout;
    shredder->slots = mem_alloc(layout->count * sizeof *shredder->slots);
    shredder->text.ceiling = SIZE_MAX; /* a value is no larger than the batch that it came in */
}

void shredder_close(struct shredder *shredder)
{
    free(shredder->slots);
    buf_close(&shredder->text);
    *shredder = (struct shredder){0};
}

/* Asks for the pointers of a vector and of the structs' members in it. */
static void fetch(struct shredder *shredder, uint32_t at)
{
    const struct layout_node *node = &shredder->layout->nodes[at];
    struct shred_slot *slot = &shredder->slots[at];

    slot->data = duckdb_vector_get_data(slot->vector);
    slot->validity = duckdb_vector_get_validity(slot->vector);
    if (node->kind != KIND_STRUCT)
        return;
    for (uint32_t i = 0; i < node->count; i++)
        fetch(shredder, node->first + i);
}

static void aim(struct shredder *shredder, uint32_t at, duckdb_vector vector)
{
    const struct layout_node *node = &shredder->layout->nodes[at];
    struct shred_slot *slot = &shredder->slots[at];

    slot->vector = vector;
    slot->size = 0;
    slot->room = 0;
    if (node->kind == KIND_LIST)
        aim(shredder, node->first, duckdb_list_vector_get_child(vector));
    for (uint32_t i = 0; node->kind == KIND_STRUCT && i < node->count; i++)
        aim(shredder, node->first + i, duckdb_struct_vector_get_child(vector, i));
}

void shredder_begin(struct shredder *shredder, duckdb_data_chunk chunk)
{
    const uint32_t columns = shredder->layout->nodes[0].count;

    for (uint32_t i = 0; i < columns; i++) {
        aim(shredder, 1 + i, duckdb_data_chunk_get_vector(chunk, i));
        fetch(shredder, 1 + i);
    }
    shredder->pages = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, columns));
    shredder->indexes = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, columns + 1));
    shredder->twins = 0;
}

void shredder_end(struct shredder *shredder)
{
    for (uint32_t i = 1; i < shredder->layout->count; i++)
        if (shredder->layout->nodes[i].kind == KIND_LIST)
            duckdb_list_vector_set_size(shredder->slots[i].vector, shredder->slots[i].size);
}

/* ---- null and not ---- */

static void set_null(struct shred_slot *slot, uint64_t row)
{
    if (slot->validity == NULL) {
        duckdb_vector_ensure_validity_writable(slot->vector);
        slot->validity = duckdb_vector_get_validity(slot->vector);
    }
    slot->validity[row / 64] &= ~((uint64_t)1 << (row % 64));
}

/* A null struct's members are null too; a null list is empty. */
static void put_null(struct shredder *shredder, uint32_t at, uint64_t row)
{
    const struct layout_node *node = &shredder->layout->nodes[at];
    struct shred_slot *slot = &shredder->slots[at];

    set_null(slot, row);
    if (node->kind == KIND_LIST)
        ((duckdb_list_entry *)slot->data)[row] = (duckdb_list_entry){.offset = slot->size};
    for (uint32_t i = 0; node->kind == KIND_STRUCT && i < node->count; i++)
        put_null(shredder, node->first + i, row);
}

/* Forgets that a value was null, for it is written anew. */
static void unset_null(struct shredder *shredder, uint32_t at, uint64_t row)
{
    const struct layout_node *node = &shredder->layout->nodes[at];
    struct shred_slot *slot = &shredder->slots[at];

    if (slot->validity)
        slot->validity[row / 64] |= (uint64_t)1 << (row % 64);
    for (uint32_t i = 0; node->kind == KIND_STRUCT && i < node->count; i++)
        unset_null(shredder, node->first + i, row);
}

/* ---- scalars ---- */

static bool put_bool(struct shred_slot *slot, uint64_t row, bool value)
{
    ((bool *)slot->data)[row] = value;
    return true;
}

static bool put_text(struct shred_slot *slot, uint64_t row, const char *text, size_t size)
{
    duckdb_string_t *string = (duckdb_string_t *)slot->data + row;

    if (size > UINT32_MAX)
        return false;
    *string = (duckdb_string_t){.value.inlined.length = (uint32_t)size};
    if (size <= sizeof string->value.inlined.inlined) {
        bytes_copy_short((char *)string + offsetof(duckdb_string_t, value.inlined.inlined), text,
                         size);
        return true;
    }
    memcpy(string->value.pointer.prefix, text, sizeof string->value.pointer.prefix);
    memcpy(&string->value.pointer.ptr, &text, sizeof text); /* DuckDB does not write there */
    return true;
}

static bool put_json(struct shredder *shredder, struct shred_slot *slot, uint64_t row,
                     yyjson_val *value)
{
    buf_reset(&shredder->text);
    shredder->twins += json_text_value(value, &shredder->text);
    duckdb_vector_assign_string_element_len(slot->vector, row, shredder->text.data,
                                            shredder->text.size);
    return true;
}

static bool put_int(const struct layout_node *node, struct shred_slot *slot, uint64_t row,
                    const struct number *number)
{
    ((int64_t *)slot->data)[row] = number->i;
    return number->kind == KIND_INT && (node->big_ints || !number->is_big) &&
           (node->negatives || !number->is_negative);
}

static bool put_uint(struct shred_slot *slot, uint64_t row, const struct number *number)
{
    ((uint64_t *)slot->data)[row] = number->u;
    return number->kind == KIND_UINT || (number->kind == KIND_INT && !number->is_negative);
}

static bool put_double(struct shred_slot *slot, uint64_t row, const struct number *number)
{
    ((double *)slot->data)[row] = number_double(number);
    return number->kind == KIND_DOUBLE || (number->kind == KIND_INT && !number->is_big);
}

static bool put_number(const struct layout_node *node, struct shred_slot *slot, uint64_t row,
                       yyjson_val *value)
{
    const char *text = unsafe_yyjson_get_raw(value);
    const size_t size = unsafe_yyjson_get_len(value);
    struct number number;

    if (node->kind == KIND_NUMBER)
        return put_text(slot, row, text, size);
    if (node->kind < KIND_INT || node->kind > KIND_DOUBLE)
        return false;
    number_read(text, size, &number);
    if (node->kind == KIND_INT)
        return put_int(node, slot, row, &number);
    return node->kind == KIND_UINT ? put_uint(slot, row, &number) : put_double(slot, row, &number);
}

/* ---- lists and objects ---- */

static bool put_value(struct shredder *shredder, uint32_t at, yyjson_val *value, uint64_t row);

/* Makes the child vector hold `more` items; its memory may move. */
static void make_room(struct shredder *shredder, uint32_t at, uint64_t more)
{
    struct shred_slot *slot = &shredder->slots[at];
    const uint64_t needed = slot->size + more;

    if (needed <= slot->room)
        return;
    slot->room = needed < 2 * slot->room ? 2 * slot->room : needed;
    slot->room = slot->room < duckdb_vector_size() ? duckdb_vector_size() : slot->room;
    duckdb_list_vector_set_size(slot->vector, slot->size);
    duckdb_list_vector_reserve(slot->vector, slot->room);
    fetch(shredder, shredder->layout->nodes[at].first);
}

/* Items that nobody will read, but DuckDB copies: they must not be left as they were. */
static void put_null_items(struct shredder *shredder, uint32_t items, uint64_t from, uint64_t to)
{
    for (uint64_t child = from; child < to; child++)
        put_null(shredder, items, child);
}

static bool put_list(struct shredder *shredder, uint32_t at, yyjson_val *list, uint64_t row)
{
    struct shred_slot *slot = &shredder->slots[at];
    const uint32_t items = shredder->layout->nodes[at].first;
    const uint64_t start = slot->size, end = start + yyjson_arr_size(list);
    yyjson_arr_iter iter = yyjson_arr_iter_with(list);

    make_room(shredder, at, end - start);
    ((duckdb_list_entry *)slot->data)[row] = (duckdb_list_entry){start, end - start};
    slot->size = end;
    for (uint64_t child = start; child < end; child++)
        if (!put_value(shredder, items, yyjson_arr_iter_next(&iter), child)) {
            put_null_items(shredder, items, child, end);
            return false;
        }
    return true;
}

static void put_nulls_but(struct shredder *shredder, const struct layout_node *node,
                          uint64_t object, uint64_t row)
{
    for (uint32_t i = 0; i < node->count; i++)
        if (shredder->slots[node->first + i].object != object)
            put_null(shredder, node->first + i, row);
}

/* Most objects have the keys that the last one had, in its order. */
static uint32_t find_member(const struct layout_node *nodes, const struct layout_node *node,
                            yyjson_val *key, uint32_t guess)
{
    const char *text = unsafe_yyjson_get_str(key);
    const size_t size = unsafe_yyjson_get_len(key);

    if (guess < node->count && layout_is_member(&nodes[node->first + guess], text, size))
        return guess;
    return layout_find(nodes, node, text, size, guess);
}

/*
 * A member whose key was met in this object before is written over. A value that does not fit is no
 * matter if its key comes again.
 */
static bool put_object(struct shredder *shredder, uint32_t at, yyjson_val *object, uint64_t row)
{
    const struct layout_node *nodes = shredder->layout->nodes;
    const struct layout_node *node = &nodes[at];
    const uint64_t number = ++shredder->objects;
    yyjson_obj_iter iter = yyjson_obj_iter_with(object);
    uint32_t next = 0, written = 0;
    bool has_twins = false;
    yyjson_val *key;

    while ((key = yyjson_obj_iter_next(&iter))) {
        const uint32_t member = find_member(nodes, node, key, next);
        const uint32_t child = node->first + member;

        if (member == LAYOUT_NONE)
            return false;
        if (shredder->slots[child].object == number) {
            has_twins = true;
            unset_null(shredder, child, row);
        } else
            written++;
        shredder->slots[child].object = number;
        if (!put_value(shredder, child, yyjson_obj_iter_get_val(key), row) &&
            !keys_come_again(iter, key))
            return false;
        next = member + 1;
    }
    shredder->twins += has_twins;
    if (written < node->count)
        put_nulls_but(shredder, node, number, row);
    return true;
}

static bool put_value(struct shredder *shredder, uint32_t at, yyjson_val *value, uint64_t row)
{
    const struct layout_node *node = &shredder->layout->nodes[at];
    struct shred_slot *slot = &shredder->slots[at];
    const yyjson_type type = unsafe_yyjson_get_type(value);

    if (type == YYJSON_TYPE_NULL) {
        put_null(shredder, at, row);
        return true;
    }
    if (node->kind == KIND_JSON)
        return put_json(shredder, slot, row, value);
    switch (type) {
    case YYJSON_TYPE_RAW:
        return put_number(node, slot, row, value);
    case YYJSON_TYPE_STR:
        return node->kind == KIND_TEXT &&
               put_text(slot, row, unsafe_yyjson_get_str(value), unsafe_yyjson_get_len(value));
    case YYJSON_TYPE_BOOL:
        return node->kind == KIND_BOOL && put_bool(slot, row, unsafe_yyjson_get_bool(value));
    case YYJSON_TYPE_OBJ:
        return node->kind == KIND_STRUCT && put_object(shredder, at, value, row);
    case YYJSON_TYPE_ARR:
        return node->kind == KIND_LIST && put_list(shredder, at, value, row);
    default:
        return false;
    }
}

bool shred_record(struct shredder *shredder, yyjson_val *record, uint64_t row, int64_t page,
                  int64_t index)
{
    const struct layout *layout = shredder->layout;

    shredder->pages[row] = page;
    shredder->indexes[row] = index;
    if (yyjson_is_obj(record) && !layout->is_one_json)
        return put_object(shredder, 0, record, row);
    if (layout->value == LAYOUT_NONE)
        return false;
    shredder->slots[layout->value].object = ++shredder->objects;
    put_nulls_but(shredder, &layout->nodes[0], shredder->objects, row);
    return put_value(shredder, layout->value, record, row);
}
