/*
 * The parts of an exchange that do not depend on the HTTP library.
 */
#include "board/exchange.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

static const struct {
    enum err_code code;
    unsigned status;
    const char *word;
} words[] = {
    {ERR_USAGE, 400, "request"}, {ERR_DATA, 422, "data"},       {ERR_SQL, 422, "sql"},
    {ERR_LIMIT, 429, "limit"},   {ERR_STOPPED, 503, "stopped"}, {ERR_LOCKED, 503, "locked"},
    {ERR_IO, 500, "disk"},       {ERR_NET, 502, "network"},     {ERR_REMOTE, 502, "network"},
};

static size_t word_of(const struct err *err)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].code == err->code)
            return i;
    return 0;
}

const char *exchange_code_of(const struct err *err)
{
    return words[word_of(err)].word;
}

int exchange_query_int(const struct exchange *x, const char *name, int64_t least, int64_t most,
                       int64_t otherwise, int64_t *ret_value, struct err *err)
{
    const char *text = exchange_query(x, name);

    if (text == NULL || *text == '\0') {
        *ret_value = otherwise;
        return 0;
    }
    if (str_to_int(text, least, most, ret_value, err) < 0)
        return err_wrap(err, "the parameter \"%s\"", name);
    return 0;
}

int exchange_body(const struct exchange *x, struct json *json, struct err *err)
{
    if (json_parse(json, buf_text(&x->body), x->body.size, err) < 0) {
        err->code = ERR_USAGE;
        return err_wrap(err, "the body is not JSON");
    }
    if (!yyjson_is_obj(json_root(json)))
        return err_set(err, ERR_USAGE, "the body is no JSON object");
    return 0;
}

void exchange_json(struct exchange *x, unsigned status, const struct json_out *out)
{
    x->status = status;
    x->type = "application/json";
    buf_reset(&x->text);
    json_out_write(out, &x->text);
}

void exchange_nothing(struct exchange *x)
{
    x->status = 204;
    x->type = NULL;
    buf_reset(&x->text);
}

void exchange_put_error(struct json_out *out, yyjson_mut_val *into, const char *code,
                        const char *text, const char *hint)
{
    yyjson_mut_val *error = yyjson_mut_obj_add_obj(out->doc, into, "error");

    yyjson_mut_obj_add_strcpy(out->doc, error, "code", code);
    yyjson_mut_obj_add_strcpy(out->doc, error, "message", text);
    yyjson_mut_obj_add_strcpy(out->doc, error, "hint", hint);
}

void exchange_refuse(struct exchange *x, const struct refusal *refusal)
{
    AUTO(json_out) out = {0};
    yyjson_mut_val *root = json_out_open(&out);

    exchange_put_error(&out, root, refusal->code, refusal->text, refusal->hint);
    exchange_json(x, refusal->status, &out);
}

void exchange_fail(struct exchange *x, const struct err *err)
{
    struct refusal refusal;
    const size_t word = word_of(err);

    refusal_set(&refusal, words[word].status, words[word].word, "%s", err->text);
    snprintf(refusal.hint, sizeof refusal.hint, "%s", err->hint);
    exchange_refuse(x, &refusal);
}
