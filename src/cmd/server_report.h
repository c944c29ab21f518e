/*
 * What a broker that is a server knows of a river, for reports.
 */
#ifndef RIACHO_SERVER_REPORT_H
#define RIACHO_SERVER_REPORT_H

#include "base/json.h"
#include "river/river.h"

/*
 * Adds to the report's root, where the broker is a server, "outbox" (how many references wait to be sent) and, named
 * as the broker, what broker_describe() tells, or {"error", "hint"} if it could not be asked. "topics" become what
 * the server says: {"topic","partitions","messages","group","lag","members"} for each topic and group. "members" gets
 * a row for each consumer.
 */
MUST_CHECK int server_report_add(struct river *river, struct json_out *report, struct err *err);

#endif
