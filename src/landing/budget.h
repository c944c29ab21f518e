/*
 * What a file's COPY may take: the landings that are open share DuckDB's memory and its threads.
 */
#ifndef RIACHO_BUDGET_H
#define RIACHO_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget {
    int64_t threads;
    int64_t row_group_rows; /* whichever of the two comes first ends a row group */
    int64_t row_group_bytes;
    int64_t dictionary_bytes; /* of one text column */
    bool overlaps;            /* the next file may be read for while this one is being ended */
};

/* `record_bytes`, `file_bytes`: of JSON, about. */
void budget_make(int64_t memory_bytes, int64_t cores, int64_t landings, size_t columns,
                 int64_t record_bytes, int64_t file_bytes, struct budget *ret_budget);

#endif
