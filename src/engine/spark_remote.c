/*
 * The grammar of "sc://…": https://spark.apache.org/docs/latest/spark-connect-overview.html and
 * connector/connect/docs/client-connection-string.md of apache/spark.
 */
#include "engine/spark_remote.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define SCHEME "sc://"

void spark_remote_close(struct spark_remote *remote)
{
    for (size_t i = 0; i < remote->header_count; i++) {
        free(remote->headers[i].name);
        free(remote->headers[i].value);
    }
    free(remote->headers);
    free(remote->host);
    free(remote->token);
    free(remote->user_id);
    free(remote->user_agent);
    free(remote->session_id);
    *remote = (struct spark_remote){0};
}

char *spark_remote_name(const struct spark_remote *remote)
{
    const bool is_v6 = strchr(remote->host, ':') != NULL;

    return mem_fmt(SCHEME "%s%s%s:%d", is_v6 ? "[" : "", remote->host, is_v6 ? "]" : "",
                   remote->port);
}

/* ---- host and port ---- */

static int read_port(const char *text, size_t size, struct spark_remote *remote, struct err *err)
{
    char *port = mem_strn(text, size);
    int64_t number = 0;
    const int got = str_to_int(port, 1, 65535, &number, err);

    if (got < 0)
        err_set(err, ERR_USAGE, "\"%s\" is no port from 1 to 65535", port);
    free(port);
    remote->port = (int)number;
    return got;
}

static bool is_host_char(char c)
{
    return isalnum((unsigned char)c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '%';
}

static int read_host(const char *text, size_t size, struct spark_remote *remote, struct err *err)
{
    const bool is_v6 = size > 0 && text[0] == '[';
    const char *close = is_v6 ? memchr(text, ']', size) : NULL;
    const char *begin = text + is_v6;
    const char *end = is_v6 ? close : memchr(text, ':', size);
    const char *rest;

    if (is_v6 && close == NULL)
        return err_set(err, ERR_USAGE, "the address has no closing bracket");
    end = end ? end : text + size;
    rest = is_v6 ? close + 1 : end;
    for (const char *at = begin; at < end; at++)
        if (!is_host_char(*at))
            return err_set(err, ERR_USAGE, "the host holds the character \"%c\"", *at);
    if (begin == end)
        return err_set(err, ERR_USAGE, "there is no host");
    remote->host = mem_strn(begin, (size_t)(end - begin));
    remote->port = SPARK_DEFAULT_PORT;
    if (rest == text + size)
        return 0;
    if (*rest != ':')
        return err_set(err, ERR_USAGE, "only a port may follow the host");
    return read_port(rest + 1, (size_t)(text + size - rest) - 1, remote, err);
}

/* ---- parameters ---- */

static int digit_of(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* NULL if it holds control characters, or a percent sign that encodes nothing. */
static char *decode(const char *text, size_t size)
{
    struct buf decoded = {0};

    for (size_t i = 0; i < size; i++) {
        char c = text[i];

        if (c == '%') {
            if (i + 2 >= size || !isxdigit((unsigned char)text[i + 1]) ||
                !isxdigit((unsigned char)text[i + 2])) {
                buf_close(&decoded);
                return NULL;
            }
            c = (char)(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2]));
            i += 2;
        }
        if ((unsigned char)c < 0x20 || c == 0x7f) {
            buf_close(&decoded);
            return NULL;
        }
        buf_putc(&decoded, c);
    }
    return decoded.data ? buf_take(&decoded) : mem_str("");
}

static bool is_uuid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] == 'x' ? !isxdigit((unsigned char)text[i]) : text[i] != '-')
            return false;
    return text[sizeof form - 1] == '\0';
}

/* What was said so far of TLS. */
enum wish { WISH_NONE, WISH_TLS, WISH_PLAIN };

static int take_use_ssl(const char *value, enum wish *wish, struct err *err)
{
    if (strcasecmp(value, "true") != 0 && strcasecmp(value, "false") != 0)
        return err_set(err, ERR_USAGE, "use_ssl is true or false");
    *wish = strcasecmp(value, "true") == 0 ? WISH_TLS : WISH_PLAIN;
    return 0;
}

static int take_size(const char *value, struct spark_remote *remote, struct err *err)
{
    if (str_to_int(value, 1 << 16, INT64_C(1) << 31, &remote->most_message_bytes, err) < 0)
        return err_set(err, ERR_USAGE,
                       "grpc_max_message_size is a number of bytes, 64 KiB to 2 GiB");
    return 0;
}

