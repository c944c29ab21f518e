/*
 * The option tables of paginators and auths, which client and endpoints share. Keys and defaults
 * are those of dlt's rest_client (paginators.py, auth.py).
 */
#include "source/variants_conf.h"

#include "source/source_conf.h"

#include <stddef.h>

#include "base/banned.h"

#define PAGINATOR(member) offsetof(struct paginator_conf, member)
#define AUTH(member) offsetof(struct auth_conf, member)

static const struct opt json_link_rows[] = {
    {.key = "next_url_path",
     .type = OPT_TEXT,
     .at = PAGINATOR(next_url_path),
     .standard = "next",
     .flags = OPT_JSON_PATH | OPT_ONE_ITEM,
     .help = "Where the answer holds the URL of the next page."},
    {0}};

static const struct opt header_link_rows[] = {
    {.key = "links_next_key",
     .type = OPT_TEXT,
     .at = PAGINATOR(links_next_key),
     .standard = "next",
     .help = "The relation (`rel`) of the next page in the `Link` header."},
    {0}};

#define HAS_MORE_ROW                                                                               \
    {                                                                                              \
        .key = "has_more_path", .type = OPT_TEXT, .at = PAGINATOR(has_more_path),                  \
        .flags = OPT_JSON_PATH | OPT_ONE_ITEM | OPT_NULLABLE,                                      \
        .help = "Where the answer says by true or false whether there are more pages."             \
    }

#define STOP_EMPTY_ROW(otherwise)                                                                  \
    {                                                                                              \
        .key = "stop_after_empty_page", .type = OPT_BOOL, .at = PAGINATOR(stop_after_empty_page),  \
        .standard = (otherwise), .help = "Whether a page without records is the last."             \
    }

static const struct opt cursor_rows[] = {
    {.key = "cursor_path",
     .type = OPT_TEXT,
     .at = PAGINATOR(cursor_path),
     .standard = "cursors.next",
     .flags = OPT_JSON_PATH | OPT_ONE_ITEM,
     .help = "Where the answer holds the next page's cursor. None, null and empty mean the end."},
    {.key = "cursor_param",
     .type = OPT_TEXT,
     .at = PAGINATOR(cursor_param),
     .help = "The query parameter that carries it: `cursor` unless `cursor_body_path` is given."},
    {.key = "cursor_body_path",
     .type = OPT_TEXT,
     .at = PAGINATOR(cursor_body_path),
     .flags = OPT_JSON_PATH | OPT_ONE_ITEM,
     .help = "The place in the JSON body that carries it instead."},
    STOP_EMPTY_ROW("false"),
    HAS_MORE_ROW,
    {0}};

static const struct opt offset_rows[] = {
    {.key = "limit",
     .type = OPT_INT,
     .at = PAGINATOR(limit),
     .flags = OPT_REQUIRED,
     .least = 1,
     .most = INT32_MAX,
     .help =
         "How many records to ask for. The next offset is further by as many as came, so an API "
         "that caps its pages loses none; one that filters after its limit repeats some."},
    {.key = "offset",
     .type = OPT_INT,
     .at = PAGINATOR(offset),
     .standard = "0",
     .help = "The offset of the first page: 1 for an API that counts from 1."},
    {.key = "offset_param",
     .type = OPT_TEXT,
     .at = PAGINATOR(offset_param),
     .help = "The query parameter of the offset: `offset` unless `offset_body_path` is given."},
    {.key = "limit_param",
     .type = OPT_TEXT,
     .at = PAGINATOR(limit_param),
     .help = "The query parameter of the limit: `limit` unless `limit_body_path` is given."},
    {.key = "offset_body_path",
     .type = OPT_TEXT,
     .at = PAGINATOR(offset_body_path),
     .flags = OPT_JSON_PATH | OPT_ONE_ITEM,
     .help = "The place in the JSON body that carries the offset instead."},
    {.key = "limit_body_path",
     .type = OPT_TEXT,
     .at = PAGINATOR(limit_body_path),
     .flags = OPT_JSON_PATH | OPT_ONE_ITEM,
     .help = "The place in the JSON body that carries the limit instead."},
    {.key = "total_path",
     .type = OPT_TEXT,
     .at = PAGINATOR(total_path),
     .standard = "total",
     .flags = OPT_JSON_PATH | OPT_ONE_ITEM | OPT_NULLABLE,
     .help = "Where the answer tells how many records there are in all; null: it does not. A total "
             "of less than what came is not believed."},
    {.key = "maximum_offset",
     .type = OPT_INT,
     .at = PAGINATOR(maximum_offset),
     .flags = OPT_NULLABLE,
     .help = "The offset at which to stop whatever comes."},
    STOP_EMPTY_ROW("true"),
    HAS_MORE_ROW,
    {0}};

