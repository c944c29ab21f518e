/*
 * Secrets are found in text by their values, byte by byte, through percent-encoding and through
 * JSON's backslashes; and in queries by the names of parameters.
 */
#include "source/secrets.h"

#include "base/mem.h"
#include "base/str.h"
#include "source/auth.h"
#include "source/url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

/*
 * Shorter ones would black out harmless text; as a parameter's value they are hidden all the same.
 * A field is a secret also if it merely came from a variable ("2018-01-01"), so more is asked of
 * it, and most of what is put back later.
 */
#define LEAST_AUTH 3
#define LEAST_FIELD 6
#define LEAST_TO_KEEP 8

#define MOST_OTHERS 8 /* secrets that are neither parameters nor headers */

#define HIDDEN "***"

/* Names that an API also gives to the token of a page, which must be kept; it is not shown. */
static const char *const doubtful_names[] = {"key", "token"};

static void add_secret(struct secrets *secrets, const char *where, const char *name,
                       const char *value)
{
    AUTO(buf) full = {0};

    if (value == NULL || *value == '\0')
        return;
    buf_puts(&full, where);
    url_encode(&full, name);
    secrets->items[secrets->count++] =
        (struct secret){.name = buf_take(&full),
                        .value = mem_str(value),
                        .least_size = str_same(where, "auth.") ? LEAST_AUTH : LEAST_FIELD};
}

static void add_param(struct secrets *secrets, const char *name)
{
    secrets->params[secrets->param_count++] = mem_str(name);
}

/* A field's value with its doubled braces as they will be sent. The caller frees. */
static char *sent_value(const char *value)
{
    AUTO(buf) sent = {0};

    for (; value && *value; value++) {
        buf_putc(&sent, *value);
        if ((*value == '{' || *value == '}') && value[1] == value[0])
            value++;
    }
    return buf_take(&sent);
}

static void add_fields(struct secrets *secrets, const struct fields_conf *fields, const char *where,
                       bool are_params)
{
    for (size_t i = 0; i < fields->count; i++) {
        char *value = sent_value(fields->items[i].value);

        if (fields->items[i].is_secret)
            add_secret(secrets, where, fields->items[i].name, value);
        if (fields->items[i].is_secret && are_params)
            add_param(secrets, fields->items[i].name);
        free(value);
    }
}

static void add_auth(struct secrets *secrets, const struct auth_conf *auth)
{
    char *header = auth_header(auth);

    add_secret(secrets, "auth.", "token", auth->token);
    add_secret(secrets, "auth.", "api_key", auth->api_key);
    if (auth->password == NULL || *auth->password == '\0') /* then the name is the key */
        add_secret(secrets, "auth.", "username", auth->username);
    add_secret(secrets, "auth.", "password", auth->password);
    if (header && auth->type == AUTH_HTTP_BASIC)
        add_secret(secrets, "auth.", "basic", strrchr(header, ' ') + 1);
    if (auth_in_query(auth))
        add_param(secrets, auth->name);
    free(header);
}

/* "user:password" of a base_url that has them. */
static void add_userinfo(struct secrets *secrets, const char *url)
{
    const char *host = strstr(url, "://");
    const char *at;

    if (host == NULL)
        return;
    host += 3;
    at = memchr(host, '@', strcspn(host, "/?#"));
    if (at) {
        char *userinfo = mem_strn(host, (size_t)(at - host));
        char *password = strchr(userinfo, ':');

        add_secret(secrets, "base_url.", "password", password ? password + 1 : userinfo);
        free(userinfo);
    }
}

void secrets_collect(struct secrets *secrets, const struct source_conf *conf,
                     const struct resource_conf *resource)
{
    const struct endpoint_conf *endpoint = &resource->endpoint;
    const size_t most =
        MOST_OTHERS + endpoint->params.count + endpoint->headers.count + conf->secrets.count;

    secrets_close(secrets);
    secrets->items = mem_alloc(most * sizeof *secrets->items);
    secrets->params = mem_alloc(most * sizeof *secrets->params);
    add_auth(secrets, auth_of(conf, resource));
    add_fields(secrets, &endpoint->params, "params.", true);
    add_fields(secrets, &endpoint->headers, "headers.", false);
    add_userinfo(secrets, conf->base_url ? conf->base_url : "");
    for (size_t i = 0; i < conf->secrets.count; i++)
        add_secret(secrets, "variables.", conf->secrets.items[i].key, conf->secrets.items[i].value);
}

