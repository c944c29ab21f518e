/*
 * A schema as JSON, and back. The text is kept beside the files and read by other hosts, so reading
 * takes nothing on trust.
 */
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "db/schema.h"

#include <string.h>

#include "base/banned.h"

static const char *const kind_names[] = {
    [KIND_NULL] = "null", [KIND_BOOL] = "bool",     [KIND_INT] = "int",
    [KIND_UINT] = "uint", [KIND_DOUBLE] = "double", [KIND_NUMBER] = "number",
    [KIND_TEXT] = "text", [KIND_STRUCT] = "struct", [KIND_LIST] = "list",
    [KIND_JSON] = "json",
};

#define KINDS (sizeof kind_names / sizeof *kind_names)

/* ---- writing ---- */

static void add_fields(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct schema *schema);

static void add_type(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct schema *schema)
{
    yyjson_mut_obj_add_str(doc, object, "kind", kind_names[schema->kind]);
    if (schema->big_ints)
        yyjson_mut_obj_add_bool(doc, object, "big", true);
    if (schema->negatives)
        yyjson_mut_obj_add_bool(doc, object, "negative", true);
    if (schema->kind == KIND_STRUCT)
        add_fields(doc, object, schema);
    if (schema->kind == KIND_LIST)
        add_type(doc, yyjson_mut_obj_add_obj(doc, object, "items"), &schema->fields[0]);
}

static void add_fields(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct schema *schema)
{
    yyjson_mut_val *fields = yyjson_mut_obj_add_arr(doc, object, "fields");

    for (size_t i = 0; i < schema->field_count; i++) {
        const struct schema *field = &schema->fields[i];
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, fields);

        if (field->key)
            yyjson_mut_obj_add_strn(doc, item, "key", field->key, field->key_size);
        else
            yyjson_mut_obj_add_null(doc, item, "key");
        yyjson_mut_obj_add_str(doc, item, "name", field->name);
        add_type(doc, item, field);
    }
}

void schema_write(const struct schema *schema, struct buf *to)
{
    AUTO(json_out) out = {0};
    yyjson_mut_val *root = json_out_open(&out);

    add_fields(out.doc, root, schema);
    json_out_write(&out, to);
}

void schema_fingerprint(const struct schema *schema, char ret_fingerprint[17])
{
    AUTO(buf) text = {0};
    char sha256[FS_SHA256_TEXT];

    schema_write(schema, &text);
    fs_sha256_of(text.data, text.size, sha256);
    memcpy(ret_fingerprint, sha256, 16);
    ret_fingerprint[16] = '\0';
}

/* ---- reading ---- */

static int bad_schema(const char *why, struct err *err)
{
    return err_set(err, ERR_DATA, "the schema is damaged: %s", why);
}

static int read_kind(yyjson_val *object, enum kind *ret_kind, struct err *err)
{
    const char *name = json_str(object, "kind");

    for (size_t i = 0; name && i < KINDS; i++)
        if (strcmp(name, kind_names[i]) == 0) {
            *ret_kind = (enum kind)i;
            return 0;
        }
    return bad_schema("a field's kind is unknown", err);
}

static int read_fields(yyjson_val *object, int depth, struct schema *schema, struct err *err);

static int read_type(yyjson_val *object, int depth, struct schema *schema, struct err *err)
{
    enum kind kind = KIND_NULL;

    if (depth > SCHEMA_MOST_DEPTH)
        return bad_schema("it nests too deep", err);
    TRY(read_kind(object, &kind, err));
    schema_become(schema, kind);
    schema->big_ints = json_bool(object, "big", false);
    schema->negatives = json_bool(object, "negative", false);
    if (kind == KIND_LIST)
        return read_type(yyjson_obj_get(object, "items"), depth + 1, schema_items(schema), err);
    return kind == KIND_STRUCT ? read_fields(object, depth + 1, schema, err) : 0;
}

static int read_field(yyjson_val *item, int depth, struct schema *schema, struct err *err)
{
    yyjson_val *key = yyjson_obj_get(item, "key");
    const char *name = json_str(item, "name");
    struct schema *field;

    if (!(yyjson_is_str(key) || yyjson_is_null(key)) || name == NULL || *name == '\0')
        return bad_schema("a field has no key or no name", err);
    field = MEM_PUSH(schema->fields, schema->field_count);
    *field = (struct schema){.name = mem_str(name)};
    if (yyjson_is_str(key)) {
        field->key = mem_strn(yyjson_get_str(key), yyjson_get_len(key));
        field->key_size = yyjson_get_len(key);
    }
    return read_type(item, depth, field, err);
}

static int read_fields(yyjson_val *object, int depth, struct schema *schema, struct err *err)
{
    yyjson_val *fields = yyjson_obj_get(object, "fields");
    yyjson_val *item;
    size_t i, count;

    if (!yyjson_is_arr(fields) || yyjson_arr_size(fields) > SCHEMA_MOST_KEYS)
        return bad_schema("there is no list of fields", err);
    yyjson_arr_foreach(fields, i, count, item) TRY(read_field(item, depth, schema, err));
    return 0;
}

int schema_read(const char *text, size_t size, struct schema *ret_schema, struct err *err)
{
    AUTO(json) json = {0};
    AUTO(schema) made = {.kind = KIND_STRUCT};

    TRY(json_parse(&json, text, size, err));
    TRY(read_fields(json_root(&json), 0, &made, err));
    *ret_schema = made;
    made = (struct schema){0};
    return 0;
}
