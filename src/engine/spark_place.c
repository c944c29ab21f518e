/*
 * The session's settings, the landing's schema in DDL, paths.
 */
#include "engine/spark_place.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/dialect.h"

#include <string.h>

#include "base/banned.h"

int spark_set_rules(struct spark_session *session, struct err *err)
{
    static const struct spark_option rules[] = {
        {"spark.sql.session.timeZone", "UTC"},
        {"spark.sql.ansi.enabled", "true"},
        {"spark.sql.caseSensitive", "false"},
        {"spark.sql.storeAssignmentPolicy", "ANSI"},
        {"spark.sql.parser.escapedStringLiterals", "false"},
        {"spark.sql.ansi.doubleQuotedIdentifiers", "false"},
        {"spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS"},
        {"spark.sql.parquet.datetimeRebaseModeInRead", "CORRECTED"},
        {"spark.sql.parquet.datetimeRebaseModeInWrite", "CORRECTED"},
        {"spark.sql.parquet.writeLegacyFormat", "false"},
        {"spark.sql.files.maxRecordsPerFile", "0"},
        {"spark.sql.sources.partitionOverwriteMode", "static"},
        /* So many paths are looked at by the driver itself; for more it would run a job first. */
        {"spark.sql.sources.parallelPartitionDiscovery.threshold", "256"},
    };

    return spark_session_set(session, rules, sizeof rules / sizeof *rules, err);
}

static void put_column(const char *name, const char *type, struct buf *to)
{
    buf_puts(to, to->size ? ", " : "");
    dialect_spark.put_name(to, name);
    buf_printf(to, " %s", type);
}

void spark_put_schema(const struct schema *schema, struct buf *to)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        AUTO(buf) type = {0};

        dialect_spark.put_landed(&schema->fields[i], &type);
        put_column(schema->fields[i].name, type.data, to);
    }
    put_column(SCHEMA_PAGE_COLUMN, "BIGINT", to);
    put_column(SCHEMA_INDEX_COLUMN, "BIGINT", to);
}

char *spark_path_of(const struct engine_root *roots, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        const size_t size = strlen(roots[i].dir);

        if (roots[i].elsewhere && str_starts(path, roots[i].dir) && path[size] == '/')
            return mem_fmt("%s%s", roots[i].elsewhere, path + size);
    }
    return mem_fmt("file://%s", path);
}
