/*
 * What a pipeline file says under `source:`. The key names and defaults are dlt's rest_api
 * source's; what is riacho's own is marked (+). Filled through the option tables of source_conf.c;
 * owns its strings.
 */
#ifndef RIACHO_SOURCE_CONF_H
#define RIACHO_SOURCE_CONF_H

#include "base/opt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum paginator_type {
    PAGINATOR_AUTO,
    PAGINATOR_SINGLE_PAGE,
    PAGINATOR_JSON_LINK,
    PAGINATOR_HEADER_LINK,
    PAGINATOR_CURSOR,
    PAGINATOR_OFFSET,
    PAGINATOR_PAGE_NUMBER,
};

struct paginator_conf {
    bool is_set; /* false: nothing was said at this level */
    enum paginator_type type;
    char *next_url_path;  /* json_link: "next" */
    char *links_next_key; /* header_link: "next" */
    char *cursor_path;    /* cursor: "cursors.next" */
    char *cursor_param;   /* cursor: "cursor" unless cursor_body_path is given */
    char *cursor_body_path;
    int64_t limit;      /* offset: required */
    int64_t offset;     /* offset: the first one, 0 */
    char *offset_param; /* "offset" unless offset_body_path */
    char *limit_param;  /* "limit" unless limit_body_path */
    char *offset_body_path;
    char *limit_body_path;
    int64_t maximum_offset; /* -1: none */
    int64_t base_page;      /* page_number: 0 */
    int64_t page;           /* the first one; -1: base_page */
    char *page_param;       /* "page" unless page_body_path */
    char *page_body_path;
    int64_t maximum_page;       /* -1: none */
    char *total_path;           /* "total"; NULL: none */
    char *has_more_path;        /* NULL: none */
    bool stop_after_empty_page; /* true for offset and page_number, false for cursor */
};

enum auth_type { AUTH_NONE, AUTH_BEARER, AUTH_API_KEY, AUTH_HTTP_BASIC };

struct auth_conf {
    enum auth_type type;
    char *token; /* bearer */
    char *name;  /* api_key: "Authorization" */
    char *api_key;
    char *location; /* api_key: "header" or "query" */
    char *username; /* http_basic */
    char *password;
};

struct retry_conf {       /* (+) */
    int64_t attempts;     /* 5, the first one included */
    int64_t max_delay_ms; /* 60 s */
    int64_t timeout_ms;   /* of one silent connection: 60 s */
};

/* A named text with placeholders: a header or a request parameter. */
struct field_conf {
    char *name;
    char *value;    /* NULL: YAML null (a parameter that is left out) */
    bool is_secret; /* came of a ${VAR} without a default, or its name tells so: never shown */
};

struct fields_conf {
    struct field_conf *items;
    size_t count;
};

struct incremental_conf {
    bool is_set;
    char *cursor_path;
    char *initial_value; /* JSON text ("1517443200000", "\"2024-01-01\""); NULL: none */
    char *unit;          /* (+) of a number: s, ms, us, ns; NULL: as it comes */
    char *as;            /* (+) how it is written: iso8601, date, s, ms; NULL: as it comes */
    char *on_cursor_value_missing; /* raise (default), include, exclude */
};

struct endpoint_conf {
    char *path;
    char *method; /* GET or POST */
    struct fields_conf params;
    struct fields_conf headers;
    char *json; /* body with placeholders, JSON text; NULL: none */
    struct paginator_conf paginator;
    struct auth_conf auth;
    bool auth_set;
    char *data_selector; /* NULL: found in the first page, and said */
    char *missing_data;  /* (+) when data_selector finds nothing: "error" (default) or "empty" */
    struct incremental_conf incremental;
};

struct resource_conf {
    char *name;
    char **primary_key;
    size_t primary_keys;
    char *write_disposition;       /* append */
    struct endpoint_conf endpoint; /* client and resource_defaults already merged in */
};

struct source_conf {
    char *base_url;
    struct fields_conf headers;
    struct auth_conf auth;
    struct paginator_conf paginator;
    double rate_per_s;  /* (+) 0: no limit */
    int64_t rate_burst; /* (+) the count in "10/s" */
    struct retry_conf retry;
    int64_t concurrency;     /* (+) resources fetched at once: 4 */
    bool allow_cross_origin; /* (+) next links and redirects may leave; no credentials go along */
    struct resource_conf *resources;
    size_t resource_count;
    struct opt_pairs secrets; /* variables and their values that stand in paths: never shown */
};

/*
 * Reads the node of `source:` into `conf` and checks it; `conf` can be closed whatever was wrong.
 * What client and resource_defaults say is then merged into each resource's endpoint.
 */
void source_conf_read(struct source_conf *conf, const struct opt_reading *reading,
                      const struct conf_node *node);

extern const struct opt source_options[]; /* for schema and reference */

/* Whether a header or parameter of that name carries a secret ("Authorization", "api_key", …). */
bool source_name_is_secret(const char *name);

void resource_conf_close(struct resource_conf *resource);
void source_conf_close(struct source_conf *conf);

#endif
