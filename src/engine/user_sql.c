/*
 * Just enough of SQL's lexis to tell a semicolon that ends a statement from one within a literal or a
 * comment.
 */
#include "engine/user_sql.h"

#include "base/mem.h"

#include <ctype.h>
#include <string.h>

#include "base/banned.h"

/* After the quote that closes what begins at `at`; a doubled quote is part of it. NULL: it does not end. */
static const char *skip_quoted(const char *at, char quote, bool has_escapes)
{
    for (at++; *at; at++) {
        if (has_escapes && *at == '\\' && at[1])
            at++;
        else if (*at == quote && at[1] == quote)
            at++;
        else if (*at == quote)
            return at + 1;
    }
    return NULL;
}

/* Comments nest, as in PostgreSQL. */
static const char *skip_comment(const char *at)
{
    int depth = 0;

    for (; *at; at++) {
        if (at[0] == '/' && at[1] == '*') {
            depth++;
            at++;
        } else if (at[0] == '*' && at[1] == '/') {
            at++;
            if (--depth == 0)
                return at + 1;
        }
    }
    return NULL;
}

/* $$ … $$ and $tag$ … $tag$; a lone $ is none. */
static const char *skip_dollars(const char *at)
{
    const char *tag_end = at + 1;
    size_t size;

    while (isalnum((unsigned char)*tag_end) || *tag_end == '_')
        tag_end++;
    if (*tag_end != '$' || isdigit((unsigned char)at[1]))
        return at + 1;
    size = (size_t)(tag_end - at) + 1;
    for (const char *end = tag_end + 1; *end; end++)
        if (strncmp(end, at, size) == 0)
            return end + size;
    return NULL;
}

static bool is_escape_string(const char *text, const char *at)
{
    return at > text && (at[-1] == 'E' || at[-1] == 'e') &&
           (at - text < 2 || !(isalnum((unsigned char)at[-2]) || at[-2] == '_'));
}

/* After the next token, comment or blank; `*ret_counts` if it is part of a statement. */
static const char *skip_one(const char *text, const char *at, bool *ret_counts)
{
    *ret_counts = false;
    if (isspace((unsigned char)*at))
        return at + 1;
    if (at[0] == '-' && at[1] == '-')
        return at + strcspn(at, "\n");
    if (at[0] == '/' && at[1] == '*')
        return skip_comment(at);
    *ret_counts = *at != ';';
    if (*at == '\'' || *at == '"' || *at == '`')
        return skip_quoted(at, *at, *at == '\'' && is_escape_string(text, at));
    return *at == '$' ? skip_dollars(at) : at + 1;
}

int user_sql_read(const char *text, char **ret_statement, struct err *err)
{
    const char *ended = NULL; /* the semicolon after the statement */
    bool has_any = false;

    for (const char *at = text; *at;) {
        bool counts;
        const char *next = skip_one(text, at, &counts);

        if (next == NULL)
            return err_set(err, ERR_USAGE, "the SQL has a literal or comment that does not end");
        if (counts && ended)
            return err_set(err, ERR_USAGE, "the SQL has more than one statement");
        has_any = has_any || counts;
        if (*at == ';' && has_any && ended == NULL)
            ended = at;
        at = next;
    }
    if (!has_any)
        return err_set(err, ERR_USAGE, "the SQL has no statement");
    *ret_statement = mem_strn(text, ended ? (size_t)(ended - text) : strlen(text));
    return 0;
}

bool user_sql_breaks_out(const char *statement)
{
    int depth = 0;

    for (const char *at = statement; at && *at && depth >= 0;) {
        bool counts;
        const char *next = skip_one(statement, at, &counts);

        depth += (*at == '(') - (*at == ')');
        at = next;
    }
    return depth < 0;
}
