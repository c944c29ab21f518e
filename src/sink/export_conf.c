/*
 * The option table of one of the `exports:`.
 */
#include "sink/export_conf.h"

#include <stdlib.h>

#include "base/banned.h"

#define AT(member) offsetof(struct export_conf, member)

static const struct opt_choice export_types[] = {
    {.name = "csv", .value = EXPORT_CSV, .help = "RFC 4180, UTF-8, with a header"}, {0}};

const struct opt export_options[] = {
    {.key = "type",
     .type = OPT_ENUM,
     .at = AT(type),
     .flags = OPT_REQUIRED,
     .choices = export_types,
     .help = "The format of the files."},
    {.key = "name",
     .type = OPT_TEXT,
     .at = AT(name),
     .pattern = "[a-z0-9][a-z0-9_-]{0,63}",
     .kind = "a name of a-z, 0-9, _ and -",
     .help = "Names the export's consumer group: the type if not given, with a number when there "
             "are several."},
    {.key = "dir",
     .type = OPT_PATH,
     .at = AT(dir),
     .standard = "output/csv",
     .help = "The folder of the files, a folder in it for each table."},
    {.key = "tables",
     .type = OPT_TEXTS,
     .at = AT(tables),
     .count_at = AT(table_count),
     .help = "The tables to export: all if not given."},
    {.key = "formula_safe",
     .type = OPT_BOOL,
     .at = AT(formula_safe),
     .standard = "false",
     .help = "Escapes cells that a spreadsheet would run: those that begin with = + - @, tab or "
             "carriage return."},
    {0}};

void export_conf_close(struct export_conf *conf)
{
    for (size_t i = 0; i < conf->table_count; i++)
        free(conf->tables[i]);
    free(conf->tables);
    free(conf->name);
    free(conf->dir);
    *conf = (struct export_conf){0};
}
