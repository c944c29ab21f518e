/*
 * Small JSON of our own making or an envelope's size: reading by path, writing strings. Reading is by
 * yyjson, strict RFC 8259. The bulk of the records never passes here (landing/shred does that).
 */
#ifndef RIACHO_JSON_H
#define RIACHO_JSON_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>
#include <yyjson.h>

/* A parsed document that closes itself. */
struct json {
    yyjson_doc *doc;
};

/* Numbers that fit neither int64, uint64 nor double stay as raw text (YYJSON_READ_BIGNUM_AS_RAW). */
MUST_CHECK int json_parse(struct json *json, const char *text, size_t size, struct err *err);
void json_close(struct json *json);
yyjson_val *json_root(const struct json *json); /* NULL while closed */

/* A document being written that closes itself. */
struct json_out {
    yyjson_mut_doc *doc;
};

/* Opens with an empty object as the root, and returns it. */
yyjson_mut_val *json_out_open(struct json_out *out);
void json_out_close(struct json_out *out);
/* The first of the rows whose "name" is that; NULL: none. */
yyjson_mut_val *json_out_named(yyjson_mut_val *rows, const char *name);
/* Closes `ret_other` and makes it what `out` was; `out` is closed. */
void json_out_take(struct json_out *out, struct json_out *ret_other);
/* Adds the document's text to `to`. */
void json_out_write(const struct json_out *out, struct buf *to);

/* Members of an object: NULL / `otherwise` if absent or of another type. */
const char *json_str(yyjson_val *object, const char *key);
int64_t json_int(yyjson_val *object, const char *key, int64_t otherwise);
bool json_bool(yyjson_val *object, const char *key, bool otherwise);

/* Adds the text as a JSON string, quoted and escaped; invalid UTF-8 becomes U+FFFD. */
void json_put_string(struct buf *to, const char *text);
/* Adds bytes that may be anything as they are; what is no UTF-8 becomes U+FFFD. */
void json_put_utf8(struct buf *to, const char *bytes, size_t size);
/* Adds a value as JSON text. */
void json_put_value(struct buf *to, yyjson_val *value);

/*
 * A path into a document: "a.b", "$.a", "a[0].b", "['odd key']", a trailing "[*]" (a list's items).
 * The subset of JSONPath that dlt's configurations use. "$" alone is the document.
 */
struct json_path {
    struct json_step *steps;
    size_t count;
    bool all_items; /* ended in [*] */
};

struct json_step {
    char *key; /* NULL: an index */
    int64_t index;
};

MUST_CHECK int json_path_parse(struct json_path *path, const char *text, struct err *err);
void json_path_close(struct json_path *path);
/* The value there, or NULL. */
yyjson_val *json_path_get(const struct json_path *path, yyjson_val *from);

#endif