static const struct opt page_number_rows[] = {
    {.key = "base_page",
     .type = OPT_INT,
     .at = PAGINATOR(base_page),
     .standard = "0",
     .help = "The number that the API gives to its first page."},
    {.key = "page",
     .type = OPT_INT,
     .at = PAGINATOR(page),
     .flags = OPT_NULLABLE,
     .help = "The page to begin with: `base_page` if it is not given."},
    {.key = "page_param",
     .type = OPT_TEXT,
     .at = PAGINATOR(page_param),
     .help = "The query parameter of the page: `page` unless `page_body_path` is given."},
    {.key = "page_body_path",
     .type = OPT_TEXT,
     .at = PAGINATOR(page_body_path),
     .flags = OPT_JSON_PATH | OPT_ONE_ITEM,
     .help = "The place in the JSON body that carries the page instead."},
    {.key = "total_path",
     .type = OPT_TEXT,
     .at = PAGINATOR(total_path),
     .standard = "total",
     .flags = OPT_JSON_PATH | OPT_ONE_ITEM | OPT_NULLABLE,
     .help = "Where the answer tells how many pages there are; null: it does not."},
    {.key = "maximum_page",
     .type = OPT_INT,
     .at = PAGINATOR(maximum_page),
     .flags = OPT_NULLABLE,
     .help = "The page number at which to stop whatever comes."},
    STOP_EMPTY_ROW("true"),
    HAS_MORE_ROW,
    {0}};

const struct opt_variant paginator_variants[] = {
    {.name = "auto",
     .value = PAGINATOR_AUTO,
     .help = "Finds out from the first answer, and says what it chose."},
    {.name = "single_page", .value = PAGINATOR_SINGLE_PAGE, .help = "One request."},
    {.name = "json_link",
     .value = PAGINATOR_JSON_LINK,
     .rows = json_link_rows,
     .help = "The answer holds the URL of the next page."},
    {.name = "json_response",
     .value = PAGINATOR_JSON_LINK,
     .rows = json_link_rows,
     .is_alias = true},
    {.name = "header_link",
     .value = PAGINATOR_HEADER_LINK,
     .rows = header_link_rows,
     .help = "The `Link` header (RFC 8288) holds the URL of the next page."},
    {.name = "cursor",
     .value = PAGINATOR_CURSOR,
     .rows = cursor_rows,
     .help = "The answer holds a cursor to send with the next request."},
    {.name = "offset",
     .value = PAGINATOR_OFFSET,
     .rows = offset_rows,
     .help = "The request tells how many records to skip."},
    {.name = "page_number",
     .value = PAGINATOR_PAGE_NUMBER,
     .rows = page_number_rows,
     .help = "The request tells the number of the page."},
    {.name = "header_cursor", .refused = "the paginator \"header_cursor\" is not supported yet"},
    {0}};

static const struct opt bearer_rows[] = {
    {.key = "token",
     .type = OPT_TEXT,
     .at = AUTH(token),
     .flags = OPT_REQUIRED | OPT_SECRET,
     .help = "Goes into `Authorization: Bearer …`. If it is empty, requests go without."},
    {0}};

static const struct opt_choice key_locations[] = {
    {.name = "header", .help = "a header"},
    {.name = "query", .help = "a query parameter"},
    {.name = "param", .help = "the same as query"},
    {.name = "cookie", .refused = "an api_key in a cookie is not supported yet"},
    {0}};

static const struct opt api_key_rows[] = {
    {.key = "name",
     .type = OPT_TEXT,
     .at = AUTH(name),
     .standard = "Authorization",
     .help = "The header or the query parameter that carries the key."},
    {.key = "api_key",
     .type = OPT_TEXT,
     .at = AUTH(api_key),
     .flags = OPT_REQUIRED | OPT_SECRET,
     .help = "The key. If it is empty, requests go without."},
    {.key = "location",
     .type = OPT_WORD,
     .at = AUTH(location),
     .standard = "header",
     .choices = key_locations,
     .help = "Where the key goes."},
    {0}};

static const struct opt http_basic_rows[] = {{.key = "username",
                                              .type = OPT_TEXT,
                                              .at = AUTH(username),
                                              .flags = OPT_REQUIRED,
                                              .help = "The user's name."},
                                             {.key = "password",
                                              .type = OPT_TEXT,
                                              .at = AUTH(password),
                                              .flags = OPT_REQUIRED | OPT_SECRET,
                                              .help = "The user's password."},
                                             {0}};

const struct opt_variant auth_variants[] = {
    {.name = "bearer",
     .value = AUTH_BEARER,
     .rows = bearer_rows,
     .help = "A token in the `Authorization` header. It is meant if no type is given."},
    {.name = "api_key",
     .value = AUTH_API_KEY,
     .rows = api_key_rows,
     .help = "A key in a header or a query parameter."},
    {.name = "http_basic",
     .value = AUTH_HTTP_BASIC,
     .rows = http_basic_rows,
     .help = "A name and a password (RFC 7617)."},
    {.name = "oauth2_client_credentials",
     .refused = "the auth \"oauth2_client_credentials\" is not supported yet"},
    {0}};
