/*
 * What the command table says to people: help, Markdown, man page, shell completions.
 */
#include "base/str.h"
#include "cmd/cmd.h"
#include "riacho.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

#define HEAD_WIDTH 22 /* of options in a command's help */

static const char overview_head[] =
    "riacho carries data from any public HTTP API to clean Parquet, live.\n"
    "\n"
    "Usage: riacho COMMAND [FILE] [OPTIONS]\n"
    "\n"
    "  riacho demo                  a first run on real earthquakes, in ./riacho-demo\n"
    "  riacho init                  writes a pipeline file to start from\n"
    "  riacho run pipeline.yaml     carries all there is, once\n"
    "\n"
    "Commands:\n";

static const char exit_statuses[] = "0 done; 1 failed (what was done so far is safe: run again to "
                                    "go on); 2 the command line or the\n"
                                    "pipeline file is wrong, nothing was touched; 3 done, but "
                                    "there are open dead letters, or compare\n"
                                    "found a difference; 130 or 143 interrupted, cleanly.\n";

void cmd_put_overview(struct buf *to)
{
    buf_puts(to, overview_head);
    for (const struct cmd *cmd = commands; cmd->name; cmd++)
        if (!cmd->hidden)
            buf_printf(to, "  %-12s %s\n", cmd->name, cmd->summary);
    buf_puts(to, "\nriacho COMMAND --help tells more; riacho --version tells which this is.\n");
}

static void put_usage(struct buf *to, const struct cmd *cmd)
{
    buf_printf(to, "riacho %s%s%s%s", cmd->name, cmd->args ? " " : "", cmd->args ? cmd->args : "",
               cmd->options ? " [OPTIONS]" : "");
}

static void put_option_head(struct buf *to, const struct cmd_option *option)
{
    buf_printf(to, "--%s%s%s", option->name, option->value ? " " : "",
               option->value ? option->value : "");
    if (option->letter)
        buf_printf(to, ", -%c", option->letter);
}

static bool is_taken(const struct cmd *cmd, const struct cmd_option *common)
{
    return cmd->lists || !str_same(common->name, "json");
}

static void put_options(struct buf *to, const struct cmd *cmd, const struct cmd_option *options)
{
    for (const struct cmd_option *option = options; option && option->name; option++) {
        AUTO(buf) head = {0};

        if (!is_taken(cmd, option))
            continue;
        put_option_head(&head, option);
        /* One that is too wide stands on a line of its own. */
        buf_printf(to, "  %-*s%s", HEAD_WIDTH, head.data,
                   head.size > HEAD_WIDTH ? "\n                         " : " ");
        buf_printf(to, "%s\n", option->help);
    }
}

void cmd_put_help(struct buf *to, const struct cmd *cmd)
{
    buf_printf(to, "riacho %s: %s\n\nUsage: ", cmd->name, cmd->summary);
    put_usage(to, cmd);
    if (cmd->example)
        buf_printf(to, "\n\nExample:\n  %s", cmd->example);
    if (cmd->about)
        buf_printf(to, "\n\n%s", cmd->about);
    buf_puts(to, "\n\nOptions:\n");
    put_options(to, cmd, cmd->options);
    put_options(to, cmd, cmd_common_options);
}

void cmd_put_markdown(struct buf *to)
{
    buf_puts(to, "# Commands\n\nMade from the command table, by `riacho manual markdown`.\n");
    for (const struct cmd *cmd = commands; cmd->name; cmd++) {
        if (cmd->hidden)
            continue;
        buf_printf(to, "\n## riacho %s\n\n```\n", cmd->name);
        cmd_put_help(to, cmd);
        buf_puts(to, "```\n");
    }
    buf_printf(to, "\n## Exit status\n\n%s", exit_statuses);
}

/* roff: a backslash and a leading dot or quote are commands, a hyphen is a minus. */
static void put_roff(struct buf *to, const char *text)
{
    bool line_start = true;

    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            buf_puts(to, "\\&");
        if (*text == '\\' || *text == '-')
            buf_putc(to, '\\');
        buf_putc(to, *text);
        line_start = *text == '\n';
    }
}

