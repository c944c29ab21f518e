/*
 * The front door: every command is one row of a table, and the row is the source of the parser, the
 * help, the man page and the shell completions.
 */
#ifndef RIACHO_CMD_H
#define RIACHO_CMD_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define CMD_MOST_ARGS 64
#define CMD_MOST_OPTIONS 16

struct cmd_option {
    const char *name;  /* "older-than"; NULL ends the table */
    char letter;       /* 'q', or 0 */
    const char *value; /* what it takes ("AGE"); NULL: a flag */
    const char *help;
};

struct cmd;

/* A command line that was understood. Texts are borrowed from argv. */
struct cmd_line {
    const struct cmd *cmd;
    const char *args[CMD_MOST_ARGS];
    size_t arg_count;
    const char *values[CMD_MOST_OPTIONS]; /* by row of cmd->options; flags: ""; NULL: not given */
    bool json;
    bool quiet;
    bool verbose;
    bool log_json;
    bool help;
};

struct cmd {
    const char *name;
    const char *args; /* "FILE [ID…]", for the usage line; NULL: none */
    size_t least_args;
    size_t most_args;
    const char *summary; /* one line, lower case */
    const char *about;   /* a paragraph or two for its own help; NULL: none */
    const char *example;
    bool lists;                       /* has --json */
    bool hidden;                      /* not in the list of commands */
    const struct cmd_option *options; /* NULL: none */

    /* Returns the exit status (0 or 3), or -1 with err. */
    int (*run)(const struct cmd_line *line, struct err *err);
};

/* All commands; the last has name NULL. */
extern const struct cmd commands[];

/* The options that every command takes. */
extern const struct cmd_option cmd_common_options[];

const struct cmd *cmd_find(const char *name);

/* Understands what follows the command's name; ERR_USAGE with «did you mean» otherwise. */
MUST_CHECK int cmd_parse(const struct cmd *cmd, int argc, char *const *argv,
                         struct cmd_line *ret_line, struct err *err);

bool cmd_flag(const struct cmd_line *line, const char *option);
const char *cmd_value(const struct cmd_line *line, const char *option); /* NULL: not given */

/* Text for people and for generated pages. */
void cmd_put_overview(struct buf *to);                    /* riacho --help */
void cmd_put_help(struct buf *to, const struct cmd *cmd); /* riacho run --help */
void cmd_put_markdown(struct buf *to);                    /* docs/commands.md */
void cmd_put_man(struct buf *to);                         /* riacho.1 */
MUST_CHECK int cmd_put_completion(struct buf *to, const char *shell, struct err *err);

#endif
