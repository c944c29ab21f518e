/*
 * URLs by libcurl's parser, which is the one that will connect; queries by hand, as it does not
 * know parameters.
 */
#include "source/url.h"

#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

struct url {
    CURLU *parts;
};

static void url_close(struct url *url)
{
    curl_url_cleanup(url->parts);
    url->parts = NULL;
}

static bool has_web_scheme(CURLU *parts)
{
    char *scheme = NULL;
    bool is_web;

    if (curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return false;
    is_web = str_same(scheme, "http") || str_same(scheme, "https");
    curl_free(scheme);
    return is_web;
}

/*
 * Reads `text`, relative to what was read before. Returns NULL if it is a web URL, or else why
 * not.
 */
static const char *read_url(CURLU *parts, const char *text)
{
    const CURLUcode code = curl_url_set(parts, CURLUPART_URL, text, CURLU_URLENCODE);

    if (code != CURLUE_OK)
        return curl_url_strerror(code);
    if (!has_web_scheme(parts))
        return "neither http nor https";
    curl_url_set(parts, CURLUPART_FRAGMENT, NULL, 0);
    return NULL;
}

static char *write_url(CURLU *parts)
{
    char *text = NULL;
    char *copy;

    if (curl_url_get(parts, CURLUPART_URL, &text, 0) != CURLUE_OK)
        return mem_str("");
    copy = mem_str(text);
    curl_free(text);
    return copy;
}

int url_join(const char *base, const char *path, char **ret_url, struct err *err)
{
    const bool is_whole =
        strncasecmp(path, "http://", 7) == 0 || strncasecmp(path, "https://", 8) == 0;
    AUTO(url) url = {.parts = curl_url()};
    AUTO(buf) text = {0};
    const char *wrong = NULL;

    if (!is_whole && *base)
        wrong = read_url(url.parts, base);
    if (!is_whole)
        buf_puts(&text, base);
    if (!is_whole && *path && text.size > 0) {
        while (text.size > 0 && text.data[text.size - 1] == '/')
            text.size--;
        buf_putc(&text, '/');
        path += strspn(path, "/");
    }
    buf_puts(&text, path);
    if (wrong == NULL)
        wrong = read_url(url.parts, buf_text(&text));
    if (wrong)
        return err_set(err, ERR_USAGE, "base_url and path make no URL: %s", wrong);
    *ret_url = write_url(url.parts);
    return 0;
}

int url_resolve(const char *base, const char *link, char **ret_url, struct err *err)
{
    AUTO(url) url = {.parts = curl_url()};
    const char *wrong = read_url(url.parts, base);

    if (wrong == NULL)
        wrong = read_url(url.parts, link);
    if (wrong)
        return err_set(err, ERR_DATA, "the link is no URL that can be followed: %s", wrong);
    *ret_url = write_url(url.parts);
    return 0;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
    char *of_a = NULL;
    char *of_b = NULL;
    bool same = curl_url_get(a, part, &of_a, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                curl_url_get(b, part, &of_b, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                strcasecmp(of_a, of_b) == 0;

    curl_free(of_a);
    curl_free(of_b);
    return same;
}

bool url_same_origin(const char *a, const char *b)
{
    AUTO(url) one = {.parts = curl_url()};
    AUTO(url) other = {.parts = curl_url()};

    return read_url(one.parts, a) == NULL && read_url(other.parts, b) == NULL &&
           same_part(one.parts, other.parts, CURLUPART_SCHEME) &&
           same_part(one.parts, other.parts, CURLUPART_HOST) &&
           same_part(one.parts, other.parts, CURLUPART_PORT);
}

void url_encode(struct buf *to, const char *text)
{
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;

        if (c < 0x80 && (isalnum(c) || strchr("-._~", c)))
            buf_putc(to, (char)c);
        else
            buf_printf(to, "%%%02X", c);
    }
}

static int hex_value(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

bool url_text_is(const char *encoded, size_t size, const char *text)
{
    for (size_t i = 0; i < size; i++, text++) {
        char c = encoded[i];

        if (c == '+') {
            c = ' ';
        } else if (c == '%' && i + 2 < size && isxdigit((unsigned char)encoded[i + 1]) &&
                   isxdigit((unsigned char)encoded[i + 2])) {
            c = (char)(hex_value(encoded[i + 1]) * 16 + hex_value(encoded[i + 2]));
            i += 2;
        }
        if (*text == '\0' || c != *text)
            return false;
    }
    return *text == '\0';
}

bool url_next_param(const char *url, const char **at, struct url_param *ret_param)
{
    const char *from = *at;
    size_t size;
    const char *equals;

    if (from == NULL) {
        from = strchr(url, '?');
        if (from == NULL)
            return false;
        from++;
    }
    while (*from == '&')
        from++;
    size = strcspn(from, "&#");
    if (size == 0)
        return false;
    equals = memchr(from, '=', size);
    *ret_param = (struct url_param){.name = from, .name_size = size};
    if (equals) {
        ret_param->name_size = (size_t)(equals - from);
        ret_param->value = equals + 1;
        ret_param->value_size = size - ret_param->name_size - 1;
    }
    *at = from + size;
    return true;
}

char *url_with_param(const char *url, const char *name, const char *value)
{
    AUTO(buf) made = {0};
    struct url_param param;
    const char *at = NULL;
    char separator = '?';

    buf_put(&made, url, strcspn(url, "?#"));
    while (url_next_param(url, &at, &param)) {
        if (url_text_is(param.name, param.name_size, name))
            continue;
        buf_putc(&made, separator);
        buf_put(&made, param.name, (size_t)(at - param.name));
        separator = '&';
    }
    buf_putc(&made, separator);
    url_encode(&made, name);
    buf_putc(&made, '=');
    url_encode(&made, value);
    return buf_take(&made);
}
