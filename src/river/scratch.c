/*
 * A temporary folder that leaves no trace.
 */
#include "river/scratch.h"

#include "base/mem.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

int scratch_open(struct scratch *scratch, const char *root, const char *process, struct err *err)
{
    if (!fs_exists(root))
        scratch->root = mem_str(root);
    return staging_open(&scratch->staging, root, process, err);
}

/* Unless somebody else has begun to work there. */
static void remove_root(const char *root)
{
    char *temporary = fs_join(root, ".tmp");
    char *id = fs_join(root, ".riacho-root");

    if (rmdir(temporary) == 0 && unlink(id) == 0)
        rmdir(root);
    free(temporary);
    free(id);
}

void scratch_close(struct scratch *scratch)
{
    staging_close(&scratch->staging);
    if (scratch->root)
        remove_root(scratch->root);
    free(scratch->root);
    scratch->root = NULL;
}
