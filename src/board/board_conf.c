/*
 * The option table of `dashboard:`.
 */
#include "board/board_conf.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define AT(member) offsetof(struct board_conf, member)

/* "127.0.0.1:8321", "[::1]:8321" */
static int parse_listen(const char *text, void *target, struct err *err)
{
    struct board_conf *conf = target;
    const char *colon = strrchr(text, ':');
    const bool is_bracketed = *text == '[';
    const char *host = text + is_bracketed;
    size_t size = colon ? (size_t)(colon - host) : 0;
    int64_t port;

    if (is_bracketed && size > 0 && host[size - 1] == ']')
        size--;
    else if (is_bracketed || (colon && memchr(host, ':', size)))
        size = 0;
    if (size == 0 || str_to_int(colon + 1, 0, 65535, &port, err) < 0)
        return err_set(err, ERR_USAGE, "an address such as 127.0.0.1:8321 or [::1]:8321");
    free(conf->listen);
    free(conf->listen_host);
    conf->listen = mem_str(text);
    conf->listen_host = mem_strn(host, size);
    conf->listen_port = port;
    return 0;
}

const struct opt dashboard_options[] = {
    {.key = "listen",
     .type = OPT_PARSED,
     .parse = parse_listen,
     .standard = "127.0.0.1:8321",
     .pattern = ".+:[0-9]{1,5}",
     .kind = "an address: 127.0.0.1:8321",
     .help = "Where the dashboard is served. Port 0 takes any free one. An address that others can "
             "reach needs a `token`."},
    {.key = "token",
     .type = OPT_TEXT,
     .at = AT(token),
     .flags = OPT_SECRET,
     .help = "What a viewer must know, of at least 16 characters: `${VAR}`. If it is not given, a "
             "new one is made at each start, and only actions ask for it."},
    {.key = "hosts",
     .type = OPT_TEXTS,
     .at = AT(hosts),
     .count_at = AT(host_count),
     .help = "Names by which it is reached beside its address, such as that of a proxy before it: "
             "`data.example.org`, with a port if it is not the standard one."},
    {0}};

void board_conf_close(struct board_conf *conf)
{
    for (size_t i = 0; i < conf->host_count; i++)
        free(conf->hosts[i]);
    free(conf->hosts);
    free(conf->listen);
    free(conf->listen_host);
    free(conf->token);
    *conf = (struct board_conf){0};
}
