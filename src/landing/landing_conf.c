/*
 * The option table of `landing:`.
 */
#include "landing/landing_conf.h"

#include <stdlib.h>

#include "base/banned.h"

#define AT(member) offsetof(struct landing_conf, member)

static const struct opt roll_rows[] = {{.key = "rows",
                                        .type = OPT_INT,
                                        .at = AT(roll_rows),
                                        .standard = "100000",
                                        .least = 1,
                                        .most = 100000000,
                                        .help = "Records in a file."},
                                       {.key = "bytes",
                                        .type = OPT_BYTES,
                                        .at = AT(roll_bytes),
                                        .standard = "64MiB",
                                        .least = 4096,
                                        .most = 1LL << 40,
                                        .help = "JSON in a file, before it is compressed."},
                                       {.key = "after",
                                        .type = OPT_MS,
                                        .at = AT(roll_after_ms),
                                        .standard = "30s",
                                        .least = 100,
                                        .most = 86400000,
                                        .help = "Time since the file's first record."},
                                       {0}};

const struct opt landing_options[] = {
    {.key = "dir",
     .type = OPT_PATH,
     .at = AT(dir),
     .standard = "output/landing",
     .help = "The folder of the files as they came, a folder in it for each resource."},
    {.key = "roll",
     .type = OPT_MAP,
     .rows = roll_rows,
     .help = "When a file is closed: whichever comes first, at a page's end."},
    {0}};

void landing_conf_close(struct landing_conf *conf)
{
    free(conf->dir);
    *conf = (struct landing_conf){0};
}
