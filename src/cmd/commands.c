/*
 * The only list of commands.
 */
#include "cmd/cmd.h"
#include "cmd/cmd_board.h"
#include "cmd/cmd_compare.h"
#include "cmd/cmd_demo.h"
#include "cmd/cmd_doctor.h"
#include "cmd/cmd_look.h"
#include "cmd/cmd_mend.h"
#include "cmd/cmd_run.h"
#include "cmd/cmd_setup.h"
#include "cmd/cmd_top.h"

#include "base/banned.h"

#define ONE_FILE .args = "FILE", .least_args = 1, .most_args = 1

const struct cmd commands[] = {
    {
        .name = "init",
        .args = "[DIR]",
        .most_args = 1,
        .summary = "writes a commented pipeline file to start from",
        .example = "riacho init quakes && riacho run quakes/pipeline.yaml",
        .run = cmd_init,
    },
    {
        .name = "validate",
        ONE_FILE,
        .summary = "checks a pipeline file without touching network or disk",
        .about = "Every fault is told in one go, with file:line:column, what was expected, and "
                 "what was\n"
                 "probably meant.",
        .example = "riacho validate pipeline.yaml",
        .lists = true,
        .run = cmd_validate,
    },
    {
        .name = "run",
        ONE_FILE,
        .summary = "all stages in one process, until the source is exhausted",
        .about = "Extracts what is new, transforms and exports it, and tells what was done. After "
                 "a crash or\n"
                 "an interrupt, run it again: it goes on from the last page that was committed.",
        .example = "riacho run pipeline.yaml",
        .lists = true,
        .options = run_options,
        .run = cmd_run,
    },
    {
        .name = "extract",
        ONE_FILE,
        .summary = "one stage: the API into landing files, with their references",
        .example = "riacho extract pipeline.yaml --follow",
        .lists = true,
        .options = run_options,
        .run = cmd_extract,
    },
    {
        .name = "transform",
        ONE_FILE,
        .summary = "one stage: landing files into adjusted files",
        .about = "With --replay a table is made anew from all of its landing files, with today's "
                 "definition. The\n"
                 "new files take the old ones' place all at once.",
        .example = "riacho transform pipeline.yaml --replay quakes",
        .lists = true,
        .options = transform_command_options,
        .run = cmd_transform,
    },
    {
        .name = "export",
        ONE_FILE,
        .summary = "one stage: adjusted files into CSV",
        .example = "riacho export pipeline.yaml --follow",
        .lists = true,
        .options = export_command_options,
        .run = cmd_export,
    },
    {
        .name = "serve",
        ONE_FILE,
        .summary = "run --follow and the dashboard in one process",
        .about = "The address is printed at the start. By default only this machine reaches it; "
                 "see\n"
                 "docs/board.md for others.",
        .example = "riacho serve pipeline.yaml",
        .options = dashboard_command_options,
        .run = cmd_serve,
    },
    {
        .name = "dashboard",
        ONE_FILE,
        .summary = "the live page of a pipeline that runs elsewhere",
        .about = "Shows what the state knows, the files, and the live figures of every process "
                 "that works on\n"
                 "the pipeline on this host.",
        .example = "riacho dashboard pipeline.yaml --listen 127.0.0.1:8321",
        .options = dashboard_command_options,
        .run = cmd_dashboard,
    },
    {
        .name = "top",
        ONE_FILE,
        .summary = "the same live state in a terminal",
        .about = "Keys: q ends it, arrows and page keys scroll. NO_COLOR is honoured.",
        .example = "riacho top pipeline.yaml",
        .run = cmd_top,
    },
    {
        .name = "status",
        ONE_FILE,
        .summary = "runs, topics with lag, tables, dead letters",
        .example = "riacho status pipeline.yaml --json",
        .lists = true,
        .run = cmd_status,
    },
    {
        .name = "files",
        ONE_FILE,
        .summary = "the lineage: which file was made from which, pages and request",
        .example = "riacho files pipeline.yaml",
        .lists = true,
        .options = files_options,
        .run = cmd_files,
    },
    {
        .name = "suggest",
        .args = "FILE [RESOURCE]",
        .least_args = 1,
        .most_args = 2,
        .summary = "a columns: block for what has landed, to paste and edit",
        .example = "riacho suggest pipeline.yaml quakes",
        .run = cmd_suggest,
    },
    {
        .name = "compare",
        ONE_FILE,
        .summary = "a sample on both engines, DuckDB and Spark, and where they differ",
        .about = "Runs the pipeline's tables over the newest landed files on both, and shows which "
                 "row of which\n"
                 "file has what in which column. Changes nothing: no output, no state. Exits with "
                 "3 if anything\n"
                 "differs. docs/engine.md tells what differs by nature.",
        .example = "riacho compare pipeline.yaml --remote sc://host:15002",
        .lists = true,
        .options = compare_options,
        .run = cmd_compare,
    },
    {
        .name = "dead",
        .args = "list|retry|drop FILE [ID…]",
        .least_args = 2,
        .most_args = CMD_MOST_ARGS,
        .summary = "the dead letters: references whose data could not be processed",
        .about = "retry and drop take ids, or --all. A letter that was tried again is worked off "
                 "by the next\n"
                 "run, transform or export.",
        .example = "riacho dead retry pipeline.yaml --all",
        .lists = true,
        .options = dead_options,
        .run = cmd_dead,
    },
    {
        .name = "state",
        .args = "show|reset|move FILE [RESOURCE…]",
        .least_args = 2,
        .most_args = CMD_MOST_ARGS,
        .summary = "cursors and schemas; start a resource over",
        .about =
            "show tells each resource's cursor, position and schema. reset forgets the cursor, "
            "the\nposition and the place of the records of the resources named (or --all): "
            "their next run\nbegins at the beginning, and its records land again. Files stay. "
            "move takes unread\nreferences to another broker (--to).",
        .example = "riacho state reset pipeline.yaml quakes",
        .lists = true,
        .options = state_options,
        .run = cmd_state,
    },
    {
        .name = "prune",
        ONE_FILE,
        .summary = "removes landing files that were adjusted, and old history",
        .about = "Ids stay known: nothing that was worked off comes again.",
        .example = "riacho prune pipeline.yaml --older-than 30d --dry-run",
        .lists = true,
        .options = prune_options,
        .run = cmd_prune,
    },
    {
        .name = "doctor",
        .args = "[FILE]",
        .most_args = 1,
        .summary = "checks what is installed and reachable, one line each",
        .example = "riacho doctor pipeline.yaml",
        .lists = true,
        .run = cmd_doctor,
    },
    {
        .name = "sample-api",
        .summary = "real earthquakes over HTTP in the shape of the USGS event API",
        .example = "riacho sample-api --listen 127.0.0.1:8320",
        .options = sample_api_options,
        .run = cmd_sample_api,
    },
    {
        .name = "demo",
        .summary = "the sample API and the earthquake pipeline once, in ./riacho-demo",
        .example = "riacho demo",
        .run = cmd_demo,
    },
    {
        .name = "schema",
        .summary = "the JSON Schema (draft-07) of the pipeline file, for editors",
        .example = "riacho schema > riacho.schema.json",
        .options = schema_options,
        .run = cmd_schema,
    },
    {
        .name = "manual",
        .args = "markdown|man|bash|zsh|fish",
        .least_args = 1,
        .most_args = 1,
        .summary = "the commands as a page, a man page or shell completions",
        .example = "riacho manual bash > /etc/bash_completion.d/riacho",
        .run = cmd_manual,
    },
    {.name = NULL},
};
