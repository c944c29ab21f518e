/*
 * riacho state: what the source's cursors stand at, and starting a resource over. Moving: cmd_move.c.
 */
#include "base/str.h"
#include "cmd/cmd_mend.h"
#include "cmd/show.h"
#include "db/report.h"
#include "river/river.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

const struct cmd_option state_options[] = {
    {"all", 0, NULL, "Resets every resource."},
    {"to", 0, "local|kafka", "Where to move unread references."},
    {NULL, 0, NULL, NULL},
};

static const struct show_column resource_columns[] = {
    {"resource", "name", SHOW_TEXT},
    {"cursor", "cursor", SHOW_JSON},
    {"next page", "next_page", SHOW_COUNT},
    {"position", "position", SHOW_JSON},
    {"started from", "start_value", SHOW_JSON},
    {NULL, NULL, SHOW_TEXT},
};

static const struct show_column schema_columns[] = {
    {"resource", "resource", SHOW_TEXT},
    {"schema", "seq", SHOW_COUNT},
    {"fingerprint", "fingerprint", SHOW_TEXT},
    {"since", "time", SHOW_TEXT},
    {NULL, NULL, SHOW_TEXT},
};

static const struct show_column column_columns[] = {
    {"table", "table", SHOW_TEXT},
    {"column", "name", SHOW_TEXT},
    {"type", "type", SHOW_TEXT},
    {NULL, NULL, SHOW_TEXT},
};

/* Whether a row of the report belongs to one of the resources that the line names. */
static bool is_named(const struct river *river, const struct cmd_line *line, yyjson_mut_val *row)
{
    const char *table = yyjson_mut_get_str(yyjson_mut_obj_get(row, "table"));
    yyjson_mut_val *of = yyjson_mut_obj_get(row, "resource");
    const char *resource = yyjson_mut_get_str(of ? of : yyjson_mut_obj_get(row, "name"));

    for (size_t i = 2; i < line->arg_count; i++)
        if (table ? pipeline_makes_table(&river->conf, table, line->args[i])
                  : str_same(resource, line->args[i]))
            return true;
    return false;
}

static void keep_named(const struct river *river, const struct cmd_line *line, yyjson_mut_val *rows)
{
    for (size_t i = yyjson_mut_arr_size(rows); i-- > 0;)
        if (!is_named(river, line, yyjson_mut_arr_get(rows, i)))
            yyjson_mut_arr_remove(rows, i);
}

/* Resources that the file has no more may still be in the state. */
static int choose_named(const struct river *river, const struct cmd_line *line,
                        yyjson_mut_val *root, struct err *err)
{
    static const char *const lists[] = {"resources", "schemas", "columns"};

    for (size_t i = 2; i < line->arg_count; i++)
        if (json_out_named(yyjson_mut_obj_get(root, "resources"), line->args[i]) == NULL)
            TRY(pipeline_check_resource(&river->conf, line->args[i], err));
    for (size_t i = 0; i < sizeof lists / sizeof *lists && line->arg_count > 2; i++)
        keep_named(river, line, yyjson_mut_obj_get(root, lists[i]));
    return 0;
}

static int show(struct river *river, const struct cmd_line *line, struct err *err)
{
    AUTO(json_out) report = {0};
    AUTO(buf) text = {0};
    yyjson_mut_val *root;

    TRY(report_state(&river->journal, &report, err));
    root = yyjson_mut_doc_get_root(report.doc);
    TRY(choose_named(river, line, root, err));
    if (line->json) {
        show_json(&report);
        return 0;
    }
    show_put(&text, yyjson_mut_obj_get(root, "resources"), resource_columns, "no resource has run");
    buf_putc(&text, '\n');
    show_put(&text, yyjson_mut_obj_get(root, "schemas"), schema_columns, "no schemas yet");
    buf_putc(&text, '\n');
    show_put(&text, yyjson_mut_obj_get(root, "columns"), column_columns, "no tables yet");
    fputs(text.data, stdout);
    return 0;
}

static int reset_one(struct river *river, const char *resource, int64_t *total, struct err *err)
{
    int64_t count = 0;

    if (resource)
        TRY(pipeline_check_resource(&river->conf, resource, err));
    TRY(journal_reset(&river->journal, resource, &count, err));
    *total += count;
    return 0;
}

static int reset(struct river *river, const struct cmd_line *line, struct err *err)
{
    AUTO(lock) lock = {0};
    int64_t total = 0;

    if (cmd_flag(line, "all") == (line->arg_count > 2)) {
        err_set(err, ERR_USAGE, "riacho state reset needs resources or --all");
        return err_hint(err, "See them: riacho state show %s", line->args[1]);
    }
    TRY(journal_lock(&river->journal, "extractor", &lock, err));
    if (cmd_flag(line, "all"))
        TRY(reset_one(river, NULL, &total, err));
    for (size_t i = 2; i < line->arg_count; i++)
        TRY(reset_one(river, line->args[i], &total, err));
    if (line->json)
        printf("{\"reset\":%" PRId64 "}\n", total);
    else if (!line->quiet)
        printf("%" PRId64 " resource%s will begin at the beginning\n", total, str_plural(total));
    return 0;
}

int cmd_state(const struct cmd_line *line, struct err *err)
{
    AUTO(river) river = {0};
    const char *verb = line->args[0];

    if (!str_same(verb, "show") && !str_same(verb, "reset") && !str_same(verb, "move")) {
        err_set(err, ERR_USAGE, "riacho state does not know \"%s\"", verb);
        return err_hint(err, "It knows show, reset and move.");
    }
    if (str_same(verb, "move"))
        return cmd_move(line, err);
    TRY(river_open(&river, line->args[1], str_same(verb, "reset") ? RIVER_MEND : RIVER_LOOK, err));
    if (str_same(verb, "show"))
        return show(&river, line, err);
    return reset(&river, line, err);
}
