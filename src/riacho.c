/*
 * The nouns' own functions. A reference's text is written by hand, so that equal references give equal
 * bytes.
 */
#include "riacho.h"

#include "base/block.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

void batch_free(struct batch *batch)
{
    if (batch == NULL)
        return;
    if (batch->is_block)
        block_give(batch->json);
    else
        free(batch->json);
    free(batch->url);
    free(batch);
}

/* ---- references ---- */

static void files_free(struct ref_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(files[i].path);
        free(files[i].sha256);
    }
    free(files);
}

void ref_close(struct ref *ref)
{
    char **const owned[] = {&ref->id,        &ref->source,  &ref->type, &ref->subject,
                            &ref->time,      &ref->root,    &ref->path, &ref->format,
                            &ref->sha256,    &ref->schema,  &ref->run,  &ref->cursor_from,
                            &ref->cursor_to, &ref->replaces};

    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(*owned[i]);
    for (size_t i = 0; i < ref->origins; i++)
        free(ref->origin[i]);
    free(ref->origin);
    files_free(ref->files, ref->file_count);
    *ref = (struct ref){0};
}

void ref_copy(const struct ref *from, struct ref *ret_ref)
{
    struct ref copy = {
        .id = mem_str(from->id),
        .source = mem_str(from->source),
        .type = mem_str(from->type),
        .subject = mem_str(from->subject),
        .time = mem_str(from->time),
        .root = mem_str(from->root),
        .path = mem_str(from->path),
        .format = mem_str(from->format),
        .bytes = from->bytes,
        .rows = from->rows,
        .sha256 = mem_str(from->sha256),
        .schema = mem_str(from->schema),
        .first_page = from->first_page,
        .last_page = from->last_page,
        .cursor_from = mem_str(from->cursor_from),
        .cursor_to = mem_str(from->cursor_to),
        .run = mem_str(from->run),
        .replaces = mem_str(from->replaces),
    };

    for (size_t i = 0; i < from->origins; i++)
        *MEM_PUSH(copy.origin, copy.origins) = mem_str(from->origin[i]);
    for (size_t i = 0; i < from->file_count; i++)
        *MEM_PUSH(copy.files, copy.file_count) =
            (struct ref_file){.path = mem_str(from->files[i].path),
                              .sha256 = mem_str(from->files[i].sha256),
                              .bytes = from->files[i].bytes,
                              .rows = from->files[i].rows};
    ref_close(ret_ref);
    *ret_ref = copy;
}

/* ---- as text ---- */

/* Adds ,"key":"text", or nothing if there is no text. */
static void put_text(struct buf *to, const char *key, const char *text)
{
    if (text == NULL)
        return;
    buf_printf(to, ",\"%s\":", key);
    json_put_string(to, text);
}

static void put_number(struct buf *to, const char *key, int64_t number)
{
    buf_printf(to, ",\"%s\":%" PRId64, key, number);
}

static void put_cursor(struct buf *to, const struct ref *ref)
{
    if (ref->cursor_from == NULL && ref->cursor_to == NULL)
        return;
    buf_printf(to, ",\"cursor\":{\"from\":%s,\"to\":%s}",
               ref->cursor_from ? ref->cursor_from : "null",
               ref->cursor_to ? ref->cursor_to : "null");
}

static void put_origin(struct buf *to, const struct ref *ref)
{
    buf_puts(to, ",\"origin\":[");
    for (size_t i = 0; i < ref->origins; i++) {
        if (i > 0)
            buf_putc(to, ',');
        json_put_string(to, ref->origin[i]);
    }
    buf_putc(to, ']');
}

static void put_files(struct buf *to, const struct ref *ref)
{
    buf_puts(to, ",\"files\":[");
    for (size_t i = 0; i < ref->file_count; i++) {
        const struct ref_file *file = &ref->files[i];

        buf_puts(to, i > 0 ? ",{\"path\":" : "{\"path\":");
        json_put_string(to, file->path);
        put_number(to, "bytes", file->bytes);
        put_number(to, "rows", file->rows);
        put_text(to, "sha256", file->sha256);
        buf_putc(to, '}');
    }
    buf_putc(to, ']');
}

