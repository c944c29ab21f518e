/*
 * Finding a command and understanding its line.
 */
#include "cmd/cmd.h"

#include "base/str.h"

#include <string.h>

#include "base/banned.h"

const struct cmd_option cmd_common_options[] = {
    {"help", 'h', NULL, "Shows this help."},
    {"json", 0, NULL, "Prints one JSON document to stdout in place of text."},
    {"quiet", 'q', NULL, "Prints nothing but errors and results."},
    {"verbose", 'v', NULL, "Says more of what it does."},
    {"log-format", 0, "text|json", "How lines on stderr are written; text if not given."},
    {NULL, 0, NULL, NULL},
};

const struct cmd *cmd_find(const char *name)
{
    for (const struct cmd *cmd = commands; cmd->name; cmd++)
        if (str_same(cmd->name, name))
            return cmd;
    return NULL;
}

static size_t option_count(const struct cmd_option *options)
{
    size_t count = 0;

    while (options && options[count].name)
        count++;
    return count;
}

/* The row whose name is the first `size` bytes of `name`, or that has the letter; or NULL. */
static const struct cmd_option *find_option(const struct cmd_option *options, const char *name,
                                            size_t size, char letter)
{
    for (const struct cmd_option *row = options; row && row->name; row++)
        if (letter ? row->letter == letter
                   : strlen(row->name) == size && strncmp(row->name, name, size) == 0)
            return row;
    return NULL;
}

static int unknown_option(const struct cmd *cmd, const char *given, struct err *err)
{
    const char *names[CMD_MOST_OPTIONS + 8];
    size_t count = 0;
    const char *nearest;

    for (size_t i = 0; i < option_count(cmd->options); i++)
        names[count++] = cmd->options[i].name;
    for (size_t i = 0; cmd_common_options[i].name; i++)
        names[count++] = cmd_common_options[i].name;
    err_set(err, ERR_USAGE, "unknown option \"%s\"", given);
    nearest = given[1] == '-' ? str_nearest(given + 2, names, count) : NULL;
    if (nearest)
        return err_hint(err, "Did you mean --%s? See riacho %s --help.", nearest, cmd->name);
    return err_hint(err, "See riacho %s --help.", cmd->name);
}

static int set_common(struct cmd_line *line, const struct cmd_option *option, const char *value,
                      struct err *err)
{
    if (str_same(option->name, "help"))
        line->help = true;
    else if (str_same(option->name, "json"))
        line->json = true;
    else if (str_same(option->name, "quiet"))
        line->quiet = true;
    else if (str_same(option->name, "verbose"))
        line->verbose = true;
    else if (str_same(value, "json"))
        line->log_json = true;
    else if (!str_same(value, "text"))
        return err_set(err, ERR_USAGE, "--log-format is text or json, not \"%s\"", value);
    if (line->json && !line->cmd->lists)
        return err_set(err, ERR_USAGE, "riacho %s has no --json", line->cmd->name);
    return 0;
}

/* Understands one option at argv[at]. Returns how many further words it took. */
static int parse_option(struct cmd_line *line, int argc, char *const *argv, int at, struct err *err)
{
    const struct cmd *cmd = line->cmd;
    const bool is_long = argv[at][1] == '-';
    const char *name = argv[at] + 2;
    const char *equals = is_long ? strchr(name, '=') : NULL;
    const size_t size = equals ? (size_t)(equals - name) : strlen(name);
    const char letter = is_long ? 0 : argv[at][1];
    const struct cmd_option *common = find_option(cmd_common_options, name, size, letter);
    const struct cmd_option *own = find_option(cmd->options, name, size, letter);
    const struct cmd_option *option = own ? own : common;
    const char *value = equals ? equals + 1 : NULL;
    int taken = 0;

    if (option == NULL || (!is_long && argv[at][2] != '\0'))
        return unknown_option(cmd, argv[at], err);
    if (option->value == NULL && equals)
        return err_set(err, ERR_USAGE, "--%s takes no value", option->name);
    if (option->value && value == NULL) {
        if (at + 1 >= argc)
            return err_set(err, ERR_USAGE, "--%s needs a value: %s", option->name, option->value);
        value = argv[at + 1];
        taken = 1;
    }
    if (own)
        line->values[own - cmd->options] = value ? value : "";
    else
        TRY(set_common(line, common, value, err));
    return taken;
}

static int check_arg_count(const struct cmd_line *line, struct err *err)
{
    const struct cmd *cmd = line->cmd;

    if (line->help || (line->arg_count >= cmd->least_args && line->arg_count <= cmd->most_args))
        return 0;
    if (line->arg_count < cmd->least_args)
        err_set(err, ERR_USAGE, "riacho %s needs %s", cmd->name, cmd->args);
    else
        err_set(err, ERR_USAGE, "riacho %s does not take \"%s\"", cmd->name,
                line->args[cmd->most_args]);
    return err_hint(err, "Usage: riacho %s%s%s", cmd->name, cmd->args ? " " : "",
                    cmd->args ? cmd->args : "");
}

int cmd_parse(const struct cmd *cmd, int argc, char *const *argv, struct cmd_line *ret_line,
              struct err *err)
{
    struct cmd_line line = {.cmd = cmd};
    bool only_args = false;

    for (int i = 0; i < argc; i++) {
        int taken;

        if (!only_args && str_same(argv[i], "--")) {
            only_args = true;
            continue;
        }
        if (!only_args && argv[i][0] == '-' && argv[i][1] != '\0') {
            taken = parse_option(&line, argc, argv, i, err);
            TRY(taken);
            i += taken;
            continue;
        }
        if (line.arg_count == CMD_MOST_ARGS)
            return err_set(err, ERR_USAGE, "more than %d arguments", CMD_MOST_ARGS);
        line.args[line.arg_count++] = argv[i];
    }
    TRY(check_arg_count(&line, err));
    *ret_line = line;
    return 0;
}

const char *cmd_value(const struct cmd_line *line, const char *option)
{
    const struct cmd_option *row = find_option(line->cmd->options, option, strlen(option), 0);

    return row ? line->values[row - line->cmd->options] : NULL;
}

bool cmd_flag(const struct cmd_line *line, const char *option)
{
    return cmd_value(line, option) != NULL;
}
