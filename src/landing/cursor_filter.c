/*
 * The rules are those of dlt's incremental loading, so that a configuration moves over unchanged.
 */
#include "landing/cursor_filter.h"

#include "base/fs.h"
#include "base/mem.h"
#include "landing/json_text.h"
#include "landing/keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static int read_missing(const char *word, enum cursor_missing *ret_missing, struct err *err)
{
    if (word == NULL || strcmp(word, "raise") == 0)
        *ret_missing = CURSOR_RAISE;
    else if (strcmp(word, "include") == 0)
        *ret_missing = CURSOR_INCLUDE;
    else if (strcmp(word, "exclude") == 0)
        *ret_missing = CURSOR_EXCLUDE;
    else
        return err_set(err, ERR_USAGE, "\"%s\" is not one of raise, include, exclude", word);
    return 0;
}

int cursor_filter_open(struct cursor_filter *filter, const char *path, const char *missing,
                       const char *start_value, const char *start_boundary,
                       char *const *primary_key, size_t primary_keys, struct err *err)
{
    AUTO(cursor_filter) made = {.key_names = primary_key};

    TRY(json_path_parse(&made.path, path, err));
    TRY(read_missing(missing, &made.missing, err));
    TRY(cursor_mark_read(start_value, start_boundary, &made.start, err));
    for (size_t i = 0; i < primary_keys; i++) {
        struct json_path key = {0};
        struct err unusual = {0};

        /* A key that is no path is still a key. */
        if (json_path_parse(&key, primary_key[i], &unusual) < 0)
            key = (struct json_path){0};
        *MEM_PUSH(made.keys, made.key_count) = key;
    }
    made.path_text = mem_str(path);
    cursor_filter_close(filter);
    *filter = made;
    made = (struct cursor_filter){0};
    return 0;
}

void cursor_filter_close(struct cursor_filter *filter)
{
    for (size_t i = 0; i < filter->key_count; i++)
        json_path_close(&filter->keys[i]);
    free(filter->keys);
    json_path_close(&filter->path);
    cursor_mark_close(&filter->start);
    free(filter->path_text);
    *filter = (struct cursor_filter){0};
}

/* As json_path_get(), but of a key given twice the last counts. */
static yyjson_val *value_at(const struct json_path *path, yyjson_val *from)
{
    for (size_t i = 0; i < path->count && from; i++)
        from = path->steps[i].key ? keys_last(from, path->steps[i].key, strlen(path->steps[i].key))
                                  : yyjson_arr_get(from, (size_t)path->steps[i].index);
    return from;
}

/* What the primary key names: a member of that very name, else a path. */
static yyjson_val *key_value(const struct cursor_filter *filter, size_t i, yyjson_val *record)
{
    yyjson_val *value = keys_last(record, filter->key_names[i], strlen(filter->key_names[i]));

    return value || filter->keys[i].count == 0 ? value : value_at(&filter->keys[i], record);
}

uint64_t cursor_filter_hash(const struct cursor_filter *filter, yyjson_val *record,
                            struct buf *scratch)
{
    char sha256[FS_SHA256_TEXT];
    bool has_keys = filter->key_count > 0;

    buf_reset(scratch);
    for (size_t i = 0; has_keys && i < filter->key_count; i++) {
        yyjson_val *value = key_value(filter, i, record);

        has_keys = value != NULL;
        buf_putc(scratch, i ? ',' : '[');
        if (value)
            json_text_value(value, scratch);
    }
    if (!has_keys) {
        buf_reset(scratch);
        json_text_value(record, scratch);
    }
    fs_sha256_of(scratch->data, scratch->size, sha256);
    sha256[16] = '\0';
    return strtoull(sha256, NULL, 16);
}

static int no_cursor(const struct cursor_filter *filter, struct err *err)
{
    err_set(err, ERR_DATA, "the cursor \"%s\" is missing or null", filter->path_text);
    return err_hint(err, "Set incremental.on_cursor_value_missing to include or exclude if such "
                         "records are to be expected.");
}

static bool is_known(const struct cursor_filter *filter, yyjson_val *record, struct buf *scratch)
{
    return filter->start.count > 0 &&
           cursor_mark_has(&filter->start, cursor_filter_hash(filter, record, scratch));
}

int cursor_filter_judge(const struct cursor_filter *filter, yyjson_val *record, struct buf *scratch,
                        struct cursor_value *ret_value, struct err *err)
{
    const struct cursor_value *start = &filter->start.greatest;
    yyjson_val *value;
    int apart = 1;

    *ret_value = (struct cursor_value){0};
    if (filter->path_text == NULL)
        return 1;
    value = value_at(&filter->path, record);
    if (value == NULL || yyjson_is_null(value))
        return filter->missing == CURSOR_RAISE ? no_cursor(filter, err)
                                               : filter->missing == CURSOR_INCLUDE;
    if (!cursor_value_of(value, ret_value))
        return err_set(err, ERR_DATA, "the cursor \"%s\" is neither a number nor a text",
                       filter->path_text);
    if (start->text && start->is_text != ret_value->is_text)
        return err_set(err, ERR_DATA, "the cursor \"%s\" is a %s, but the start value is a %s",
                       filter->path_text, ret_value->is_text ? "text" : "number",
                       start->is_text ? "text" : "number");
    if (start->text)
        apart = cursor_compare(ret_value, start);
    return apart > 0 || (apart == 0 && !is_known(filter, record, scratch));
}
