/*
 * Spark Connect's messages, made of what spark_connect.h asks for, and read into what it gives.
 */
#ifndef RIACHO_SPARK_MESSAGE_H
#define RIACHO_SPARK_MESSAGE_H

#include "engine/spark_connect.h"
#include "engine/spark_query.h"

#include <spark_connect.pb-c.h>

/* Copies all; spark_plan_free(). */
Spark__Plan *spark_plan_of_relation(const struct spark_relation *relation);
Spark__Plan *spark_plan_of_write(const struct spark_write *from);
Spark__Plan *spark_plan_of_statement(const char *statement);
Spark__Plan *spark_plan_of_stream(const struct spark_stream *from);
/* About one streaming query; about all that run in the session. */
Spark__Plan *spark_plan_of_command(const struct spark_query *query,
                                   Spark__StreamingQueryCommand__CommandCase what);
Spark__Plan *spark_plan_of_active(void);
void spark_plan_free(Spark__Plan *plan);

void spark_type_of_message(const Spark__DataType *message, const char *name,
                           struct spark_type *ret_type);

#endif
