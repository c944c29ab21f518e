/*
 * Placeholders, and cursor values in the words of an API: a number of some unit since 1970 as a
 * date, a date as a number of seconds.
 */
#include "source/template.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* How many microseconds the unit has; ns: 0, being less than one. */
static int unit_us(const char *unit, int64_t *ret_us, struct err *err)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {{"s", 1000000}, {"ms", 1000}, {"us", 1}, {"ns", 0}};

    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (str_same(units[i].name, unit)) {
            *ret_us = units[i].us;
            return 0;
        }
    err_set(err, ERR_USAGE, "the cursor is a number, and its unit is not known");
    return err_hint(err, "Set incremental.unit to s, ms, us or ns.");
}

static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

static int number_to_us(const char *number, const char *unit, int64_t *ret_us, struct err *err)
{
    struct err ignored = {0};
    int64_t us = 0;
    int64_t whole;
    double value;

    TRY(unit_us(unit, &us, err));
    if (str_to_int(number, INT64_MIN, INT64_MAX, &whole, &ignored) == 0) {
        if (us == 0)
            *ret_us = floor_div(whole, 1000);
        else if (__builtin_mul_overflow(whole, us, ret_us))
            return err_set(err, ERR_USAGE, "the cursor value %s is no time in %s", number, unit);
        return 0;
    }
    value = strtod(number, NULL) * (us ? (double)us : 0.001);
    if (!(fabs(value) < 9e18))
        return err_set(err, ERR_USAGE, "the cursor value %s is no time in %s", number, unit);
    *ret_us = (int64_t)floor(value);
    return 0;
}

static int write_time(int64_t us, const char *as, struct template_value *ret_value, struct err *err)
{
    const int64_t ms = floor_div(us, 1000);
    char text[CLOCK_TEXT];

    if (str_same(as, "s") || str_same(as, "ms")) {
        *ret_value = (struct template_value){
            mem_fmt("%" PRId64, str_same(as, "s") ? floor_div(us, 1000000) : ms), true};
        return 0;
    }
    if (!str_same(as, "iso8601") && !str_same(as, "date"))
        return err_set(err, ERR_USAGE, "incremental.as is none of iso8601, date, s, ms");
    clock_iso8601(ms, text);
    if (str_same(as, "date"))
        text[strcspn(text, "T")] = '\0';
    *ret_value = (struct template_value){mem_str(text), false};
    return 0;
}

static int read_value(const char *json, const struct incremental_conf *conf,
                      struct template_value *ret_value, struct err *err)
{
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json, strlen(json),
                                       YYJSON_READ_NUMBER_AS_RAW, NULL, NULL);
    AUTO(json) text = {.doc = doc};
    yyjson_val *root = json_root(&text);
    int64_t us;

    if (yyjson_is_null(root))
        return 0;
    if (!yyjson_is_raw(root) && !yyjson_is_str(root))
        return err_set(err, ERR_USAGE, "the cursor value %.64s is neither a number nor a text",
                       json);
    if (conf->as == NULL) {
        *ret_value = yyjson_is_raw(root)
                         ? (struct template_value){mem_str(yyjson_get_raw(root)), true}
                         : (struct template_value){mem_str(yyjson_get_str(root)), false};
        return 0;
    }
    if (yyjson_is_raw(root))
        TRY(number_to_us(yyjson_get_raw(root), conf->unit, &us, err));
    else if (clock_parse(yyjson_get_str(root), &us, err) < 0)
        return err_set(err, ERR_USAGE, "the cursor value %.64s is no time in ISO 8601", json);
    return write_time(us, conf->as, ret_value, err);
}

int template_values_open(struct template_values *values, const struct incremental_conf *conf,
                         const char *start_json, const char *initial_json, struct err *err)
{
    template_values_close(values);
    if (initial_json == NULL)
        initial_json = conf->initial_value;
    if (initial_json)
        TRY(read_value(initial_json, conf, &values->initial, err));
    if (start_json == NULL)
        start_json = initial_json;
    return start_json ? read_value(start_json, conf, &values->start, err) : 0;
}

void template_values_close(struct template_values *values)
{
    free(values->start.text);
    free(values->initial.text);
    *values = (struct template_values){0};
}

/* The value that a placeholder names, or NULL if it names none. */
static const struct template_value *value_named(const struct template_values *values,
                                                const char *name, size_t size)
{
    static const char *const names[] = {"incremental.start_value", "incremental.last_value",
                                        "incremental.initial_value"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == size && memcmp(names[i], name, size) == 0)
            return i < 2 ? &values->start : &values->initial;
    return NULL;
}

static void put_encoded(struct buf *to, const char *text, bool is_path)
{
    for (; *text; text++) {
        if (is_path && strchr("%/?#", *text))
            buf_printf(to, "%%%02X", (unsigned char)*text);
        else
            buf_putc(to, *text);
    }
}

