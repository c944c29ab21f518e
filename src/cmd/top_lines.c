/*
 * One function for each section.
 */
#include "cmd/top_lines.h"

#include "base/mem.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

void top_lines_close(struct top_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        free(lines->items[i].text);
    free(lines->items);
    *lines = (struct top_lines){0};
}

static void add_line(struct top_lines *lines, enum top_style style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void add_line(struct top_lines *lines, enum top_style style, const char *fmt, ...)
{
    char part[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(part, sizeof part, fmt, args);
    va_end(args);
    *MEM_PUSH(lines->items, lines->count) = (struct top_line){mem_str(part), style};
}

/* ---- figures as text, each in room of its own ---- */

struct figure {
    char text[32];
};

static int64_t number_of(yyjson_mut_val *row, const char *key)
{
    return (int64_t)yyjson_mut_get_num(yyjson_mut_obj_get(row, key));
}

static struct figure count_of(yyjson_mut_val *row, const char *key)
{
    struct figure figure;

    str_of_count((uint64_t)number_of(row, key), figure.text, sizeof figure.text);
    return figure;
}

static struct figure bytes_of(yyjson_mut_val *row, const char *key)
{
    struct figure figure;

    str_of_bytes((uint64_t)number_of(row, key), figure.text, sizeof figure.text);
    return figure;
}

static const char *text_of(yyjson_mut_val *row, const char *key)
{
    const char *text = yyjson_mut_get_str(yyjson_mut_obj_get(row, key));

    return text ? text : "-";
}

static enum top_style style_of(const char *state)
{
    if (str_same(state, "running"))
        return TOP_GOOD;
    return str_same(state, "failed") || str_same(state, "killed") ? TOP_BAD : TOP_PLAIN;
}

/* ---- sections ---- */

static void add_head(struct top_lines *lines, yyjson_mut_val *snapshot)
{
    const bool is_live = yyjson_mut_get_bool(yyjson_mut_obj_get(snapshot, "live"));
    yyjson_mut_val *processes = yyjson_mut_obj_get(snapshot, "processes");
    yyjson_mut_val *budget = yyjson_mut_obj_get(snapshot, "rate_budget");
    const int64_t dead = number_of(snapshot, "dead");

    add_line(lines, TOP_TITLE, "%s  %s  %s, %s", text_of(snapshot, "pipeline"),
             is_live ? "live" : "nothing runs", text_of(snapshot, "broker"),
             text_of(snapshot, "engine"));
    for (size_t i = 0; i < yyjson_mut_arr_size(processes); i++) {
        yyjson_mut_val *process = yyjson_mut_arr_get(processes, i);

        add_line(lines, TOP_GOOD, "process %" PRId64 ": riacho %s, since %s",
                 number_of(process, "pid"), text_of(process, "command"),
                 text_of(process, "started"));
    }
    if (budget && yyjson_mut_is_obj(budget))
        add_line(lines, TOP_PLAIN, "rate limit: %.1f of %" PRId64 " requests left",
                 yyjson_mut_get_num(yyjson_mut_obj_get(budget, "left")),
                 number_of(budget, "burst"));
    if (dead > 0)
        add_line(lines, TOP_BAD, "%" PRId64 " open dead letter%s", dead, str_plural(dead));
}

static void add_extract(struct top_lines *lines, yyjson_mut_val *row)
{
    const char *state = text_of(row, "state");
    const int64_t waiting_s = number_of(row, "waiting_ms") / 1000;

    add_line(lines, style_of(state), "%-20s %-8s %9s %12s %10s %7" PRId64 " %8" PRId64 " %10s",
             text_of(row, "resource"), waiting_s > 0 ? "waits" : state, count_of(row, "pages").text,
             count_of(row, "records").text, bytes_of(row, "bytes_per_s").text,
             number_of(row, "in_flight"), number_of(row, "retries"),
             bytes_of(row, "queue_bytes").text);
}

static void add_consumer(struct top_lines *lines, yyjson_mut_val *row)
{
    const char *state = text_of(row, "state");

    add_line(lines, style_of(state), "%-20s %-8s %9s %12s %10s", text_of(row, "name"), state,
             count_of(row, "files").text, count_of(row, "rows").text, bytes_of(row, "bytes").text);
}

static void add_topic(struct top_lines *lines, yyjson_mut_val *row)
{
    add_line(lines, number_of(row, "lag") > 0 ? TOP_GOOD : TOP_PLAIN, "%-32s %-16s %8s %8s",
             text_of(row, "topic"), text_of(row, "group"), count_of(row, "lag").text,
             count_of(row, "messages").text);
}

static void add_folder(struct top_lines *lines, yyjson_mut_val *row)
{
    add_line(lines, TOP_PLAIN, "%-32s %9s %14s %10s", text_of(row, "name"),
             count_of(row, "files").text, count_of(row, "rows").text, bytes_of(row, "bytes").text);
}

static void add_exported(struct top_lines *lines, yyjson_mut_val *row)
{
    add_line(lines, TOP_PLAIN, "%-16s %-15s %9s %14s %10s", text_of(row, "name"),
             text_of(row, "table"), count_of(row, "files").text, count_of(row, "rows").text,
             bytes_of(row, "bytes").text);
}

static void add_run(struct top_lines *lines, yyjson_mut_val *row)
{
    yyjson_mut_val *error = yyjson_mut_obj_get(row, "error");

    add_line(lines, style_of(text_of(row, "status")), "%-20s %6" PRId64 " %-8s %-24s %s",
             text_of(row, "resource"), number_of(row, "number"), text_of(row, "status"),
             text_of(row, "started"), text_of(row, yyjson_mut_is_str(error) ? "error" : "why"));
}

struct section {
    const char *key; /* of the snapshot */
    const char *title;
    void (*add)(struct top_lines *lines, yyjson_mut_val *row);
};

static const struct section sections[] = {
    {"extract",
     "EXTRACT              state        pages      records        B/s  flight  retries      queue",
     add_extract},
    {"transform", "TRANSFORM            state        files         rows      bytes", add_consumer},
    {"exports", "EXPORT               state        files         rows      bytes", add_consumer},
    {"topics", "TOPIC                            group                 lag messages", add_topic},
    {"resources", "LANDED                               files           rows      bytes",
     add_folder},
    {"tables", "TABLE                                files           rows      bytes", add_folder},
    {"exported", "EXPORTED         table               files           rows      bytes",
     add_exported},
    {"runs", "RUN                  number status   started", add_run},
};

void top_lines_make(struct top_lines *lines, yyjson_mut_val *snapshot)
{
    top_lines_close(lines);
    add_head(lines, snapshot);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        yyjson_mut_val *rows = yyjson_mut_obj_get(snapshot, sections[i].key);
        size_t k;
        size_t count;
        yyjson_mut_val *row;

        if (yyjson_mut_is_arr(rows) && yyjson_mut_arr_size(rows) == 0)
            continue;
        add_line(lines, TOP_PLAIN, "%s", "");
        add_line(lines, TOP_TITLE, "%s", sections[i].title);
        if (yyjson_mut_is_obj(rows))
            sections[i].add(lines, rows);
        yyjson_mut_arr_foreach(rows, k, count, row) sections[i].add(lines, row);
    }
}
