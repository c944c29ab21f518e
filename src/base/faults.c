/*
 * Gathering faults of a file and telling them, for people and for programs.
 */
#include "base/faults.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static const char *last_part(const char *key)
{
    const char *dot = key ? strrchr(key, '.') : NULL;

    return dot ? dot + 1 : key;
}

/*
 * One place is read more than once when defaults are laid under several maps. The key's last part
 * tells two missing keys of one map apart, which share the map's place.
 */
static bool is_told(const struct faults *faults, const struct fault_place *at, const char *text)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *other = &faults->items[i];

        if (other->line == at->line && other->column == at->column && str_same(other->text, text) &&
            str_same(last_part(other->key), last_part(at->key)))
            return true;
    }
    return false;
}

void faults_add(struct faults *faults, const struct fault_place *at, const char *text,
                const char *nearest)
{
    if (is_told(faults, at, text))
        return;
    faults->errors += !at->is_warning;
    if (faults->count == FAULTS_MOST) {
        faults->unkept++;
        return;
    }
    *MEM_PUSH(faults->items, faults->count) = (struct fault){
        .line = at->line,
        .column = at->column,
        .is_warning = at->is_warning,
        .key = mem_str(at->key),
        .text = mem_str(text),
        .nearest = mem_str(nearest),
    };
}

static int by_place(const void *a, const void *b)
{
    const struct fault *one = a;
    const struct fault *other = b;

    if (one->line != other->line)
        return one->line < other->line ? -1 : 1;
    if (one->column != other->column)
        return one->column < other->column ? -1 : 1;
    return strcmp(one->key ? one->key : "", other->key ? other->key : "");
}

void faults_sort(struct faults *faults)
{
    if (faults->count > 1)
        qsort(faults->items, faults->count, sizeof *faults->items, by_place);
}

static void put_line(const struct faults *faults, const struct fault *fault, struct buf *to)
{
    buf_puts(to, faults->file ? faults->file : "-");
    if (fault->line > 0)
        buf_printf(to, ":%d:%d", fault->line, fault->column);
    buf_puts(to, fault->is_warning ? ": warning: " : ": ");
    if (fault->key)
        buf_printf(to, "key \"%s\": ", fault->key);
    buf_puts(to, fault->text);
    if (fault->nearest)
        buf_printf(to, "; did you mean \"%s\"?", fault->nearest);
    buf_putc(to, '\n');
}

void faults_print(const struct faults *faults, FILE *to)
{
    AUTO(buf) lines = {0};

    for (size_t i = 0; i < faults->count; i++)
        put_line(faults, &faults->items[i], &lines);
    if (faults->unkept > 0)
        buf_printf(&lines, "%s: and %zu more\n", faults->file ? faults->file : "-", faults->unkept);
    fputs(buf_text(&lines), to);
}

static void put_member(struct buf *to, const char *key, const char *text)
{
    if (text == NULL)
        return;
    buf_printf(to, ",\"%s\":", key);
    json_put_string(to, text);
}

void faults_put_json(const struct faults *faults, struct buf *to)
{
    buf_puts(to, "{\"file\":");
    json_put_string(to, faults->file ? faults->file : "-");
    buf_printf(to, ",\"ok\":%s,\"errors\":%zu,\"faults\":[", faults->errors ? "false" : "true",
               faults->errors);
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->items[i];

        buf_printf(to, "%s{\"line\":%d,\"column\":%d,\"severity\":\"%s\"", i ? "," : "",
                   fault->line, fault->column, fault->is_warning ? "warning" : "error");
        put_member(to, "key", fault->key);
        put_member(to, "text", fault->text);
        put_member(to, "nearest", fault->nearest);
        buf_putc(to, '}');
    }
    buf_puts(to, "]}");
}

void faults_close(struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        free(faults->items[i].key);
        free(faults->items[i].text);
        free(faults->items[i].nearest);
    }
    free(faults->items);
    free(faults->file);
    *faults = (struct faults){0};
}
