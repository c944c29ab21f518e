/*
 * Starting and stopping the board.
 */
#include "board/board.h"

#include "base/clock.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"
#include "board/board_parts.h"
#include "board/routes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

/* ---- the token ---- */

static bool has_token(const struct board_conf *conf)
{
    return conf->token != NULL && *conf->token != '\0';
}

/* Whether only this machine reaches the address. */
static bool is_private(const char *listen)
{
    const char *colon = strrchr(listen, ':');
    const bool is_bracketed = *listen == '[';
    char *host =
        colon ? mem_strn(listen + is_bracketed, (size_t)(colon - listen) - (is_bracketed ? 2 : 0))
              : mem_str(listen);
    const bool is_loopback = guard_is_loopback(host);

    free(host);
    return is_loopback;
}

static int check_address(const char *listen, const struct board_conf *conf, struct err *err)
{
    if (is_private(listen) || has_token(conf))
        return 0;
    err_set(err, ERR_USAGE, "the dashboard may not listen on \"%s\" without a token", listen);
    return err_hint(err, "Others can reach that address. Set dashboard.token to ${VAR} in the "
                         "pipeline file, or listen on 127.0.0.1.");
}

/* So that who may read the state can act without having seen the start. */
static int write_token(struct board_impl *impl, struct err *err)
{
    char *path = mem_fmt("%s/dashboard.token", impl->setup.journal->dir);
    const size_t size = strlen(impl->login.token);
    int fd;
    bool is_written;

    unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    is_written = fd >= 0 && write(fd, impl->login.token, size) == (ssize_t)size;
    if (!is_written)
        err_errno(err, "could not write \"%s\"", path);
    if (fd >= 0)
        close(fd);
    impl->token_path = path;
    return is_written ? 0 : -1;
}

/* Another dashboard may have written its own there meanwhile. */
static void remove_token(struct board_impl *impl)
{
    AUTO(buf) found = {0};
    struct err ignored;

    if (impl->token_path && fs_read(impl->token_path, 128, &found, &ignored) == 0 &&
        str_same(buf_text(&found), impl->login.token))
        unlink(impl->token_path);
    free(impl->token_path);
    impl->token_path = NULL;
}

/* ---- life ---- */

static int open_server(struct board *board, const char *listen, struct err *err)
{
    struct board_impl *impl = board->impl;
    const struct board_conf *conf = impl->setup.conf;
    int fd = -1;

    TRY(listen_open(listen, &fd, board->address, err));
    guard_open(&impl->guard, board->address, conf->hosts, conf->host_count);
    impl->server.board = board;
    impl->server.clients = &impl->clients;
    impl->server.guard = &impl->guard;
    impl->server.answer = routes_answer;
    return web_server_open(&impl->server, fd, err);
}

static int start(struct board *board, struct err *err)
{
    struct board_impl *impl = board->impl;
    const struct board_conf *conf = impl->setup.conf;
    const char *listen = impl->setup.listen ? impl->setup.listen : conf->listen;

    TRY(check_address(listen, conf, err));
    TRY(login_open(&impl->login, conf->token, has_token(conf), err));
    impl->is_token_new = !has_token(conf);
    journal_pool_open(&impl->pool, impl->setup.journal);
    queries_open(&impl->queries, &impl->setup, &impl->pool);
    TRY(events_open(&impl->events, &impl->setup, &impl->pool, &impl->clients, err));
    TRY(open_server(board, listen, err));
    return impl->is_token_new && !impl->setup.is_read_only ? write_token(impl, err) : 0;
}

int board_open(struct board *board, const struct board_setup *setup, struct err *err)
{
    board->impl = mem_alloc(sizeof *board->impl);
    board->impl->setup = *setup;
    board->impl->started_ms = clock_wall_ms();
    clients_open(&board->impl->clients);
    if (start(board, err) == 0)
        return 0;
    board_close(board);
    return -1;
}

void board_close(struct board *board)
{
    struct board_impl *impl = board->impl;

    if (impl == NULL)
        return;
    events_stop(&impl->events);
    queries_stop(&impl->queries);
    web_server_close(&impl->server);
    queries_close(&impl->queries);
    events_close(&impl->events);
    clients_close(&impl->clients);
    journal_pool_close(&impl->pool);
    remove_token(impl);
    login_close(&impl->login);
    guard_close(&impl->guard);
    free(impl);
    *board = (struct board){0};
}

const char *board_token(const struct board *board)
{
    return board->impl->login.token;
}

bool board_token_is_new(const struct board *board)
{
    return board->impl->is_token_new;
}