static void put_data(struct buf *to, const struct ref *ref)
{
    buf_puts(to, ",\"data\":{\"root\":");
    json_put_string(to, ref->root);
    put_text(to, "path", ref->path);
    put_text(to, "format", ref->format);
    put_number(to, "bytes", ref->bytes);
    put_number(to, "rows", ref->rows);
    put_text(to, "sha256", ref->sha256);
    put_text(to, "schema", ref->schema);
    if (ref->first_page > 0)
        buf_printf(to, ",\"pages\":{\"first\":%" PRId64 ",\"last\":%" PRId64 "}", ref->first_page,
                   ref->last_page);
    put_cursor(to, ref);
    put_text(to, "run", ref->run);
    put_text(to, "replaces", ref->replaces);
    if (ref->origins > 0)
        put_origin(to, ref);
    if (ref->file_count > 0)
        put_files(to, ref);
    buf_putc(to, '}');
}

void ref_write(const struct ref *ref, struct buf *to)
{
    buf_puts(to, "{\"specversion\":\"1.0\"");
    put_text(to, "id", ref->id);
    put_text(to, "source", ref->source);
    put_text(to, "type", ref->type);
    put_text(to, "subject", ref->subject);
    put_text(to, "time", ref->time);
    buf_puts(to, ",\"datacontenttype\":\"application/json\"");
    put_data(to, ref);
    buf_putc(to, '}');
}

/* ---- from text ---- */

#define REF_MOST_PATH 4096
#define REF_MOST_NAME 250

static int need_text(yyjson_val *object, const char *key, char **ret_text, struct err *err)
{
    const char *text = json_str(object, key);

    if (text == NULL || text[0] == '\0' ||
        strlen(text) != yyjson_get_len(yyjson_obj_get(object, key)))
        return err_set(err, ERR_DATA, "it has no \"%s\"", key);
    *ret_text = mem_str(text);
    return 0;
}

/* Part of a file's name: nothing that leads elsewhere. */
static int need_name(yyjson_val *object, const char *key, char **ret_name, struct err *err)
{
    TRY(need_text(object, key, ret_name, err));
    if ((*ret_name)[0] != '.' && strchr(*ret_name, '/') == NULL &&
        strlen(*ret_name) <= REF_MOST_NAME)
        return 0;
    return err_set(err, ERR_DATA, "its \"%s\" is no name: \"%.80s\"", key, *ret_name);
}

static int need_path(yyjson_val *object, char **ret_path, struct err *err)
{
    TRY(need_text(object, "path", ret_path, err));
    if (strlen(*ret_path) > REF_MOST_PATH)
        return err_set(err, ERR_DATA, "its \"path\" is longer than %d bytes", REF_MOST_PATH);
    if (!fs_is_beneath(*ret_path))
        return err_set(err, ERR_DATA, "the path \"%.200s\" does not stay beneath its root",
                       *ret_path);
    return 0;
}

static int need_count(yyjson_val *object, const char *key, int64_t *ret_count, struct err *err)
{
    *ret_count = json_int(object, key, -1);
    if (*ret_count < 0)
        return err_set(err, ERR_DATA, "its \"%s\" is no count", key);
    return 0;
}

static char *value_text(yyjson_val *value)
{
    AUTO(buf) text = {0};

    if (value == NULL || yyjson_is_null(value))
        return NULL;
    json_put_value(&text, value);
    return buf_take(&text);
}

static int read_sha256(yyjson_val *object, char **ret_sha256, struct err *err)
{
    const char *text = json_str(object, "sha256");

    if (text == NULL)
        return 0;
    if (strlen(text) != FS_SHA256_TEXT - 1 ||
        strspn(text, "0123456789abcdef") != FS_SHA256_TEXT - 1)
        return err_set(err, ERR_DATA, "its \"sha256\" is none");
    *ret_sha256 = mem_str(text);
    return 0;
}

