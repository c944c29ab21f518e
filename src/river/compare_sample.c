/*
 * The ledger is walked twice: for how far back the sample reaches, then for its files.
 */
#include "river/compare_sample.h"

#include "base/logger.h"
#include "base/mem.h"
#include "db/ledger.h"
#include "river/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

struct footprint {
    int64_t seq;
    int64_t rows;
};

struct walk {
    struct river *river;
    struct footprint *prints;
    size_t count;
    struct compare_sample sample;
};

static void walk_close(struct walk *walk)
{
    free(walk->prints);
    compare_sample_close(&walk->sample);
}

void compare_sample_close(struct compare_sample *sample)
{
    for (size_t i = 0; i < sample->count; i++) {
        ref_close(&sample->refs[i]);
        free(sample->paths[i]);
    }
    free(sample->refs);
    free(sample->paths);
    *sample = (struct compare_sample){0};
}

static int note_size(void *ctx, const struct known_file *file, struct err *err)
{
    struct walk *walk = ctx;

    (void)err;
    *MEM_PUSH(walk->prints, walk->count) = (struct footprint){.seq = file->seq, .rows = file->rows};
    return 0;
}

static int take_file(void *ctx, const struct known_file *file, struct err *err)
{
    struct walk *walk = ctx;
    struct compare_sample *sample = &walk->sample;
    AUTO(ref) ref = {0};
    struct err why = {0};
    size_t paths = sample->count;
    char *path = NULL;

    TRY(ref_read(file->event, strlen(file->event), &ref, err));
    if (check_file(walk->river, &ref, &path, &why) < 0) {
        log_warn("\"%s\" is left out: %s", ref.id, why.text);
        return 0;
    }
    *MEM_PUSH(sample->paths, paths) = path;
    *MEM_PUSH(sample->refs, sample->count) = ref;
    sample->rows += ref.rows;
    ref = (struct ref){0};
    return 0;
}

/* Behind which file the newest ones begin that have so many rows. */
static int64_t find_begin(const struct walk *walk, int64_t rows)
{
    int64_t found = 0;

    for (size_t i = walk->count; i > 0; i--) {
        found += walk->prints[i - 1].rows;
        if (found >= rows)
            return walk->prints[i - 1].seq - 1;
    }
    return 0;
}

int compare_sample_take(struct river *river, const char *resource, int64_t rows,
                        struct compare_sample *ret_sample, struct err *err)
{
    AUTO(walk) walk = {.river = river};

    TRY(ledger_each(&river->journal, "extract", resource, 0, 0, &walk, note_size, err));
    TRY(ledger_each(&river->journal, "extract", resource, find_begin(&walk, rows), 0, &walk,
                    take_file, err));
    *ret_sample = walk.sample;
    walk.sample = (struct compare_sample){0};
    return 0;
}
