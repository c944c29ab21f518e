/*
 * Plans as streaming queries.
 */
#include "engine/spark_streams.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/fit.h"
#include "engine/spark_batch.h"
#include "engine/spark_place.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define INPUT "riacho__input"
#define PATIENCE_MS 20000 /* a server that is away; who calls tries again, or ends */
/* Each file is known for ever by its name, however late it comes. */
#define FOR_EVER "36500d"

/* ---- the session ---- */

void spark_streams_open(struct spark_streams *streams, const char *remote,
                        const struct engine_root *roots, size_t root_count)
{
    *streams =
        (struct spark_streams){.remote = mem_str(remote), .roots = roots, .root_count = root_count};
}

void spark_streams_close(struct spark_streams *streams)
{
    spark_session_close(&streams->session);
    free(streams->remote);
    *streams = (struct spark_streams){0};
}

static int open_session(struct spark_streams *streams, const char *session_id,
                        struct spark_session *ret_session, struct err *err)
{
    AUTO(spark_session) made = {0};

    TRY(spark_session_open(&made,
                           &(struct spark_conf){.remote = streams->remote,
                                                .user_agent = "riacho/" RIACHO_VERSION,
                                                .session_id = session_id,
                                                .patience_ms = PATIENCE_MS},
                           err));
    TRY(spark_set_rules(&made, err));
    *ret_session = made;
    made.impl = NULL;
    return 0;
}

int spark_streams_ready(struct spark_streams *streams, const char *session_id, struct err *err)
{
    if (streams->session.impl)
        return 0;
    /* A session that the server has ended is refused for ever, so any refusal is worth another one. */
    if (session_id) {
        if (open_session(streams, session_id, &streams->session, err) == 0)
            return 0;
        if (err->code == ERR_NET || err->code == ERR_STOPPED)
            return -1;
        *err = (struct err){0};
    }
    return open_session(streams, NULL, &streams->session, err);
}

bool spark_streams_are_lost(struct spark_streams *streams)
{
    if (streams->session.impl == NULL)
        return true;
    if (!spark_session_fault(&streams->session)->is_lost)
        return false;
    spark_session_close(&streams->session);
    return true;
}

/* ---- what a query does ---- */

void spark_definition_close(struct spark_definition *definition)
{
    free(definition->sql);
    free(definition->ddl);
    *definition = (struct spark_definition){0};
}

static void put_query(const struct table_plan *plan, const char *list, struct buf *to)
{
    const struct table_parts parts = {.input = INPUT};

    buf_printf(to, "SELECT %s FROM (", list);
    table_fill(plan->relation, &parts, to);
    buf_puts(to, ") AS riacho__table");
}

static int define_plan(struct spark_streams *streams, struct table_plan *plan,
                       const struct schema *schema, struct journal *journal,
                       struct spark_definition *definition, struct err *err)
{
    AUTO(buf) list = {0};
    AUTO(buf) sql = {0};
    AUTO(buf) ddl = {0};
    AUTO(buf) all = {0};

    if (plan->is_user_sql)
        TRY(spark_describe(&streams->session, schema, plan, err));
    TRY(fit_put_columns(plan, &dialect_spark, journal, &list, err));
    put_query(plan, buf_text(&list), &sql);
    spark_put_schema(schema, &ddl);
    buf_printf(&all, "%s\n%s", buf_text(&ddl), buf_text(&sql));
    fs_sha256_of(buf_text(&all), all.size, definition->sha256);
    definition->sql = buf_take(&sql);
    definition->ddl = buf_take(&ddl);
    return 0;
}

int spark_streams_define(struct spark_streams *streams, const struct engine_tables *tables,
                         const struct schema *schema, const struct schema *known,
                         struct journal *journal, struct spark_definition *ret_definition,
                         struct err *err)
{
    const struct table_request request = {.dialect = &dialect_spark,
                                          .tables = tables,
                                          .schema = schema,
                                          .known = known};
    AUTO(table_plans) plans = {0};
    AUTO(spark_definition) made = {0};

