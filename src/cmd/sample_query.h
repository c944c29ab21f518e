/*
 * The query parameters of the USGS event API: how they are read, what they refuse, which events they
 * choose. The rules are those of its documentation (fdsnws/event/1) and, where that is silent, of the
 * service: bounds are inclusive, times count in whole seconds, an empty value is no value, of a
 * parameter given twice the last counts.
 */
#ifndef RIACHO_SAMPLE_QUERY_H
#define RIACHO_SAMPLE_QUERY_H

#include "base/err.h"
#include "cmd/sample_quakes.h"

#include <stdint.h>

#define SAMPLE_MOST_EVENTS 20000

struct sample_query {
    int64_t start_ms;
    int64_t end_ms;
    int64_t updated_ms;
    double least[QUAKE_NUMBERS];
    double most[QUAKE_NUMBERS];
    const char *format; /* texts are borrowed; NULL: not given */
    const char *order;
    const char *event_id;
    const char *event_type; /* several with commas between */
    const char *magnitude_type;
    const char *review_status;
    const char *alert_level;
    const char *json_error;
    const char *no_data; /* of effect on QuakeML alone */
    int64_t limit;       /* 0: not given */
    int64_t offset;      /* from 1 */
};

/* The query without parameters. `now_ms` is what the default start counts back from. */
void sample_query_init(struct sample_query *query, int64_t now_ms);
/* Reads one parameter; a refusal's text is meant for the client. `value` NULL is as "". */
MUST_CHECK int sample_query_set(struct sample_query *query, const char *name, const char *value,
                                struct err *err);
/* Refuses what only the parameters together can tell. */
MUST_CHECK int sample_query_check(const struct sample_query *query, struct err *err);

/*
 * Puts the events that the query asks for into `ret_chosen` (room for all of `quakes`), in its order,
 * from its offset, no more than its limit. Returns how many.
 */
size_t sample_query_choose(const struct sample_query *query, const struct sample_quakes *quakes,
                           const struct quake **ret_chosen);

#endif
