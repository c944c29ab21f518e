/*
 * Addresses as people write them, and the sockets behind them.
 */
#include "base/listen.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

/* The two parts, each to be freed. */
static int split_address(const char *address, char **ret_host, char **ret_port, struct err *err)
{
    const char *colon = strrchr(address, ':');
    const bool bracketed = colon != NULL && address[0] == '[' && colon[-1] == ']';
    int64_t port;

    if (colon == NULL || colon == address || str_to_int(colon + 1, 0, 65535, &port, err) < 0) {
        err_set(err, ERR_USAGE, "\"%.200s\" is not an address to listen on", address);
        return err_hint(err, "Write it as host:port, such as 127.0.0.1:8320.");
    }
    *ret_host = mem_strn(address + bracketed, (size_t)(colon - address) - 2 * bracketed);
    *ret_port = mem_str(colon + 1);
    return 0;
}

static int bind_to(const struct addrinfo *to)
{
    const int fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, to->ai_protocol);
    const int yes = 1;
    int why;

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(fd, to->ai_addr, to->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* The port may be one that the kernel chose. */
static void name_socket(int fd, char ret_address[LISTEN_ADDRESS])
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    char host[48] = "";
    char port[8] = "";

    getsockname(fd, (struct sockaddr *)&bound, &size);
    getnameinfo((struct sockaddr *)&bound, size, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(ret_address, LISTEN_ADDRESS, strchr(host, ':') == NULL ? "%s:%s" : "[%s]:%s", host,
             port);
}

int listen_open(const char *address, int *ret_fd, char ret_address[LISTEN_ADDRESS], struct err *err)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char *host = NULL;
    char *port = NULL;
    int failed;
    int fd;

    TRY(split_address(address, &host, &port, err));
    failed = getaddrinfo(host, port, &hints, &found);
    free(host);
    free(port);
    if (failed != 0)
        return err_set(err, ERR_IO, "could not listen on \"%s\": %s", address,
                       gai_strerror(failed));
    fd = bind_to(found);
    freeaddrinfo(found);
    if (fd < 0)
        return err_errno(err, "could not listen on \"%s\"", address);
    name_socket(fd, ret_address);
    *ret_fd = fd;
    return 0;
}