    TRY(table_plans_make(&request, &plans, err));
    if (plans.count != 1 || plans.items[0].key_count > 0)
        return err_set(err, ERR_USAGE, "table \"%s\" cannot be made by a streaming query",
                       tables->only);
    if (define_plan(streams, &plans.items[0], schema, journal, &made, err) < 0)
        return err_wrap(err, "table \"%s\"", tables->only);
    *ret_definition = made;
    made = (struct spark_definition){0};
    return 0;
}

/* ---- starting ---- */

static int start_at(struct spark_streams *streams, const struct spark_place *place,
                    const struct spark_definition *definition, const char *interval,
                    char *const paths[3], struct spark_query *ret_query, struct err *err)
{
    const struct spark_option read_options[] = {{"maxFileAge", FOR_EVER},
                                                {"cleanSource", "delete"}};
    const struct spark_option write_options[] = {{"compression", "zstd"},
                                                 {"checkpointLocation", paths[2]}};
    const struct spark_relation files = {.format = "parquet",
                                         .schema = definition->ddl,
                                         .paths = (const char *const *)paths,
                                         .path_count = 1,
                                         .options = read_options,
                                         .option_count = 2,
                                         .is_streaming = true};
    const struct spark_input input = {.name = INPUT, .relation = &files};
    const struct spark_relation query = {.query = definition->sql,
                                         .inputs = &input,
                                         .input_count = 1};

    return spark_query_start(&streams->session,
                             &(struct spark_stream){.from = &query,
                                                    .name = place->name,
                                                    .format = "parquet",
                                                    .path = paths[1],
                                                    .options = write_options,
                                                    .option_count = 2,
                                                    .interval = interval},
                             ret_query, err);
}

int spark_streams_start(struct spark_streams *streams, const struct spark_place *place,
                        const struct spark_definition *definition, int64_t interval_ms,
                        struct spark_query *ret_query, struct err *err)
{
    const char *const dirs[] = {place->queue_dir, place->dir, place->checkpoint_dir};
    char *interval = interval_ms ? mem_fmt("%" PRId64 " milliseconds", interval_ms) : NULL;
    char *paths[3];
    int started;

    for (size_t i = 0; i < 3; i++)
        paths[i] = spark_path_of(streams->roots, streams->root_count, dirs[i]);
    started = start_at(streams, place, definition, interval, paths, ret_query, err);
    for (size_t i = 0; i < 3; i++)
        free(paths[i]);
    free(interval);
    return started;
}

/* ---- failures ---- */

/* Of the words that Spark wraps around a fault, the innermost that has a class: "[CLASS] text SQLSTATE: …". */
static char *plain_words(const char *message)
{
    static const char ours[] = "[USER_RAISED_EXCEPTION] ";
    const char *begin = message;
    const char *end;
    struct buf words = {0};

    for (const char *at = message; (at = strstr(at, "Exception: [")) != NULL; at++)
        begin = at + strlen("Exception: ");
    end = strstr(begin, " SQLSTATE:");
    if (end == NULL)
        end = begin + strcspn(begin, "\n");
    if (str_starts(begin, ours))
        begin += strlen(ours);
    buf_put(&words, begin, (size_t)(end - begin));
    return buf_take(&words);
}

int spark_streams_blame(struct spark_streams *streams, const struct spark_query *query,
                        struct err *err)
{
    char *message = NULL;
    char *words;
    const int failed = spark_query_failure(&streams->session, query, &message, err);

    if (failed <= 0)
        return failed;
    words = plain_words(message);
    err_set(err, ERR_SQL, "the streaming query failed: %s", words);
    free(words);
    free(message);
    return err_hint(err, "Nothing of this batch was written. Mend the table (on_error: null takes "
                         "values that do not convert), and start again: it goes on from there.");
}
