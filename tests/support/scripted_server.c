/*
 * One thread polls the listening socket and the connections; a request that is readable is read
 * whole and answered before anything else happens.
 */
#include "scripted_server.h"

#include "base/buf.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/banned.h"

#define MOST_CONNECTIONS 16

struct answer {
    char *bytes;
    size_t size;
    int wait_ms;
    int linger_ms;
    enum server_end end;
};

struct server {
    char url[64];
    int wake[2];
    pthread_t thread;
    struct pollfd fds[2 + MOST_CONNECTIONS]; /* wake, listener, connections; the thread's own */
    size_t fd_count;

    pthread_mutex_t lock; /* guards all below */
    struct answer *answers;
    size_t answer_count;
    size_t answered;
    char **requests;
    size_t request_count;
    size_t connections;
};

/* ---- the thread ---- */

static void drop_connection(struct server *server, size_t index)
{
    close(server->fds[index].fd);
    server->fds[index] = server->fds[--server->fd_count];
}

static void accept_connection(struct server *server)
{
    const int fd = accept(server->fds[1].fd, NULL, NULL);

    if (fd < 0)
        return;
    if (server->fd_count == 2 + MOST_CONNECTIONS)
        drop_connection(server, 2);
    server->fds[server->fd_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    pthread_mutex_lock(&server->lock);
    server->connections++;
    pthread_mutex_unlock(&server->lock);
}

static size_t body_size(const char *head)
{
    const char *line = strcasestr(head, "\r\ncontent-length:");

    return line ? (size_t)strtoul(line + 17, NULL, 10) : 0;
}

/* Reads a request, head and body. Returns NULL if the other side is gone. The caller frees. */
static char *read_request(int fd)
{
    AUTO(buf) request = {0};

    for (;;) {
        const char *end = request.size ? strstr(request.data, "\r\n\r\n") : NULL;
        char bytes[4096];
        ssize_t got;

        if (end && request.size >= (size_t)(end + 4 - request.data) + body_size(request.data))
            return buf_take(&request);
        got = recv(fd, bytes, sizeof bytes, 0);
        if (got <= 0)
            return NULL;
        buf_put(&request, bytes, (size_t)got);
    }
}

static void sleep_ms(int ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&time, NULL);
}

static void send_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        bytes += sent;
        size -= (size_t)sent;
    }
}

/* Takes note of the request, and says what to answer. */
static struct answer next_answer(struct server *server, char *request_taken)
{
    static char over[] = "HTTP/1.1 418 the script is over\r\nContent-Length: 0\r\n\r\n";
    struct answer answer = {.bytes = over, .size = sizeof over - 1};

    pthread_mutex_lock(&server->lock);
    *MEM_PUSH(server->requests, server->request_count) = request_taken;
    if (server->answered < server->answer_count)
        answer = server->answers[server->answered++];
    pthread_mutex_unlock(&server->lock);
    return answer;
}

static void serve(struct server *server, size_t index)
{
    const int fd = server->fds[index].fd;
    char *request = read_request(fd);
    struct answer answer;

    if (request == NULL) {
        drop_connection(server, index);
        return;
    }
    answer = next_answer(server, request);
    sleep_ms(answer.wait_ms);
    send_all(fd, answer.bytes, answer.size);
    sleep_ms(answer.linger_ms);
    if (answer.end == SERVER_RESETS)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1},
                   sizeof(struct linger));
    if (answer.end != SERVER_KEEPS)
        drop_connection(server, index);
}

static void *run(void *ctx)
{
    struct server *server = ctx;

    while (poll(server->fds, server->fd_count, -1) > 0 && server->fds[0].revents == 0) {
        for (size_t i = server->fd_count; i-- > 2;)
            if (server->fds[i].revents)
                serve(server, i);
        if (server->fds[1].revents)
            accept_connection(server);
    }
    while (server->fd_count > 1)
        drop_connection(server, server->fd_count - 1);
    return NULL;
}

