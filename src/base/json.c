/*
 * yyjson made to fit the error and ownership idioms, and paths into documents.
 */
#include "base/json.h"

#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int json_parse(struct json *json, const char *text, size_t size, struct err *err)
{
    yyjson_read_err why;
    yyjson_doc *doc =
        yyjson_read_opts((char *)(uintptr_t)text, size, YYJSON_READ_BIGNUM_AS_RAW, NULL, &why);

    if (doc == NULL)
        return err_set(err, ERR_DATA, "invalid JSON at byte %zu: %s", why.pos, why.msg);
    json_close(json);
    json->doc = doc;
    return 0;
}

void json_close(struct json *json)
{
    yyjson_doc_free(json->doc);
    json->doc = NULL;
}

yyjson_val *json_root(const struct json *json)
{
    return json->doc ? yyjson_doc_get_root(json->doc) : NULL;
}

yyjson_mut_val *json_out_open(struct json_out *out)
{
    yyjson_mut_val *root;

    json_out_close(out);
    out->doc = yyjson_mut_doc_new(NULL);
    root = yyjson_mut_obj(out->doc);
    yyjson_mut_doc_set_root(out->doc, root);
    return root;
}

void json_out_close(struct json_out *out)
{
    yyjson_mut_doc_free(out->doc);
    out->doc = NULL;
}

yyjson_mut_val *json_out_named(yyjson_mut_val *rows, const char *name)
{
    size_t i;
    size_t count;
    yyjson_mut_val *row;

    yyjson_mut_arr_foreach(rows, i, count, row)
    {
        if (str_same(yyjson_mut_get_str(yyjson_mut_obj_get(row, "name")), name))
            return row;
    }
    return NULL;
}

void json_out_take(struct json_out *out, struct json_out *ret_other)
{
    json_out_close(ret_other);
    *ret_other = *out;
    out->doc = NULL;
}

void json_out_write(const struct json_out *out, struct buf *to)
{
    size_t size = 0;
    char *text = yyjson_mut_write(out->doc, YYJSON_WRITE_ALLOW_INVALID_UNICODE, &size);

    buf_put(to, text, size);
    free(text);
}

const char *json_str(yyjson_val *object, const char *key)
{
    return yyjson_get_str(yyjson_obj_get(object, key));
}

int64_t json_int(yyjson_val *object, const char *key, int64_t otherwise)
{
    yyjson_val *value = yyjson_obj_get(object, key);

    return yyjson_is_int(value) ? yyjson_get_sint(value) : otherwise;
}

bool json_bool(yyjson_val *object, const char *key, bool otherwise)
{
    yyjson_val *value = yyjson_obj_get(object, key);

    return yyjson_is_bool(value) ? yyjson_get_bool(value) : otherwise;
}

/* The length of the UTF-8 sequence at `text` (RFC 3629), or 0 if it is not a valid one. */
static size_t utf8_size(const unsigned char *text)
{
    const unsigned char lead = text[0];
    const size_t size = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

    if (size == 0 || lead > 0xf4)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((lead == 0xe0 && text[1] < 0xa0) || (lead == 0xed && text[1] > 0x9f) ||
        (lead == 0xf0 && text[1] < 0x90) || (lead == 0xf4 && text[1] > 0x8f))
        return 0;
    return size;
}

void json_put_utf8(struct buf *to, const char *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        unsigned char ahead[5] = {0};
        size_t length;

        memcpy(ahead, bytes + at, size - at < 4 ? size - at : 4);
        length = utf8_size(ahead);
        if (length == 0)
            buf_puts(to, "\xef\xbf\xbd");
        else
            buf_put(to, ahead, length);
        at += length ? length : 1;
    }
}

static void put_escaped(struct buf *to, unsigned char c)
{
    if (c == '"' || c == '\\')
        buf_printf(to, "\\%c", c);
    else if (c == '\n')
        buf_puts(to, "\\n");
    else if (c == '\t')
        buf_puts(to, "\\t");
    else if (c < 0x20)
        buf_printf(to, "\\u%04x", c);
    else
        buf_putc(to, (char)c);
}

void json_put_string(struct buf *to, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    buf_putc(to, '"');
    while (*at) {
        const size_t size = utf8_size(at);

        if (size == 0)
            buf_puts(to, "\xef\xbf\xbd");
        else if (size == 1)
            put_escaped(to, *at);
        else
            buf_put(to, at, size);
        at += size ? size : 1;
    }
    buf_putc(to, '"');
}

void json_put_value(struct buf *to, yyjson_val *value)
{
    size_t size = 0;
    char *text = yyjson_val_write(value, 0, &size);

    buf_put(to, text ? text : "null", text ? size : 4);
    free(text);
}

static int path_error(const char *text, struct err *err)
{
    err_set(err, ERR_USAGE, "\"%s\" is not a path such as data.items, a[0].b or ['odd key']", text);
    return err_hint(err, "Filters, slices, \"..\" and wildcards other than a trailing [*] are not "
                         "supported yet.");
}

static void add_key(struct json_path *path, const char *key, size_t size)
{
    *MEM_PUSH(path->steps, path->count) = (struct json_step){.key = mem_strn(key, size)};
}

/* Reads "[...]" at `at`. Returns where it ends, or NULL. */
static const char *read_bracket(struct json_path *path, const char *at)
{
    const char *start = at + 1;
    char *end;

    if (*start == '\'' || *start == '"') {
        const char *close = strchr(start + 1, *start);

        if (close == NULL || close[1] != ']')
            return NULL;
        add_key(path, start + 1, (size_t)(close - start - 1));
        return close + 2;
    }
    if (start[0] == '*' && start[1] == ']') {
        path->all_items = true;
        return start + 2;
    }
    if (!isdigit((unsigned char)*start))
        return NULL;
    *MEM_PUSH(path->steps, path->count) = (struct json_step){.index = strtoll(start, &end, 10)};
    return *end == ']' ? end + 1 : NULL;
}

int json_path_parse(struct json_path *path, const char *text, struct err *err)
{
    struct json_path made = {0};
    const char *at = text;

    if (*at == '$')
        at++;
    while (at && *at && !made.all_items) {
        size_t size;

        if (*at == '[') {
            at = read_bracket(&made, at);
            continue;
        }
        if (*at == '.' && at != text)
            at++;
        size = strcspn(at, ".[*$");
        if (size == 0 || at[size] == '*' || at[size] == '$')
            at = NULL;
        else {
            add_key(&made, at, size);
            at += size;
        }
    }
    if (at == NULL || *at || *text == '\0') {
        json_path_close(&made);
        return path_error(text, err);
    }
    *path = made;
    return 0;
}

void json_path_close(struct json_path *path)
{
    for (size_t i = 0; i < path->count; i++)
        free(path->steps[i].key);
    free(path->steps);
    *path = (struct json_path){0};
}

yyjson_val *json_path_get(const struct json_path *path, yyjson_val *from)
{
    for (size_t i = 0; i < path->count && from; i++)
        from = path->steps[i].key ? yyjson_obj_get(from, path->steps[i].key)
                                  : yyjson_arr_get(from, (size_t)path->steps[i].index);
    return from;
}
