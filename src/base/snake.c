/*
 * snake_case.
 */
#include "base/snake.h"

#include "base/buf.h"
#include "base/mem.h"

#include <ctype.h>
#include <string.h>

#include "base/banned.h"

/* The base letters of U+00C0 to U+00FF, which Portuguese and its neighbours use; _: none. */
static const char latin_letters[] =
    "aaaaaaaceeeeiiiidnooooo_ouuuuytsaaaaaaaceeeeiiiidnooooo_ouuuuyty";

/* The letter that a character of two bytes is drawn from, or '\0'. */
static char base_letter(const char *at)
{
    const unsigned char first = (unsigned char)at[0];
    const unsigned char second = (unsigned char)at[1];

    if (first != 0xc3 || second < 0x80 || second > 0xbf)
        return '\0';
    return latin_letters[second - 0x80];
}

/* "aB", "3B" and the B of "ABc" begin a word. */
static bool begins_word(const char *name, const char *at)
{
    if (at == name || !isupper((unsigned char)*at))
        return false;
    return islower((unsigned char)at[-1]) || isdigit((unsigned char)at[-1]) ||
           (isupper((unsigned char)at[-1]) && islower((unsigned char)at[1]));
}

static void put_gap(struct buf *made)
{
    if (made->size > 0 && made->data[made->size - 1] != '_')
        buf_putc(made, '_');
}

static bool is_snake(const char *name)
{
    return *name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

char *snake_name(const char *name)
{
    AUTO(buf) made = {0};

    if (is_snake(name))
        return mem_str(name);
    for (const char *at = name; *at; at++) {
        const char letter = base_letter(at);

        if (letter)
            at++;
        else if (!isalnum((unsigned char)*at) || begins_word(name, at))
            put_gap(&made);
        if (letter)
            buf_putc(&made, letter);
        else if (isalnum((unsigned char)*at))
            buf_putc(&made, (char)tolower((unsigned char)*at));
    }
    while (made.size > 0 && made.data[made.size - 1] == '_')
        made.data[--made.size] = '\0';
    return made.size ? buf_take(&made) : mem_str("");
}