static int lone_brace(const char *text, struct err *err)
{
    err_set(err, ERR_USAGE, "\"%.200s\" holds a placeholder that is not known", text);
    return err_hint(err, "Known are {incremental.start_value}, {incremental.initial_value} and "
                         "{incremental.last_value}; a brace that means itself is written twice.");
}

/* A placeholder begins at `at`. Returns as template_expand(), and moves behind it. */
static int expand_one(const struct template_values *values, const char *text, const char **at,
                      bool is_path, struct buf *to, struct err *err)
{
    const size_t size = strcspn(*at + 1, "{}");
    const struct template_value *value =
        (*at)[0] == '{' && (*at)[size + 1] == '}' ? value_named(values, *at + 1, size) : NULL;

    if (value == NULL)
        return lone_brace(text, err);
    *at += size + 2;
    if (value->text == NULL)
        return 0;
    put_encoded(to, value->text, is_path);
    return 1;
}

int template_expand(const struct template_values *values, const char *text, bool is_path,
                    struct buf *to, struct err *err)
{
    const char *at = text;
    int found = 1;

    while (*at) {
        if ((*at == '{' || *at == '}') && at[1] == at[0]) {
            buf_putc(to, *at);
            at += 2;
        } else if (*at == '{' || *at == '}') {
            const int expanded = expand_one(values, text, &at, is_path, to, err);

            TRY(expanded);
            found = expanded == 0 ? 0 : found;
        } else {
            buf_putc(to, *at++);
        }
    }
    return found;
}

/* What one walk over a body needs. */
struct body_walk {
    const struct template_values *values;
    yyjson_mut_doc *doc;
    struct err *err;
};

static int expand_value(const struct body_walk *walk, yyjson_val *from, yyjson_mut_val **ret_to);

static int expand_text(const struct body_walk *walk, const char *text, bool is_key,
                       yyjson_mut_val **ret_to)
{
    AUTO(buf) expanded = {0};
    const size_t size = strlen(text);
    const struct template_value *value = size > 2 && text[0] == '{' && text[size - 1] == '}'
                                             ? value_named(walk->values, text + 1, size - 2)
                                             : NULL;
    const int found = template_expand(walk->values, text, false, &expanded, walk->err);

    if (found <= 0)
        return found;
    *ret_to = value && value->is_number && !is_key
                  ? yyjson_mut_rawcpy(walk->doc, buf_text(&expanded))
                  : yyjson_mut_strcpy(walk->doc, buf_text(&expanded));
    return 1;
}

static int expand_object(const struct body_walk *walk, yyjson_val *from, yyjson_mut_val **ret_to)
{
    yyjson_mut_val *made = yyjson_mut_obj(walk->doc);
    yyjson_val *key;
    yyjson_val *value;
    size_t i;
    size_t count;

    yyjson_obj_foreach(from, i, count, key, value)
    {
        yyjson_mut_val *new_key = NULL;
        yyjson_mut_val *new_value = NULL;
        const int has_key = expand_text(walk, yyjson_get_str(key), true, &new_key);
        const int has_value = has_key > 0 ? expand_value(walk, value, &new_value) : has_key;

        TRY(has_value);
        if (has_value > 0)
            yyjson_mut_obj_add(made, new_key, new_value);
    }
    *ret_to = made;
    return 1;
}

static int expand_list(const struct body_walk *walk, yyjson_val *from, yyjson_mut_val **ret_to)
{
    yyjson_mut_val *made = yyjson_mut_arr(walk->doc);
    yyjson_val *value;
    size_t i;
    size_t count;

    yyjson_arr_foreach(from, i, count, value)
    {
        yyjson_mut_val *item = NULL;
        const int has_value = expand_value(walk, value, &item);

        TRY(has_value);
        if (has_value > 0)
            yyjson_mut_arr_append(made, item);
    }
    *ret_to = made;
    return 1;
}

static int expand_value(const struct body_walk *walk, yyjson_val *from, yyjson_mut_val **ret_to)
{
    if (yyjson_is_obj(from))
        return expand_object(walk, from, ret_to);
    if (yyjson_is_arr(from))
        return expand_list(walk, from, ret_to);
    if (yyjson_is_str(from))
        return expand_text(walk, yyjson_get_str(from), false, ret_to);
    *ret_to = yyjson_val_mut_copy(walk->doc, from);
    return 1;
}

int template_expand_json(const struct template_values *values, const char *json,
                         struct json_out *ret_body, struct err *err)
{
    AUTO(json) text = {0};
    struct body_walk walk = {.values = values, .err = err};
    yyjson_mut_val *root = NULL;

    if (json_parse(&text, json, strlen(json), err) < 0) {
        err->code = ERR_USAGE;
        return err_wrap(err, "endpoint.json");
    }
    json_out_open(ret_body);
    walk.doc = ret_body->doc;
    TRY(expand_value(&walk, json_root(&text), &root));
    yyjson_mut_doc_set_root(ret_body->doc, root);
    return 0;
}
