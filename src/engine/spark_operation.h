/*
 * Operations whose answers are no rows: for what is built upon spark_connect.h and speaks the protocol itself.
 */
#ifndef RIACHO_SPARK_OPERATION_H
#define RIACHO_SPARK_OPERATION_H

#include "engine/spark_connect.h"

#include <spark_connect.pb-c.h>

/* An answer other than rows and progress; borrowed. -1 ends the operation. */
typedef int spark_on_response(void *ctx, const Spark__ExecutePlanResponse *response,
                              struct err *err);

/* Runs the plan to its end, as spark_session_query() does. */
MUST_CHECK int spark_operation_run(struct spark_session *session, Spark__Plan *plan_taken,
                                   spark_on_response *on_response, void *ctx, struct err *err);

#endif
