/*
 * Figures for Prometheus (text format 0.0.4).
 */
#ifndef RIACHO_METRICS_H
#define RIACHO_METRICS_H

#include "base/buf.h"
#include "base/err.h"

struct board_impl;

MUST_CHECK int metrics_put(struct board_impl *board, struct buf *to, struct err *err);

#endif
