/*
 * The sample API's data: the earthquakes of one week of 2018, as the USGS published them, built into
 * the program (vega-datasets' earthquakes.json).
 */
#ifndef RIACHO_SAMPLE_QUAKES_H
#define RIACHO_SAMPLE_QUAKES_H

#include "base/err.h"
#include "base/json.h"

#include <stddef.h>
#include <stdint.h>

/* What an event can be chosen by that has bounds. */
enum quake_number {
    QUAKE_LATITUDE,
    QUAKE_LONGITUDE,
    QUAKE_DEPTH,
    QUAKE_MAGNITUDE,
    QUAKE_CDI,
    QUAKE_MMI,
    QUAKE_FELT,
    QUAKE_GAP,
    QUAKE_SIG,
    QUAKE_NUMBERS,
};

/* One event. The text is what the USGS sent, byte for byte; strings are NULL where it sent null. */
struct quake {
    const char *text;
    size_t size;
    const char *id;
    const char *ids; /* ",us1000chw0,ak18383983,": all names the event goes by */
    const char *type;
    const char *status;
    const char *alert;
    const char *magnitude_type;
    int64_t time_ms;
    int64_t updated_ms;
    double number[QUAKE_NUMBERS]; /* not a number: null */
};

struct sample_quakes {
    struct quake *items; /* the latest first */
    size_t count;
    struct json json; /* what the strings belong to */
};

MUST_CHECK int sample_quakes_open(struct sample_quakes *quakes, struct err *err);
void sample_quakes_close(struct sample_quakes *quakes);

#endif