void secrets_close(struct secrets *secrets)
{
    for (size_t i = 0; i < secrets->count; i++) {
        free(secrets->items[i].name);
        free(secrets->items[i].value);
    }
    for (size_t i = 0; i < secrets->param_count; i++)
        free(secrets->params[i]);
    free(secrets->items);
    free(secrets->params);
    *secrets = (struct secrets){0};
}

static int hex_value(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* One byte of text as it was meant; returns how many bytes it is written with. */
static size_t read_byte(const char *text, char wanted, char *ret_byte)
{
    if (*text == wanted) {
        *ret_byte = *text;
        return 1;
    }
    if (*text == '%' && isxdigit((unsigned char)text[1]) && isxdigit((unsigned char)text[2])) {
        *ret_byte = (char)(hex_value(text[1]) * 16 + hex_value(text[2]));
        return 3;
    }
    if (*text == '\\' && text[1] != '\0') {
        *ret_byte = text[1];
        return 2;
    }
    *ret_byte = *text == '+' ? ' ' : *text;
    return 1;
}

/* How many bytes of text say `value`; 0 if they do not. */
static size_t match_value(const char *text, const char *value)
{
    const char *at = text;

    for (; *value; value++) {
        char byte;
        const size_t size = *at ? read_byte(at, *value, &byte) : 0;

        if (size == 0 || byte != *value)
            return 0;
        at += size;
    }
    return (size_t)(at - text);
}

/*
 * The secret that stands at the beginning of text, the longest if several do; NULL if none. It must
 * have `least` bytes, and those that it asks for itself.
 */
static const struct secret *secret_at(const struct secrets *secrets, const char *text, size_t least,
                                      size_t *ret_size)
{
    const struct secret *found = NULL;

    *ret_size = 0;
    for (size_t i = 0; i < secrets->count; i++) {
        const struct secret *secret = &secrets->items[i];
        const size_t length = strlen(secret->value);
        const bool is_long = length >= least && length >= secret->least_size;
        const size_t size = is_long ? match_value(text, secret->value) : 0;

        if (size > *ret_size) {
            *ret_size = size;
            found = secret;
        }
    }
    return found;
}

void secrets_hide(const struct secrets *secrets, const char *text, struct buf *to)
{
    while (*text) {
        size_t size;

        if (secret_at(secrets, text, 0, &size)) {
            buf_puts(to, HIDDEN);
            text += size;
        } else {
            buf_putc(to, *text++);
        }
    }
}

void secrets_hide_err(const struct secrets *secrets, struct err *err)
{
    AUTO(buf) text = {0};
    AUTO(buf) hint = {0};

    secrets_hide(secrets, err->text, &text);
    secrets_hide(secrets, err->hint, &hint);
    snprintf(err->text, sizeof err->text, "%s", buf_text(&text));
    snprintf(err->hint, sizeof err->hint, "%s", buf_text(&hint));
}

static bool is_doubtful(const struct url_param *param)
{
    for (size_t i = 0; i < sizeof doubtful_names / sizeof *doubtful_names; i++)
        if (strlen(doubtful_names[i]) == param->name_size &&
            strncasecmp(doubtful_names[i], param->name, param->name_size) == 0)
            return true;
    return false;
}

/* Whether the parameter was made for a secret, by us or by the look of its name. */
static bool is_secret_param(const struct secrets *secrets, const struct url_param *param)
{
    char *name = mem_strn(param->name, param->name_size);
    bool is_secret = source_name_is_secret(name) && !is_doubtful(param);

    for (size_t i = 0; i < secrets->param_count && !is_secret; i++)
        is_secret = url_text_is(param->name, param->name_size, secrets->params[i]);
    free(name);
    return is_secret;
}

/* The URL up to its query, without user and password. */
static void put_without_userinfo(const char *url, size_t size, struct buf *to)
{
    const char *host = strstr(url, "://");
    const char *at;

    host = host && host < url + size ? host + 3 : url;
    at = memchr(host, '@', strcspn(host, "/?#"));
    buf_put(to, url, (size_t)(host - url));
    if (at) {
        buf_puts(to, HIDDEN);
        host = at;
    }
    buf_put(to, host, size - (size_t)(host - url));
}

void secrets_url_for_people(const struct secrets *secrets, const char *url, struct buf *to)
{
    AUTO(buf) text = {0};
    struct url_param param;
    const char *at = NULL;
    char separator = '?';

    put_without_userinfo(url, strcspn(url, "?#"), &text);
    while (url_next_param(url, &at, &param)) {
        const bool is_hidden = is_secret_param(secrets, &param) || is_doubtful(&param);

        buf_putc(&text, separator);
        separator = '&';
        if (!is_hidden || param.value == NULL) {
            buf_put(&text, param.name, (size_t)(at - param.name));
            continue;
        }
        buf_put(&text, param.name, param.name_size);
        buf_puts(&text, "=" HIDDEN);
    }
    secrets_hide(secrets, text.data, to);
}

/* Adds one byte that means itself: what would be a name or "=***" when it is read is encoded. */
static void put_plain(const char *at, struct buf *to)
{
    const bool is_mark =
        strncmp(at, HIDDEN, strlen(HIDDEN)) == 0 && to->size > 0 && to->data[to->size - 1] == '=';

    if (is_mark || *at == '{' || *at == '}')
        buf_printf(to, "%%%02X", (unsigned char)*at);
    else
        buf_putc(to, *at);
}

/* Adds text with the names of secrets in their places. Returns whether there was one. */
static bool put_with_names(const struct secrets *secrets, const char *text, size_t size,
                           struct buf *to)
{
    AUTO(buf) part = {0};
    const char *at;
    bool had_one = false;

    buf_put(&part, text, size);
    at = part.data;
    while (*at) {
        size_t taken;
        const struct secret *secret = secret_at(secrets, at, LEAST_TO_KEEP, &taken);

        if (secret == NULL) {
            put_plain(at++, to);
            continue;
        }
        buf_printf(to, "{%s}", secret->name);
        at += taken;
        had_one = true;
    }
    return had_one;
}

/* The secret that a parameter's whole value is, if the parameter is there to hold one. */
static const struct secret *secret_of_param(const struct secrets *secrets,
                                            const struct url_param *param)
{
    if (!is_secret_param(secrets, param))
        return NULL;
    for (size_t i = 0; i < secrets->count; i++)
        if (url_text_is(param->value, param->value_size, secrets->items[i].value))
            return &secrets->items[i];
    return NULL;
}

static void put_value_to_keep(const struct secrets *secrets, const struct url_param *param,
                              struct buf *to)
{
    const struct secret *secret = secret_of_param(secrets, param);
    const size_t before = to->size;

    if (secret) {
        buf_printf(to, "{%s}", secret->name);
        return;
    }
    if (put_with_names(secrets, param->value, param->value_size, to) ||
        !is_secret_param(secrets, param))
        return;
    to->size = before;
    buf_puts(to, HIDDEN);
}

void secrets_url_to_keep(const struct secrets *secrets, const char *url, struct buf *to)
{
    struct url_param param;
    const char *at = NULL;
    char separator = '?';

    put_with_names(secrets, url, strcspn(url, "?#"), to);
    while (url_next_param(url, &at, &param)) {
        buf_putc(to, separator);
        separator = '&';
        for (size_t i = 0; i < param.name_size; i++)
            put_plain(param.name + i, to);
        if (param.value == NULL)
            continue;
        buf_putc(to, '=');
        put_value_to_keep(secrets, &param, to);
    }
}

static const struct secret *secret_named(const struct secrets *secrets, const char *name,
                                         size_t size)
{
    for (size_t i = 0; i < secrets->count; i++)
        if (strlen(secrets->items[i].name) == size &&
            memcmp(secrets->items[i].name, name, size) == 0)
            return &secrets->items[i];
    return NULL;
}

bool secrets_url_from_kept(const struct secrets *secrets, const char *kept, struct buf *to)
{
    if (strstr(kept, "=" HIDDEN))
        return false;
    while (*kept) {
        const char *close = *kept == '{' ? strchr(kept, '}') : NULL;
        const struct secret *secret;

        if (close == NULL) {
            buf_putc(to, *kept++);
            continue;
        }
        secret = secret_named(secrets, kept + 1, (size_t)(close - kept - 1));
        if (secret == NULL)
            return false;
        url_encode(to, secret->value);
        kept = close + 1;
    }
    return true;
}
