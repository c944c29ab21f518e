/*
 * What a record's values show about the types, for a schema that is to hold them.
 */
#ifndef RIACHO_INFER_H
#define RIACHO_INFER_H

#include "db/schema.h"

#include <yyjson.h>

/*
 * Widens the records' schema so that it holds this record too. Numbers are raw
 * (YYJSON_READ_NUMBER_AS_RAW). schema_settle() is still due when all were seen.
 */
void infer_record(struct schema *schema, yyjson_val *record);

#endif
