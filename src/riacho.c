/*
 * The nouns' own functions.
 */
#include "riacho.h"

#include <stdlib.h>

void batch_free(struct batch *batch)
{
    if (batch == NULL)
        return;
    free(batch->json);
    free(batch);
}
