/*
 * The live state as lines of text, for a terminal of any width: what matters most stands at the left.
 */
#ifndef RIACHO_TOP_LINES_H
#define RIACHO_TOP_LINES_H

#include "base/json.h"

enum top_style { TOP_PLAIN, TOP_TITLE, TOP_GOOD, TOP_BAD };

struct top_line {
    char *text;
    enum top_style style;
};

struct top_lines {
    struct top_line *items;
    size_t count;
};

/* Replaces the lines by those of a snapshot (board/snapshot.h). */
void top_lines_make(struct top_lines *lines, yyjson_mut_val *snapshot);
void top_lines_close(struct top_lines *lines);

#endif
