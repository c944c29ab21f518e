/*
 * Notes stand in the table `meta`, under keys with a prefix of their own.
 */
#include "db/notes.h"

#include "base/banned.h"

#define PREFIX "note "

int note_get(struct journal *journal, const char *key, char **ret_text, struct err *err)
{
    AUTO(lite_rows) rows = {0};
    const int got =
        lite_first(&journal->lite, "SELECT value FROM meta WHERE key = '" PREFIX "' || ?",
                   BIND(lite_text(key)), &rows, err);

    if (got == 1)
        *ret_text = lite_col_copy(&rows, 0);
    return got;
}

int note_put(struct journal *journal, const char *key, const char *text, struct err *err)
{
    AUTO(lite_txn) txn = {0};

    TRY(lite_begin(&txn, &journal->lite, err));
    if (text)
        TRY(lite_run(&journal->lite,
                     "INSERT INTO meta(key, value) VALUES ('" PREFIX "' || ?1, ?2)"
                     " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                     BIND(lite_text(key), lite_text(text)), err));
    else
        TRY(lite_run(&journal->lite, "DELETE FROM meta WHERE key = '" PREFIX "' || ?",
                     BIND(lite_text(key)), err));
    return lite_commit(&txn, err);
}

int note_each(struct journal *journal, const char *prefix, void *ctx,
              int (*each)(void *ctx, const char *key, const char *text, struct err *err),
              struct err *err)
{
    AUTO(lite_rows) rows = {0};
    int got;

    TRY(lite_query(&journal->lite,
                   "SELECT substr(key, length('" PREFIX "') + 1), value FROM meta"
                   " WHERE substr(key, 1, length('" PREFIX "' || ?1)) = '" PREFIX "' || ?1"
                   " ORDER BY key",
                   BIND(lite_text(prefix)), &rows, err));
    while ((got = lite_next(&rows, err)) == 1)
        TRY(each(ctx, lite_col_text(&rows, 0), lite_col_text(&rows, 1), err));
    return got;
}
