/*
 * All that the first view shows at once: the journal's sums and what running processes publish.
 */
#ifndef RIACHO_SNAPSHOT_H
#define RIACHO_SNAPSHOT_H

#include "base/json.h"
#include "board/board.h"
#include "db/browse.h"

/* The document of GET /api/v1/snapshot (docs/openapi.yaml), as of one moment. */
MUST_CHECK int snapshot_make(const struct board_setup *setup, struct journal *journal,
                             struct json_out *ret_snapshot, struct err *err);

#endif
