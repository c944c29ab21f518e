/*
 * Headers and query parameters of the pipeline file, and which of them are secret.
 */
#ifndef RIACHO_FIELDS_CONF_H
#define RIACHO_FIELDS_CONF_H

#include "source/source_conf.h"

/* For editors: texts, and for parameters lists and dlt's short form of incremental. */
#define SCALAR_SCHEMA "{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]}"
#define FIELDS_SCHEMA "{\"type\":\"object\",\"additionalProperties\":" SCALAR_SCHEMA "}"
#define PARAMS_SCHEMA                                                                              \
    "{\"type\":\"object\",\"additionalProperties\":{\"anyOf\":[" SCALAR_SCHEMA                     \
    ",{\"type\":\"array\",\"items\":" SCALAR_SCHEMA                                                \
    "},{\"type\":\"object\",\"required\":[\"type\",\"cursor_path\"],\"properties\":{\"type\":{"    \
    "\"const\":\"incremental\"}}}]}}"

/* Readers (OPT_CUSTOM) of a map into a struct fields_conf. */
void source_take_headers(const struct opt_reading *reading, const struct conf_node *node,
                         const char *path, void *target);
void source_take_params(const struct opt_reading *reading, const struct conf_node *node,
                        const char *path, void *target);

/* Adds the fields of `from` that `to` does not have (header names: without regard to case). */
void fields_conf_inherit(struct fields_conf *to, const struct fields_conf *from);
void fields_conf_close(struct fields_conf *fields);

#endif
