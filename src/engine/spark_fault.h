/*
 * What a Spark Connect server says of errors: the status of a gRPC call, and the details that it keeps.
 */
#ifndef RIACHO_SPARK_FAULT_H
#define RIACHO_SPARK_FAULT_H

#include "engine/grpc.h"
#include "engine/spark_connect.h"

#include <spark_connect.pb-c.h>

void spark_fault_close(struct spark_fault *fault);

/*
 * Makes the error of a call that ended with that status, not GRPC_OK. `ret_error_id` is by what the server tells
 * more, NULL if it does not; the caller frees.
 */
void spark_fault_of_status(const struct grpc_status *status, struct spark_fault *fault,
                           char **ret_error_id, struct err *err);

/* Adds what the server tells more: the chain of causes, and where in the query they are. */
void spark_fault_add_details(const Spark__FetchErrorDetailsResponse *details,
                             struct spark_fault *fault, struct err *err);

#endif