static void put_man_options(struct buf *to, const struct cmd_option *options)
{
    for (const struct cmd_option *option = options; option && option->name; option++) {
        AUTO(buf) head = {0};

        put_option_head(&head, option);
        buf_puts(to, ".TP\n.B ");
        put_roff(to, head.data);
        buf_putc(to, '\n');
        put_roff(to, option->help);
        buf_putc(to, '\n');
    }
}

static void put_man_command(struct buf *to, const struct cmd *cmd)
{
    AUTO(buf) usage = {0};

    put_usage(&usage, cmd);
    buf_puts(to, ".SS \"");
    put_roff(to, usage.data);
    buf_puts(to, "\"\n");
    put_roff(to, cmd->summary);
    buf_puts(to, ".\n");
    if (cmd->about) {
        buf_puts(to, ".PP\n");
        put_roff(to, cmd->about);
        buf_putc(to, '\n');
    }
    put_man_options(to, cmd->options);
}

void cmd_put_man(struct buf *to)
{
    buf_puts(to, ".TH RIACHO 1 \"\" \"riacho " RIACHO_VERSION "\" \"User Commands\"\n"
                 ".SH NAME\nriacho \\- from any public HTTP API to clean Parquet, live\n"
                 ".SH SYNOPSIS\n.B riacho\n.I COMMAND\n.RI [ FILE ]\n.RI [ OPTIONS ]\n"
                 ".SH COMMANDS\n");
    for (const struct cmd *cmd = commands; cmd->name; cmd++)
        if (!cmd->hidden)
            put_man_command(to, cmd);
    buf_puts(to, ".SH OPTIONS OF EVERY COMMAND\n");
    put_man_options(to, cmd_common_options);
    buf_puts(to, ".SH EXIT STATUS\n");
    put_roff(to, exit_statuses);
}

/* "list|retry|drop FILE" begins with one of a few words; "FILE" with what a shell knows. */
static bool has_choices(const char *text)
{
    return text && text[strcspn(text, "| ")] == '|';
}

static void put_choices(struct buf *to, const char *text)
{
    for (; *text && *text != ' '; text++)
        buf_putc(to, *text == '|' ? ' ' : *text);
}

/* No option takes a file, so behind one that takes a value none is offered. */
static void put_bash_values(struct buf *to, const char *cmd, const struct cmd_option *options)
{
    for (const struct cmd_option *option = options; option && option->name; option++) {
        if (option->value == NULL)
            continue;
        buf_printf(to, "    %s\" --%s\") ", cmd, option->name);
        if (has_choices(option->value)) {
            buf_puts(to, "COMPREPLY=($(compgen -W \"");
            put_choices(to, option->value);
            buf_puts(to, "\" -- \"$cur\")); ");
        }
        buf_puts(to, "return ;;\n");
    }
}

static void put_bash_command(struct buf *to, const struct cmd *cmd)
{
    buf_printf(to, "    %s) opts=\"$opts", cmd->name);
    for (const struct cmd_option *option = cmd->options; option && option->name; option++)
        buf_printf(to, " --%s", option->name);
    buf_putc(to, '"');
    if (has_choices(cmd->args)) {
        buf_puts(to, "; words=\"");
        put_choices(to, cmd->args);
        buf_putc(to, '"');
    }
    buf_puts(to, " ;;\n");
}

