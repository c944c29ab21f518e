/*
 * Picks the command, runs it, prints the one error, sets the exit status.
 */
#include "base/logger.h"
#include "base/stop.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "riacho.h"
#include "source/source.h"

#include <stdio.h>

#include "base/banned.h"

#define STATUS_FAILED 1
#define STATUS_USAGE 2

static int print_overview(FILE *to)
{
    AUTO(buf) text = {0};

    cmd_put_overview(&text);
    fputs(text.data, to);
    return to == stdout ? 0 : STATUS_USAGE;
}

static int unknown_command(const char *name, struct err *err)
{
    const char *names[64];
    size_t count = 0;
    const char *nearest;

    for (const struct cmd *cmd = commands; cmd->name && count < 64; cmd++)
        names[count++] = cmd->name;
    err_set(err, ERR_USAGE, "there is no command \"%s\"", name);
    nearest = str_nearest(name, names, count);
    if (nearest)
        return err_hint(err, "Did you mean riacho %s?", nearest);
    return err_hint(err, "riacho --help lists the commands.");
}

static int run_command(int argc, char **argv, struct err *err)
{
    const struct cmd *cmd = cmd_find(argv[1]);
    struct cmd_line line;

    if (cmd == NULL)
        return unknown_command(argv[1], err);
    TRY(cmd_parse(cmd, argc - 2, argv + 2, &line, err));
    if (line.help) {
        AUTO(buf) text = {0};

        cmd_put_help(&text, cmd);
        fputs(text.data, stdout);
        return 0;
    }
    log_setup(line.quiet     ? LOG_ERROR
              : line.verbose ? LOG_DEBUG
                             : LOG_INFO,
              line.log_json ? LOG_JSON : LOG_TEXT);
    source_global_setup();
    return cmd->run(&line, err);
}

static int status_of(const struct err *err)
{
    if (err->code == ERR_STOPPED && stop_signal() != 0)
        return 128 + stop_signal();
    return err->code == ERR_USAGE ? STATUS_USAGE : STATUS_FAILED;
}

/* "riacho help run" is "riacho run --help". */
static void turn_help(int argc, char **argv)
{
    static char option[] = "--help";

    if (argc == 3 && str_same(argv[1], "help")) {
        argv[1] = argv[2];
        argv[2] = option;
    }
}

int main(int argc, char **argv)
{
    struct err err = {0};
    int status;

    if (argc < 2)
        return print_overview(stderr);
    turn_help(argc, argv);
    if (str_same(argv[1], "--help") || str_same(argv[1], "-h") || str_same(argv[1], "help"))
        return print_overview(stdout);
    if (str_same(argv[1], "--version")) {
        puts("riacho " RIACHO_VERSION);
        return 0;
    }
    stop_on_signals();
    status = run_command(argc, argv, &err);
    if (status < 0) {
        log_err(&err);
        return status_of(&err);
    }
    /* A write that failed before the last leaves its mark, and nothing to flush. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        err_set(&err, ERR_IO, "could not write all of the output to stdout");
        log_err(&err);
        return STATUS_FAILED;
    }
    return status;
}
