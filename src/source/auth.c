/*
 * The header line of each kind.
 */
#include "source/auth.h"

#include "base/mem.h"
#include "base/str.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

const struct auth_conf *auth_of(const struct source_conf *conf,
                                const struct resource_conf *resource)
{
    const struct endpoint_conf *endpoint = &resource->endpoint;
    const bool has_own = endpoint->auth_set || endpoint->auth.type != AUTH_NONE;

    return has_own ? &endpoint->auth : &conf->auth;
}

bool auth_in_query(const struct auth_conf *auth)
{
    return auth->type == AUTH_API_KEY && auth->api_key &&
           (str_same(auth->location, "query") || str_same(auth->location, "param"));
}

static char *basic_header(const struct auth_conf *auth)
{
    char *pair = mem_fmt("%s:%s", auth->username ? auth->username : "",
                         auth->password ? auth->password : "");
    const size_t size = strlen(pair);
    char *encoded = mem_alloc(size / 3 * 4 + 5);
    char *header;

    EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)pair, (int)size);
    header = mem_fmt("Authorization: Basic %s", encoded);
    free(encoded);
    free(pair);
    return header;
}

char *auth_header(const struct auth_conf *auth)
{
    switch (auth->type) {
    case AUTH_BEARER:
        return mem_fmt("Authorization: Bearer %s", auth->token ? auth->token : "");
    case AUTH_API_KEY:
        if (auth_in_query(auth))
            return NULL;
        return mem_fmt("%s: %s", auth->name ? auth->name : "Authorization",
                       auth->api_key ? auth->api_key : "");
    case AUTH_HTTP_BASIC:
        return basic_header(auth);
    default:
        return NULL;
    }
}
