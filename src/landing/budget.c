/*
 * Measured with DuckDB 1.5: each thread holds a chunk of every column, a row group that grows, and
 * what the writer makes of it, about five times the row group's JSON in all at the worst. While it
 * grows it is little more than once; so the next file may grow beside one that is being ended, where
 * memory is not scarce. Larger row groups than MOST_GROUP_BYTES cost memory and time for little gain
 * in size.
 */
#include "landing/budget.h"

#define MOST_THREADS 4
#define MOST_GROUP_BYTES ((int64_t)16 << 20) /* of JSON */
#define LEAST_GROUP_BYTES ((int64_t)1 << 20)
#define MOST_GROUP_ROWS 122880
#define LEAST_GROUP_ROWS 128
#define MOST_EVEN 16 /* row groups; of more the last one matters little */
#define GROUP_COST 5
#define COLUMN_BYTES ((int64_t)64 << 10) /* a vector in the chunk and one in the row group */
#define MOST_DICTIONARY_BYTES ((int64_t)64 << 10)
#define LEAST_DICTIONARY_BYTES ((int64_t)8 << 10)
#define ALL_DICTIONARIES_BYTES ((int64_t)16 << 20)

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/*
 * Row groups of about `most` bytes that leave no small one at the file's end; a little larger than their share, as
 * threads end theirs at a batch's end.
 */
static int64_t divide_evenly(int64_t file_bytes, int64_t most)
{
    const int64_t groups = (file_bytes + most + most / 8 - 1) / (most + most / 8);

    return groups > MOST_EVEN ? most : file_bytes / groups + most / 32;
}

void budget_make(int64_t memory_bytes, int64_t cores, int64_t landings, size_t columns,
                 int64_t record_bytes, int64_t file_bytes, struct budget *ret_budget)
{
    const int64_t share = memory_bytes / clamp(landings, 1, INT64_MAX);
    const int64_t fixed = (int64_t)columns * COLUMN_BYTES;
    const int64_t cost = clamp(record_bytes, 1, INT64_MAX);
    int64_t threads = clamp(cores / clamp(landings, 1, INT64_MAX), 1, MOST_THREADS);
    int64_t group;

    while (threads > 1 && threads * fixed > share / 4)
        threads--;
    group = clamp((share - threads * fixed) / (GROUP_COST * threads), LEAST_GROUP_BYTES,
                  MOST_GROUP_BYTES);
    *ret_budget = (struct budget){
        .threads = threads,
        .row_group_rows =
            clamp(divide_evenly(file_bytes, group) / cost, LEAST_GROUP_ROWS, MOST_GROUP_ROWS),
        .row_group_bytes = 2 * group + fixed,
        .dictionary_bytes = clamp(ALL_DICTIONARIES_BYTES / clamp((int64_t)columns, 1, INT64_MAX),
                                  LEAST_DICTIONARY_BYTES, MOST_DICTIONARY_BYTES),
        .overlaps = group >= MOST_GROUP_BYTES / 2,
    };
}
