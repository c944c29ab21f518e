/*
 * JSON values as compact text: numbers as they were written, texts byte for byte, and of a key
 * given twice the last only.
 */
#ifndef RIACHO_JSON_TEXT_H
#define RIACHO_JSON_TEXT_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

/* Adds the value. Returns the number of objects in it that had keys given twice. */
int64_t json_text_value(yyjson_val *value, struct buf *to);

/* Adds UTF-8 of that size, NUL and all, as a string. */
void json_text_string(const char *text, size_t size, struct buf *to);

#endif
