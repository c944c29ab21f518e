/*
 * The parts of a step that db/step.c and db/recover.c share. A plan is the step's JSON:
 *   {"time": ms, "shared": true (step_share()),
 *    "files": [{"temp","final","stage","topic","event","request","unlink","kept"}],
 *    "removed": [{"id","path"}],
 *    "consumed": [{"group","topic","id"}], "dead": [{"group","topic","id",…}],
 *    "runs": [{"resource","number",…}], "schemas": [{"resource","fingerprint","doc"}],
 *    "tables": [{"table","columns": [{"name","type"}]}]}
 * Whatever happens to it happens through these functions, be it committed for the first time or after a
 * crash.
 */
#ifndef RIACHO_STEP_PARTS_H
#define RIACHO_STEP_PARTS_H

#include "base/json.h"
#include "db/journal.h"

/* Reads a plan; ERR_DATA if it is none. Bytes that are no UTF-8 are kept as they are. */
MUST_CHECK int plan_read(struct json *ret_plan, const char *text, size_t size, struct err *err);

/* Whether a plan from the disk is one: its files can be handled. */
bool plan_is_sound(yyjson_val *plan);

/* ---- rows (step_rows.c); each one transaction ---- */

/*
 * Refuses a step that must not become true: ERR_LOCKED (retriable) if another process worked off one of its
 * messages, replaced its file, or is about to, or works on a file that the step replaces; ERR_LOCKED if its run is no longer the current one; ERR_DATA if a reference of the
 * same id names other bytes.
 */
MUST_CHECK int plan_check(struct journal *journal, yyjson_val *plan, struct err *err);
/*
 * Writes the INTENT, and keeps the messages of the step, and the files it replaces, from everybody else until it
 * is settled. Refuses what
 * plan_check() refuses.
 */
MUST_CHECK int plan_put_intent(struct journal *journal, yyjson_val *plan, const char *text,
                               size_t size, int64_t *ret_intent, struct err *err);
/*
 * Makes it true. `intent`: its row goes with it; ERR_LOCKED if that is gone already, or if its run is no longer the
 * current one. 0: there was none, and what plan_check() refuses is refused here.
 */
MUST_CHECK int plan_apply(struct journal *journal, yyjson_val *plan, int64_t intent,
                          struct err *err);
/* 1 its run is the current one of its resource (or it has none), 0 not: it must not become true any more. */
MUST_CHECK int plan_is_current(struct journal *journal, yyjson_val *plan, struct err *err);
/* Forgets the INTENT: its messages are free again. */
MUST_CHECK int plan_forget(struct journal *journal, int64_t intent, struct err *err);

/* ---- files (step_files.c) ---- */

/*
 * Compares the file or folder at `path` with what the event (CloudEvents JSON) says: 1 the same bytes, 0 other
 * ones or nothing there, -1 could not be read.
 */
MUST_CHECK int file_matches(const char *path, const char *event, struct err *err);
/*
 * Renames what is under its temporary name and makes the folders durable. 1 done; 0 a name is taken by other
 * bytes (`*ret_taken`, if not NULL, gets it); -1 failed. On 0 and -1 `*ret_back` tells whether all that this
 * call renamed has its temporary name again. A shared plan's files keep their final names: `*ret_back` is true.
 */
MUST_CHECK int files_publish(yyjson_val *plan, char **ret_taken, bool *ret_back, struct err *err);
/* Removes what the step replaces or removes. Only after files_publish(): one of the two is there always. */
MUST_CHECK int files_unlink_old(yyjson_val *plan, struct err *err);
/* Removes what is left under temporary names after a commit. */
void files_clear(yyjson_val *plan);
/* 1 every file is whole under its temporary or its final name, 0 not, -1 could not be told. */
MUST_CHECK int files_are_whole(yyjson_val *plan, struct err *err);
/*
 * Undoes a step that cannot be made true: removes those of its files that have their final names. A shared
 * plan's stay.
 */
MUST_CHECK int files_remove(yyjson_val *plan, struct err *err);

#endif