/* ---- the test's side ---- */

struct server *server_open(void)
{
    struct server *server = mem_alloc(sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0 || pipe(server->wake) != 0)
        abort();
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    server->fds[0] = (struct pollfd){.fd = server->wake[0], .events = POLLIN};
    server->fds[1] = (struct pollfd){.fd = fd, .events = POLLIN};
    server->fd_count = 2;
    pthread_mutex_init(&server->lock, NULL);
    if (pthread_create(&server->thread, NULL, run, server) != 0)
        abort();
    return server;
}

void server_close(struct server *server)
{
    if (write(server->wake[1], "", 1) != 1)
        abort();
    pthread_join(server->thread, NULL);
    close(server->wake[0]);
    close(server->wake[1]);
    for (size_t i = 0; i < server->answer_count; i++)
        free(server->answers[i].bytes);
    for (size_t i = 0; i < server->request_count; i++)
        free(server->requests[i]);
    free(server->answers);
    free(server->requests);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

const char *server_url(const struct server *server)
{
    return server->url;
}

void server_says_bytes(struct server *server, const void *bytes, size_t size, enum server_end end)
{
    const struct answer answer = {.bytes = mem_strn(bytes, size), .size = size, .end = end};

    pthread_mutex_lock(&server->lock);
    *MEM_PUSH(server->answers, server->answer_count) = answer;
    pthread_mutex_unlock(&server->lock);
}

void server_says(struct server *server, int status, const char *headers, const char *body)
{
    AUTO(buf) bytes = {0};

    buf_printf(&bytes, "HTTP/1.1 %d x\r\n%sContent-Length: %zu\r\n\r\n", status, headers,
               strlen(body));
    buf_puts(&bytes, body);
    server_says_bytes(server, bytes.data, bytes.size, SERVER_KEEPS);
}

void server_says_chunked(struct server *server, const char *body, size_t size, size_t chunk,
                         size_t chunks)
{
    AUTO(buf) bytes = {0};
    size_t at = 0;

    buf_puts(&bytes, "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; at < size && (chunks == 0 || i < chunks); i++) {
        const size_t part = size - at < chunk ? size - at : chunk;

        buf_printf(&bytes, "%zx\r\n", part);
        buf_put(&bytes, body + at, part);
        buf_puts(&bytes, "\r\n");
        at += part;
    }
    if (chunks == 0)
        buf_puts(&bytes, "0\r\n\r\n");
    server_says_bytes(server, bytes.data, bytes.size, chunks ? SERVER_CLOSES : SERVER_KEEPS);
}

void server_waits(struct server *server, int ms)
{
    pthread_mutex_lock(&server->lock);
    server->answers[server->answer_count - 1].wait_ms = ms;
    pthread_mutex_unlock(&server->lock);
}

void server_lingers(struct server *server, int ms)
{
    pthread_mutex_lock(&server->lock);
    server->answers[server->answer_count - 1].linger_ms = ms;
    pthread_mutex_unlock(&server->lock);
}

static size_t read_count(struct server *server, const size_t *count)
{
    size_t value;

    pthread_mutex_lock(&server->lock);
    value = *count;
    pthread_mutex_unlock(&server->lock);
    return value;
}

size_t server_requests(struct server *server)
{
    return read_count(server, &server->request_count);
}

size_t server_connections(struct server *server)
{
    return read_count(server, &server->connections);
}

const char *server_request(struct server *server, size_t index)
{
    const char *request = "";

    pthread_mutex_lock(&server->lock);
    if (index < server->request_count)
        request = server->requests[index];
    pthread_mutex_unlock(&server->lock);
    return request;
}

bool server_request_has(struct server *server, size_t index, const char *line)
{
    char *wanted = mem_fmt("\r\n%s\r\n", line);
    const bool has = strcasestr(server_request(server, index), wanted) != NULL;

    free(wanted);
    return has;
}