static int read_file(yyjson_val *entry, struct ref_file *file, struct err *err)
{
    TRY(need_path(entry, &file->path, err));
    TRY(need_count(entry, "bytes", &file->bytes, err));
    TRY(need_count(entry, "rows", &file->rows, err));
    TRY(read_sha256(entry, &file->sha256, err));
    if (file->sha256 == NULL)
        return err_set(err, ERR_DATA, "its file \"%s\" has no \"sha256\"", file->path);
    return 0;
}

static int read_files(yyjson_val *list, struct ref *ref, struct err *err)
{
    yyjson_val *entry;
    size_t i;
    size_t count;

    yyjson_arr_foreach(list, i, count, entry)
    {
        struct ref_file *file = MEM_PUSH(ref->files, ref->file_count);

        *file = (struct ref_file){0};
        TRY(read_file(entry, file, err));
    }
    if (ref->sha256 == NULL && ref->file_count == 0)
        return err_set(err, ERR_DATA, "it has neither \"sha256\" nor \"files\"");
    return 0;
}

static int read_origin(yyjson_val *list, struct ref *ref, struct err *err)
{
    yyjson_val *entry;
    size_t i;
    size_t count;

    yyjson_arr_foreach(list, i, count, entry)
    {
        if (!yyjson_is_str(entry))
            return err_set(err, ERR_DATA, "its \"origin\" is no list of ids");
        *MEM_PUSH(ref->origin, ref->origins) = mem_str(yyjson_get_str(entry));
    }
    return 0;
}

static int read_data(yyjson_val *data, struct ref *ref, struct err *err)
{
    yyjson_val *pages = yyjson_obj_get(data, "pages");
    yyjson_val *cursor = yyjson_obj_get(data, "cursor");

    if (!yyjson_is_obj(data))
        return err_set(err, ERR_DATA, "it has no \"data\"");
    TRY(need_text(data, "root", &ref->root, err));
    TRY(need_path(data, &ref->path, err));
    TRY(need_text(data, "format", &ref->format, err));
    TRY(need_count(data, "bytes", &ref->bytes, err));
    TRY(need_count(data, "rows", &ref->rows, err));
    TRY(read_sha256(data, &ref->sha256, err));
    TRY(read_files(yyjson_obj_get(data, "files"), ref, err));
    TRY(read_origin(yyjson_obj_get(data, "origin"), ref, err));
    ref->schema = mem_str(json_str(data, "schema"));
    ref->run = mem_str(json_str(data, "run"));
    ref->replaces = mem_str(json_str(data, "replaces"));
    ref->first_page = json_int(pages, "first", 0);
    ref->last_page = json_int(pages, "last", 0);
    ref->cursor_from = value_text(yyjson_obj_get(cursor, "from"));
    ref->cursor_to = value_text(yyjson_obj_get(cursor, "to"));
    return 0;
}

static int read_event(yyjson_val *event, struct ref *ref, struct err *err)
{
    const char *version = json_str(event, "specversion");

    if (version == NULL)
        return err_set(err, ERR_DATA, "it is no CloudEvent");
    if (!str_same(version, "1.0"))
        return err_set(err, ERR_DATA, "CloudEvents \"%s\" are not known here", version);
    TRY(need_name(event, "id", &ref->id, err));
    TRY(need_text(event, "source", &ref->source, err));
    TRY(need_text(event, "type", &ref->type, err));
    if (!str_same(ref->type, REF_LANDED) && !str_same(ref->type, REF_ADJUSTED))
        return err_set(err, ERR_DATA, "its type \"%s\" is not known here", ref->type);
    TRY(need_name(event, "subject", &ref->subject, err));
    TRY(need_text(event, "time", &ref->time, err));
    return read_data(yyjson_obj_get(event, "data"), ref, err);
}

int ref_read(const char *text, size_t size, struct ref *ret_ref, struct err *err)
{
    AUTO(json) json = {0};
    AUTO(ref) made = {0};

    if (json_parse(&json, text, size, err) < 0 || read_event(json_root(&json), &made, err) < 0)
        return err_wrap(err, "not a reference");
    ref_close(ret_ref);
    *ret_ref = made;
    made = (struct ref){0};
    return 0;
}
