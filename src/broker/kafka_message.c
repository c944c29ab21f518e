/*
 * Records and messages. The attributes of a CloudEvent go into headers as its binding for Kafka says
 * (https://github.com/cloudevents/spec, kafka-protocol-binding.md), the trace as W3C's traceparent.
 */
#include "broker/kafka_message.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define LONGEST_ID 512
#define EVENT_TYPE "application/cloudevents+json"

static const char *const attributes[] = {"specversion", "id", "source", "type", "subject", "time"};

/* ---- reading ---- */

/* The id that the event itself gives, or NULL. The caller frees. */
static char *id_in_value(const rd_kafka_message_t *record)
{
    AUTO(json) json = {0};
    struct err ignored = {0};

    if (record->payload == NULL || json_parse(&json, record->payload, record->len, &ignored) < 0 ||
        !yyjson_is_obj(json_root(&json)))
        return NULL;
    return mem_str(json_str(json_root(&json), "id"));
}

/* A key of plain text. The caller frees. */
static char *id_of_key(const rd_kafka_message_t *record)
{
    AUTO(buf) quoted = {0};
    char *key;

    if (record->key == NULL || record->key_len == 0 ||
        memchr(record->key, '\0', record->key_len) != NULL)
        return NULL;
    key = mem_strn(record->key, record->key_len);
    json_put_string(&quoted, key);
    if (strstr(buf_text(&quoted), "\xEF\xBF\xBD") == NULL) /* U+FFFD: it was no UTF-8 */
        return key;
    free(key);
    return NULL;
}

/* What is longer is no name. */
static char *only_short(char *id_taken)
{
    if (id_taken && *id_taken && strlen(id_taken) <= LONGEST_ID)
        return id_taken;
    free(id_taken);
    return NULL;
}

static char *id_of(const rd_kafka_message_t *record)
{
    char *id = only_short(id_in_value(record));

    if (id == NULL)
        id = only_short(id_of_key(record));
    return id ? id
              : mem_fmt("%s-%" PRId32 "-%" PRId64, rd_kafka_topic_name(record->rkt),
                        record->partition, record->offset);
}

/* As a JSON object, or NULL. The caller frees. */
static char *headers_of(const rd_kafka_message_t *record)
{
    rd_kafka_headers_t *headers;
    AUTO(buf) json = {0};
    const char *name;
    const void *value;
    size_t size;

    if (rd_kafka_message_headers(record, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return NULL;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        char *text = mem_strn(value ? value : "", value ? size : 0);

        buf_putc(&json, i ? ',' : '{');
        json_put_string(&json, name);
        buf_putc(&json, ':');
        json_put_string(&json, text);
        free(text);
    }
    if (json.size == 0)
        return NULL;
    buf_putc(&json, '}');
    return buf_take(&json);
}

void kafka_message_read(const rd_kafka_message_t *record, struct message *ret_message)
{
    *ret_message = (struct message){
        .topic = mem_str(rd_kafka_topic_name(record->rkt)),
        .id = id_of(record),
        .value = record->payload ? mem_strn(record->payload, record->len) : NULL,
        .value_size = record->payload ? record->len : 0,
        .headers = headers_of(record),
        .partition = record->partition,
        .offset = record->offset,
    };
}

/* ---- writing ---- */

static void add(rd_kafka_headers_t *headers, const char *name, const char *value)
{
    rd_kafka_header_add(headers, name, -1, value, -1);
}

/* The trace is the run's, so that a landed file and what was made of it stand in one. */
static void add_trace(rd_kafka_headers_t *headers, const char *run, const char *id)
{
    char trace[FS_SHA256_TEXT];
    char span[FS_SHA256_TEXT];
    char text[64];

    fs_sha256_of(run, strlen(run), trace);
    fs_sha256_of(id, strlen(id), span);
    snprintf(text, sizeof text, "00-%.32s-%.16s-01", trace, span);
    add(headers, "traceparent", text);
}

static void add_event(rd_kafka_headers_t *headers, yyjson_val *event)
{
    const char *run = json_str(yyjson_obj_get(event, "data"), "run");
    const char *id = json_str(event, "id");

    if (json_str(event, "specversion") == NULL || id == NULL)
        return;
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        const char *value = json_str(event, attributes[i]);
        char name[32];

        snprintf(name, sizeof name, "ce_%s", attributes[i]);
        if (value)
            add(headers, name, value);
    }
    add(headers, "content-type", EVENT_TYPE);
    add_trace(headers, run ? run : id, id);
}

static void add_own(rd_kafka_headers_t *headers, const char *own)
{
    AUTO(json) json = {0};
    struct err ignored = {0};
    yyjson_obj_iter iter;
    yyjson_val *name;

    if (own == NULL || json_parse(&json, own, strlen(own), &ignored) < 0 ||
        !yyjson_obj_iter_init(json_root(&json), &iter))
        return;
    while ((name = yyjson_obj_iter_next(&iter)) != NULL) {
        yyjson_val *value = yyjson_obj_iter_get_val(name);
        AUTO(buf) text = {0};

        if (yyjson_is_str(value))
            buf_puts(&text, yyjson_get_str(value));
        else
            json_put_value(&text, value);
        rd_kafka_header_remove(headers, yyjson_get_str(name));
        add(headers, yyjson_get_str(name), buf_text(&text));
    }
}

rd_kafka_headers_t *kafka_message_headers(const struct message *message)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(12);
    AUTO(json) json = {0};
    struct err ignored = {0};

    if (message->value && json_parse(&json, message->value, message->value_size, &ignored) == 0 &&
        yyjson_is_obj(json_root(&json)))
        add_event(headers, json_root(&json));
    add_own(headers, message->headers);
    return headers;
}