static void take_text(char **to, char *value_taken)
{
    free(*to);
    *to = value_taken;
}

static int take_header(const char *name, char *value_taken, struct spark_remote *remote,
                       struct err *err)
{
    struct spark_header *header;

    for (const char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at) && strchr("-_.", *at) == NULL) {
            free(value_taken);
            return err_set(err, ERR_USAGE, "the parameter \"%s\" is no name of a header", name);
        }
    header = MEM_PUSH(remote->headers, remote->header_count);
    *header = (struct spark_header){.name = mem_str(name), .value = value_taken};
    for (char *at = header->name; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return 0;
}

static int take_parameter(const char *name, char *value_taken, struct spark_remote *remote,
                          enum wish *wish, struct err *err)
{
    const struct {
        const char *name;
        char **to;
    } texts[] = {{"token", &remote->token},
                 {"user_id", &remote->user_id},
                 {"user_agent", &remote->user_agent},
                 {"session_id", &remote->session_id}};
    int got;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (str_same(name, texts[i].name)) {
            take_text(texts[i].to, value_taken);
            return 0;
        }
    if (!str_same(name, "use_ssl") && !str_same(name, "grpc_max_message_size"))
        return take_header(name, value_taken, remote, err);
    got = str_same(name, "use_ssl") ? take_use_ssl(value_taken, wish, err)
                                    : take_size(value_taken, remote, err);
    free(value_taken);
    return got;
}

static int read_parameter(const char *text, size_t size, struct spark_remote *remote,
                          enum wish *wish, struct err *err)
{
    const char *equals = memchr(text, '=', size);
    char *name;
    char *value;
    int got;

    if (equals == NULL || equals == text)
        return err_set(err, ERR_USAGE, "a parameter is written name=value");
    name = mem_strn(text, (size_t)(equals - text));
    value = decode(equals + 1, size - (size_t)(equals + 1 - text));
    if (value == NULL)
        got = err_set(err, ERR_USAGE, "the value of \"%s\" is not percent-encoded text", name);
    else if (*value == '\0') {
        free(value);
        got = err_set(err, ERR_USAGE, "the parameter \"%s\" has no value", name);
    } else
        got = take_parameter(name, value, remote, wish, err);
    free(name);
    return got;
}

static int read_parameters(const char *text, struct spark_remote *remote, enum wish *wish,
                           struct err *err)
{
    while (*text) {
        const size_t size = strcspn(text, ";");

        if (size > 0)
            TRY(read_parameter(text, size, remote, wish, err));
        text += size + (text[size] == ';');
    }
    return 0;
}

/* ---- the whole ---- */

static bool is_this_machine(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || str_starts(host, "127.") || str_same(host, "::1");
}

static int decide_security(struct spark_remote *remote, enum wish wish, struct err *err)
{
    const bool is_here = is_this_machine(remote->host);

    if (remote->token && wish == WISH_PLAIN && !is_here)
        return err_set(err, ERR_USAGE, "a token is not sent to another machine without use_ssl");
    if (remote->session_id && !is_uuid(remote->session_id))
        return err_set(err, ERR_USAGE, "session_id is a UUID");
    remote->is_secure = wish == WISH_TLS || (remote->token && wish == WISH_NONE && !is_here);
    return 0;
}

static int read_parts(const char *text, struct spark_remote *remote, struct err *err)
{
    const char *host = text + strlen(SCHEME);
    const size_t host_size = strcspn(host, "/;");
    const char *rest = host + host_size;
    enum wish wish = WISH_NONE;

    TRY(read_host(host, host_size, remote, err));
    rest += *rest == '/';
    if (*rest != '\0' && *rest != ';')
        return err_set(err, ERR_USAGE, "after the host comes nothing but \"/;\" and parameters");
    TRY(read_parameters(rest, remote, &wish, err));
    return decide_security(remote, wish, err);
}

int spark_remote_read(const char *text, struct spark_remote *ret_remote, struct err *err)
{
    AUTO(spark_remote) made = {0};
    int got;

    if (!str_starts(text, SCHEME))
        got = err_set(err, ERR_USAGE, "it does not begin with \"" SCHEME "\"");
    else
        got = read_parts(text, &made, err);
    if (got < 0) {
        err_wrap(err, "the address of the Spark Connect server is wrong");
        return err_hint(err, "It is written sc://host:port/;name=value;name=value.");
    }
    *ret_remote = made;
    made = (struct spark_remote){0};
    return 0;
}
