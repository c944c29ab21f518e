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
        {"spark.sql.files.ignoreMissingFiles", "false"},
        {"spark.sql.files.ignoreCorruptFiles", "false"},
        {"spark.sql.sources.partitionOverwriteMode", "static"},
        {"spark.connect.progress.reportInterval", "250ms"},
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

int spark_unseen(const struct engine_root *roots, size_t count, const char *path, struct err *err)
{
    char *elsewhere = spark_path_of(roots, count, path);

    err_set(err, ERR_IO, "Spark wrote \"%s\", and there is no \"%s\" here", elsewhere, path);
    free(elsewhere);
    return err_hint(err, "Spark's workers and riacho must see the same folder: look at "
                         "transform.roots.adjusted, and at what is mounted where.");
}

static int write_trial(struct spark_session *session, const char *path, struct err *err)
{
    const struct spark_relation one = {.query = "SELECT 1 AS one"};
    const struct spark_write write = {.from = &one, .format = "parquet", .path = path};

    if (spark_session_write(session, &write, NULL, err) == 0)
        return 0;
    err_wrap(err, "Spark cannot write \"%s\"", path);
    return err_hint(err,
                    "Its workers write beneath transform.dir (for them: transform.roots.adjusted) "
                    "and need the right to.");
}

/* That both may write there is not enough: what Spark made must be ours to move and remove. */
static int move_trial(const char *path, struct err *err)
{
    char *moved = mem_fmt("%s-moved", path);
    int done = fs_rename_new(path, moved, err);

    if (done >= 0)
        done = fs_remove_tree(moved, err);
    free(moved);
    return done < 0
               ? err_hint(err, "riacho must be allowed to rename and remove what Spark writes.")
               : 0;
}

int spark_try_dir(struct spark_session *session, const struct engine_root *roots, size_t count,
                  const char *dir, struct err *err)
{
    char *path = fs_join(dir, "spark-trial");
    char *elsewhere = spark_path_of(roots, count, path);
    int done = write_trial(session, elsewhere, err);

    if (done == 0)
        done = fs_exists(path) ? move_trial(path, err) : spark_unseen(roots, count, path, err);
    free(elsewhere);
    free(path);
    return done;
}