static void put_bash(struct buf *to)
{
    buf_puts(to, "_riacho() {\n"
                 "  local cur=${COMP_WORDS[COMP_CWORD]} cmd=${COMP_WORDS[1]}\n"
                 "  local prev=${COMP_WORDS[COMP_CWORD-1]} words=\"\"\n"
                 "  COMPREPLY=()\n"
                 "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    COMPREPLY=($(compgen -W \"");
    for (const struct cmd *cmd = commands; cmd->name; cmd++)
        if (!cmd->hidden)
            buf_printf(to, "%s ", cmd->name);
    buf_puts(to, "--help --version\" -- \"$cur\"))\n    return\n  fi\n  case \"$cmd $prev\" in\n");
    for (const struct cmd *cmd = commands; cmd->name; cmd++)
        if (!cmd->hidden)
            put_bash_values(to, cmd->name, cmd->options);
    put_bash_values(to, "*", cmd_common_options);
    buf_puts(to, "  esac\n  local opts=\"");
    for (const struct cmd_option *option = cmd_common_options; option->name; option++)
        buf_printf(to, "--%s ", option->name);
    buf_puts(to, "\"\n  case $cmd in\n");
    for (const struct cmd *cmd = commands; cmd->name; cmd++)
        if (!cmd->hidden)
            put_bash_command(to, cmd);
    buf_puts(to,
             "  esac\n"
             "  [ \"$COMP_CWORD\" -eq 2 ] || words=\"\"\n"
             "  case $cur in\n    -*) COMPREPLY=($(compgen -W \"$opts\" -- \"$cur\")) ;;\n"
             "    *) if [ -n \"$words\" ]; then COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
             "       else COMPREPLY=($(compgen -f -- \"$cur\")); fi ;;\n  esac\n}\n"
             "complete -o filenames -F _riacho riacho\n");
}

/* Text inside single quotes of a shell. */
static void put_quoted(struct buf *to, const char *text)
{
    buf_putc(to, '\'');
    for (; *text; text++)
        if (*text == '\'')
            buf_puts(to, "'\\''");
        else
            buf_putc(to, *text);
    buf_putc(to, '\'');
}

static void put_fish_option(struct buf *to, const char *cmd, const struct cmd_option *option)
{
    buf_puts(to, "complete -c riacho");
    if (cmd)
        buf_printf(to, " -n '__fish_seen_subcommand_from %s'", cmd);
    buf_printf(to, " -l %s%s", option->name, option->value ? " -x" : "");
    if (has_choices(option->value)) {
        buf_puts(to, " -a '");
        put_choices(to, option->value);
        buf_putc(to, '\'');
    }
    buf_puts(to, " -d ");
    put_quoted(to, option->help);
    buf_putc(to, '\n');
}

static void put_fish_words(struct buf *to, const struct cmd *cmd)
{
    buf_printf(to,
               "complete -c riacho -n '__fish_seen_subcommand_from %s; and not "
               "__fish_seen_subcommand_from ",
               cmd->name);
    put_choices(to, cmd->args);
    buf_puts(to, "' -f -a '");
    put_choices(to, cmd->args);
    buf_puts(to, "'\n");
}

static void put_fish(struct buf *to)
{
    for (const struct cmd *cmd = commands; cmd->name; cmd++) {
        if (cmd->hidden)
            continue;
        buf_printf(to, "complete -c riacho -n __fish_use_subcommand -a %s -d ", cmd->name);
        put_quoted(to, cmd->summary);
        buf_putc(to, '\n');
        if (has_choices(cmd->args))
            put_fish_words(to, cmd);
        for (const struct cmd_option *option = cmd->options; option && option->name; option++)
            put_fish_option(to, cmd->name, option);
    }
    for (const struct cmd_option *option = cmd_common_options; option->name; option++)
        put_fish_option(to, NULL, option);
}

int cmd_put_completion(struct buf *to, const char *shell, struct err *err)
{
    if (str_same(shell, "bash")) {
        put_bash(to);
        return 0;
    }
    if (str_same(shell, "zsh")) {
        buf_puts(to, "#compdef riacho\nautoload -U +X bashcompinit && bashcompinit\n");
        put_bash(to);
        return 0;
    }
    if (str_same(shell, "fish")) {
        put_fish(to);
        return 0;
    }
    return err_set(err, ERR_USAGE, "completions are for bash, zsh and fish, not for \"%s\"", shell);
}
