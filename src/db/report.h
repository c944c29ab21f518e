/*
 * What commands show, as JSON documents: printed as they are with --json, and made into tables for people.
 * Times are RFC 3339; what is unknown is null. Each is read at one moment.
 */
#ifndef RIACHO_REPORT_H
#define RIACHO_REPORT_H

#include "base/json.h"
#include "db/journal.h"

/*
 * {"pipeline","epoch","broker","format","created",
 *  "runs": the last `runs`, newest first: [{"run","resource","number","resumes","status","started","ended",
 *          "first_page","last_page","why","error","counts":{…}}],
 *  "resources": [{"name","files","rows","bytes","cursor","next_page","unfinished"}],
 *  "topics": one row for each group: [{"topic","messages","group","lag","claimed"}],
 *  "tables": [{"name","files","rows","bytes","columns"}],
 *  "exports": [{"name","table","files","rows","bytes"}],
 *  "dead": how many are open}
 */
MUST_CHECK int report_status(struct journal *journal, int64_t runs, struct json_out *ret_report,
                             struct err *err);

/*
 * The lineage of the files of a stage ("extract", "transform", "export") that are there, oldest first:
 * {"files":[{"seq","id","subject","root","path","bytes","rows","time","run","request","first_page","last_page",
 *   "origins":[{"id","subject","path","rows","first_page","last_page","request","run","time","removed"}]}]}
 * `subject` NULL: of all. Begins behind `after` (a "seq"; 0: at the first), gives at most `most`.
 */
MUST_CHECK int report_files(struct journal *journal, const char *stage, const char *subject,
                            int64_t after, int64_t most, struct json_out *ret_report,
                            struct err *err);

/* {"dead":[{"id","group","topic","partition","offset","error","attempts","time","value"}]}, open ones. */
MUST_CHECK int report_dead(struct journal *journal, struct json_out *ret_report, struct err *err);

/*
 * {"resources":[{"name","cursor","boundary","position","next_page","start_value","last_run"}],
 *  "schemas":[{"resource","seq","fingerprint","time","schema":{…}}],
 *  "columns":[{"table","name","type"}]}
 */
MUST_CHECK int report_state(struct journal *journal, struct json_out *ret_report, struct err *err);

#endif
