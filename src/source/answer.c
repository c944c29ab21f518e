/*
 * Bodies are quoted in one line, cut, and without control characters.
 */
#include "source/answer.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define SHOWN_OF_REFUSAL 300
#define SHOWN_OF_BODY 80

bool answer_is_passing(int status)
{
    return status == 408 || status == 429 || (status >= 500 && status != 501);
}

/* Bytes of a UTF-8 sequence that a cut at `size` would tear. */
static size_t torn_bytes(const char *text, size_t size)
{
    size_t back = 0;

    while (back < 3 && back < size && ((unsigned char)text[size - back - 1] & 0xc0) == 0x80)
        back++;
    if (back < size && ((unsigned char)text[size - back - 1] & 0xc0) == 0xc0)
        return back + 1;
    return 0;
}

/* Adds the text in one line, at most `most` bytes of it. */
static void put_line(struct buf *to, const struct buf *text, size_t most)
{
    const bool is_cut = text->size > most;
    const size_t size = is_cut ? most - torn_bytes(text->data, most) : text->size;
    bool owes_space = false;

    for (size_t i = 0; i < size; i++) {
        const unsigned char c = (unsigned char)text->data[i];

        if (c <= ' ' || c == 0x7f) {
            owes_space = to->size > 0;
            continue;
        }
        if (owes_space)
            buf_putc(to, ' ');
        owes_space = false;
        buf_putc(to, (char)c);
    }
    if (is_cut)
        buf_puts(to, "…");
}

static void hint_at_status(int status, struct err *err)
{
    if (status == 401 || status == 403)
        err_hint(err, "The API wants other credentials: see auth in the pipeline file.");
    else if (status == 404)
        err_hint(err, "Check base_url and path in the pipeline file.");
    else if (status == 429)
        err_hint(err, "The API is asked too often: set client.rate_limit in the pipeline file.");
}

int answer_refused(const struct http_answer *answer, const struct buf *start, struct err *err)
{
    AUTO(buf) body = {0};

    put_line(&body, start, SHOWN_OF_REFUSAL);
    err_set(err, ERR_REMOTE, "the API answered %d%s%s", answer->status, body.size ? ": " : "",
            buf_text(&body));
    err->retriable = answer_is_passing(answer->status);
    hint_at_status(answer->status, err);
    return -1;
}

static void quote_start(const struct buf *start, struct err *err)
{
    const size_t used = strlen(err->text);
    AUTO(buf) body = {0};

    put_line(&body, start, SHOWN_OF_BODY);
    if (body.size > 0)
        snprintf(err->text + used, sizeof err->text - used, "; the body begins with: %s",
                 body.data);
}

int answer_bad_body(const struct http_answer *answer, const struct buf *start, struct err *err)
{
    const char *type = answer->content_type ? answer->content_type : "";
    const char *first = buf_text(start) + strspn(buf_text(start), " \t\r\n");

    if (err->code != ERR_DATA)
        return -1;
    quote_start(start, err);
    if (strncasecmp(type, "text/html", 9) == 0 || *first == '<')
        err_hint(err, "The answer is a web page, not data: check base_url and path, and whether "
                      "the API wants a login.");
    return -1;
}

int answer_no_records(const char *selector, bool is_remembered, const struct buf *start,
                      struct err *err)
{
    err_set(err, ERR_DATA, "there is nothing at \"%s\", where the records should be",
            selector ? selector : "$");
    quote_start(start, err);
    if (is_remembered)
        return err_hint(err, "The run before found the records there. If the API has changed, set "
                             "data_selector to where they are now; or set missing_data: empty if "
                             "this answer means that there are none.");
    return err_hint(err, "Set data_selector to where the records are, or missing_data: empty if "
                         "this answer means that there are none.");
}
